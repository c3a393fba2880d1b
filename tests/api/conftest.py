"""One page with the API of one installation, with programs that have keys."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.programs import Program, key_of, program
from tests.web.conftest import anna, pristine
from tests.web.stage import Stage, staged

__all__ = ["anna", "pristine"]


@pytest.fixture
def stage(tmp_path: Path, pristine: Path) -> Iterator[Stage]:
    with staged(tmp_path, pristine=pristine) as made:
        yield made


@pytest.fixture
def wms(stage: Stage) -> Iterator[Program]:
    """Return a program that may do everything, for all suppliers."""
    with program(stage.url, key_of(stage, "wms")) as made:
        yield made
