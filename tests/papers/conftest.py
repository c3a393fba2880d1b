"""What the tests of papers share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from supplier_agent.base.clock import SystemClock
from supplier_agent.printing.papers import Press


@pytest.fixture(scope="module")
def state_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a state folder with a place for labels."""
    folder = tmp_path_factory.mktemp("state")
    (folder / "labels/notio").mkdir(parents=True)
    return folder


@pytest.fixture(scope="module")
def press(state_dir: Path) -> Iterator[Press]:
    """Return what opens labels."""
    opened = Press(state_dir, SystemClock())
    yield opened
    opened.close()
