"""What must be on the disk before something else happens is there: the order of writes, waits and requests, as they are made.

A test cannot cut the power; it can see that each step was waited for before the next one began.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from supplier_agent.db.ship_ledger import Ledger, ShipCall
from supplier_agent.labels import LabelFolder
from tests.world.harness import MONDAY, keep


class Watched:
    """Notes each wait for the disk and each rename, with the file's name, and lets it happen."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.seen: list[str] = []
        for name in ("fsync", "fdatasync"):
            self._watch(patch, name)
        replace = os.replace

        def renamed(source: Any, target: Any, **more: Any) -> None:  # noqa: ANN401 - as os has it
            self.seen.append(f"renamed {Path(target).name}")
            replace(source, target, **more)

        patch.setattr(os, "replace", renamed)

    def _watch(self, patch: pytest.MonkeyPatch, name: str) -> None:
        real: Callable[[int], None] = getattr(os, name)

        def waited(descriptor: int) -> None:
            file = Path(f"/proc/self/fd/{descriptor}").readlink()
            size = "" if file.is_dir() else f" of {os.fstat(descriptor).st_size} bytes"
            self.seen.append(f"waited for {file.name}{size}")
            real(descriptor)

        patch.setattr(os, name, waited)


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    return Watched(monkeypatch)


def test_a_label_is_on_the_disk_before_it_has_its_name_and_its_name_is_before_it_is_told(
    tmp_path: Path, watched: Watched
) -> None:
    keep(LabelFolder(tmp_path), "notio", "1_1", b"12345")
    assert watched.seen == ["waited for .1_1.part of 5 bytes", "renamed 1_1.pdf", "waited for notio"]


def test_each_line_of_the_ship_ledger_is_on_the_disk_when_write_returns(tmp_path: Path, watched: Watched) -> None:
    ledger = Ledger(tmp_path / "shipped.jsonl")
    ledger.begin("here", MONDAY)
    for attempt, outcome in ((1, None), (1, "done")):
        ledger.write([ShipCall("notio", "1_1", attempt, outcome, MONDAY)])
        assert watched.seen[-1] == f"waited for shipped.jsonl of {ledger.path.stat().st_size} bytes"
    assert len([line for line in watched.seen if "shipped.jsonl" in line]) == 3
    ledger.close()
