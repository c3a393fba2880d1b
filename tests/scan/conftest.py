"""What the tests of a scan share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from supplier_agent.db.store import Store
from tests.scan.shelf import shelf


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Open an empty database."""
    with shelf(tmp_path) as opened:
        yield opened
