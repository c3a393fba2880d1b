"""Loads the facts for the verdict in plain SQL: suppliers, the installation, orders with calls, prints and attempts.

`status`, alerts, page and loop all use this loader. It decides nothing: verdict/ decides what is a problem.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from supplier_agent.db.plain_sql import (
    ASIDE,
    CHANGED_SINCE_PRINTED,
    CLOCKED,
    HELD_THOUGH_MARKED,
    IS_SET_ASIDE,
    OPEN,
    OVERDUE,
    SALE_STOPPED,
    TOLD,
    UNACKNOWLEDGED,
    UNFLAGGED,
    VANISHED,
    WAITING,
    WAITS_FOR_A_PERSON,
    last_good,
    supplier_of,
    text,
)
from supplier_agent.order import WANTED
from supplier_agent.reading.missing_orders import absence_of
from supplier_agent.reports import label_facts, parcels
from supplier_agent.reports.learned import learned_of
from supplier_agent.verdict.codes import ProblemCode, Report
from supplier_agent.verdict.label import Label
from supplier_agent.verdict.problems import is_cancellation, lasts_after_shipping
from supplier_agent.verdict.supplier import InstallationState, Lasting, SupplierState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from supplier_agent.db.plain_sql import Look
    from supplier_agent.labels.tracking import Codes
    from supplier_agent.settings import Settings

MOST = 500
"""The maximum number of orders with problems that are listed; the counts are always complete."""
AT_ONCE = 500
"""How many orders are loaded with one statement."""
LAST_READS, LAST_READS_OF_ALL = 200, 5000
OF_ROW = (
    *("cursor", "cursor_refused", "cursor_distrusted_at", "paused_at", "paused_by", "paused_reason", "flags_asked_at"),
    *(
        "token_refused_at",
        "token_since",
        "token_key",
        "quiet_until",
        "last_success_at",
        "first_asked_at",
        "first_agreed_at",
    ),
)
LASTING = {each.value: each for each in (ProblemCode.SILENCE, ProblemCode.NOT_READ)}
"""The causes of alerts that take long to find: they are read from the table of alerts."""
REPORTED, SETTLED = "problem reported", "problem settled"
"""What the history of an order says when a packer reports a problem, and when a lead settles it."""
LAST_READ_OF_EACH = """
SELECT supplier, max(id) AS id, ended_at FROM reads
 WHERE id > (SELECT max(id) FROM reads) - ? AND run_id IS NOT NULL GROUP BY +supplier
"""
"""Excludes reads that belong to a call: they prove nothing about the list."""
_ENDED = ", ".join(f"'{kind}'" for kind, rule in WANTED.items() if rule.ends)
SHIPPED_AND_STUCK = f"""
SELECT order_id AS id, kind IN ({ASIDE}) AS is_aside FROM calls JOIN orders ON orders.id = order_id
 WHERE {WAITS_FOR_A_PERSON} AND kind NOT IN ({_ENDED})
   AND ship_confirmed_at IS NOT NULL AND closed_reason IS NULL ORDER BY is_aside, +order_id LIMIT {MOST}
"""  # noqa: S608 - constants
"""ProblemCode.CALL_UNKNOWN or CALL_PARKED, of a shipped order, by the index calls_stuck."""


# -- suppliers ---------------------------------------------------------------------------------------------------------


def suppliers(
    look: Look,
    settings: Settings,
    no_token: Mapping[str, str | None] | None = None,
    since: datetime | None = None,
    *,
    last_asked: bool = False,
    now: datetime | None = None,
) -> dict[str, SupplierState]:
    """Return the configured suppliers, their other accounts, and unconfigured suppliers with open orders.

    no_token: why no token can be read, where this was tried. since: the start of a round whose rejected entries count even if no
    sweep has listed them yet. last_asked: load when each list was last requested; only lateness needs it, and it takes longer
    after many requests. now: for the orders that are overdue; None: they are not counted.
    """
    newest = look.rows(LAST_READ_OF_EACH, LAST_READS_OF_ALL) if last_asked else []
    asked = {row.supplier: row.ended_at for row in newest}
    lasting = _lasting(look)
    found = {}
    for name in settings.suppliers:
        gone = absence_of(look, name)
        resync = (
            "SELECT * FROM runs WHERE supplier = ? AND purpose = 'resync' AND started_at IS NULL ORDER BY id LIMIT 1"
        )
        owed = look.rows("SELECT DISTINCT kind FROM calls WHERE supplier = ? AND state = 'owed'", name)
        found[name] = replace(
            _account(look, supplier_of(look, name), no_token),
            owed=frozenset(call.kind for call in owed),
            resync=look.first(resync, name),
            sweep=last_good(look, name, "sweep"),
            poll=last_good(look, name, "poll"),
            whole=last_good(look, name, "sweep", "resync"),
            asked_at=asked.get(name),
            rejected=_rejected(look, name, since),
            gone_at_once=gone.gone_at_once,
            gone_since=gone.gone_since,
            learned=learned_of(look, name),
            lasting=lasting.get(name, ()),
            overdue=0 if now is None else _overdue(look, settings, name, now),
        )
        if found[name].first_asked_at is not None:
            unacknowledged = f"SELECT count(*) AS number FROM orders WHERE {UNACKNOWLEDGED} AND supplier = ?"  # noqa: S608 - a constant
            found[name] = replace(found[name], unacknowledged=look.first(unacknowledged, name).number)
    for row in look.rows("SELECT * FROM suppliers WHERE instr(name, '/') ORDER BY name"):
        owner, _, kind = row.name.partition("/")
        if settings.has_account(owner, kind):  # else it is no longer connected, and its last troubles are over
            account = replace(_account(look, row, no_token), owed=found[owner].owed)
            found[owner] = replace(found[owner], accounts={**found[owner].accounts, kind: account})
            found[row.name] = account
    for row in _strangers(look, list(found)):
        found[row.supplier] = SupplierState(
            row.supplier, open_orders=row.number, marked=row.marked or 0, example=str(row.example)
        )
    return found


def _overdue(look: Look, settings: Settings, name: str, now: datetime) -> int:
    """Count the orders that should have left by now."""
    before = settings.overdue_before(name, now)
    if before is None:
        return 0
    sql = f"SELECT count(*) AS number FROM orders WHERE {CLOCKED} AND supplier = ? AND {OVERDUE}"  # noqa: S608 - constants
    number: int = look.first(sql, name, text(before)).number
    return number


def _strangers(look: Look, known: Sequence[str]) -> list[Any]:
    """Return the open orders of all other suppliers. The index orders_open finds these orders, so no others are read."""
    marks = ", ".join("?" * len(known))
    return look.rows(
        f"SELECT supplier, count(*) AS number, sum(shipped) AS marked, min(menzzo_order_id) AS example"  # noqa: S608 - question marks and constants
        f" FROM orders WHERE {OPEN} AND supplier NOT IN ({marks}) GROUP BY supplier",
        *known,
    )


def _account(look: Look, row: Any, no_token: Mapping[str, str | None] | None) -> SupplierState:  # noqa: ANN401 - a row
    """Return what its own row and its lanes say of an account."""
    return SupplierState(
        row.name,
        **{column: getattr(row, column) for column in OF_ROW},
        token_missing=(no_token or {}).get(row.name),
        lanes={lane.lane: lane for lane in look.rows("SELECT * FROM lanes WHERE supplier = ?", row.name)},
    )


def _rejected(look: Look, name: str, since: datetime | None) -> tuple[str, ...]:
    """Return why entries of the last sweep cannot be used; entries that were corrected since are not included."""
    sweep = last_good(look, name, "sweep")
    begun = sweep.started_at if sweep is not None else None
    listed_from = "" if begun is None else text(min(begun, since or begun))
    rows = look.rows(
        "SELECT reason FROM rejected_entries WHERE supplier = ? AND last_listed_at >= ? ORDER BY id LIMIT ?",
        name, listed_from, MOST,
    )  # fmt: skip
    return tuple(row.reason for row in rows)


def _lasting(look: Look) -> dict[str, tuple[Lasting, ...]]:
    marks = ", ".join("?" * len(LASTING))
    rows = look.rows(
        f"SELECT cause, supplier, text FROM alerts WHERE solved_at IS NULL AND cause IN ({marks}) ORDER BY id",  # noqa: S608 - question marks alone
        *LASTING,
    )
    found: dict[str, tuple[Lasting, ...]] = {}
    for row in rows:
        if row.cause == ProblemCode.SILENCE:
            lasting = Lasting(ProblemCode.SILENCE, since=last_arrival_at(look, row.supplier))
        else:
            what, _, fix = row.text.partition("\n")
            lasting = Lasting(LASTING[row.cause], what, fix)
        found[row.supplier or ""] = (*found.get(row.supplier or "", ()), lasting)
    return found


def last_arrival_at(look: Look, supplier: str) -> datetime | None:
    """Return when a reading of this supplier last found new orders; None: never."""
    last = look.first("SELECT ended_at FROM runs WHERE supplier = ? AND added > 0 ORDER BY id DESC LIMIT 1", supplier)
    at: datetime | None = None if last is None else last.ended_at
    return at


def installation(look: Look) -> InstallationState:
    """Return what the database knows about the installation as a whole."""
    lost = look.first("SELECT ledger_lost_at, ledger_lost_why FROM installation WHERE ledger_lost_at IS NOT NULL")
    broken = look.first(
        "SELECT found_at, why, number FROM evidence_breaks WHERE accepted_at IS NULL ORDER BY id LIMIT 1"
    )
    refused = look.first("SELECT done_at, detail FROM chores WHERE name = 'configuration' AND detail IS NOT NULL")
    held_by_agent = f"held_code IN ('restored', 'ledger_lost') AND {OPEN} AND {IS_SET_ASIDE}"
    held = look.first(f"SELECT count(*) AS number FROM orders WHERE {held_by_agent}")  # noqa: S608 - constants
    ahead = look.rows(
        "SELECT ahead_seconds FROM reads WHERE id > (SELECT max(id) FROM reads) - ? AND ahead_seconds IS NOT NULL "
        "ORDER BY id DESC LIMIT 3",
        LAST_READS,
    )
    return InstallationState(
        ledger_lost_at=lost.ledger_lost_at if lost is not None else None,
        ledger_lost_why=lost.ledger_lost_why if lost is not None else None,
        chain_broken_at=broken.found_at if broken is not None else None,
        chain_broken_why=broken.why if broken is not None else "",
        chain_broken_number=broken.number if broken is not None else 0,
        held_after_restore=held.number,
        refused_at=refused.done_at if refused is not None else None,
        refused_why="; ".join(line.strip() for line in refused.detail.splitlines()) if refused is not None else "",
        ahead_seconds=tuple(row.ahead_seconds for row in ahead),
        lasting=_lasting(look).get("", ()),
    )


# -- orders ------------------------------------------------------------------------------------------------------------


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
