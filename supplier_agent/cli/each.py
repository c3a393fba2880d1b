"""One action on many orders: each in its own transaction, printed when all are done.

Nothing is printed between two actions, so a slow or closed reader of the output delays none of them. An error in one order does
not affect the others; after an error of the database itself, the rest is not tried.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from supplier_agent.base.process import worst
from supplier_agent.cli.context import Surroundings, complain, progress, result, result_json

if TYPE_CHECKING:
    from sqlmodel import Session

    from supplier_agent.base.errors import AgentError
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
    from supplier_agent.base.errors import AgentError, StateError

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
