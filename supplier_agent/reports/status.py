"""`status`: the counts of orders, and the state of suppliers and agent. In plain SQL without the ORM, for a check every 30 s.

Partial indexes keep it fast, however many finished orders there are.
screen.py runs the command and draws the screen. verdict/ decides what is a problem; health.py makes the list.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from supplier_agent.base.clock import Clock
from supplier_agent.base.errors import StateError
from supplier_agent.db import SCHEMA, plain_sql, state_folder
from supplier_agent.db.plain_sql import Look, look_at
from supplier_agent.order import STAGES, STUCK, WANTED, Rules, damage, sound_stage
from supplier_agent.reports import facts, health, heartbeat, programs, supplier_facts, webhooks
from supplier_agent.reports.businessonbot import BotLine, bots
from supplier_agent.reports.scans import CarrierLine, carriers
from supplier_agent.reports.shops import ShopLine, shops
from supplier_agent.reports.vitals import NOT_ALIVE, Signs, judge
from supplier_agent.verdict import Problem, ProblemCode, judge_supplier
from supplier_agent.verdict.webhooks import Endpoint
from supplier_agent.words import Words
from supplier_agent.words.formats import iso

if TYPE_CHECKING:
    from sqlmodel import Session

    from supplier_agent.settings import Schedule, Settings


def stage_by(rules: Rules) -> str:
    """Return the stage of an order that is not damaged, in SQL, by these rules."""
    return plain_sql.stage_sql(
        (kind, state) for kind, rule in rules.items() for state in STUCK if state not in rule.attention
    )


STAGE = stage_by(WANTED)
"""As order.sound_stage has it."""


@dataclass(frozen=True)
class Damaged:
    """An order for which nothing is sent: its data cannot be read, or an internal error stopped it."""

    order: Any  # a row
    seems: str  # the stage that follows from its other facts


def counts(tx: "Session | Look", supplier: str) -> dict[str, int]:
    """Return how many orders are in each stage. SQL groups orders with the same facts; order.py gives the stage."""
    found: dict[str, int] = {}
    look = plain_sql.within(tx)
    for alike in look.rows(ALIKE, supplier):
        name = sound_stage(alike, calls_in(alike.states))
        found[name] = found.get(name, 0) + alike.number
    (finished,) = look.rows(FINISHED, supplier)
    ended = {"closed": finished.closed, "shipped": finished.ever - sum(found.values()) - finished.closed}
    found |= {stage: number for stage, number in ended.items() if number}
    for each in damaged(look):
        if each.order.supplier == supplier:  # counted above by its other facts
            found[each.seems] = found.get(each.seems, 0) - 1
            found["attention"] = found.get("attention", 0) + 1
    return found


def calls_in(states: str | None) -> list[Any]:
    """Return the calls for `order.sound_stage`, from the text "KIND STATE,KIND STATE" that SQL returns."""
    pairs = (each.rpartition(" ") for each in (states or "").split(",") if each)
    return [SimpleNamespace(kind=kind, state=state) for kind, _, state in pairs]


def damaged(look: Look) -> list[Damaged]:
    """Return every damaged order."""
    found = facts.orders_of(look, facts.damaged(look))
    return [
        Damaged(each.order, sound_stage(each.order, each.calls)) for each in found if damage(each.order, each.calls)
    ]


ALIKE = """
  WITH stuck AS (SELECT order_id, group_concat(DISTINCT kind || ' ' || state) AS states FROM calls
                  WHERE state IN ('sending', 'parked', 'unknown') GROUP BY order_id)
SELECT NULL AS ship_confirmed_at, NULL AS closed_reason, max(held_reason) AS held_reason,
       max(acknowledged_at) AS acknowledged_at, max(label_path) AS label_path, shipped, states, count(*) AS number
  FROM orders LEFT JOIN stuck ON order_id = orders.id
 WHERE supplier = ?1 AND ship_confirmed_at IS NULL AND closed_reason IS NULL
 GROUP BY held_reason IS NULL, acknowledged_at IS NULL, label_path IS NULL, shipped, states
"""
"""Groups of open orders with the same facts for order.stage, with an example of each fact."""
FINISHED = """
SELECT (SELECT count(*) FROM orders WHERE supplier = ?1) AS ever,
       (SELECT count(*) FROM orders WHERE supplier = ?1 AND ship_confirmed_at IS NULL AND closed_reason IS NOT NULL) AS closed
"""
"""For finished orders, no other fact counts. Both numbers come from an index; the many shipped orders are not read."""


def evidence(tx: "Session | Look", supplier: str, shipped: int) -> dict[str, int]:
    """Return the number of shipped orders by evidence. `shipped`: their total."""
    found = {row.evidence: int(row.number) for row in plain_sql.within(tx).rows(EVIDENCE, supplier)}
    others = {name: found.get(name, 0) for name in EVIDENCES if name != "confirmed"}
    return {"confirmed": shipped - sum(others.values()), **others}


EVIDENCES = ("confirmed", "unverified", "person", "not_recorded")
EVIDENCE = """
SELECT coalesce(ship_evidence, 'not_recorded') AS evidence, count(*) AS number FROM orders
 WHERE supplier = ? AND ship_confirmed_at IS NOT NULL AND coalesce(ship_evidence, '') <> 'confirmed' GROUP BY 1
"""
"""The condition of the index orders_without_a_yes, so that the many confirmed orders are not read."""


def rejected_entries(tx: "Session | Look", supplier: str) -> int:
    """Return how many rejected entries were ever stored."""
    row = plain_sql.within(tx).first("SELECT count(*) AS number FROM rejected_entries WHERE supplier = ?", supplier)
    return int(row.number)


NOT_RUNNING = 3
READ_ONLY = "--read-only"
"""The command that the lock file of a daemon contains."""
OWN = {"poll_seconds", "off_hours_poll_seconds", "business_hours", "business_days"}
"""What is shown of a supplier's own schedule."""
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
    shop: ShopLine | None = None  # None: its own shop is not connected, or not known
    carriers: tuple[CarrierLine, ...] = ()  # that are asked about its parcels
    bot: BotLine | None = None  # None: it has no bot, or that is not known
    schedule: "Schedule | None" = None  # None: that of [schedule]
    only_reads: bool = False

    def reason(self, words: Words) -> str | None:
        """Return why it is not ok; None if it is."""
        return "; ".join(words.reason(each) for each in self.because) or None

    def as_json(self, words: Words) -> dict[str, object]:
        """Return it with the keys of the public contract ("JSON")."""
        return {
            "state": self.state,
            "last_success_at": None if self.last_success_at is None else iso(self.last_success_at),
            "next_poll_at": None if self.next_read_at is None else iso(self.next_read_at),
            "read_only": self.only_reads,
            "reason": self.reason(words),
            "counts": dict(self.counts),
            "ship_evidence": dict(self.evidence),
            "rejected_entries": self.rejected,
            **({} if self.schedule is None else {"schedule": self.schedule.model_dump(include=OWN)}),
            **({} if self.shop is None else {"shop": self.shop.as_json()}),
            **({"carriers": [each.as_json() for each in self.carriers]} if self.carriers else {}),
            **({} if self.bot is None else {"businessonbot": self.bot.as_json()}),
        }


@dataclass(frozen=True)
class Told:
    """The result of `status`."""

    database: Path
    holder: state_folder.Holder | None  # None: no process is working on this state
    suppliers: Mapping[str, Line]
    problems: list[Problem]
    not_running: bool  # no process works on it, and the last round is too old
    api: programs.Programs | None = None  # None: the API is off, or it is not known
    webhooks: Sequence[Endpoint] = ()  # those that are configured; none if it is not known

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
            "api": self.api.as_json() if self.api is not None else None,
            "suppliers": {name: each.as_json(words) for name, each in self.suppliers.items()},
            "webhooks": {each.name: webhooks.as_json(each) for each in self.webhooks},
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
    states = supplier_facts.suppliers(look, settings, last_asked=True, now=now)
    problems = health.judged(look, settings, now, signs=signs, suppliers=states)
    lanes = health.lane_of(states.values())
    lines, of_shops = {}, {each.supplier: each for each in shops(look, settings)}
    of_carriers = carriers(look, settings, now)
    of_bots = {each.supplier: each for each in bots(look, settings)}
    for name in settings.suppliers:
        verdict = judge_supplier(states[name], settings, now, lane_of=lanes, runs_since=signs.runs_since)
        found = counts(look, name)
        lines[name] = Line(
            verdict.state,
            verdict.because,
            {stage: found.get(stage, 0) for stage in STAGES},
            evidence(look, name, found.get("shipped", 0)),
            rejected_entries(look, name),
            states[name].last_success_at,
            verdict.next_read_at,
            of_shops.get(name),
            of_carriers.get(name, ()),
            of_bots.get(name),
            None if settings.schedule_of(name) == settings.schedule else settings.schedule_of(name),
            settings.only_reads(name),
        )
    not_running = holder is None and health.is_stale(look, settings, now)
    if not_running:
        problems.insert(0, Problem(ProblemCode.NOT_RUNNING))
    return Told(database, holder, lines, problems, not_running, programs.of(look, settings), _webhooks(look, settings))


def _webhooks(look: Look, settings: "Settings") -> list[Endpoint]:
    names = {each.name for each in settings.webhooks}
    found = webhooks.endpoints(look, read_only=settings.read_only) if names else []
    return [each for each in found if each.name in names]


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
    return Line("failing", (why,), dict.fromkeys(STAGES, number), dict.fromkeys(EVIDENCES, number), number)


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
