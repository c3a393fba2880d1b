"""What the tests of labels' codes share."""

from collections.abc import Iterator

import pytest

from supplier_agent.base.clock import SystemClock
from supplier_agent.labels.pdf import PdfWork


@pytest.fixture(scope="module")
def work() -> Iterator[PdfWork]:
    """Return the process that reads PDFs; the first question of a test module starts it."""
    process = PdfWork(SystemClock())
    yield process
    process.close()
