"""One installation for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.installation import Site, installed


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with installed(tmp_path, 8, days=3, page_size=3) as site:
        site.configure("[ship]\nundo_seconds = 0\n")
        yield site
