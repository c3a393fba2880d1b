"""Loads the facts of orders for the verdict in plain SQL: with their calls, prints and attempts. supplier_facts.py has the rest.

`status`, alerts, page and loop all use this loader. It decides nothing: verdict/ decides what is a problem.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from supplier_agent.db.plain_sql import (
    ASIDE,
    CHANGED_SINCE_PRINTED,
    CLOCKED,
    HELD_THOUGH_MARKED,
    IS_SET_ASIDE,
    OPEN,
    SALE_STOPPED,
    TOLD,
    UNFLAGGED,
    VANISHED,
    WAITING,
    WAITS_FOR_A_PERSON,
    text,
)
from supplier_agent.order import WANTED
from supplier_agent.reports import label_facts, parcels
from supplier_agent.verdict.codes import Report
from supplier_agent.verdict.label import Label
from supplier_agent.verdict.problems import is_cancellation, lasts_after_shipping

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from supplier_agent.db.plain_sql import Look
    from supplier_agent.labels.tracking import Codes
    from supplier_agent.settings import Settings

MOST = 500
"""The maximum number of orders with problems that are listed; the counts are always complete."""
AT_ONCE = 500
"""How many orders are loaded with one statement."""
REPORTED, SETTLED = "problem reported", "problem settled"
"""What the history of an order says when a packer reports a problem, and when a lead settles it."""
_ENDED = ", ".join(f"'{kind}'" for kind, rule in WANTED.items() if rule.ends)
SHIPPED_AND_STUCK = f"""
SELECT order_id AS id, kind IN ({ASIDE}) AS is_aside FROM calls JOIN orders ON orders.id = order_id
 WHERE {WAITS_FOR_A_PERSON} AND kind NOT IN ({_ENDED})
   AND ship_confirmed_at IS NOT NULL AND closed_reason IS NULL ORDER BY is_aside, +order_id LIMIT {MOST}
"""  # noqa: S608 - constants
"""ProblemCode.CALL_UNKNOWN or CALL_PARKED, of a shipped order, by the index calls_stuck."""


@dataclass(frozen=True)
class OrderFacts:
    """The row of an order, and the rows that belong to it, oldest first. attempts: None: not loaded.

    report: what a packer reported about it, until a lead settles it; None: nothing. label: what its label says; None: it was not
    read, or meets every criterion. scan: what its carrier said; None: the carrier was not asked. codes: None: not loaded,
    or it has none. cancellation: that a program asked to cancel it, until a lead settles it; None: nobody did. asked: what
    Menzzo was asked about it (letter_questions).
    """

    order: Any
    calls: Sequence[Any] = ()
    prints: Sequence[Any] = ()
    attempts: Sequence[Any] | None = None
    report: Any | None = None
    label: Label | None = None
    scan: Any | None = None
    codes: Codes | None = None
    cancellation: Any | None = None
    asked: Sequence[Any] = ()


def orders_of(look: Look, ids: Sequence[int], *, attempts: bool = False, codes: bool = False) -> list[OrderFacts]:
    """Return the orders of these row ids, in this order, with the rows that belong to them. A missing order is left out."""
    found = []
    for start in range(0, len(ids), AT_ONCE):
        found += _several(look, ids[start : start + AT_ONCE], attempts=attempts, codes=codes)
    return found


def _several(look: Look, ids: Sequence[int], *, attempts: bool, codes: bool) -> list[OrderFacts]:
    of_these = f"({', '.join('?' * len(ids))})"
    rows = {row.id: row for row in look.rows(f"SELECT * FROM orders WHERE id IN {of_these}", *ids)}  # noqa: S608 - question marks
    calls = _by_order(look.rows(f"SELECT * FROM calls WHERE order_id IN {of_these} ORDER BY id", *ids))  # noqa: S608 - as above
    prints = _by_order(look.rows(f"SELECT * FROM prints WHERE order_id IN {of_these} ORDER BY id", *ids))  # noqa: S608 - as above
    told = _by_order(look.rows(f"SELECT * FROM events WHERE order_id IN {of_these} AND {TOLD} ORDER BY id", *ids))  # noqa: S608 - as above
    unsettled = {row: _unsettled(each) for row, each in told.items()}
    labels = label_facts.doubtful(look, of_these, ids)
    scans = {row.order_id: row for row in look.rows(f"SELECT * FROM order_scans WHERE order_id IN {of_these}", *ids)}  # noqa: S608 - as above
    questions = "SELECT letter_questions.*, orders.id AS order_id FROM orders JOIN letter_questions"
    questions += " ON letter_questions.supplier = orders.supplier AND subject = menzzo_order_id WHERE orders.id IN"
    asked = _by_order(look.rows(f"{questions} {of_these}", *ids))
    of_labels = parcels.codes(look, ids) if codes else {}
    tried = None
    if attempts:
        sql = f"SELECT attempts.*, order_id FROM attempts JOIN calls ON calls.id = call_id WHERE order_id IN {of_these}"  # noqa: S608 - as above
        tried = _by_order(look.rows(f"{sql} ORDER BY attempts.id", *ids))
    return [
        OrderFacts(
            rows[each],
            calls.get(each, ()),
            prints.get(each, ()),
            None if tried is None else tried.get(each, ()),
            _open_report(unsettled.get(each, ())),
            labels.get(each),
            scans.get(each),
            of_labels.get(each),
            next((told for told in reversed(unsettled.get(each, ())) if is_cancellation(told)), None),
            asked.get(each, ()),
        )
        for each in ids
        if each in rows
    ]


def _unsettled(told: Sequence[Any]) -> Sequence[Any]:
    """Return the reports since a lead last settled them, oldest first."""
    settled = max((each.id for each in told if each.what == SETTLED), default=0)
    return [each for each in told if each.what == REPORTED and each.id > settled]


def _open_report(unsettled: Sequence[Any]) -> Any | None:  # noqa: ANN401 - a row
    """Return the newest report of a packer; None: there is none.

    One that lasts after the shipping comes first: it must not be covered by another, which ends with the shipping.
    """
    newest = [each for each in reversed(unsettled) if not is_cancellation(each)]
    return next((each for each in newest if lasts_after_shipping(each)), newest[0] if newest else None)


def _by_order(rows: Iterable[Any]) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = defaultdict(list)
    for row in rows:
        found[row.order_id].append(row)
    return dict(found)


def ids_with_problems(
    look: Look, settings: Settings, now: datetime, most: int = MOST, *, held: bool = False
) -> list[int]:
    """Return the row ids of orders that may have a problem, at most `most`. held: also of those that are only on hold.

    In this order, the oldest of each first: shipped orders with a call that waits for a person, open orders that need a person,
    damaged orders, those that packers reported, those that wait too long, those that are not marked, those on hold or with a stuck
    call that they do not wait for, shipped ones with such a call, those with a parcel that its carrier has not scanned. So the
    least important are cut off first.
    """
    values: list[str] = []
    bounds = {
        "?1": _bound(settings, settings.alerts.waiting_seconds, now, values),
        "?2": _bound(settings, settings.alerts.unflagged_seconds, now, values),
    }
    on_hold = "WHEN held_reason IS NOT NULL THEN 3" if held else ""
    place = f"CASE WHEN {HELD_THOUGH_MARKED} OR {SALE_STOPPED} OR {VANISHED} THEN 0 WHEN {WAITING} THEN 1 {on_hold} END"
    rank = f"CASE WHEN kind IN ({ASIDE}) THEN 3 ELSE 0 END AS place"
    old = f"SELECT id FROM orders WHERE {CLOCKED} AND acknowledged_at < ?2"  # noqa: S608 - constants
    # Each part finds a few orders by an index; reading all open orders is what would take long.
    parts = (
        f"SELECT order_id AS id, {rank} FROM calls JOIN orders ON orders.id = order_id WHERE {WAITS_FOR_A_PERSON} AND {OPEN}",  # noqa: S608 - as above
        f"SELECT id, {place} FROM orders WHERE {OPEN} AND {IS_SET_ASIDE}",  # noqa: S608 - as above
        f"SELECT id, 0 FROM orders WHERE {OPEN} AND {CHANGED_SINCE_PRINTED}",  # noqa: S608 - as above
        f"SELECT id, 1 FROM orders WHERE {OPEN} AND shipped = 1 AND {WAITING}",  # noqa: S608 - as above
        f"SELECT * FROM (SELECT id, 2 FROM orders WHERE id IN ({old}) AND {UNFLAGGED} ORDER BY id LIMIT {most})",  # noqa: S608 - as above
    )
    first_of = f"SELECT id, min(place) AS place FROM ({' UNION ALL '.join(parts)}) WHERE place IS NOT NULL GROUP BY id"  # noqa: S608 - as above
    listed = f"{first_of} ORDER BY place, id LIMIT {most}"
    rows = look.rows(re.sub(r"\?[12]", lambda found: bounds[found[0]], listed), *values)
    shipped = look.rows(SHIPPED_AND_STUCK)
    stuck = [*(row for row in shipped if not row.is_aside), *(row for row in rows if row.place == 0)]
    found = [*(row.id for row in stuck), *damaged(look), *reported(look, most), *(row.id for row in [*rows, *shipped])]
    found += parcels.unscanned(look, settings, most)
    return list(dict.fromkeys(found))[:most]


def _bound(settings: Settings, seconds: float, now: datetime, values: list[str]) -> str:
    """Return, as SQL, the instant since which so much time has counted for the age of an order: by its supplier's calendar.

    The instants are added to the values, so that SQLite compiles the same statement once.
    """

    def value(at: str) -> str:
        values.append(at)
        return f"?{len(values)}"

    of_each = {name: text(settings.counted_ago(name, seconds, now)) for name in settings.suppliers}
    other = text(settings.counted_ago("", seconds, now))
    cases = " ".join(f"WHEN '{name}' THEN {value(at)}" for name, at in of_each.items() if at != other)
    return f"CASE supplier {cases} ELSE {value(other)} END" if cases else value(other)


def with_problems(look: Look, settings: Settings, now: datetime) -> list[OrderFacts]:
    """Return the orders that may have a problem, with their attempts, by row id."""
    return orders_of(look, sorted(ids_with_problems(look, settings, now)), attempts=True)


def damaged(look: Look) -> list[int]:
    """Return the row ids of orders that may be damaged, from an index (triggers.py); order.py decides."""
    if look.first("SELECT name FROM sqlite_master WHERE name = 'damaged_orders'") is None:
        return []  # the index was dropped; the next start of the agent creates it
    found = "SELECT id FROM damaged_orders UNION SELECT order_id FROM damaged_calls"
    return [row.id for row in look.rows(f"SELECT id FROM orders WHERE id IN ({found}) ORDER BY id")]  # noqa: S608 - a constant


def reported(look: Look, most: int) -> list[int]:
    """Return the row ids of orders with a report that no lead has settled yet, by the index events_reported.

    The order is open, or is reported as shipped and did not leave, or someone asked to cancel it.
    """
    settled = f"SELECT order_id, max(id) AS id FROM events WHERE {TOLD} AND what = '{SETTLED}' GROUP BY order_id"  # noqa: S608 - constants
    sql = (
        f"SELECT events.order_id AS id FROM events JOIN orders ON orders.id = events.order_id"  # noqa: S608 - as above
        f" LEFT JOIN ({settled}) AS settled ON settled.order_id = events.order_id"
        f" WHERE {TOLD} AND what = ? AND events.id > coalesce(settled.id, 0) AND closed_reason IS NULL"
        f" AND (ship_confirmed_at IS NULL OR detail = '{Report.NOT_LEFT}' OR detail LIKE '{Report.NOT_LEFT}:%'"
        f" OR detail = '{Report.CANCELLATION}' OR detail LIKE '{Report.CANCELLATION}:%')"
        f" GROUP BY events.order_id ORDER BY max(events.id) LIMIT ?"
    )
    return [row.id for row in look.rows(sql, REPORTED, most)]


def strays(look: Look) -> list[Any]:
    """Return the calls that wait for a person and whose order is missing, because its row was deleted with another tool."""
    return look.rows(
        f"SELECT calls.* FROM calls WHERE {WAITS_FOR_A_PERSON}"  # noqa: S608 - a constant
        " AND order_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM orders WHERE orders.id = order_id) ORDER BY +id LIMIT ?",
        MOST,
    )
