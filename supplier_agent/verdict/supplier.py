"""The verdict on one supplier, and on the installation. Pure: no clock, no database, no network, no prose."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from supplier_agent.reading.schedule import Pauses, Readings, next_read
from supplier_agent.verdict.codes import Act, Problem, ProblemCode, SupplierVerdict
from supplier_agent.verdict.marketplace import Learned, learned_problems

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from supplier_agent.db.tables import Lane, Run, Supplier
    from supplier_agent.settings import Settings
    from supplier_agent.verdict.codes import Facts

READS = "reads"
MARKETPLACE = "marketplace"
"""The kind of a supplier's account at the marketplace, which has the supplier's name; another is named SUPPLIER/KIND."""
SUPPORT, SHOP, BOT = "support", "shop", "businessonbot"
"""The kinds of a supplier's accounts at the support API, its own shop and its WhatsApp bot: the names of their sections."""
TOKEN_DAYS, WARN_DAYS = 90, 83
"""Menzzo replaces tokens every 90 days; the old one works for 7 days more (API notes, 1)."""
TOKEN_NEXT = "token_next"  # noqa: S105 - a key of the configuration
"""The setting for the next token."""
LEAST_SECONDS = 30.0
"""The shortest delay that counts as late: the loop needs this long to notice the opening hour."""
AGREE = 3
"""This many answers in a row must show that our clock is wrong; one wrong server is no reason for an alarm."""


def owner_of(account: str) -> str:
    """Return the supplier of an account: `notio` of its account at the marketplace, `notio`, and of another, `notio/shop`."""
    return account.partition("/")[0]


def account_name(supplier: str, kind: str) -> str:
    """Return the name of another account of a supplier."""
    return f"{supplier}/{kind}"


@dataclass(frozen=True)
class Lasting:
    """A finding of the alerts (alerts/), in their words. what: "" if code and `since` are enough."""

    code: ProblemCode
    what: str = ""
    fix: str = ""
    since: datetime | None = None  # None: not known


@dataclass(frozen=True)
class SupplierState:
    """Everything about one supplier that the verdict needs, as of one moment. reports/facts.py loads it.

    It has the columns of `suppliers` (explained in tables.py), and the fields explained below.
    """

    name: str
    cursor: str | None = None
    cursor_refused: str | None = None
    cursor_distrusted_at: datetime | None = None
    paused_at: datetime | None = None
    paused_by: str | None = None
    paused_reason: str | None = None
    flags_asked_at: datetime | None = None
    first_asked_at: datetime | None = None
    first_agreed_at: datetime | None = None
    token_refused_at: datetime | None = None
    token_since: datetime | None = None
    token_key: str | None = None
    quiet_until: datetime | None = None
    last_success_at: datetime | None = None
    token_missing: str | None = None  # why no token can be read; null: there is one, or this was not checked
    lanes: Mapping[str, Lane] = field(default_factory=dict)  # by name
    owed: frozenset[str] = frozenset()  # the kinds of the calls that are owed
    resync: Run | None = (
        None  # for the time of the next read (reading.schedule): the oldest waiting request of a person
    )
    sweep: Run | None = None  # also for the next read: the last complete poll
    poll: Run | None = None  # as above
    whole: Run | None = None  # the last complete sweep or resync
    asked_at: datetime | None = None  # when the last request of a reading ended; null: it is not among the newest ones
    rejected: Sequence[str] = ()  # why entries that are still listed cannot be used
    gone_at_once: int = (
        0  # this many open orders disappeared in one reading, which says nothing about each of them; 0: none
    )
    gone_since: datetime | None = None  # when they disappeared; null: they did not
    learned: Learned = field(default_factory=Learned)
    lasting: Sequence[Lasting] = ()
    unacknowledged: int = 0  # orders to acknowledge, while its first start waits for approval
    overdue: int = 0  # orders that should have left by now; 0 without a ship-by clock
    open_orders: int = 0  # only for a supplier that is not in the configuration, like the next two
    marked: int = 0
    example: str = ""  # the id of one of them
    accounts: Mapping[str, SupplierState] = field(default_factory=dict)  # its other accounts, by kind

    def account(self, kind: str) -> SupplierState:
        """Return its account of that kind, by the kind's name in calls/; one that has no row yet is well."""
        if kind == MARKETPLACE:
            return self
        return self.accounts.get(kind) or SupplierState(f"{self.name}/{kind}")

    def failing(self, lane_of: Mapping[str, str]) -> list[Lane]:
        """Return the lanes that fail and have something to send. A lane without calls is not tried, so it is not failing.

        lane_of: the lane of each kind of call to the marketplace. Reads are always due. For another account, any other call counts.
        """
        failing = [lane for lane in self.lanes.values() if lane.failing_since is not None]
        if owner_of(self.name) != self.name:
            busy_too = bool(self.owed - lane_of.keys())
            return sorted((lane for lane in failing if busy_too or lane.lane == READS), key=lambda lane: lane.lane)
        busy = {READS, *(lane_of[kind] for kind in self.owed if kind in lane_of)}
        return sorted((lane for lane in failing if lane.lane in busy), key=lambda lane: (lane.lane != READS, lane.lane))


def who_paused(supplier: SupplierState | Supplier) -> Facts:
    """Return who paused it, when and why, as facts; empty if it is not paused."""
    if supplier.paused_at is None:
        return {}
    return {"who": str(supplier.paused_by), "since": supplier.paused_at, "reason": str(supplier.paused_reason)}


def judge_supplier(
    supplier: SupplierState,
    settings: Settings,
    now: datetime,
    *,
    lane_of: Mapping[str, str],
    runs_since: datetime | None = None,
) -> SupplierVerdict:
    """Return the verdict on a supplier.

    lane_of: the lane of each kind of call (calls/). runs_since: since when a daemon runs, whose reads should be on time; None:
    none runs, so nothing is late.

    The state is the first that applies: paused by a person, token refused, asked by the marketplace to wait (all `paused`);
    failing lanes, a late read (both `failing`); `ok`. While a supplier is paused, other reasons for waiting are not problems.
    """
    name = supplier.name
    if owner_of(name) != name and owner_of(name) in settings.suppliers:
        return _judge_account(supplier, lane_of, now)
    if name not in settings.suppliers:
        counted: Facts = {"number": supplier.open_orders, "marked": supplier.marked, "example": supplier.example}
        unknown = Problem(ProblemCode.SUPPLIER_UNKNOWN, name, facts=counted)
        found = (unknown,) if supplier.open_orders else ()
        return SupplierVerdict("paused", (unknown,), found, None, frozenset())
    paused, refused, quiet = _paused(supplier), _token_refused(supplier, settings), _quiet(supplier, now)
    failing, late = _failing(supplier, lane_of, now), _late(supplier, settings, now, runs_since)
    state, because = next(
        ((state, why) for state, why in (("paused", paused), ("paused", refused), ("paused", quiet), ("failing", failing),
                                         ("failing", late)) if why),
        ("ok", ()),
    )  # fmt: skip
    if supplier.token_missing is not None:
        unreachable: Iterable[Problem] = (_token_missing(supplier),)
    else:
        unreachable = (*(refused or failing), *_not_fully_read(supplier))
    problems = paused or (*_read_only(name, settings), *_flags(supplier), *_token_age(supplier, now), *unreachable)
    return SupplierVerdict(
        state,
        because,
        (
            *(*problems, *late, *_listed(supplier), *_gone(supplier), *_overdue(supplier), *_lasting(supplier)),
            *learned_problems(name, supplier.learned, settings.schedule.sweep_days),
        ),
        None if paused else next_read_at(supplier, settings, now),
        frozenset({Act.RESUME if paused else Act.PAUSE} | ({Act.APPROVE} if _waits_for_approval(supplier) else set())),
    )


def _judge_account(account: SupplierState, lane_of: Mapping[str, str], now: datetime) -> SupplierVerdict:
    """Return the verdict on another account of a supplier. It has no list to read, and its lane shows the state of its token."""
    paused, failing = _paused(account), _failing(account, lane_of, now)
    missing = (_token_missing(account),) if account.token_missing is not None else ()
    because = paused or _quiet(account, now) or failing
    state = "ok" if not because else "failing" if because == failing else "paused"
    may = frozenset({Act.RESUME if paused else Act.PAUSE})
    return SupplierVerdict(state, because, paused or missing or failing, None, may)


def _paused(supplier: SupplierState) -> tuple[Problem, ...]:
    if supplier.paused_at is None:
        return ()
    return (Problem(ProblemCode.PAUSED, supplier.name, None, supplier.paused_at, who_paused(supplier)),)


def _token_refused(supplier: SupplierState, settings: Settings) -> tuple[Problem, ...]:
    if supplier.token_refused_at is None:
        return ()
    reads = supplier.lanes.get(READS)
    said = str(reads.reason) if reads is not None and reads.reason else ""
    given = settings.suppliers[supplier.name]
    facts: Facts = {"said": said, "since": supplier.token_refused_at}
    if given.token_file is not None:
        facts |= {"case": "file", "place": str(given.token_file)}
    else:
        facts["case"] = "key" if given.token is not None else "secret"
    return (Problem(ProblemCode.TOKEN_REFUSED, supplier.name, None, supplier.token_refused_at, facts),)


def _token_missing(supplier: SupplierState) -> Problem:
    said = str(supplier.token_missing).partition("\n")[0]
    return Problem(ProblemCode.TOKEN_MISSING, supplier.name, facts={"said": said})


def _quiet(supplier: SupplierState, now: datetime) -> tuple[Problem, ...]:
    until = supplier.quiet_until
    if until is None or until <= now:
        return ()
    return (Problem(ProblemCode.QUIET, supplier.name, facts={"until": until}),)


def _failing(supplier: SupplierState, lane_of: Mapping[str, str], now: datetime) -> tuple[Problem, ...]:
    codes = {str(code): code for code in ProblemCode}
    found = []
    for lane in supplier.failing(lane_of):
        facts: Facts = {"lane": lane.lane, "reason": str(lane.reason)}
        if lane.failing_since is not None:
            facts["since"] = lane.failing_since
        if lane.redirected_to is not None:
            facts["case"] = "elsewhere"
        elif lane.resume_at is not None and lane.resume_at > now:
            facts |= {"case": "again_at", "at": lane.resume_at}
        else:  # a time in the past is not shown: the call is being tried, or nothing runs
            facts["case"] = "again"
        code = codes.get(f"{lane.lane}_failing", ProblemCode.CALLS_FAILING)
        found.append(Problem(code, supplier.name, None, lane.failing_since, facts))
    return tuple(found)


def _late(
    supplier: SupplierState, settings: Settings, now: datetime, runs_since: datetime | None
) -> tuple[Problem, ...]:
    """Return the problem that a due read is later than its interval, though an agent runs.

    The question is: was the read due one interval ago, and has nothing been read since? So a read is not late as soon as the
    opening hour shortens the interval. A pause, a wait that the marketplace asked for, and a back-off are not lateness. A
    refused token is another problem.
    """
    if runs_since is None or supplier.paused_at is not None or supplier.token_refused_at is not None:
        return ()
    given = settings.suppliers[supplier.name]
    interval = settings.poll_interval(supplier.name, now)
    seconds = max(interval, given.cache_seconds, LEAST_SECONDS)
    at = now - timedelta(seconds=seconds)
    since = max((each for each in (runs_since, supplier.asked_at) if each is not None and each <= now), default=now)
    if since > at or next_read_at(supplier, settings, at, resyncs=False) > at:
        return ()
    return (
        Problem(ProblemCode.READ_LATE, supplier.name, None, since, {"since": since, "every_seconds": round(seconds)}),
    )


def next_read_at(supplier: SupplierState, settings: Settings, now: datetime, *, resyncs: bool = True) -> datetime:
    """Return when the loop will read next, by the loop's rule. `resyncs`: include requests of people."""
    schedule = settings.schedule
    pauses = Pauses(
        settings.poll_interval(supplier.name, now),
        schedule.sweep_seconds,
        settings.suppliers[supplier.name].cache_seconds,
    )
    reads = supplier.lanes.get(READS)
    waits = (now, reads.resume_at if reads is not None else None, supplier.quiet_until)
    earliest = max(each for each in waits if each is not None)
    readings = Readings(supplier, supplier.resync if resyncs else None, supplier.sweep, supplier.poll)  # type: ignore[arg-type]
    return next_read(readings, pauses, earliest, now).at


def _read_only(name: str, settings: Settings) -> Iterable[Problem]:
    """Yield that only this supplier is read. If all are, that is one problem of the installation."""
    if settings.only_reads(name) and not settings.read_only:
        yield Problem(ProblemCode.READ_ONLY, name, facts={"case": "supplier"})


def _waits_for_approval(supplier: SupplierState) -> bool:
    return supplier.flags_asked_at is not None or supplier.first_asked_at is not None


def _flags(supplier: SupplierState) -> Iterable[Problem]:
    at = supplier.flags_asked_at
    if at is not None:
        yield Problem(ProblemCode.FLAGS_UNUSUAL, supplier.name, None, at, {"at": at})
    if supplier.first_asked_at is not None:
        facts: Facts = {"number": supplier.unacknowledged}
        yield Problem(ProblemCode.FIRST_START, supplier.name, None, supplier.first_asked_at, facts)


def _token_age(supplier: SupplierState, now: datetime) -> Iterable[Problem]:
    since = supplier.token_since
    if since is None:
        return
    if supplier.token_key == TOKEN_NEXT:
        yield Problem(ProblemCode.TOKEN_NEXT_IN_USE, supplier.name, None, since, {"since": since})
    days = (now - since) // timedelta(days=1)
    if days >= WARN_DAYS:
        facts: Facts = {"days": days, "lasts": TOKEN_DAYS}
        yield Problem(ProblemCode.TOKEN_OLD, supplier.name, None, since, facts)


def _not_fully_read(supplier: SupplierState) -> Iterable[Problem]:
    sweep = supplier.whole
    if sweep is not None and sweep.proof == "partial" and sweep.started_at is not None:
        facts: Facts = {"first": str(sweep.date_from), "last": str(sweep.date_to)}
        facts |= {"at": sweep.started_at, "detail": str(sweep.detail or "")}
        yield Problem(ProblemCode.NOT_FULLY_READ, supplier.name, None, sweep.started_at, facts)


def _listed(supplier: SupplierState) -> Iterable[Problem]:
    for reason in supplier.rejected:
        yield Problem(ProblemCode.ENTRY_REJECTED, supplier.name, facts={"reason": reason})


def _gone(supplier: SupplierState) -> Iterable[Problem]:
    if supplier.gone_at_once:
        since = supplier.gone_since
        yield Problem(ProblemCode.MASS_DISAPPEARANCE, supplier.name, None, since, {"number": supplier.gone_at_once})


def _overdue(supplier: SupplierState) -> Iterable[Problem]:
    if supplier.overdue:
        yield Problem(ProblemCode.SHIP_OVERDUE, supplier.name, facts={"number": supplier.overdue})


def _lasting(supplier: SupplierState) -> Iterable[Problem]:
    for each in supplier.lasting:
        facts: Facts = {"what": each.what, "fix": each.fix} if each.what else {}
        yield Problem(each.code, supplier.name or None, None, each.since, facts)


@dataclass(frozen=True)
class InstallationState:
    """What the database knows about the installation as a whole. vitals.py judges what is visible from outside.

    ledger_lost_at: None: the ship ledger is there. chain_broken_at: None: the evidence is whole, or its break is accepted.
    held_after_restore: orders that the agent holds. refused_at: when a new configuration was refused; None: none was.
    ahead_seconds: the marketplace's clock minus ours, by the newest answers. lasting: findings of the alerts that concern no
    particular supplier.
    """

    ledger_lost_at: datetime | None = None
    ledger_lost_why: str | None = None
    chain_broken_at: datetime | None = None
    chain_broken_why: str = ""  # contradicts_ledger, damaged, not_written
    chain_broken_number: int = 0  # the block
    held_after_restore: int = 0
    refused_at: datetime | None = None
    refused_why: str = ""
    ahead_seconds: Sequence[int] = ()
    lasting: Sequence[Lasting] = ()


def judge_installation(state: InstallationState, settings: Settings) -> tuple[Problem, ...]:
    """Return the problems of the installation as a whole that are in the database."""
    found = []
    if settings.read_only:
        found.append(Problem(ProblemCode.READ_ONLY))
    if state.refused_at is not None:
        facts: Facts = {"case": "at", "at": state.refused_at, "said": state.refused_why}
        found.append(Problem(ProblemCode.CONFIGURATION_REFUSED, since=state.refused_at, facts=facts))
    off = _clock_off(state.ahead_seconds, settings.alerts.clock_seconds)
    if off:
        found.append(
            Problem(ProblemCode.CLOCK_OFF, facts={"case": "behind" if off > 0 else "ahead", "away_seconds": abs(off)})
        )
    if state.ledger_lost_at is not None:
        facts = {"since": state.ledger_lost_at, "reason": str(state.ledger_lost_why)}
        found.append(Problem(ProblemCode.LEDGER_LOST, since=state.ledger_lost_at, facts=facts))
    if state.chain_broken_at is not None:
        facts = {"case": state.chain_broken_why, "at": state.chain_broken_at, "number": state.chain_broken_number}
        found.append(Problem(ProblemCode.EVIDENCE_BROKEN, since=state.chain_broken_at, facts=facts))
    if state.held_after_restore:
        found.append(Problem(ProblemCode.HELD_AFTER_RESTORE, facts={"number": state.held_after_restore}))
    found += [Problem(each.code, facts={"what": each.what, "fix": each.fix}) for each in state.lasting]
    return tuple(found)


def _clock_off(ahead_seconds: Sequence[int], most_seconds: float) -> int:
    """Return how many seconds our clock is behind the marketplace's (negative: ahead); 0: close enough, or not certain."""
    newest = list(ahead_seconds[:AGREE])
    off = min(newest, key=abs) if len(newest) == AGREE else 0
    return off if abs(off) > most_seconds and len({each > 0 for each in newest}) == 1 else 0
