"""A shop for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.promises.shop import Shop, open_shop


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """Open a shop with six orders."""
    with open_shop(tmp_path, 6) as shop:
        yield shop
