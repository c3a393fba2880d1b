"""Any JSON that could stand in a list answer, and what the database must hold after it was stored, once and once more."""

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import strategies as st
from sqlmodel import Session, col, func, select

from supplier_agent.db.store import Store
from supplier_agent.db.tables import Event, Order, RejectedEntry
from supplier_agent.marketplace import Rejected, Seen
from supplier_agent.marketplace.listing import Unreadable
from supplier_agent.tick.observe import CHANGEABLE, observe
from tests.payloads.truths import check
from tests.world.databases import store_at

SUPPLIER, NOW = "notio", datetime(2026, 11, 21, 12, tzinfo=UTC)

anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.text("<>\x00\x1b\x9b\ud800\u202e"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
ids = st.from_regex(r"\A[0-9]{1,3}_[0-9]\Z") | st.sampled_from(["1_1", "1_2", "15000012345_789", "1_1\n"]) | anything
row = st.fixed_dictionaries(
    {},
    optional={
        "menzzo_order_id": ids,
        "sku": st.just("SOFA-1") | anything,
        "quantity": st.integers(-1, 10) | st.sampled_from(["1", " 2 ", "1.0", 1.5, 2.0, 10**6, 10**7]) | anything,
        "price": st.decimals(0, 999, places=2).map(float) | st.sampled_from(["12.50", "12,50", -1, 1e20]) | anything,
        "link_to_label": st.just("/label.pdf?sig=1") | anything,
        "order_date": st.dates().map(str) | st.datetimes().map(str) | anything,
        "carrier": st.just("GLS") | anything,
        "extra": anything,
    },
)
pages = st.lists(row | row | anything, max_size=6)
values = (
    pages | pages | pages | anything | st.dictionaries(st.sampled_from(["data", "orders", "success", "error"]), pages)
)
bodies = st.builds(
    lambda value, escaped: json.dumps(value, ensure_ascii=escaped).encode("utf-8", "surrogatepass"),
    values,
    st.booleans(),
)


class Depot:
    """A real database into which answer after answer is stored."""

    def __init__(self, folder: Path) -> None:
        self.store: Store = store_at(folder / "agent.db")

    def take_in(self, body: bytes) -> None:
        """Read and store an answer, twice. AssertionError: a promise is broken."""
        rows = check(body)
        if isinstance(rows, Unreadable):
            return
        with self.store.write() as tx:
            before = tx.exec(select(func.count()).select_from(Order)).one()
            seen = observe(tx, SUPPLIER, rows, NOW, None)
            assert len(seen.marks) == len(rows)
            assert tx.exec(select(func.count()).select_from(Order)).one() == before + len(seen.added)
            self._all_there(tx, rows)
            changes = tx.exec(select(func.count()).select_from(Event)).one()
            again = observe(tx, SUPPLIER, rows, NOW, None)
            assert (again.added, again.rejected, again.marks) == ((), 0, seen.marks), "stored twice"
            listed = [each.menzzo_order_id for each in rows if isinstance(each, Seen)]
            if len(set(listed)) == len(listed):
                assert tx.exec(select(func.count()).select_from(Event)).one() == changes, (
                    "the same list changed something"
                )

    def _all_there(self, tx: Session, rows: Sequence[Seen | Rejected]) -> None:
        """Find every row again in the database as it was listed; of a field listed twice, the last good value."""
        newest: dict[str, dict[str, object]] = {}
        for each in rows:
            if isinstance(each, Seen):
                good = {name: getattr(each, name) for name in CHANGEABLE if getattr(each, name) is not None}
                newest.setdefault(each.menzzo_order_id, {}).update(good)
        stored = select(Order).where(Order.supplier == SUPPLIER, col(Order.menzzo_order_id).in_(newest))
        found = {order.menzzo_order_id: order for order in tx.exec(stored)}
        for this, fields in newest.items():
            order = found[this]
            assert {name: getattr(order, name) for name in fields} == fields
            assert (order.shipped, order.acknowledged_at, order.label_path, order.ship_confirmed_at) == (
                0,
                None,
                None,
                None,
            )
        for each in rows:
            if isinstance(each, Rejected):
                mark = hashlib.sha256(each.raw).hexdigest()
                kept = tx.exec(select(RejectedEntry).where(RejectedEntry.sha256 == mark)).one()
                assert (kept.raw_bytes or kept.raw.encode(), kept.supplier) == (each.raw, SUPPLIER)

    def close(self) -> None:
        """Close the database."""
        self.store.close()
