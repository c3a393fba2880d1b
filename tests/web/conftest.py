"""One page for each test, with Anna who packs and Lea who leads."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from supplier_agent.db import state_folder
from tests.web.stage import Browser, Stage, browsing_as, staged

if TYPE_CHECKING:
    from playwright.sync_api import Browser as Chromium


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a database in which nothing has happened; to make it takes longer than most tests."""
    folder = tmp_path_factory.mktemp("pristine")
    with staged(folder) as made:
        path = folder / "copy.db"
        made.store.backup(path)
        assert made.settings.state_dir.joinpath(state_folder.DATABASE).exists()
    return path


@pytest.fixture
def stage(tmp_path: Path, pristine: Path) -> Iterator[Stage]:
    with staged(tmp_path, pristine=pristine) as made:
        yield made


@pytest.fixture(scope="module")
def browser() -> "Iterator[Chromium]":
    from tests.web.chromium import chromium  # noqa: PLC0415 - playwright is loaded for the tests that use it

    with chromium() as started:
        yield started


@pytest.fixture
def anna(stage: Stage) -> Iterator[Browser]:
    with browsing_as(stage, "Anna") as browser:
        yield browser


@pytest.fixture
def lea(stage: Stage) -> Iterator[Browser]:
    with browsing_as(stage, "Lea") as browser:
        yield browser
