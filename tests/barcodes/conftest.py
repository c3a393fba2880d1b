"""What the tests of labels' codes share."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from supplier_agent.base.clock import SystemClock
from supplier_agent.db.store import Store
from supplier_agent.labels.pdf import PdfWork
from tests.scan.shelf import shelf


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Open an empty database."""
    with shelf(tmp_path) as opened:
        yield opened


@pytest.fixture(scope="module")
def work() -> Iterator[PdfWork]:
    """Return the process that reads PDFs; the first question of a test module starts it."""
    process = PdfWork(SystemClock())
    yield process
    process.close()


@pytest.fixture
def until() -> Callable[[Callable[[], bool]], None]:
    """Return what waits for something to become true, for 20 seconds at most."""

    def wait(holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 20
        while not holds():
            assert time.monotonic() < deadline
            time.sleep(0.02)

    return wait
