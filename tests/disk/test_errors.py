"""Some errors of the disk, injected into the real process. All of them: `python -m tests.disk`."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.disk.injection import Injection, configure, counted, live_through, why_not
from tests.disk.place import Place, place

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Place, Path, Counter[str]]]:
    if (reason := why_not()) is not None:
        pytest.skip(reason)
    with place(tmp_path_factory.mktemp("errors") / "state") as here:
        config = configure(here)
        yield here, config, counted(here, config)


@pytest.mark.parametrize(
    ("call", "error", "share", "on"),
    [
        ("pwrite64", "EIO", 0.8, True),
        ("fdatasync", "EIO", 0.7, False),
        ("rename", "EIO", 0.0, False),
    ],
)
def test_an_error_of_the_disk_loses_nothing_and_sends_nothing_twice(
    here: tuple[Place, Path, Counter[str]], call: str, error: str, share: float, *, on: bool
) -> None:
    place, config, counts = here
    assert counts[call], f"a cycle makes no {call}"
    assert not live_through(place, config, Injection(call, error, 1 + int((counts[call] - 1) * share), on))
