"""What the text of a label says about its order: its ids, its carrier, and whether its pages fit the quantity.

The text names the customer. It is never stored, logged or shown: `compare` returns facts, and names only ids and carriers that
are in the database anyway.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence

from supplier_agent.base.cells import known
from supplier_agent.db.plain_sql import Look
from supplier_agent.db.tables import Order
from supplier_agent.db.warehouse import LabelFacts

MOST_CARRIERS = 100
"""The maximum number of carriers of a supplier that are looked for on a label of another one."""
MOST_IDS = 200
"""The maximum number of words of a label that are looked up as ids of other orders."""
_MAY_BE_AN_ID = re.compile(r"(?<![^\W_])(?=[^\W_]*\d)[^\W_]{4,}(?:[_-][^\W_]+)?")


def compare(look: Look, order: Order, label_sha256: str, text: str, pages: int) -> LabelFacts:
    """Return what the text of an order's label says about it. pages: 0: the label cannot be read."""
    carrier = order.carrier if known(order.carrier) is not None else None
    quantity = order.quantity if known(order.quantity) is not None else None
    names_order = names(text, order.menzzo_order_id)
    names_increment = names_order or names(text, order.increment_id)
    names_carrier = None if carrier is None else names(text, carrier)
    return LabelFacts(
        order_id=order.id or 0,
        supplier=order.supplier,
        carrier=carrier,
        label_sha256=label_sha256,
        names_order=names_order,
        names_increment=names_increment,
        names_part=names_order or names(text, order.sale_product_id),
        names_carrier=names_carrier,
        fits_quantity=fits(pages, quantity),
        seen_order=None if names_order else _other_order(look, order, text, same_customer=names_increment),
        seen_carrier=_other_carrier(look, order.supplier, carrier, text) if names_carrier is False else None,
    )


def names(text: str, name: str) -> bool:
    """Tell whether a text has a name as whole words. Letter case, accents, blanks and hyphens do not matter."""
    letters = [each for each in _folded(name) if each.isalnum()]
    inside = r"[\W_]{0,3}".join(map(re.escape, letters))
    return bool(letters) and re.search(rf"(?<![^\W_]){inside}(?![^\W_])", _folded(text)) is not None


def _folded(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(each for each in decomposed if not unicodedata.combining(each)).casefold()


def fits(pages: int, quantity: int | None) -> bool | None:
    """Tell whether each piece has the same number of pages; None: less than two pieces, of which no number says anything.

    A piece may come in several boxes, each with its page, so the pages are a multiple of the quantity.
    """
    return None if not pages or quantity is None or quantity < 2 else pages % quantity == 0  # noqa: PLR2004 - see above


def _other_order(look: Look, order: Order, text: str, *, same_customer: bool) -> str | None:
    """Return another order of the supplier that the text names. same_customer: it names this customer's order."""
    words = list(dict.fromkeys(_MAY_BE_AN_ID.findall(text)))[:MOST_IDS]
    whole = _first(look, "menzzo_order_id", order.supplier, [each.replace("-", "_") for each in words])
    if whole is None and not same_customer:
        return _first(look, "increment_id", order.supplier, [re.split("[_-]", each)[0] for each in words])
    return whole


def _first(look: Look, column: str, supplier: str, ids: Sequence[str]) -> str | None:
    marks = ", ".join("?" * len(ids))
    sql = f"SELECT {column} AS found FROM orders WHERE {column} IN ({marks}) AND supplier = ? LIMIT 1"  # noqa: S608 - question marks
    row = look.first(sql, *ids, supplier)
    return None if row is None else str(row.found)


def _other_carrier(look: Look, supplier: str, own: str | None, text: str) -> str | None:
    return (
        next((each for each in _carriers(look, supplier) if each != own and names(text, each)), None) if text else None
    )


def _carriers(look: Look, supplier: str) -> Iterator[str]:
    """Yield the carriers of a supplier, with one step in the index for each."""
    last = ""
    for _ in range(MOST_CARRIERS):
        sql = "SELECT min(carrier) AS carrier FROM label_facts WHERE supplier = ? AND carrier > ?"
        last = look.first(sql, supplier, last).carrier
        if not isinstance(last, str):
            return
        yield last
