"""What the labels of open orders say, in plain SQL: which do not meet a criterion that the others of their carrier meet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from supplier_agent.verdict.label import Label

if TYPE_CHECKING:
    from collections.abc import Sequence

    from supplier_agent.db.plain_sql import Look

CRITERIA = ("names_order", "names_increment", "names_part", "names_carrier", "fits_quantity")
"""The columns of label_facts by which a label is judged."""
LAST_LABELS = 200
TWIN = """
SELECT twins.menzzo_order_id FROM label_facts AS others JOIN orders AS twins ON twins.id = others.order_id
 WHERE others.supplier = label_facts.supplier AND others.label_sha256 = label_facts.label_sha256
   AND twins.label_sha256 = others.label_sha256 AND twins.increment_id <> orders.increment_id LIMIT 1
"""
"""Another customer's order with the same file. The orders of one customer may share a label."""
LABELS = f"SELECT * FROM (SELECT label_facts.*, ({TWIN}) AS twin FROM label_facts JOIN orders ON orders.id = order_id"  # noqa: S608 - constants
DOUBTFUL = " OR ".join(["twin IS NOT NULL", *(f"{each} = 0" for each in CRITERIA)])
MET = f"""
SELECT {", ".join(f"count({each}) AS of_{each}, sum({each}) AS {each}" for each in CRITERIA)}
  FROM (SELECT {", ".join(CRITERIA)} FROM label_facts
         WHERE supplier = ? AND carrier IS ? ORDER BY order_id DESC LIMIT {LAST_LABELS})
"""  # noqa: S608 - constants
"""By the index label_facts_by_carrier."""


def doubtful(look: Look, of_these: str, ids: Sequence[int]) -> dict[int, Label]:
    """Return the labels that do not meet a criterion, or have the file of another customer's order, by order."""
    rows = look.rows(f"{LABELS} WHERE order_id IN {of_these}) WHERE {DOUBTFUL}", *ids)
    met = {of: _met(look, *of) for of in {(row.supplier, row.carrier) for row in rows}}
    return {row.order_id: Label(row, met[row.supplier, row.carrier], row.twin) for row in rows}


def _met(look: Look, supplier: str, carrier: str | None) -> dict[str, tuple[int, int]]:
    """Return how many of the last labels of a supplier and carrier could meet each criterion, and how many do."""
    (row,) = look.rows(MET, supplier, carrier)
    return {each: (getattr(row, f"of_{each}"), getattr(row, each) or 0) for each in CRITERIA}
