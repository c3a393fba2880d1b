"""`resolve --file`: the answers of Menzzo, from a CSV file. All of them or none; without --yes, they are only shown.

The file has the columns menzzo_order_id, answer and, if wanted, supplier and note; others are ignored. An empty answer means that
there is none yet. Each answer goes through actions.py, with the same gates as one order on the command line.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from supplier_agent.base.errors import AgentError, StateError, UsageError
from supplier_agent.cli.articles import AS_CSV_UTF_8, MOST_NAMED, content
from supplier_agent.cli.batch import DELIMITERS, ORDER_HEADS, SUPPLIER_HEADS
from supplier_agent.cli.context import Surroundings, complain, result, result_json, say

if TYPE_CHECKING:
    from datetime import datetime

    from sqlmodel import Session

    from supplier_agent.db.tables import Order

SHIPPED, NOT_SHIPPED, CANCELLED, TRY_AGAIN = "shipped", "not_shipped", "cancelled", "try_again"
ANSWERS = (SHIPPED, NOT_SHIPPED, CANCELLED, TRY_AGAIN)
LONGEST_NOTE = 300


@dataclass(frozen=True)
class Row:
    """One answer. supplier, note: "" if not given."""

    line: int
    order: str
    supplier: str
    answer: str
    note: str


@dataclass(frozen=True)
class Done:
    """What one answer does, or would do. is_new: False: it was entered before."""

    row: Row
    supplier: str
    said: str
    is_new: bool


class _PreviewError(Exception):
    """Ends the transaction of a preview: nothing of it stays."""


def resolve_file(
    surroundings: Surroundings, file: Path, by: str, supplier: str, *, yes: bool, as_json: bool = False
) -> int:
    """Enter the answers of a file, or show what they would do; return the exit code. Raises UsageError if a line is wrong."""
    rows, wrong = read(content(file), str(file))
    done: list[Done] = []
    try:
        with surroundings.store() as store, store.write() as tx:
            for row in rows:
                try:
                    done.append(_enter(tx, row, row.supplier or supplier, by, surroundings.clock.now()))
                except StateError:
                    raise
                except AgentError as error:
                    wrong.append((row.line, f"{row.order}: {error.what}"))
            _keep_only_if(yes and not wrong)
    except _PreviewError:
        _refuse(sorted(wrong))
    if as_json:
        keys = ("line", "order", "answer", "note")
        told = [
            {
                **{key: getattr(each.row, key) for key in keys},
                "supplier": each.supplier,
                "said": each.said,
                "new": each.is_new,
            }
            for each in done
        ]
        result_json({"schema": 1, "done": yes, "answers": told})
        return 0
    for each in done:
        result(f"{each.row.order}: {'' if yes or not each.is_new else 'would be: '}{each.said}")
    new = sum(each.is_new for each in done)
    if not done:
        say("the file has no answer")
    elif not yes and new:
        say(f"nothing was done yet; to enter {new} answers: add --yes")
    return 0


def _keep_only_if(wanted: bool) -> None:
    """End the transaction without a trace, unless its changes are wanted."""
    if not wanted:
        raise _PreviewError


def _refuse(wrong: Sequence[tuple[int, str]]) -> None:
    for line, why in wrong[:MOST_NAMED]:
        complain(f"line {line}: {why}")
    if wrong:
        more = f" (and {len(wrong) - MOST_NAMED} more)" if len(wrong) > MOST_NAMED else ""
        lines = "1 line is" if len(wrong) == 1 else f"{len(wrong)} lines are"
        raise UsageError(f"nothing was done: {lines} wrong{more}", "correct the file, and enter it again")


def read(data: bytes, name: str) -> tuple[list[Row], list[tuple[int, str]]]:
    """Return the answers of a file, and what is wrong in which line. Raises UsageError if its form is not clear."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UsageError(f"line {line} of {name} is not UTF-8 text", AS_CSV_UTF_8) from error
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = next((each for each in DELIMITERS if each in first), ",")
    lines, rows, wrong = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True), list[Row](), []
    places: Mapping[str, int] | None = None
    seen: dict[tuple[str, str], int] = {}
    begins = 1
    try:
        for cells in lines:
            number, begins = begins, lines.line_num + 1
            if not any(cell.strip() for cell in cells):
                continue
            if places is None:
                places = _places([cell.strip().lower() for cell in cells], name)
                continue
            row, why = _row(number, {head: _cell(cells, place) for head, place in places.items()})
            key = (row.supplier, row.order)
            if not why and key in seen:
                why = f"{row.order} is in line {seen[key]} already; expected once"
            if why:
                wrong.append((number, why))
            elif row.answer:
                seen[key] = number
                rows.append(row)
    except csv.Error as error:
        raise UsageError(f"line {lines.line_num} of {name} is no line of a CSV: {error}", AS_CSV_UTF_8) from error
    if places is None:
        raise UsageError(f"{name} is empty", _COLUMNS)
    return rows, wrong


_COLUMNS = (
    "its first line must name these columns, with commas or semicolons: menzzo_order_id, answer (and supplier, note)"
)


def _places(heads: Sequence[str], name: str) -> Mapping[str, int]:
    """Return in which column each value is."""
    names = {"order": ORDER_HEADS, "supplier": SUPPLIER_HEADS, "answer": ("answer",), "note": ("note",)}
    found = {key: next((heads.index(each) for each in of_it if each in heads), -1) for key, of_it in names.items()}
    if found["order"] < 0 or found["answer"] < 0:
        raise UsageError(f"the first line of {name} is “{', '.join(heads)[:80]}”", _COLUMNS)
    return found


def _cell(cells: Sequence[str], place: int) -> str:
    # An export puts an apostrophe before text that a spreadsheet would read as a formula.
    return " ".join(cells[place].split()).removeprefix("'") if 0 <= place < len(cells) else ""


def _row(number: int, given: Mapping[str, str]) -> tuple[Row, str]:
    """Return the answer of a line, and what is wrong with it; "" if nothing."""
    answer = given["answer"].lower().replace(" ", "_").replace("-", "_")
    row = Row(number, given["order"], given["supplier"], answer, given["note"])
    if not row.order:
        return row, "menzzo_order_id is empty; expected the id of an order"
    if answer and answer not in ANSWERS:
        return row, f"answer is “{given['answer'][:20]}”; expected {', '.join(ANSWERS)}, or nothing"
    if len(row.note) > LONGEST_NOTE:
        return row, f"note has {len(row.note)} characters; expected at most {LONGEST_NOTE}"
    return row, ""


def _enter(tx: "Session", row: Row, supplier: str, by: str, now: "datetime") -> Done:
    """Enter one answer. Raises AgentError if it does not fit the order now."""
    from supplier_agent import actions
    from supplier_agent.db.letters import LetterAnswer

    order = actions.find(tx, row.order, supplier or None)
    assert order.id is not None  # noqa: S101 - a stored order has one
    before = tx.get(LetterAnswer, (order.id, row.answer, row.note))
    if before is not None:
        said = (
            f"{row.answer}: {before.who} entered this at {before.at:%Y-%m-%d %H:%M} UTC; a new answer needs a new note"
        )
        return Done(row, order.supplier, said, is_new=False)
    said = _act(tx, order, row, by, now)
    tx.add(LetterAnswer(order_id=order.id, answer=row.answer, note=row.note, at=now, who=by))
    actions.note(tx, order, now, by, f"Menzzo answered: {row.answer}" + (f" ({row.note})" if row.note else ""))
    tx.flush()
    return Done(row, order.supplier, f"{row.answer}: {said}", is_new=True)


def _act(tx: "Session", order: "Order", row: Row, by: str, now: "datetime") -> str:
    """Do what the answer says, and return it in words."""
    from supplier_agent import actions, outbox

    states = {call.kind: call.state for call in outbox.of_order(tx, order.id or 0)}
    fix = f"supplier-agent order {order.menzzo_order_id} --supplier {order.supplier}"
    if row.answer == CANCELLED:
        if order.ship_confirmed_at is not None:
            raise AgentError("it is reported as shipped, so it cannot be closed", fix)
        return actions.close(tx, order, now, by, f"cancelled, says Menzzo{f': {row.note}' if row.note else ''}")
    if row.answer == TRY_AGAIN:
        if "parked" not in states.values():
            raise AgentError("it has no call that waits for a retry", fix)
        return actions.retry(tx, order, now, by)
    if row.answer == SHIPPED and order.ship_confirmed_at is not None:
        return "it is recorded as shipped already"
    if states.get("ship") != "unknown":  # `resolve` would take another call whose outcome is unknown
        state = f"its ship call is {states['ship']}" if "ship" in states else "there is no ship call yet"
        hint = f"; to send it again: {TRY_AGAIN}" if states.get("ship") == "parked" else ""
        raise AgentError(f"there is nothing to resolve: {state}{hint}", fix)
    return actions.resolve(tx, order, now, by, shipped=row.answer == SHIPPED)
