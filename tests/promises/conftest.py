"""A shop for each test, and what a command changes of the process around it put back."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.promises.shop import Shop, open_shop


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """Put back the umask and the signal handlers, which belong to the process."""
    umask = os.umask(0o022)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    os.umask(umask)
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """Open a shop with six orders."""
    with open_shop(tmp_path, 6) as shop:
        yield shop
