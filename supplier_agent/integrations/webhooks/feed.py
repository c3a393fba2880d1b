"""The feed: finds what has changed, stores it as events, and owes the calls that send them. Runs after each turn of the loop.

What was published and the events that follow from it are written in one transaction, so none is lost or told twice, wherever the
process ends. What a crash left out is found by comparing: nothing depends on what was remembered in memory.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, func, select

from supplier_agent.base.clock import Clock
from supplier_agent.base.log import Log
from supplier_agent.calls import Calls
from supplier_agent.calls.webhook import owe_next
from supplier_agent.db import plain_sql
from supplier_agent.db.plain_sql import OPEN, Look
from supplier_agent.db.store import LockedError, Store
from supplier_agent.db.tables import Order
from supplier_agent.db.webhooks import FINISHED, WebhookBaseline, WebhookEvent, WebhookState
from supplier_agent.integrations.webhooks import body, changes, deliveries
from supplier_agent.integrations.webhooks.changes import Seen
from supplier_agent.reports import facts
from supplier_agent.reports.facts import OrderFacts
from supplier_agent.reports.orders import Judge
from supplier_agent.settings import Settings
from supplier_agent.verdict import SupplierState, Verdict, judge_order

MOST, MOST_SECONDS = 100, 0.02
"""How many orders are compared in one step, and after how many seconds it ends: the loop goes on in between."""
AT_ONCE = 20
LOOK_SECONDS = 600.0
"""How often orders are looked for that have changed with time alone, or that a crash left out."""
REST_SECONDS = 30.0

CLOSED = Seen("closed")
PAUSED = "SELECT name, paused_at IS NOT NULL AS paused FROM suppliers"
OF_SUPPLIERS = "SELECT supplier, stage FROM webhook_states WHERE order_id IS NULL"
MISSED = f"""
SELECT order_id AS id FROM webhook_states JOIN orders ON orders.id = order_id WHERE NOT ({FINISHED}) AND NOT ({OPEN})
 UNION SELECT order_id FROM webhook_states WHERE problems <> '' AND order_id IS NOT NULL
 UNION SELECT id FROM orders WHERE {OPEN} AND NOT EXISTS (SELECT 1 FROM webhook_states WHERE order_id = orders.id)
 UNION SELECT id FROM orders WHERE id > ? AND NOT EXISTS (SELECT 1 FROM webhook_states WHERE order_id = orders.id)
"""  # noqa: S608 - constants
"""Orders that may differ from what was published of them, without looking at each."""


@dataclass
class Parts:
    """The parts of the agent that the feed works with."""

    store: Store
    clock: Clock
    chance: Callable[[], float]
    log: Log
    kinds: Calls
    touched: dict[int, None]  # orders that may have changed; the loop fills it
    wake: Callable[[str], None]  # wakes an account


class Feed:
    """One configuration of webhooks. A reload makes another."""

    def __init__(self, parts: Parts, settings: Settings) -> None:
        self._parts, self._settings = parts, settings
        self._types = {type_ for each in settings.webhooks for type_ in each.events}
        self._rests_until = self._look_at = 0.0
        self._event: int | None = None  # the newest line of the history that was seen; None: not begun
        self._checked = 0  # orders up to this row are known to be stored

    def step(self) -> bool:
        """Compare some of the orders that may have changed; return whether there are more. An error of it never stops the loop."""
        if self._parts.clock.monotonic() < self._rests_until:
            return False
        try:
            if self._event is None:
                self._begin()
            self._gather()
            return self._compare()
        except LockedError:
            raise
        except Exception as error:  # noqa: BLE001 - see above
            self._rests_until = self._parts.clock.monotonic() + REST_SECONDS
            self._parts.log.fault("internal.error", "webhooks", error)
            return False

    def _begin(self) -> None:
        """Store who is configured; at the very first start, from which order on events are told."""
        now = self._parts.clock.now()
        with self._parts.store.write() as tx:
            deliveries.configure(tx, self._settings, now)
            if tx.get(WebhookBaseline, 1) is None:
                newest = tx.exec(select(func.max(Order.id))).one() or 0
                tx.add(WebhookBaseline(at=now, last_order_id=newest))
            look = plain_sql.within(tx)
            self._event = look.first("SELECT coalesce(max(id), 0) AS id FROM events").id

    # -- which orders to compare

    def _gather(self) -> None:
        """Add the orders with new lines in their history, and now and then those that changed otherwise."""
        parts, now = self._parts, self._parts.clock.monotonic()
        with parts.store.read() as tx:
            look = plain_sql.within(tx)
            for row in look.rows("SELECT id, order_id FROM events WHERE id > ? ORDER BY id LIMIT 500", self._event):
                self._event = row.id
                parts.touched[row.order_id] = None
            looks = now >= self._look_at
            if looks:
                parts.touched.update((each, None) for each in self._missed(look))
                self._look_at = now + LOOK_SECONDS
        if looks:
            self._remove()
        self._suppliers()

    def _missed(self, look: Look) -> Iterable[int]:
        row = look.first("SELECT last_order_id FROM webhook_baseline")
        newest = look.first("SELECT coalesce(max(id), 0) AS id FROM orders").id
        found = [each.id for each in look.rows(MISSED, max(self._checked, row.last_order_id))]
        self._checked = min([newest, *(each - 1 for each in found)])
        return [*found, *facts.ids_with_problems(look, self._settings, self._parts.clock.now())]

    def _remove(self) -> None:
        now = self._parts.clock.now()
        with self._parts.store.write() as tx:
            lost = deliveries.remove_old(tx, self._settings, now)
        for name, number in lost.items():
            self._parts.log.warning("webhook.lost", webhook=name, events=number, cure="supplier-agent webhooks list")

    # -- suppliers

    def _suppliers(self) -> None:
        parts, settings = self._parts, self._settings
        with parts.store.read() as tx:
            look = plain_sql.within(tx)
            now = {row.name: row.paused for row in look.rows(PAUSED)}
            before = {row.supplier: row.stage for row in look.rows(OF_SUPPLIERS)}
        is_now = {name: "paused" if now.get(name) else "resumed" for name in settings.suppliers}
        changed = [name for name, state in is_now.items() if before.get(name) != state]
        if not changed:
            return
        at = parts.clock.now()
        with parts.store.write() as tx:
            verdicts = Judge(plain_sql.within(tx), settings, at, parts.kinds).of_suppliers
            for name in changed:
                state = changes.state_of(verdicts[name])
                stored = select(WebhookState).where(WebhookState.supplier == name, col(WebhookState.order_id).is_(None))
                row = tx.exec(stored).first()
                for change in changes.of_supplier(row.stage if row is not None else None, state):
                    event_id = body.new_id(parts.chance)
                    said = body.of_supplier(change, event_id, at, name, verdicts[name])
                    self._tell(tx, event_id, at, name, None, change.type, said)
                row = row or WebhookState(supplier=name, stage=state)
                row.stage = state
                tx.add(row)

    # -- orders

    def _compare(self) -> bool:
        """Compare orders until this step has lasted long enough; return whether there are more."""
        parts = self._parts
        until, most = parts.clock.monotonic() + MOST_SECONDS, MOST
        while parts.touched and most > 0 and parts.clock.monotonic() <= until:
            ids = list(parts.touched)[:AT_ONCE]
            self._compare_these(ids)
            for each in ids:
                del parts.touched[each]
            most -= AT_ONCE
        if not parts.touched:
            self._complete()
        return bool(parts.touched)

    def _compare_these(self, ids: Sequence[int]) -> None:
        """Compare these orders together; after an error one by one, so that one order never keeps the others from being told."""
        try:
            changed = self._changed(ids)
            if changed:
                with self._parts.store.write() as tx:
                    self._publish(tx, changed)
        except LockedError:
            raise
        except Exception as error:  # noqa: BLE001 - see above
            if len(ids) == 1:
                self._parts.log.fault("internal.error", f"webhooks, row {ids[0]}", error)
            for each in ids if len(ids) > 1 else ():
                self._compare_these([each])

    def _complete(self) -> None:
        with self._parts.store.read() as tx:
            row = tx.get(WebhookBaseline, 1)
            is_complete = row is None or row.is_complete == 1
        if not is_complete:
            with self._parts.store.write() as tx:
                done = tx.get_one(WebhookBaseline, 1)
                done.is_complete = 1
                tx.add(done)

    def _changed(self, ids: Sequence[int]) -> list[int]:
        """Return those of these orders that are not what was published of them."""
        with self._parts.store.read() as tx:
            look = plain_sql.within(tx)
            before = _stored(look, ids)
            return [row for row, now in self._seen(look, ids) if before.get(row) != now]

    def _seen(self, look: Look, ids: Sequence[int]) -> Iterable[tuple[int, Seen]]:
        for found in facts.orders_of(look, ids, attempts=True):
            if found.order.supplier in self._settings.suppliers:
                yield found.order.id, Seen.of(self._judge(found))

    def _judge(self, found: OrderFacts) -> Verdict:
        """Return the verdict, of which only stage and problems are used: they do not depend on the supplier."""
        now, supplier = self._parts.clock.now(), SupplierState(found.order.supplier)
        return judge_order(
            found.order,
            found.calls,
            found.prints,
            supplier,
            self._settings,
            now,
            kinds=self._parts.kinds,
            rules=self._parts.kinds.rules(self._settings, found.order.supplier),
            attempts=found.attempts,
            report=found.report,
            label=found.label,
            scan=found.scan,
            cancellation=found.cancellation,
        )

    def _publish(self, tx: Session, ids: Sequence[int]) -> None:
        """Store what these orders are now, and the events that follow."""
        parts, at, look = self._parts, self._parts.clock.now(), plain_sql.within(tx)
        baseline = look.first("SELECT last_order_id, is_complete FROM webhook_baseline")
        rows = {row.order_id: row for row in tx.exec(select(WebhookState).where(col(WebhookState.order_id).in_(ids)))}
        judge: Judge | None = None
        for found in facts.orders_of(look, ids, attempts=True, codes=True):
            order, now = found.order, Seen.of(self._judge(found))
            row = rows.get(order.id)
            before = Seen.stored(row.stage, row.problems) if row is not None else None
            is_new = order.id > baseline.last_order_id
            if before is None and not is_new and baseline.is_complete and not now.is_over:
                before = CLOSED  # it was over when all open orders were stored, and has been opened again
            told = changes.wanted(changes.of_order(before, now, is_new=is_new), self._types)
            for change in told:
                judge = judge or Judge(look, self._settings, at, parts.kinds)
                event_id = body.new_id(parts.chance)
                said = body.of_order(change, event_id, at, found, judge.of(found))
                self._tell(tx, event_id, at, order.supplier, order.id, change.type, said)
            row = row or WebhookState(supplier=order.supplier, order_id=order.id, stage=now.stage)
            row.stage, row.problems = now.stage, now.written
            tx.add(row)

    def _tell(
        self, tx: Session, event_id: str, at: datetime, supplier: str, order_id: int | None, type_: str, said: str
    ) -> None:
        """Store an event, and owe the calls to those who take it; without any, it is not stored."""
        takers = [each for each in self._settings.webhooks if each.takes(type_, supplier)]
        if not takers:
            return
        tx.add(WebhookEvent(event_id=event_id, at=at, supplier=supplier, order_id=order_id, type=type_, body=said))
        for each in takers:
            owe_next(tx, each, supplier, order_id, at)
            self._parts.wake(each.kind)


def _stored(look: Look, ids: Collection[int]) -> dict[int, Seen]:
    marks = ", ".join("?" * len(ids))
    sql = f"SELECT order_id, stage, problems FROM webhook_states WHERE order_id IN ({marks})"  # noqa: S608 - question marks
    rows = look.rows(sql, *ids)
    return {row.order_id: Seen.stored(row.stage, row.problems or "") for row in rows}
