"""Read back: what is fulfilled in the supplier's own shop becomes a mark, with all gates, as if a person had marked it.

Pages are read oldest first by the time of modification, from a little before the end of the last read. The cursor moves when all
pages have been read, so after a crash they are read again. That does no harm: a mark is made only when an order becomes fulfilled.
"""

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session, col, select

from supplier_agent import actions, outbox
from supplier_agent.calls import Ending
from supplier_agent.db.shops import ShopOrder, ShopRead
from supplier_agent.db.store import is_ours
from supplier_agent.db.tables import Event, Order, Print
from supplier_agent.marketplace import Means, Verdict
from supplier_agent.outbox import DONE, Outcome
from supplier_agent.reading.shop_orders import (
    MOST_PAGES,
    OVERLAP,
    InShop,
    Known,
    Says,
    ShopPage,
    next_cursor,
    what_it_says,
)
from supplier_agent.reports.facts import REPORTED
from supplier_agent.settings.shop import Shop
from supplier_agent.suppliers import snapshot
from supplier_agent.suppliers.circuit_breakers import OTHERS, READS
from supplier_agent.tick import log_events, plan, tokens
from supplier_agent.tick.context import Account, Context, Flight, fault
from supplier_agent.tick.outages import note_ending, read_ending
from supplier_agent.tick.own_orders import OwnOrders
from supplier_agent.tick.workers import NotStartedError
from supplier_agent.verdict.codes import STOPS, Report
from supplier_agent.verdict.order import own_blockers
from supplier_agent.words import say

READ_BACK = "read_back"
"""The kind of these flights."""
SECOND = timedelta(seconds=1)
STRANGE_FOR = timedelta(days=1)
"""For so long a fulfilled order that is not known here is read again: it may be listed soon, for example after a restore."""
MARKED, REFUSED, TAKEN_BACK = "marked", "refused", "taken back"
"""What can happen to an order."""
UNMARKED = "unmarked"
"""Why an order was not marked, besides its blockers: a person took its mark back since it was fulfilled."""


@dataclass(frozen=True)
class Place:
    """Where a read has come to. since: modified from then on. cursor: the newest modification so far; None: none yet.

    after: the cursor of the last page, "" if pages have numbers, and on the first page.
    strange_at: the oldest modification of a fulfilled order that is not known here yet; None: there was none.
    """

    since: datetime
    page: int = 1
    pages: int = 1
    cursor: datetime | None = None
    after: str = ""
    strange_at: datetime | None = None


class ReadBack:
    """The reads of one supplier's shop (context.Errand). Only the loop's thread uses it."""

    def __init__(self, account: str, supplier: str, shop: Shop, own: OwnOrders | None = None) -> None:
        self._account, self._supplier, self._shop = account, supplier, shop
        self._own = own  # what is done with the orders of the shop's own customers; None: nothing
        self._next: Place | None = None  # where the open read goes on; None: none is open
        self._rests_until: datetime | None = None  # when the rest of a long read is due; None: at once
        self._noted = ""  # what was logged last of what the platform notes

    def due_at(self, tx: Session, ctx: Context, account: Account, now: datetime) -> datetime:
        """Return when the next read is due, after pauses of this account; never while one is in flight, which wakes the account."""
        if any(flight.kind == READ_BACK for flight in account.in_flight):
            return snapshot.NEVER
        earliest = snapshot.look(tx, self._account).not_before(now)
        row = tx.get(ShopRead, self._supplier)
        if self._next is not None and self._rests_until is not None:
            return max(earliest, min(self._rests_until, now + timedelta(seconds=self._shop.read_back_seconds)))
        if self._next is not None or row is None or row.read_at is None or row.url != self._shop.url:
            return earliest
        if ctx.round_at is not None and row.read_at < ctx.round_at:
            return earliest
        interval = timedelta(seconds=self._shop.read_back_seconds)
        return max(earliest, min(row.read_at, now) + interval)  # later than now: the clock was set back

    def look(self, ctx: Context, account: Account) -> None:
        """Start the next page if it is due, and the account may ask now."""
        if ctx.only_reads(account) or account.token is None or account.pace.free_in() > 0:
            return
        now = ctx.clock.now()
        with ctx.store.read() as tx:
            if self.due_at(tx, ctx, account, now) > now:
                return
            row = tx.get(ShopRead, self._supplier)
            is_new = row is None or row.url != self._shop.url
            cursor = now if row is None or is_new else row.cursor
        if not ctx.workers.may_start(OTHERS, account.name):
            return
        place = self._next or Place(cursor - OVERLAP, cursor=None if is_new else cursor)
        thread = ctx.workers.take(OTHERS, account.name)
        flight = Flight(READ_BACK, thread, now, ctx.clock.monotonic(), token=account.token)
        changed = account.tools(flight.heard.append).changed
        account.pace.book()
        account.in_flight.append(flight)

        def finished(done: "Future[Any]") -> None:
            self._finished(ctx, account, flight, place, done)

        ctx.then(
            lambda: ctx.workers.start(
                thread, finished, changed, place.since, place.page, place.after, at_once=lambda _done: None
            )
        )

    # -- A page is there.

    def _finished(self, ctx: Context, account: Account, flight: Flight, place: Place, done: "Future[Any]") -> None:
        ctx.touch(account)
        answer, now = _answer_of(ctx, account, done), ctx.clock.now()
        try:
            if isinstance(answer, ShopPage):
                self._next = self._store(ctx, account, place, answer, now)
        except Exception as error:
            if not is_ours(error):
                raise
            ctx.log.fault("internal.error", f"{account.name} {READ_BACK}", error, supplier=account.name, call=READ_BACK)
            answer = Verdict(Means.LOST, fault(error))
        ending = Ending(Outcome(DONE))
        if isinstance(answer, Verdict):
            # "Too many" is about the rate: a long read that started again each time would never end.
            self._next = place if answer.means is Means.TOO_MANY else None
            ending = read_ending(answer, failed=True)
        with ctx.store.write() as tx:
            changes = note_ending(ctx, tx, account, READS, ending)
        account.snapshot = None
        if ending.token_refused:
            tokens.refused(ctx, account, flight.token)
        elif ending.was_heard:
            account.refused.clear()
        account.finished(flight)
        ctx.then(lambda: log_events.changes(ctx.log, account.name, changes, ending.outcome.detail))

    def _store(self, ctx: Context, account: Account, place: Place, page: ShopPage, now: datetime) -> Place | None:
        """Store what a page says, each order for itself; return where the read goes on, or None if it has ended."""
        connected_at = self._connected_at(ctx, page, now)
        shop_now = page.at or now
        strange = [] if place.strange_at is None else [place.strange_at]
        if self._own is not None:
            self._own.look(ctx, page, now)
        for seen in page.orders:
            if not (seen.reference and seen.supplier == self._supplier):
                continue
            is_known = self._one(ctx, account, seen, connected_at, shop_now - now, now)
            if not is_known and seen.fulfilled and seen.modified_at is not None:
                strange += [seen.modified_at] if shop_now - seen.modified_at < STRANGE_FOR else []
        if page.note and page.note != self._noted:
            ctx.then(lambda: ctx.log.warning("shop.noted", supplier=account.name, what=page.note))
        self._noted = page.note
        place = replace(place, strange_at=min(strange, default=None))
        cursor = next_cursor(place.cursor or connected_at, page.orders, shop_now)
        step = self._after(place, page, cursor)
        self._rests_until = None
        # After so many pages it goes on later: a mass change must not hold up the others.
        if step is not None and step.pages > MOST_PAGES:
            self._rests_until, step = now + timedelta(seconds=self._shop.read_back_seconds), replace(step, pages=1)
        if step is None:
            with ctx.store.write() as tx:
                row = tx.get_one(ShopRead, self._supplier)
                row.cursor = max(min(row.cursor, shop_now), min([cursor, *strange]))
                row.read_at = now
                tx.add(row)
        return step

    def _after(self, place: Place, page: ShopPage, cursor: datetime) -> Place | None:
        """Return where the read goes on.

        By time, not by page number: an order that is modified meanwhile would move the others, and one would be skipped. Only if a
        whole page was modified within one second, the next page is asked for.
        """
        if not page.more:
            return None
        last = max((each.modified_at for each in page.orders if each.modified_at is not None), default=None)
        since = place.since if last is None else last - SECOND
        if since > place.since:
            return replace(place, since=since, page=1, pages=place.pages + 1, cursor=cursor, after="")
        return replace(place, page=place.page + 1, pages=place.pages + 1, cursor=cursor, after=page.after)

    def _connected_at(self, ctx: Context, page: ShopPage, now: datetime) -> datetime:
        """Return since when this shop is connected, by its clock; the first page begins that."""
        with ctx.store.write() as tx:
            row = tx.get(ShopRead, self._supplier)
            if row is None or row.url != self._shop.url:
                at = page.at or now
                row = row or ShopRead(supplier=self._supplier, url=self._shop.url, connected_at=at, cursor=at)
                row.url, row.connected_at, row.cursor, row.read_at = self._shop.url, at, at, None
                tx.add(row)
            return row.connected_at

    def _one(
        self,
        ctx: Context,
        account: Account,
        seen: InShop,
        connected_at: datetime,
        ahead: timedelta,
        now: datetime,
    ) -> bool:
        """Store one order of the shop, and act on it; return whether it is known here. An internal error is this order's alone.

        ahead: the shop's clock minus ours.
        """
        with ctx.store.read() as tx:
            mine = select(Order.id).where(Order.supplier == self._supplier, Order.menzzo_order_id == seen.reference)
            order_id = tx.exec(mine).first()
        if order_id is None:
            return False
        try:
            with ctx.store.write() as tx:
                said = self._judge(tx, tx.get_one(Order, order_id), seen, connected_at, ahead, now)
        except Exception as error:
            if not is_ours(error):
                raise
            plan.log_fault(ctx, account.name, order_id, error)
            return True
        if said is not None:
            facts = {"supplier": self._supplier, "order": seen.reference, "by": self._shop.who, "number": seen.number}
            ctx.then(lambda: _log(ctx, said, facts))
            ctx.facts_changed(self._supplier)
        return True

    def _judge(
        self, tx: Session, order: Order, seen: InShop, connected_at: datetime, ahead: timedelta, now: datetime
    ) -> str | None:
        """Store what the shop says about an order, and mark it, or say why not. Return what happened; None: nothing."""
        assert order.id is not None  # noqa: S101 - a stored order has one
        row = tx.get(ShopOrder, order.id)
        known = None if row is None else Known(row.fulfilled == 1, row.counted == 1)
        says = what_it_says(seen, known, connected_at)
        if row is None:
            row = ShopOrder(
                order_id=order.id, supplier=self._supplier, shop_id="", number="", status="", fulfilled=0, seen_at=now
            )
        elif row.shop_id != seen.shop_id and not seen.fulfilled:
            return None  # a copy that was made in the shop says nothing about the first one
        row.shop_id, row.number, row.status = seen.shop_id, seen.number, seen.status
        row.fulfilled, row.seen_at = int(seen.fulfilled), now
        said = None
        if says is Says.MARK:
            row.counted, row.undone_at = 1, None
            fulfilled_at = None if seen.modified_at is None else seen.modified_at - ahead
            said = self._mark(tx, order, row, fulfilled_at, now)
        elif says is Says.TAKEN_BACK:
            said = self._taken_back(tx, order, row, now)
        tx.add(row)
        return said

    def _mark(
        self, tx: Session, order: Order, row: ShopOrder, fulfilled_at: datetime | None, now: datetime
    ) -> str | None:
        """Mark the order, unless it is marked already, or something stops it on the bench too.

        Nor if a person took its mark back since it was fulfilled: the shop's word is the older one.

        fulfilled_at: by our clock; None: the shop does not say.
        """
        assert order.id is not None  # noqa: S101 - as above
        if order.shipped == 1 or order.ship_confirmed_at is not None:
            return None
        prints = tx.exec(select(Print).where(Print.order_id == order.id).order_by(col(Print.id))).all()
        stops = [str(each) for each in own_blockers(order, outbox.of_order(tx, order.id), prints) if each in STOPS]
        if not stops and _taken_back_since(tx, order, fulfilled_at):
            stops = [UNMARKED]
        if not stops:
            actions.ship(tx, order, now, self._shop.who)
            row.marked_at, row.refused = now, None
            return MARKED
        why = _in_words(stops)
        row.refused = " ".join(stops)
        self._report(tx, order, Report.OTHER, f"fulfilled in the shop (order {row.number}), but not marked: {why}", now)
        return REFUSED

    def _taken_back(self, tx: Session, order: Order, row: ShopOrder, now: datetime) -> str | None:
        """Report that it is no longer fulfilled. The mark stays: a person decides, because the parcel may have left."""
        row.undone_at = now
        if order.shipped == 0:
            return None
        self._report(tx, order, Report.NOT_LEFT, f"no longer fulfilled in the shop (order {row.number})", now)
        return TAKEN_BACK

    def _report(self, tx: Session, order: Order, kind: Report, words: str, now: datetime) -> None:
        """Report a problem of the order, as a packer would; a lead settles it."""
        assert order.id is not None  # noqa: S101 - as above
        tx.add(Event(order_id=order.id, at=now, who=self._shop.who, what=REPORTED, detail=kind.detail(words)))


def _log(ctx: Context, happened: str, facts: dict[str, str]) -> None:
    if happened == MARKED:
        ctx.log.info("shop.marked", **facts)
    elif happened == REFUSED:
        ctx.log.warning("shop.refused", **facts, cure=f"supplier-agent order {facts['order']}")
    else:
        ctx.log.warning("shop.withdrawn", **facts, cure=f"supplier-agent order {facts['order']}")


def _in_words(stops: Sequence[str]) -> str:
    return "; ".join("its mark was taken back since" if each == UNMARKED else say(f"blocker.{each}") for each in stops)


def _taken_back_since(tx: Session, order: Order, at: datetime | None) -> bool:
    """Tell whether a person took the mark of an order back after that time; None: ever."""
    undone = select(Event.id).where(Event.order_id == order.id, Event.what == actions.UNDONE)
    if at is not None:
        undone = undone.where(col(Event.at) > at)
    return tx.exec(undone.limit(1)).first() is not None


def _answer_of(ctx: Context, account: Account, done: "Future[Any]") -> ShopPage | Verdict:
    error = done.exception()
    if error is None:
        answer: ShopPage | Verdict = done.result()
        return answer
    if isinstance(error, NotStartedError):
        return Verdict(Means.NOT_SENT, "this machine has no free thread")
    ctx.log.fault("worker.failed", f"{account.name} {READ_BACK}", error, supplier=account.name, call=READ_BACK)
    return Verdict(Means.LOST, fault(error))
