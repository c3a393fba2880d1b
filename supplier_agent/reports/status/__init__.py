"""`status`: the state of suppliers, orders and agent. In plain SQL without the ORM, so that a health check can run every 30 s.

screen.py runs the command and draws the screen. verdict/ decides what is a problem; health.py makes the list.
"""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from supplier_agent.base.clock import Clock
from supplier_agent.base.errors import StateError
from supplier_agent.db import SCHEMA, state_folder
from supplier_agent.db.plain_sql import Look, look_at
from supplier_agent.order import STAGES
from supplier_agent.reports import counts, facts, health, heartbeat
from supplier_agent.reports.vitals import NOT_ALIVE, Signs, judge
from supplier_agent.verdict import Problem, ProblemCode, judge_supplier
from supplier_agent.words import Words
from supplier_agent.words.formats import iso

if TYPE_CHECKING:
    from supplier_agent.settings import Settings

NOT_RUNNING = 3
READ_ONLY = "--read-only"
"""The command that the lock file of a daemon contains."""
BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


@dataclass(frozen=True)
class Line:
    """One supplier. because: why its state is not `ok`. A number is None if the database cannot be read."""

    state: str  # ok, paused, failing
    because: tuple[Problem, ...]
    counts: Mapping[str, int | None]
    evidence: Mapping[str, int | None]
    rejected: int | None
    last_success_at: datetime | None = None  # None: never, or not known
    next_read_at: datetime | None = None  # None: paused, or not known

    def reason(self, words: Words) -> str | None:
        """Return why it is not ok; None if it is."""
        return "; ".join(words.reason(each) for each in self.because) or None

    def as_json(self, words: Words) -> dict[str, object]:
        """Return it with the keys of the public contract ("JSON")."""
        return {
            "state": self.state,
            "last_success_at": None if self.last_success_at is None else iso(self.last_success_at),
            "next_poll_at": None if self.next_read_at is None else iso(self.next_read_at),
            "reason": self.reason(words),
            "counts": dict(self.counts),
            "ship_evidence": dict(self.evidence),
            "rejected_entries": self.rejected,
        }


@dataclass(frozen=True)
class Told:
    """The result of `status`."""

    database: Path
    holder: state_folder.Holder | None  # None: no process is working on this state
    suppliers: Mapping[str, Line]
    problems: list[Problem]
    not_running: bool  # no process works on it, and the last round is too old

    @property
    def not_alive(self) -> list[Problem]:
        """Return the problems that stop the agent or its page completely, not those that wait for a person or the marketplace."""
        return [problem for problem in self.problems if problem.code in NOT_ALIVE]

    @property
    def exit_code(self) -> int:
        """Return 3 if the agent is not running, else the code of the worst problem."""
        return NOT_RUNNING if self.not_running else health.exit_code(self.problems)

    def as_json(self) -> dict[str, object]:
        """Return the object of `status --json`: English, with instants in UTC."""
        words = Words()
        return {
            "schema": 1,
            "healthy": self.exit_code == 0,
            "running": self.holder is not None,
            "suppliers": {name: each.as_json(words) for name, each in self.suppliers.items()},
            "problems": [words.worded(each).as_json() for each in self.problems],
        }


def tell(settings: "Settings", clock: Clock) -> Told:
    """Read the database, and the signs of life next to it.

    While the database is locked, only the signs of life are known. Raises StateError or ConfigError if it exists but is unusable.
    """
    folder = settings.state_dir
    database = folder / state_folder.DATABASE
    signs = heartbeat.signs_of(settings, clock)
    try:
        if not database.exists():
            return _before_the_first_run(settings, database, signs)
        with look_at(database) as look:
            _must_be_ours(look)
            return _told(look, settings, database, signs)
    except (sqlite3.Error, OSError) as error:
        return _without_the_database(settings, database, signs, _locked(database, error))


def _told(look: Look, settings: "Settings", database: Path, signs: Signs) -> Told:
    holder, now = signs.holder, signs.now
    if holder is not None and READ_ONLY in (holder.command or ""):
        settings = settings.model_copy(update={"read_only": True})
    states = facts.suppliers(look, settings, last_asked=True)
    problems = health.judged(look, settings, now, signs=signs, suppliers=states)
    lanes = health.lane_of(states.values())
    lines = {}
    for name in settings.suppliers:
        verdict = judge_supplier(states[name], settings, now, lane_of=lanes, runs_since=signs.runs_since)
        found = counts.counts(look, name)
        lines[name] = Line(
            verdict.state,
            verdict.because,
            {stage: found.get(stage, 0) for stage in STAGES},
            counts.evidence(look, name, found.get("shipped", 0)),
            counts.rejected_entries(look, name),
            states[name].last_success_at,
            verdict.next_read_at,
        )
    not_running = holder is None and health.is_stale(look, settings, now)
    if not_running:
        problems.insert(0, Problem(ProblemCode.NOT_RUNNING))
    return Told(database, holder, lines, problems, not_running)


def _before_the_first_run(settings: "Settings", database: Path, signs: Signs) -> Told:
    never = Problem(ProblemCode.NEVER_RUN)
    lines = dict.fromkeys(settings.suppliers, _nothing(never, 0))
    return Told(database, signs.holder, lines, [never, *judge(signs)], not_running=True)


def _without_the_database(settings: "Settings", database: Path, signs: Signs, locked: Problem) -> Told:
    """Return the status without the database. Counts are null, because they are not known."""
    said = [each for each in judge(signs) if each.code != locked.code]
    lines = dict.fromkeys(settings.suppliers, _nothing(locked, None))
    return Told(database, signs.holder, lines, [locked, *said], not_running=False)


def _nothing(why: Problem, number: int | None) -> Line:
    return Line("failing", (why,), dict.fromkeys(STAGES, number), dict.fromkeys(counts.EVIDENCES, number), number)


def _must_be_ours(look: Look) -> None:
    if look.first("SELECT version_num FROM alembic_version").version_num != SCHEMA:
        raise sqlite3.DatabaseError("another schema")


def _locked(database: Path, error: Exception) -> Problem:
    """Return the temporary problem that keeps the database from being read. Raises StateError or ConfigError for a lasting one."""
    locked = Problem(ProblemCode.DATABASE_LOCKED, facts={"database": str(database)})
    if isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) & 0xFF in BUSY:
        return locked
    from supplier_agent.db.store import FullError, LockedError, open_store  # noqa: PLC0415 - brings the ORM along, for this moment alone

    try:
        open_store(database).close()  # its error message explains what is wrong with the database
    except LockedError as reason:
        code = ProblemCode.DISK_FULL if isinstance(reason, FullError) else ProblemCode.DATABASE_LOCKED
        return replace(locked, code=code, facts={"what": reason.what, "fix": reason.cure})
    raise StateError(f"the database {database} cannot be read: {error}", "supplier-agent check --offline") from error
