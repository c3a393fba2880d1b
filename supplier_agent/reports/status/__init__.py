"""`status`: how things stand, read in plain SQL without the ORM, for a health check that asks every 30 seconds.

door.py answers the command, screen.py draws for people; the list of problems is health.py's.
"""

import sqlite3
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from supplier_agent.base.clock import Clock
from supplier_agent.base.errors import StateError
from supplier_agent.db import state_folder
from supplier_agent.db.plain_sql import Look, look_at
from supplier_agent.order import STAGES
from supplier_agent.reports import counts, health, heartbeat, overdue, vitals
from supplier_agent.reports.known import Known
from supplier_agent.reports.vitals import NEVER_RUN, NOT_ALIVE, Problem, Signs, judge
from supplier_agent.suppliers import warnings

NOT_RUNNING = 3
READ_ONLY = "--read-only"
"""So the lock's holder says it of itself."""
BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
NOT_RUNNING_ANY_MORE = "nothing runs, and the last round is older than twice the poll interval"


@dataclass(frozen=True)
class Told:
    """How things stand. `suppliers` has the keys of `status --json` (public contract, "JSON")."""

    database: Path
    holder: state_folder.Holder | None  # None: nothing works on this state now
    suppliers: dict[str, dict[str, object]]
    problems: list[Problem]
    not_running: bool  # nothing works on it, and has not for too long

    @property
    def not_alive(self) -> list[Problem]:
        """Return what keeps the agent, or its page, from working at all. Whatever waits for a person or the marketplace is not."""
        return [problem for problem in self.problems if problem.code in NOT_ALIVE]

    @property
    def exit_code(self) -> int:
        """Return 3 if nobody works on it any more, else the code of the worst problem."""
        return NOT_RUNNING if self.not_running else health.exit_code(self.problems)

    def as_json(self) -> dict[str, object]:
        """Return the object of `status --json`."""
        return {
            "schema": 1,
            "healthy": self.exit_code == 0,
            "running": self.holder is not None,
            "suppliers": self.suppliers,
            "problems": [each.as_json() for each in self.problems],
        }


def tell(known: Known, clock: Clock) -> Told:
    """Look how things stand, from outside: at the database, and at the signs of life beside it.

    While the database is locked, the signs alone are told. Raises StateError or ConfigError if it is there and cannot be used.
    """
    folder = Path(known.state_dir)
    database = folder / state_folder.DATABASE
    signs = heartbeat.signs(folder, clock, listen=known.listen, least_free_bytes=known.disk_free_bytes)
    try:
        if not database.exists():
            return _before_the_first_run(known, database, signs)
        with look_at(database) as look:
            _must_be_ours(look, known)
            return _told(look, known, database, signs)
    except (sqlite3.Error, OSError) as error:
        return _without_the_database(known, database, signs, _locked(database, error))


def _told(look: Look, known: Known, database: Path, signs: Signs) -> Told:
    holder, now = signs.holder, signs.now
    read_only = known.read_only or (holder is not None and READ_ONLY in (holder.command or ""))
    problems = health.problems(look, replace(known, read_only=read_only), {}, now=now, signs=signs)
    late = {each.supplier: each.what for each in problems if each.code == overdue.READ_LATE}
    suppliers = {name: _supplier(look, known, name, now, late.get(name)) for name in known.suppliers}
    not_running = holder is None and health.is_stale(look, known, now)
    if not_running:
        cure = "systemctl start supplier-agent (or: supplier-agent run)"
        problems.insert(0, Problem("", None, NOT_RUNNING_ANY_MORE, cure, 1, vitals.NOT_RUNNING))
    return Told(database, holder, suppliers, problems, not_running)


def _before_the_first_run(known: Known, database: Path, signs: Signs) -> Told:
    suppliers = dict.fromkeys(known.suppliers, _nothing("never read yet", 0))
    cure = "supplier-agent check, then: supplier-agent run --once --dry-run"
    never = Problem("", None, "nothing has run yet", cure, 1, NEVER_RUN)
    return Told(database, signs.holder, suppliers, [never, *judge(signs)], not_running=True)


def _without_the_database(known: Known, database: Path, signs: Signs, locked: Problem) -> Told:
    """Return what can be said all the same. Counts are null: they are not known, which is not the same as none."""
    said = [each for each in judge(signs) if each.code != locked.code]
    suppliers = dict.fromkeys(known.suppliers, _nothing(locked.what, None))
    return Told(database, signs.holder, suppliers, [locked, *said], not_running=False)


def _nothing(reason: str, number: int | None) -> dict[str, object]:
    return {
        "state": "failing",
        "last_success_at": None,
        "next_poll_at": None,
        "reason": reason,
        "counts": dict.fromkeys(STAGES, number),
        "ship_evidence": dict.fromkeys(counts.EVIDENCES, number),
        "rejected_entries": number,
    }


def _supplier(look: Look, known: Known, name: str, now: datetime, late: str | None) -> dict[str, object]:
    supplier = health.supplier_of(look, name)
    failing = health.failing_lanes(look, known, name)
    if supplier.paused_at is not None:
        is_so, reason = "paused", warnings.why_paused(supplier)
    elif supplier.token_refused_at is not None:
        is_so, reason = "paused", health.refusal(look, name)
    elif supplier.quiet_until is not None and supplier.quiet_until > now:
        is_so, reason = "paused", f"the marketplace asked for silence until {supplier.quiet_until:%H:%M:%S} UTC"
    elif failing:
        is_so, reason = "failing", "; ".join(f"{lane.lane}: {lane.reason}" for lane in failing)
    elif late is not None:
        is_so, reason = "failing", late
    else:
        is_so, reason = "ok", None
    found = counts.counts(look, name)
    return {
        "state": is_so,
        "last_success_at": _instant(supplier.last_success_at),
        "next_poll_at": None if supplier.paused_at else _instant(overdue.next_read_at(look, known, name, now)),
        "reason": reason,
        "counts": {stage: found.get(stage, 0) for stage in STAGES},
        "ship_evidence": counts.evidence(look, name, found.get("shipped", 0)),
        "rejected_entries": counts.rejected_entries(look, name),
    }


def _instant(at: datetime | None) -> str | None:
    """Return an instant as JSON has it: ISO 8601, UTC."""
    return None if at is None else at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _must_be_ours(look: Look, known: Known) -> None:
    if look.first("SELECT version_num FROM alembic_version").version_num != known.schema:
        raise sqlite3.DatabaseError("another schema")


def _locked(database: Path, error: Exception) -> Problem:
    """Return what keeps the database from being read for now. Raises StateError or ConfigError if waiting would not help."""
    if isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) & 0xFF in BUSY:
        what = f"the database {database} is locked by another program"
        return Problem("", None, what, "close the program that edits it", 74, vitals.DATABASE_LOCKED)
    from supplier_agent.db.store import FullError, LockedError, open_store  # noqa: PLC0415 - brings the ORM along, for this moment alone

    try:
        open_store(database).close()  # whoever opens it for everybody else says what is wrong with it
    except LockedError as locked:
        code = vitals.DISK_FULL if isinstance(locked, FullError) else vitals.DATABASE_LOCKED
        return Problem("", None, locked.what, locked.cure, 74, code)
    raise StateError(f"the database {database} cannot be read: {error}", "supplier-agent check --offline") from error
