"""`status`: how things stand, read in plain SQL without the ORM, for a health check that asks every 30 seconds.

door.py answers the command, screen.py draws for people; the list of problems is health.py's.
"""

import sqlite3
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from supplier_agent import cautions, health, lock, state
from supplier_agent.errors import StateError
from supplier_agent.glance import Look, look_at
from supplier_agent.health import Problem
from supplier_agent.known import Known
from supplier_agent.order import STAGES
from supplier_agent.timetable import Pauses, Readings, next_read

NOT_RUNNING = 3
READ_ONLY = "--read-only"
"""So the lock's holder says it of itself."""
NEVER_RUN = "nothing has run yet"
NOT_RUNNING_ANY_MORE = "nothing runs, and the last round is older than twice the poll interval"


@dataclass(frozen=True)
class Told:
    """How things stand. `suppliers` has the keys of the contract ("JSON")."""

    database: Path
    holder: lock.Holder | None  # None: nothing works on this state now
    suppliers: dict[str, dict[str, object]]
    problems: list[Problem]
    not_running: bool  # nothing works on it, and has not for too long

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
            "problems": [
                {"supplier": each.supplier, "menzzo_order_id": each.order, "what": each.what, "cure": each.cure}
                for each in self.problems
            ],
        }


def tell(known: Known, now: datetime) -> Told:
    """Read how things stand. Raises StateError if the database is there and cannot be read."""
    folder = Path(known.state_dir)
    database, holder = folder / state.DATABASE, lock.holder_now(folder / state.LOCK)
    try:
        if not database.exists():
            return _before_the_first_run(known, database, holder)
        with look_at(database) as look:
            _must_be_ours(look, known)
            return _told(look, known, database, holder, now)
    except (sqlite3.Error, OSError) as error:
        raise _in_words(database, error) from error


def _told(look: Look, known: Known, database: Path, holder: lock.Holder | None, now: datetime) -> Told:
    read_only = known.read_only or (holder is not None and READ_ONLY in (holder.command or ""))
    problems = health.problems(look, replace(known, read_only=read_only), {}, now=now)
    suppliers = {name: _supplier(look, known, name, now) for name in known.suppliers}
    not_running = holder is None and health.is_stale(look, known, now)
    if not_running:
        cure = "systemctl start supplier-agent (or: supplier-agent run)"
        problems.insert(0, Problem("", None, NOT_RUNNING_ANY_MORE, cure, 1))
    return Told(database, holder, suppliers, problems, not_running)


def _before_the_first_run(known: Known, database: Path, holder: lock.Holder | None) -> Told:
    nothing: dict[str, object] = {
        "state": "failing",
        "last_success_at": None,
        "next_poll_at": None,
        "reason": "never read yet",
        "counts": dict.fromkeys(STAGES, 0),
        "ship_evidence": dict.fromkeys(health.EVIDENCES, 0),
        "rejected_entries": 0,
    }
    cure = "supplier-agent check, then: supplier-agent run --once --dry-run"
    suppliers = dict.fromkeys(known.suppliers, nothing)
    return Told(database, holder, suppliers, [Problem("", None, NEVER_RUN, cure, 1)], not_running=True)


def _supplier(look: Look, known: Known, name: str, now: datetime) -> dict[str, object]:
    supplier = health.supplier_of(look, name)
    failing = health.failing_lanes(look, known, name)
    if supplier.paused_at is not None:
        is_so, reason = "paused", cautions.why_paused(supplier)
    elif supplier.token_refused_at is not None:
        is_so, reason = "paused", health.refusal(look, name)
    elif supplier.quiet_until is not None and supplier.quiet_until > now:
        is_so, reason = "paused", f"the marketplace asked for silence until {supplier.quiet_until:%H:%M:%S} UTC"
    elif failing:
        is_so, reason = "failing", "; ".join(f"{lane.lane}: {lane.reason}" for lane in failing)
    else:
        is_so, reason = "ok", None
    found = health.counts(look, name)
    return {
        "state": is_so,
        "last_success_at": _instant(supplier.last_success_at),
        "next_poll_at": None if supplier.paused_at else _instant(_next_read_at(look, known, name, now)),
        "reason": reason,
        "counts": {stage: found.get(stage, 0) for stage in STAGES},
        "ship_evidence": health.evidence(look, name, found.get("shipped", 0)),
        "rejected_entries": health.rejected_entries(look, name),
    }


def _next_read_at(look: Look, known: Known, name: str, now: datetime) -> datetime:
    """Return when the loop will read next: the same rule, asked of plain rows."""
    supplier = health.supplier_of(look, name)
    resync = "SELECT * FROM runs WHERE supplier = ? AND purpose = 'resync' AND started_at IS NULL ORDER BY id LIMIT 1"
    sweep, poll = (health.last_good(look, name, purpose) for purpose in ("sweep", "poll"))
    pauses = Pauses(known.interval(now), known.sweep_seconds, known.suppliers[name].cache_seconds)
    reads = look.first("SELECT resume_at FROM lanes WHERE supplier = ? AND lane = ?", name, health.READS)
    waits = (now, reads.resume_at if reads is not None else None, supplier.quiet_until)
    earliest = max(each for each in waits if each is not None)
    return next_read(Readings(supplier, look.first(resync, name), sweep, poll), pauses, earliest, now).at


def _instant(at: datetime | None) -> str | None:
    """Return an instant as JSON has it: ISO 8601, UTC."""
    return None if at is None else at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _must_be_ours(look: Look, known: Known) -> None:
    if look.first("SELECT version_num FROM alembic_version").version_num != known.schema:
        raise sqlite3.DatabaseError("another schema")


def _in_words(database: Path, error: Exception) -> StateError:
    """Let the room that opens the database for everybody else say what is wrong with it; raises what it says."""
    from supplier_agent.store import open_store  # noqa: PLC0415 - brings the ORM along, for the one moment when it is needed

    open_store(database).close()
    return StateError(f"the database {database} cannot be read: {error}", "supplier-agent check --offline")
