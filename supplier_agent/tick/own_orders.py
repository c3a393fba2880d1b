"""The orders of a shop's own customers, as its read-back comes by them: when one has left, the supplier's bot is told.

Only while `[suppliers.X.businessonbot] send_dispatched` is set. An error here concerns these messages alone: it never keeps a mark
from being read back.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, col, delete, select

from supplier_agent import outbox
from supplier_agent.calls.dispatched import forget
from supplier_agent.db.businessonbot import BotFeed, BotOrder
from supplier_agent.db.shops import ShopOrder
from supplier_agent.db.store import is_ours
from supplier_agent.db.tables import Attempt
from supplier_agent.order import STUCK
from supplier_agent.reading.own_orders import KEPT, KIND, Tells, event_id, is_own, what_it_tells
from supplier_agent.reading.shop_orders import InShop, ShopPage
from supplier_agent.tick.context import Context

AT_ONCE = 100
"""How many old rows are removed at once."""
UNFINISHED = STUCK | {"sending"}


@dataclass
class OwnOrders:
    """What is done with a page of a supplier's shop. Only the loop's thread uses it."""

    supplier: str
    shop_url: str

    def look(self, ctx: Context, page: ShopPage, now: datetime) -> None:
        """Owe a message for each own order of a page that has left."""
        try:
            with ctx.store.write() as tx:
                owed = self._look(tx, ctx, page, now)
        except Exception as error:
            if not is_ours(error):
                raise
            ctx.log.fault("internal.error", f"{self.supplier} {KIND}", error, supplier=self.supplier, call=KIND)
            return
        if owed:
            ctx.then(lambda: ctx.wake(self.supplier))

    def _look(self, tx: Session, ctx: Context, page: ShopPage, now: datetime) -> bool:
        since = self._since(tx, page.at or now)
        own = self._own(tx, page.orders)
        undo = timedelta(seconds=ctx.settings.ship.undo_seconds)
        owed = [self._tell(tx, each, since, now, undo) for each in own]
        self._remove_old(tx, now)
        return any(owed)

    def _since(self, tx: Session, at: datetime) -> datetime:
        """Return since when messages are switched on for this shop; the first page begins that."""
        row = tx.get(BotFeed, self.supplier)
        if row is None or row.shop_url != self.shop_url:
            if row is not None:  # its ids are of another shop
                forget(tx, [self.supplier])
            row = BotFeed(supplier=self.supplier, shop_url=self.shop_url, since=at)
            tx.add(row)
            tx.flush()
        return row.since

    def _own(self, tx: Session, orders: Iterable[InShop]) -> list[InShop]:
        placed = [each for each in orders if is_own(each, mirrored=False)]
        if not placed:
            return []
        ids = [each.shop_id for each in placed]
        ours = select(ShopOrder.shop_id).where(ShopOrder.supplier == self.supplier, col(ShopOrder.shop_id).in_(ids))
        mirrored = set(tx.exec(ours).all())
        return [each for each in placed if is_own(each, mirrored=each.shop_id in mirrored)]

    def _tell(self, tx: Session, seen: InShop, since: datetime, now: datetime, undo: timedelta) -> bool:
        """Owe its message once, or take back one that has not left; tell whether one is owed."""
        tells, this = what_it_tells(seen, since), event_id(self.supplier, seen.shop_id)
        if tells is Tells.NOTHING:
            return False
        call = outbox.of_event(tx, KIND, this)
        if tells is Tells.NOT_YET:
            if call is not None:
                outbox.drop(tx, call)
            return False
        if call is not None and call.state != "dropped":
            return False  # an order is told once
        query = select(BotOrder).where(BotOrder.supplier == self.supplier, BotOrder.shop_id == seen.shop_id)
        at = seen.modified_at or now
        row = tx.exec(query).first() or BotOrder(
            supplier=self.supplier, shop_id=seen.shop_id, number=seen.number, dispatched_at=at, seen_at=now
        )
        row.dispatched_at = at
        tx.add(row)
        outbox.owe_event(tx, self.supplier, KIND, this, now)
        tx.flush()
        call = outbox.of_event(tx, KIND, this)
        assert call is not None  # noqa: S101 - it was just written
        outbox.put_off(tx, call.id or 0, now + undo, "the undo window")
        return True

    def _remove_old(self, tx: Session, now: datetime) -> None:
        """Remove orders that were told long ago, with their calls. Those that wait for a person stay."""
        old = select(BotOrder).where(BotOrder.supplier == self.supplier, BotOrder.seen_at < now - KEPT)
        for row in tx.exec(old.order_by(col(BotOrder.id)).limit(AT_ONCE)).all():
            call = outbox.of_event(tx, KIND, event_id(self.supplier, row.shop_id))
            if call is not None and call.state in UNFINISHED:
                continue
            if call is not None:
                tx.exec(delete(Attempt).where(col(Attempt.call_id) == call.id))
                tx.delete(call)
            tx.delete(row)
