"""What is learned of a supplier's marketplace, as far as its verdict needs it."""

from typing import TYPE_CHECKING

from supplier_agent.learning.entries import DOCUMENTED
from supplier_agent.learning.estimates import careful_of, drifts_of
from supplier_agent.verdict.marketplace import Learned

if TYPE_CHECKING:
    from supplier_agent.db.plain_sql import Look


def learned_of(look: "Look", supplier: str) -> Learned:
    """Return what is learned of a supplier's marketplace."""
    rows = look.rows(
        "SELECT name, first_listed_at FROM listed_fields WHERE supplier = ? AND accepted_by IS NULL ORDER BY name",
        supplier,
    )
    new = [row for row in rows if row.name not in DOCUMENTED]
    return Learned(
        careful_of(look, supplier),
        drifts_of(look, supplier),
        [str(row.name) for row in new],
        min((row.first_listed_at for row in new), default=None),
    )
