"""The parts that write to the disk, with a death before, within and after each of their steps. What dying is, the caller says."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Protocol

from supplier_agent.db.ship_ledger import Ledger, ShipCall
from supplier_agent.labels import Fetched, Label, LabelFolder, NotALabel


class Step(Protocol):
    """Counts one durable step, and may die at it. `half_done` is what a death in the middle of it leaves behind."""

    def __call__(self, name: str, half_done: Callable[[], None] = ..., /) -> None: ...


class SteppedLedger(Ledger):
    """The ship ledger, with a death before, within and after each line."""

    def __init__(self, path: Path, step: Step) -> None:
        super().__init__(path)
        self._step = step

    def write(self, calls: Sequence[ShipCall]) -> None:
        """Write lines, and perhaps die: before them, in the middle of each of them, after them."""
        name = ", ".join(f"{call.order} {call.outcome or 'intent'}" for call in calls)
        self._step(f"ledger {name}: before")
        for number, call in enumerate(calls):
            self._step(f"ledger {call.order} {call.outcome or 'intent'}: torn", partial(self._tear, calls[:number]))
        super().write(calls)
        self._step(f"ledger {name}: after")

    def _tear(self, whole: Sequence[ShipCall]) -> None:
        if whole:
            super().write(whole)
        with self.path.open("ab") as file:
            file.write(b'{"at":"2026-')


class SteppedLabels(LabelFolder):
    """The label folder, with a death before, within and after each file. `look` replaces the PDF check."""

    def __init__(self, state_dir: Path, step: Step) -> None:
        super().__init__(state_dir)
        self._folder, self._step = state_dir / "labels", step

    def receive(self, supplier: str, menzzo_order_id: str, content: bytes) -> Label | Fetched:
        """Write what was downloaded, and perhaps die."""

        def half() -> None:
            part = self._folder / supplier / f".{menzzo_order_id}.part"
            part.parent.mkdir(parents=True, exist_ok=True)
            part.write_bytes(content[: len(content) // 2])

        self._step(f"label {menzzo_order_id}: half written", half)
        return super().receive(supplier, menzzo_order_id, content)

    def accept(self, fetched: Fetched, fault: Callable[[Path], str | None]) -> Label | NotALabel:
        """Make it the newest label, and perhaps die."""
        label = super().accept(fetched, fault)
        self._step(f"label {Path(fetched.label.path).stem}: in place")
        return label

    def look(self, path: Path) -> str | None:
        """Look at the ends of a file, and perhaps die."""
        self._step(f"label {path.name}: written, not in place")
        return None if whole(path.read_bytes()) else "it is not whole"


def whole(content: bytes) -> bool:
    """Tell whether these bytes begin and end as a PDF does."""
    return content.startswith(b"%PDF-") and content.rstrip().endswith(b"%%EOF")
