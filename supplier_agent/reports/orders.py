"""Orders as JSON: one with its whole history and what happens next, or a list. Read-only.

SQL selects a list, then the orders are judged in small batches, so that a slow reader holds no lock.
"""

from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cache, cached_property, partial
from typing import Any

from sqlmodel import Session, col, select

from supplier_agent.base.cells import Unreadable, known
from supplier_agent.base.clock import Clock
from supplier_agent.calls import CALLS, Calls
from supplier_agent.db.plain_sql import OPEN, Look, within
from supplier_agent.db.store import Store
from supplier_agent.db.tables import Event, Order
from supplier_agent.labels.tracking import NO_CODES
from supplier_agent.labels.typed import alias
from supplier_agent.order import STAGES
from supplier_agent.reports import facts, listed, scans, status, supplier_facts, support
from supplier_agent.reports.facts import OrderFacts
from supplier_agent.reports.status import STAGE
from supplier_agent.settings import Settings
from supplier_agent.verdict import Blocker, Role, SupplierState, SupplierVerdict, Verdict, judge_order, judge_supplier
from supplier_agent.verdict.letters import with_asked
from supplier_agent.words import Words
from supplier_agent.words.formats import iso_or_null, money


class Judge:
    """Judges orders and suppliers in one transaction; the suppliers are loaded, and judged, once."""

    def __init__(self, look: Look, settings: Settings, now: datetime, kinds: Calls = CALLS) -> None:
        self.suppliers = supplier_facts.suppliers(look, settings, now=now)
        self._look, self._settings, self._now, self._kinds = look, settings, now, kinds
        self._rules = cache(partial(kinds.rules, settings))

    @cached_property
    def of_suppliers(self) -> dict[str, SupplierVerdict]:
        """The verdict on each supplier and account, by name."""
        return {
            name: judge_supplier(each, self._settings, self._now, lane_of=self._kinds.lane_of)
            for name, each in self.suppliers.items()
        }

    def of(self, each: OrderFacts) -> Verdict:
        """Return the verdict on one order."""
        supplier = self.suppliers.get(each.order.supplier) or SupplierState(each.order.supplier)
        verdict = judge_order(
            each.order,
            each.calls,
            each.prints,
            supplier,
            self._settings,
            self._now,
            kinds=self._kinds,
            rules=self._rules(each.order.supplier),
            attempts=each.attempts,
            report=each.report,
            label=each.label,
            cancellation=each.cancellation,
            sale=self.sale(each.order),
            scan=each.scan,
        )
        return replace(verdict, problems=with_asked(verdict.problems, each.asked)) if each.asked else verdict

    def sale(self, order: Order) -> Any | None:  # noqa: ANN401 - a row
        """Return the last check of an order's sale; None: none, or its supplier does not use the support API."""
        if self._settings.support_of(order.supplier) is None:
            return None
        return self._look.first("SELECT * FROM sale_checks WHERE order_id = ?", order.id)


def price(cents: int | None) -> str | None:
    """Return money as a string with two decimals; None if it is not known."""
    return None if cents is None or isinstance(cents, Unreadable) else money(cents)


def summary(found: OrderFacts, verdict: Verdict, words: Words) -> dict[str, object]:
    """Return the object of `orders --json` (public contract, "JSON"). Its codes must be loaded."""
    order, codes = found.order, found.codes or NO_CODES
    facts = {
        "supplier": order.supplier,
        "menzzo_order_id": order.menzzo_order_id,
        "increment_id": order.increment_id,
        "sale_product_id": order.sale_product_id,
        "sku": order.sku,
        "quantity": order.quantity,
        "price": price(order.price_cents),
        "carrier": order.carrier,
        "order_date": order.order_date.isoformat() if order.order_date and known(order.order_date) else None,
        "link_to_label": order.link_to_label,
        "stage": verdict.stage.value,
        "first_seen_at": iso_or_null(order.first_seen_at),
        "acknowledged_at": iso_or_null(order.acknowledged_at),
        "acknowledge_evidence": order.acknowledge_evidence,
        "label_path": order.label_path,
        "label_sha256": order.label_sha256,
        "shipped": order.shipped == 1,
        "shipped_at": iso_or_null(order.shipped_at),
        "ship_confirmed_at": iso_or_null(order.ship_confirmed_at),
        "ship_evidence": order.ship_evidence,
        "override_by": order.override_by,
        "override_covers": order.override_covers,
        "held_reason": order.held_reason,
        "held_code": order.held_code,
        "closed_reason": order.closed_reason,
        "vanished_at": iso_or_null(order.vanished_at),
        "blockers": [each.value for each in verdict.blockers if each is not Blocker.CLOSED],
        "ship_by": verdict.ship_by.due.value if verdict.ship_by is not None else None,
        "ship_by_at": iso_or_null(verdict.ship_by.at) if verdict.ship_by is not None else None,
        "problem": "; ".join(words.problem(each) for each in verdict.problems) or None,
        "problem_codes": [each.code.value for each in verdict.problems],
        "asked_at": iso_or_null(
            max((each.asked_at for each in verdict.problems if each.asked_at is not None), default=None)
        ),
        "label_codes": codes.shown,
        "tracking_number": codes.tracking,
    }
    return {name: known(value) for name, value in facts.items()} | {"menzzo_order_id": order.menzzo_order_id}


def whole(
    tx: Session, order: Order, settings: Settings, now: datetime, words: Words | None = None, kinds: Calls = CALLS
) -> dict[str, object]:
    """Return the object of `order ID --json`: the summary, every call and attempt, the history, what happens next.

    words: the time zone of its sentences; None: UTC. The instants are always UTC.
    """
    words, look = words or Words(), within(tx)
    (found,) = facts.orders_of(look, [order.id or 0], attempts=True, codes=True)
    judge = Judge(look, settings, now, kinds)
    verdict = judge.of(found)
    return summary(found, verdict, words) | {
        "calls": [_call(call, found) for call in found.calls],
        "history": [
            {"at": iso_or_null(event.at), "who": event.who, "what": event.what, "detail": event.detail}
            for event in tx.exec(select(Event).where(Event.order_id == order.id).order_by(col(Event.id)))
        ],
        **support.of_order(look, found.order, settings, judge.sale(found.order), now),
        **scans.of_order(look, found, settings),
        **listed.as_json(tx, found, settings),
        "may": sorted(act.value for act in verdict.may[Role.IT]),
        "next": words.next(verdict.next, order.menzzo_order_id, order.supplier),
        "next_code": verdict.next.step.value,
    }


def _call(call: Any, found: OrderFacts) -> dict[str, object]:  # noqa: ANN401 - a row
    return {
        "kind": call.kind,
        "state": call.state,
        "due_at": iso_or_null(call.due_at),
        "detail": call.detail,
        "attempts": [
            {
                "number": attempt.number,
                "started_at": iso_or_null(attempt.started_at),
                "ended_at": iso_or_null(attempt.ended_at),
                "outcome": attempt.outcome,
                "http_status": attempt.http_status,
                "detail": attempt.detail,
            }
            for attempt in found.attempts or ()
            if attempt.call_id == call.id
        ],
    }


BATCH = 500
WIDE = ("menzzo_order_id", "supplier", "sku", "quantity", "carrier")
SEARCHED = ("menzzo_order_id", "increment_id", "sale_product_id", "sku", "carrier")

Row = Mapping[str, object]


@dataclass(frozen=True)
class Filter:
    """A filter for orders. An empty text or None matches all; `is_open`: neither shipped nor closed."""

    supplier: str = ""
    stage: str = ""
    search: str = ""
    since: date | None = None
    is_open: bool = True

    def where(self, damaged: str) -> tuple[str, list[object]]:
        """Return the condition on a row of `orders`, and its values. `damaged`: the ids of damaged orders, or ""."""
        conditions, values = list[str](), list[object]()
        if self.is_open:
            conditions.append(f"{OPEN} OR id IN ({damaged})" if damaged else OPEN)
        if self.stage:
            join = f"OR id IN ({damaged})" if self.stage == "attention" else f"AND id NOT IN ({damaged})"
            conditions.append(is_of(self.stage) + (f" {join}" if damaged else ""))
        if self.supplier:
            conditions.append("supplier = ?")
            values.append(self.supplier)
        if self.since is not None:
            conditions.append(
                "coalesce(order_date, date(substr(first_seen_at, 1, 19))) >= ?"
            )  # unreadable date: the day on which it was first seen
            values.append(self.since.isoformat())
        if self.search:
            like = [f"{column} LIKE ? ESCAPE '!'" for column in SEARCHED]
            labelled = "SELECT 1 FROM barcodes WHERE order_id = orders.id AND code = ?"
            tracked = "SELECT order_id FROM sale_checks WHERE tracking = ?"
            conditions.append(f"({' OR '.join(like)} OR EXISTS ({labelled}) OR id IN ({tracked}))")
            values += [_anywhere(self.search)] * len(SEARCHED) + [alias(self.search), self.search.strip()]
        return " AND ".join(f"({each})" for each in conditions) or "1", values


def is_of(stage: str) -> str:
    """Return the condition that a row of `orders` is of this stage, one of STAGES."""
    if stage not in STAGES:
        raise ValueError(stage)
    over = {
        "shipped": "ship_confirmed_at IS NOT NULL",
        "closed": "ship_confirmed_at IS NULL AND closed_reason IS NOT NULL",
    }
    return over.get(stage) or f"{OPEN} AND {STAGE} = '{stage}'"


def _anywhere(text: str) -> str:
    for special in "!%_":
        text = text.replace(special, "!" + special)
    return f"%{text}%"


@dataclass(frozen=True)
class Found:
    """The matches of a filter, oldest first."""

    ids: "array[int]"
    total: int  # without the limit
    attention: int  # how many of the total wait for a person
    widths: Mapping[str, int]  # of the longest text of each column
    supplier_is_stored: bool  # the supplier in the filter has orders


def chosen(store: Store, wanted: Filter, limit: int | None = None) -> Found:
    """Return the row ids of the orders, oldest first. `limit`: None for all of them."""
    with store.read() as tx:
        damaged = ", ".join(str(each.order.id) for each in status.damaged(within(tx)))
        where, values = wanted.where(damaged)
        attention = f"{STAGE} = 'attention' OR id IN ({damaged})"
        widths = ", ".join(f"max(length({column}))" for column in WIDE)
        summed = f"SELECT count(*), sum({attention}), {widths} FROM orders WHERE {where}"  # noqa: S608 - our own texts, and question marks
        total, waiting, *longest = _driver(tx, summed, values).one()
        listed = f"SELECT id FROM orders WHERE {where} ORDER BY order_date, id LIMIT ?"  # noqa: S608 - as above
        ids = array("q", _driver(tx, listed, [*values, -1 if limit is None else limit]).scalars())
        stored = _driver(tx, "SELECT EXISTS (SELECT 1 FROM orders WHERE supplier = ?)", [wanted.supplier]).scalar()
    return Found(ids, total, waiting or 0, dict(zip(WIDE, (each or 0 for each in longest), strict=True)), bool(stored))


def _driver(tx: Session, sql: str, values: list[object]) -> Any:  # noqa: ANN401 - a result of any columns
    return tx.connection().exec_driver_sql(sql, tuple(values))


def summaries(store: Store, ids: "array[int]", settings: Settings, clock: Clock) -> Iterator[Row]:
    """Yield the orders as JSON objects, in this order; each batch shows the current state."""
    words = Words()
    for start in range(0, len(ids), BATCH):
        with store.read() as tx:
            look = within(tx)
            judge = Judge(look, settings, clock.now())
            found = facts.orders_of(look, ids[start : start + BATCH], codes=True)
            rows = [summary(each, judge.of(each), words) for each in found]
        yield from rows
