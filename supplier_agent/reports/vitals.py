"""Signs of life, judged from outside the agent's process: does it work, does the page listen, is there disk space. Pure.

heartbeat.py collects the signs; health.py adds the database. The agent itself is not asked: a process that hangs cannot answer,
and its last message may be outdated.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from supplier_agent.db.state_folder import Holder
from supplier_agent.verdict.codes import Problem, ProblemCode

if TYPE_CHECKING:
    from supplier_agent.verdict.codes import Facts

STILL_SECONDS = 60.0
"""The agent touches its heartbeat every few seconds, also while it waits for a locked database. After this long, it hangs."""
BUSY_SECONDS = 900.0
"""The same at start and end, when the upgrade of a large database or the end of a round may prevent a touch."""
SLACK_SECONDS = 5.0
"""Tolerance for clocks that are read one after the other, or adjusted slowly."""
STARTING, RUNNING, STOPPING, STOPPED = "starting", "running", "stopping", "stopped"
RESTART = "systemctl restart supplier-agent (or end that process, and start the agent again)"
CORRECT_IT = "correct it (supplier-agent config check), then: systemctl reload supplier-agent"
"""What to do about a rejected configuration."""

AGENT_HUNG, AGENT_DIED = ProblemCode.AGENT_HUNG.value, ProblemCode.AGENT_DIED.value
AGENT_TROUBLE = ProblemCode.AGENT_TROUBLE.value
PAGE, DISK_FULL, CLOCK_OFF = (
    ProblemCode.PAGE_NOT_LISTENING.value,
    ProblemCode.DISK_FULL.value,
    ProblemCode.CLOCK_OFF.value,
)
DATABASE, DATABASE_LOCKED = ProblemCode.DATABASE_FAILED.value, ProblemCode.DATABASE_LOCKED.value
WORKERS_HUNG, ALERTS = ProblemCode.WORKERS_HUNG.value, ProblemCode.ALERTS_FAILED.value
CONFIGURATION = ProblemCode.CONFIGURATION_REFUSED.value
"""The problems that a process may report about itself (Trouble)."""

NOT_ALIVE = frozenset({
    ProblemCode.AGENT_HUNG, ProblemCode.AGENT_DIED, ProblemCode.NOT_RUNNING, ProblemCode.NEVER_RUN,
    ProblemCode.PAGE_NOT_LISTENING, ProblemCode.DISK_FULL, ProblemCode.DATABASE_FAILED, ProblemCode.DATABASE_LOCKED,
    ProblemCode.WORKERS_HUNG,
})  # fmt: skip
"""The problems on which `status --alive` fails: agent or page cannot work. Not: an order that waits, an outage."""


@dataclass(frozen=True)
class Trouble:
    """A problem that the agent or the page reports about itself."""

    code: str
    what: str
    cure: str = ""


@dataclass(frozen=True)
class Pulse:
    """The content of health.json or page.json. A field is None if the file cannot be read; the age is always known."""

    age_seconds: float  # since the last touch; negative: it is from an earlier boot of this machine
    pid: int | None = None
    command: str | None = None
    phase: str | None = None
    steady_since: datetime | None = None  # since when its times can be compared with ours: its start, or a clock change
    troubles: tuple[Trouble, ...] = ()
    serves: Mapping[str, str] = field(default_factory=dict, hash=False)  # URLs by name: what the page's process serves

    @property
    def is_fresh(self) -> bool:
        """Whether its process touched it recently."""
        patience = STILL_SECONDS if self.phase in {None, RUNNING} else BUSY_SECONDS
        return -SLACK_SECONDS <= self.age_seconds <= patience and self.phase != STOPPED


@dataclass(frozen=True)
class Signs:
    """What is visible from outside, at `now`. `listen` is "" if nothing should be served."""

    now: datetime
    holder: Holder | None  # None: no process works on this state
    agent: Pulse | None = None  # None: there is no health.json
    listen: str = ""
    page: Pulse | None = None  # None: there is no page.json
    free_bytes: int | None = None  # None: not known
    least_free_bytes: int = 0
    folder: str = ""

    @property
    def own(self) -> Pulse | None:
        """The heartbeat of the present process; None: the file is from an earlier one."""
        if self.agent is None or self.holder is None:
            return None
        theirs = {self.agent.pid, self.holder.pid}
        return self.agent if None in theirs or len(theirs) == 1 else None

    @property
    def runs(self) -> bool:
        """Whether the daemon works on this state, so that reads should be on time."""
        words = self._words()
        return words[:1] == ["run"] and "--once" not in words

    @property
    def beats(self) -> bool:
        """Whether the present process writes a heartbeat. `check` and a dry run are short and write none."""
        words = self._words()
        return self.holder is not None and (not words or (words[0] in {"run", "resync"} and "--dry-run" not in words))

    @property
    def held_seconds(self) -> float | None:
        """How long the lock has been held, by the monotonic clock; None: its holder has not recorded it."""
        since = self.holder.since if self.holder is not None else None
        return None if since is None else abs((self.now - since) / timedelta(seconds=1))

    @property
    def runs_since(self) -> datetime | None:
        """Since when the daemon runs without a clock change; None: it does not run."""
        if not self.runs or self.holder is None:
            return None
        begun = (self.holder.since, self.own.steady_since if self.own is not None else None)
        return max((each for each in begun if each is not None and each <= self.now), default=self.now)

    def _words(self) -> list[str]:
        return (self.holder.command or "").split() if self.holder is not None else []


def judge(signs: Signs) -> list[Problem]:
    """Return the problems, checked in this order.

    1. The agent that holds the lock touched its heartbeat within a minute. One that has just started needs none yet.
    2. If no agent holds it, the last one ended cleanly: a crash is reported at once, not after two missed rounds.
    3. The problems that the agent reports. If it hangs, they may be outdated, or they may be the cause.
    4. The page, if configured, listens, and its process lives.
    5. There is space on the disk.
    """
    found = [*_agent(signs), *_died(signs)]
    if signs.own is not None:
        found += [of_trouble(trouble) for trouble in signs.own.troubles]
    return [*found, *_page(signs), *_disk(signs)]


def hangs(signs: Signs) -> bool:
    """Tell whether an agent holds the lock, and shows no sign of life."""
    if not signs.beats:
        return False
    if signs.own is not None:
        return not signs.own.is_fresh
    return signs.held_seconds is None or signs.held_seconds > STILL_SECONDS


def _agent(signs: Signs) -> Sequence[Problem]:
    if not hangs(signs):
        return ()
    facts: Facts = {"pid": (signs.holder.pid if signs.holder is not None else None) or "?"}
    if signs.own is None:
        facts |= {"case": "old", "folder": signs.folder}
    else:
        facts["age_seconds"] = round(max(0.0, signs.own.age_seconds))
    return (Problem(ProblemCode.AGENT_HUNG, facts=facts),)


def _died(signs: Signs) -> Sequence[Problem]:
    last = signs.agent
    if signs.holder is not None or last is None:
        return ()
    said = [of_trouble(trouble) for trouble in last.troubles if trouble.code == AGENT_DIED]
    if said or last.phase in {None, STOPPED}:
        return said
    return (Problem(ProblemCode.AGENT_DIED, facts={"command": str(last.command), "pid": last.pid or "?"}),)


def of_trouble(trouble: Trouble) -> Problem:
    """Return what a process reports about itself as a problem."""
    code = _CODES.get(trouble.code, ProblemCode.AGENT_TROUBLE)
    return Problem(code, facts={"what": trouble.what, "fix": trouble.cure})


_CODES = {code.value: code for code in ProblemCode}


def _page(signs: Signs) -> Sequence[Problem]:
    if not signs.listen:
        return ()
    if signs.page is not None and signs.page.is_fresh:
        return [of_trouble(trouble) for trouble in signs.page.troubles]
    if signs.runs:  # it supervises the page
        starts = signs.held_seconds is not None and signs.held_seconds <= STILL_SECONDS
        expected = not starts
    else:
        expected = signs.page is not None and signs.page.phase != STOPPED
    return (Problem(ProblemCode.PAGE_NOT_LISTENING, facts={"listen": signs.listen}),) if expected else ()


def _disk(signs: Signs) -> Sequence[Problem]:
    if signs.free_bytes is None or signs.free_bytes >= signs.least_free_bytes:
        return ()
    return (disk_low(signs.folder, signs.least_free_bytes),)


def disk_low(folder: str, least_bytes: int) -> Problem:
    """Return the problem that the disk of this folder is nearly full."""
    return Problem(ProblemCode.DISK_LOW, facts={"folder": folder, "least_bytes": least_bytes})
