"""`ship --file`: flag the orders of a file, and leave behind which were flagged and which were not, with the reason.

The file has one id a line, or is a CSV (comma, semicolon or tab) with a column menzzo_order_id, and maybe one for the supplier.
"""

import csv
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from supplier_agent import trusted
from supplier_agent.cli.surroundings import Surroundings, result, say
from supplier_agent.printable import on_one_line

ORDER_HEADS, SUPPLIER_HEADS = ("menzzo_order_id", "order", "order_id", "id"), ("supplier",)
DELIMITERS = (";", "\t", ",")
FAILED = 1


@dataclass(frozen=True)
class Line:
    """One order of the file. `supplier` is "" where the file names none."""

    order: str
    supplier: str


def lines_of(rows: Iterable[str]) -> Iterator[Line]:
    """Read the orders, line by line; blank lines are skipped. Raises UsageError if a CSV has no column for the order."""
    from supplier_agent.errors import UsageError

    order, supplier, delimiter = 0, None, ","
    first = True
    for row in rows:
        text = row.strip().removeprefix("\ufeff")
        if not text:
            continue
        if first:
            first = False
            delimiter = next((each for each in DELIMITERS if each in text), ",")
            heads = [head.strip().lower() for head in next(csv.reader([text], delimiter=delimiter))]
            if {*heads} & {*ORDER_HEADS}:
                order = next(heads.index(head) for head in ORDER_HEADS if head in heads)
                supplier = next((heads.index(head) for head in SUPPLIER_HEADS if head in heads), None)
                continue
            if len(heads) > 1:
                raise UsageError(
                    "the first line of the file names several columns, and none is menzzo_order_id",
                    "name the column menzzo_order_id, or put one id on each line",
                )
        cells = [*next(csv.reader([text], delimiter=delimiter)), ""]
        yield Line(_cell(cells, order), _cell(cells, supplier))


def _cell(cells: list[str], place: int | None) -> str:
    # An export puts an apostrophe before what a spreadsheet would take for a formula.
    return cells[place].strip().removeprefix("'") if place is not None and place < len(cells) else ""


def ship_file(surroundings: Surroundings, file: Path, success: Path | None, failure: Path | None, supplier: str) -> int:
    """Flag each order of the file in a transaction of its own; return 1 if any could not be."""
    from supplier_agent.errors import StateError, UsageError

    named = [path.resolve() for path in (file, success, failure) if path is not None]
    if len({*named}) != len(named):
        raise UsageError(
            "two of the three files are the same", "name a file of its own for --success and for --failure"
        )
    try:
        rows = file.read_text(encoding="utf-8").splitlines() if str(file) != "-" else [*sys.stdin]
    except UnicodeDecodeError as error:
        raise UsageError(f"{file} is not UTF-8 text", "save it as CSV in UTF-8") from error
    lines, done, failed, silent = [*lines_of(rows)], 0, 0, 0
    with ExitStack() as opened, surroundings.store() as store:
        told, refused = (_writer(opened, path) for path in (success, failure))
        stopped: StateError | None = None  # None: the database works
        for line in lines:
            if stopped is None:
                said, why, but, stopped = _flag(surroundings, store, line, supplier)
            else:
                said, why, but = "", f"not tried: {stopped.what}", ""
            if why:
                failed += 1
                refused(line.order, why)
                say(f"supplier-agent: {line.order}: {why}")
            else:
                done += 1
                told(line.order, f"{said}; but {but}" if but else said)
            if but:
                silent += 1
                say(f"supplier-agent: {line.order}: {but}")
    result(f"{done} orders of {file} are flagged, {failed} are not")
    if stopped is not None:
        return stopped.exit_code
    return FAILED if failed or silent else 0


def _flag(surroundings: Surroundings, store: Any, line: Line, supplier: str) -> tuple[str, str, str, Any]:  # noqa: ANN401 - imported when called
    """Return what was said, or why it could not be done; why it is not reported; the error after which nothing more can be done."""
    from supplier_agent import acts
    from supplier_agent.errors import AgentError, StateError

    try:
        with store.write() as tx:
            order = acts.find(tx, line.order, line.supplier or supplier or None)
            said = acts.ship(tx, order, surroundings.clock.now(), surroundings.who)
            return said, "", acts.not_reported(order, surroundings.settings.suppliers), None
    except StateError as error:
        return "", error.what, "", error
    except AgentError as error:
        return "", error.what, "", None


def _writer(opened: ExitStack, path: Path | None) -> Any:  # noqa: ANN401 - a function of two texts
    """Return what writes one line; whole lines stand in the file at once, whatever happens next."""
    if path is None:
        return lambda _order, _said: None
    with trusted.as_owner_of(path.parent):
        file = opened.enter_context(path.open("w", encoding="utf-8", newline="", buffering=1))
    writer = csv.writer(file)
    writer.writerow(("menzzo_order_id", "said"))
    return lambda order, said: writer.writerow((on_one_line(order), on_one_line(said)))
