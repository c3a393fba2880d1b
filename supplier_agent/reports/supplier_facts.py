"""Loads the facts of suppliers and of the installation for the verdict, in plain SQL. It decides nothing, like facts.py."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from supplier_agent.db.plain_sql import (
    CLOCKED,
    IS_SET_ASIDE,
    OPEN,
    OVERDUE,
    UNACKNOWLEDGED,
    last_good,
    supplier_of,
    text,
)
from supplier_agent.reading.missing_orders import absence_of
from supplier_agent.reports.learned import learned_of
from supplier_agent.verdict.codes import ProblemCode
from supplier_agent.verdict.supplier import InstallationState, Lasting, SupplierState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from supplier_agent.db.plain_sql import Look
    from supplier_agent.settings import Settings

MOST_REJECTED = 500
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
LAST_READ_OF_EACH = """
SELECT supplier, max(id) AS id, ended_at FROM reads
 WHERE id > (SELECT max(id) FROM reads) - ? AND run_id IS NOT NULL GROUP BY +supplier
"""
"""Excludes reads that belong to a call: they prove nothing about the list."""


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
        name, listed_from, MOST_REJECTED,
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
