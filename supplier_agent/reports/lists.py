"""Lists of orders: SQL selects them, then their summaries are read in small batches, so that a slow reader holds no lock."""

from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlmodel import Session

from supplier_agent.base.clock import Clock
from supplier_agent.db.plain_sql import OPEN, within
from supplier_agent.db.store import Store
from supplier_agent.labels.scan import alias
from supplier_agent.order import STAGES
from supplier_agent.reports import counts, facts
from supplier_agent.reports.counts import STAGE
from supplier_agent.reports.order_report import Judge, summary
from supplier_agent.settings import Settings
from supplier_agent.words import Words

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
                "coalesce(order_date, date(first_seen_at)) >= ?"
            )  # unreadable date: the day on which it was first seen
            values.append(self.since.isoformat())
        if self.search:
            like = [f"{column} LIKE ? ESCAPE '!'" for column in SEARCHED]
            labelled = "SELECT 1 FROM barcodes WHERE order_id = orders.id AND code = ?"
            conditions.append(f"({' OR '.join(like)} OR EXISTS ({labelled}))")
            values += [_anywhere(self.search)] * len(SEARCHED) + [alias(self.search)]
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
        damaged = ", ".join(str(each.order.id) for each in counts.damaged(within(tx)))
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
            found = facts.orders_of(look, ids[start : start + BATCH])
            rows = [summary(each.order, judge.of(each), words) for each in found]
        yield from rows
