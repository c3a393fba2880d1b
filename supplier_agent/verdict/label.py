"""Whether a label may be the wrong one, by what its text says. Pure, like the rest of the verdict.

Carriers print different things, so each criterion is judged only where it usually holds: by the last labels of the same supplier
and carrier. One file for two customers is always wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from supplier_agent.base.cells import known

if TYPE_CHECKING:
    from collections.abc import Iterator

    from supplier_agent.db.tables import Order
    from supplier_agent.verdict.codes import Facts

LEAST_LABELS, LEAST_SHARE = 20, 0.9
"""So many labels of a supplier and carrier are needed, and so many of them must meet a criterion, before it is judged."""
IDS: Mapping[str, str] = {
    "names_order": "menzzo_order_id", "names_increment": "increment_id", "names_part": "sale_product_id",
}  # fmt: skip
"""The ids that a label may name, by criterion; the most precise one first. Only the first that is judged counts."""


@dataclass(frozen=True)
class Label:
    """What is known of an order's label.

    said: its row in label_facts. met: by criterion, how many of the last labels could meet it, and how many do. twin: another
    customer's order with the same file; None: none.
    """

    said: Any
    met: Mapping[str, tuple[int, int]]
    twin: str | None = None

    def is_judged(self, criterion: str) -> bool:
        """Tell whether the labels of this supplier and carrier usually meet a criterion."""
        number, met = self.met.get(criterion, (0, 0))
        return number >= LEAST_LABELS and met >= LEAST_SHARE * number

    def fails(self, criterion: str) -> bool:
        """Tell whether the label does not meet a criterion that is judged."""
        return getattr(self.said, criterion) == 0 and self.is_judged(criterion)


def doubts(order: Order, label: Label | None) -> Facts:
    """Return why an order's label may be the wrong one, as codes, with what is seen and what is expected; empty: it fits.

    What was read of another label, or compared with another carrier, says nothing.
    """
    if label is None or not order.label_sha256 == order.label_read_sha256 == label.said.label_sha256:
        return {}
    found = dict(_found(order, label))
    facts: Facts = {name: value for about in found.values() for name, value in about.items()}
    return {"doubts": " ".join(found), **facts} if found else {}


def _found(order: Order, label: Label) -> Iterator[tuple[str, Facts]]:
    """Yield each doubt as a code, with its facts."""
    said, quantity, pages = label.said, known(order.quantity), known(order.label_pages)
    of_order = next((each for each in IDS if label.is_judged(each)), None)
    if of_order is not None and label.fails(of_order):
        yield _seen("order", known(said.seen_order), {"expected": str(getattr(order, IDS[of_order]))})
    if label.fails("names_carrier") and said.carrier == order.carrier:
        yield _seen("carrier", known(said.seen_carrier), {"carrier": str(order.carrier)})
    if label.fails("fits_quantity") and isinstance(quantity, int) and isinstance(pages, int) and pages % quantity:
        yield "pages", {"pages": pages, "quantity": quantity}
    if label.twin is not None:
        yield "same_file", {"twin": label.twin}


def _seen(what: str, seen: object, facts: Facts) -> tuple[str, Facts]:
    return (f"no_{what}", facts) if seen is None else (f"other_{what}", facts | {f"seen_{what}": str(seen)})
