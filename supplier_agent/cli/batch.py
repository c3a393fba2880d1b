"""One action on many orders, from the command line, from stdin or from a file: each in its own transaction.

Nothing is printed between two actions, so a slow or closed reader of the output delays none of them. An error in one order does
not affect the others; after an error of the database itself, the rest is not tried.
"""

import csv
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self, TextIO

from supplier_agent.base import files
from supplier_agent.base.errors import AgentError, StateError, UsageError
from supplier_agent.base.process import DISK, NEEDS_A_PERSON, on_one_line, worst
from supplier_agent.cli.context import Surroundings, complain, progress, result, result_json, say, stdin_lines

if TYPE_CHECKING:
    from sqlmodel import Session

    from supplier_agent.db.tables import Order


@dataclass(frozen=True)
class Named:
    """An order as given by a person. `supplier` is "" if not given."""

    order: str
    supplier: str = ""


@dataclass(frozen=True)
class Outcome:
    """The result of one action: its message, or its error (None: it was done)."""

    named: Named
    said: str
    error: "AgentError | None" = None

    @property
    def exit_code(self) -> int:
        """Return the exit code of this one (public contract, "Exit codes")."""
        return 0 if self.error is None else self.error.exit_code

    def as_json(self) -> dict[str, object]:
        """Return the object of `--json`."""
        what, cure = (None, None) if self.error is None else (self.error.what, self.error.cure)
        return {
            "menzzo_order_id": self.named.order,
            "supplier": self.named.supplier or None,
            "done": self.error is None,
            "said": self.said or None,
            "error": what,
            "cure": cure,
            "exit_code": self.exit_code,
        }


def outcomes(
    surroundings: Surroundings, named: Iterable[Named], act: "Callable[[Session, Order], str]"
) -> Iterator[Outcome]:
    """Apply the action to each order, and yield its result once it is on disk."""
    from supplier_agent.actions import find

    failed: StateError | None = None  # None: the database works
    with surroundings.store() as store:
        for each in named:
            if failed is not None:
                yield Outcome(each, "", StateError(f"not tried: {failed.what}", failed.cure))
                continue
            try:
                with store.write() as tx:
                    said = act(tx, find(tx, each.order, each.supplier or None))
            except StateError as error:
                failed = error
                yield Outcome(each, "", error)
            except AgentError as error:
                yield Outcome(each, "", error)
            else:
                yield Outcome(each, said)


def do_each(
    surroundings: Surroundings,
    named: Iterable[Named],
    act: "Callable[[Session, Order], str]",
    *,
    as_json: bool = False,
) -> int:
    """Apply the action to each order, then print all results, and return the exit code for all of them."""
    done: list[Outcome] = []
    try:
        with progress() as show:
            for outcome in outcomes(surroundings, named, act):
                done.append(outcome)
                show(f"{len(done)} orders")
    finally:  # also those done before Ctrl-C
        tell(done, as_json=as_json)
    return worst({outcome.exit_code for outcome in done})


def tell(done: Iterable[Outcome], *, as_json: bool) -> None:
    """Print the result of each order."""
    if as_json:
        result_json({"schema": 1, "orders": [outcome.as_json() for outcome in done]})
        return
    for outcome in done:
        if outcome.error is None:
            result(f"{outcome.named.order}: {outcome.said}")
        else:
            about = "" if outcome.named.order in outcome.error.what else f"{outcome.named.order}: "
            complain(f"supplier-agent: {about}{outcome.error}")


# -- `ship --file`. The file has one id per line, or is a CSV (comma, semicolon or tab) with a column menzzo_order_id and
# optionally a supplier. Two other files get the orders that were marked, and those that were not, with the reason.

if TYPE_CHECKING:
    from sqlmodel import Session

    from supplier_agent.db.tables import Order

ORDER_HEADS, SUPPLIER_HEADS = ("menzzo_order_id", "order", "order_id", "id"), ("supplier",)
DELIMITERS = (";", "\t", ",")


def lines_of(rows: Iterable[str]) -> Iterator[Named]:
    """Read the orders, line by line; blank lines are skipped. Raises UsageError if a CSV has no column for the order."""
    order, supplier, delimiter = 0, None, ","
    first = True
    for number, row in enumerate(rows, 1):
        text = row.strip().removeprefix("\ufeff")
        if not text:
            continue
        if first:
            first = False
            delimiter = next((each for each in DELIMITERS if each in text), ",")
            heads = [head.strip().lower() for head in _cells(text, delimiter, number)]
            if {*heads} & {*ORDER_HEADS}:
                order = next(heads.index(head) for head in ORDER_HEADS if head in heads)
                supplier = next((heads.index(head) for head in SUPPLIER_HEADS if head in heads), None)
                continue
            if len(heads) > 1:
                raise UsageError(
                    "the first line of the file names several columns, and none is menzzo_order_id",
                    "name the column menzzo_order_id, or put one id on each line",
                )
        cells = [*_cells(text, delimiter, number), ""]
        yield Named(_cell(cells, order), _cell(cells, supplier))


def _cells(text: str, delimiter: str, number: int) -> list[str]:
    try:
        return next(csv.reader([text], delimiter=delimiter))
    except csv.Error as error:
        raise UsageError(
            f"line {number} of the file is no line of a CSV: {error}", "nothing was done; correct it"
        ) from error


def _cell(cells: list[str], place: int | None) -> str:
    # An export puts an apostrophe before text that a spreadsheet would read as a formula.
    return cells[place].strip().removeprefix("'") if place is not None and place < len(cells) else ""


def ship_file(
    surroundings: Surroundings,
    file: Path,
    success: Path | None,
    failure: Path | None,
    supplier: str,
    *,
    as_json: bool = False,
) -> int:
    """Mark each order of the file in its own transaction; return the most important exit code."""
    paths = [path.resolve() for path in (file, success, failure) if path is not None]
    if len({*paths}) != len(paths):
        raise UsageError(
            "two of the three files are the same", "name a file of its own for --success and for --failure"
        )
    named = [Named(each.order, each.supplier or supplier) for each in lines_of(_rows(file))]
    done: list[Outcome] = []
    flagging = Flagging(surroundings)
    with ExitStack() as opened:
        told, refused = Answers.opened(opened, success), Answers.opened(opened, failure)
        for outcome in outcomes(surroundings, named, flagging):
            done.append(outcome)
            if outcome.error is None:
                told.note(outcome.named.order, outcome.said)
            else:
                refused.note(outcome.named.order, outcome.error.what)
    failed = [outcome for outcome in done if outcome.error is not None]
    tell(done if as_json else failed, as_json=as_json)
    if not as_json:
        result(f"{len(done) - len(failed)} orders of {file} are marked as shipped, {len(failed)} are not")
    for order, why in flagging.unreported:
        complain(f"supplier-agent: {order}: {why}")
    return flagging.advise(worst({*(outcome.exit_code for outcome in done), told.exit_code, refused.exit_code}))


class Flagging:
    """The action of `ship`: marks an order, and says so if it will not be reported because its supplier is not configured."""

    def __init__(self, surroundings: Surroundings, override_by: str | None = None) -> None:
        self._surroundings, self._override_by = surroundings, override_by
        self._unknown = ""
        self.unreported: list[tuple[str, str]] = []  # order, why

    def __call__(self, tx: "Session", order: "Order") -> str:
        """Mark it, and return what happens next."""
        from supplier_agent import actions

        this = self._surroundings
        said = actions.ship(tx, order, this.clock.now(), this.who, self._override_by)
        but = actions.not_reported(order, this.settings.suppliers)
        if not but:
            return said
        self._unknown = order.supplier
        self.unreported.append((order.menzzo_order_id, but))
        return f"{said}; but {but}"

    def advise(self, code: int) -> int:
        """Print what to do about orders that are not reported; return the exit code that includes them."""
        if not self.unreported:
            return code
        say(f"add [suppliers.{self._unknown}] to the configuration; supplier-agent status shows what waits for it")
        return worst({code, NEEDS_A_PERSON})


def _rows(file: Path) -> list[str]:
    if str(file) == "-":
        return stdin_lines()
    try:
        return file.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise UsageError(f"{file} is not UTF-8 text", "save it as CSV in UTF-8") from error
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}", "name a file that you may read") from error


class Answers:
    """A file of results. Each line is complete at once; a failed write stops no order."""

    def __init__(self, file: TextIO | None) -> None:
        self._file = file  # None: it was not requested
        self.exit_code = 0
        self.note("menzzo_order_id", "said")

    @classmethod
    def opened(cls, stack: ExitStack, path: Path | None) -> Self:
        """Open the file until the stack closes. Raises UsageError, before anything is done, if it cannot be written."""
        if path is None:
            return cls(None)
        try:
            with files.as_owner_of(path.parent):
                return cls(stack.enter_context(path.open("w", encoding="utf-8", newline="", buffering=1)))
        except OSError as error:
            raise UsageError(f"{path} cannot be written: {error.strerror}", "name a file that you may write") from error

    def note(self, order: str, said: str) -> None:
        """Write one line; after a failure, write nothing."""
        if self._file is None or self.exit_code:
            return
        try:
            csv.writer(self._file).writerow((on_one_line(order), on_one_line(said)))
        except OSError as error:
            self.exit_code = DISK
            complain(
                f"supplier-agent: {self._file.name} cannot be written: {error.strerror}; the orders are done all the same"
            )
