"""Signs of life, judged from outside the agent's process: does it work, does the page listen, is there space. Pure.

heartbeat.py collects the signs; health.py adds what the database says. Nothing here is asked of the agent itself: a process
that hangs cannot say so, and what it wrote last is not how it is now.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from supplier_agent.base.process import worst
from supplier_agent.db.state_folder import Holder

STILL_SECONDS = 60.0
"""The agent touches its heartbeat every few seconds, also while it waits for a locked database. Longer than this, it hangs."""
BUSY_SECONDS = 900.0
"""The same at start and end: a large database that is upgraded, or a round's last tidying, keeps it from touching anything."""
SLACK_SECONDS = 5.0
"""So far may clocks that are read one after the other, or slewed, part."""
STARTING, RUNNING, STOPPING, STOPPED = "starting", "running", "stopping", "stopped"
RESTART = "systemctl restart supplier-agent (or end that process, and start the agent again)"
RESTART_PAGE = "systemctl restart supplier-agent-page if that unit serves it, else supplier-agent"
CORRECT_IT = "correct it (supplier-agent config check), then: systemctl reload supplier-agent"
"""What to do about a configuration that was refused."""

AGENT_HUNG, AGENT_DIED, NOT_RUNNING, NEVER_RUN = "agent_hung", "agent_died", "not_running", "never_run"
PAGE, DISK_LOW, DISK_FULL, CLOCK_OFF = "page_not_listening", "disk_low", "disk_full", "clock_off"
DATABASE, DATABASE_LOCKED, WORKERS_HUNG = "database_failed", "database_locked", "workers_hung"
CONFIGURATION, ALERTS = "configuration_refused", "alerts_failed"

EXIT_CODES = {DATABASE: 74, DATABASE_LOCKED: 74, DISK_FULL: 74, CONFIGURATION: 78}
"""Of the agent's own troubles; all others need a person (1)."""
NOT_ALIVE = frozenset({
    AGENT_HUNG, AGENT_DIED, NOT_RUNNING, NEVER_RUN, PAGE, DISK_FULL, DATABASE, DATABASE_LOCKED, WORKERS_HUNG,
})  # fmt: skip
"""What `status --alive` fails on: the agent, or its page, cannot work. An order that waits and an outage are not among them."""


@dataclass(frozen=True)
class Problem:
    """One thing that is not as it should be. `order` is None for a matter of the whole supplier.

    `supplier` is "" for a matter of the whole installation; `code` is stable, the sentences are not.
    """

    supplier: str
    order: str | None
    what: str
    cure: str
    exit_code: int
    code: str

    def as_json(self) -> dict[str, object]:
        """Return it as the commands' JSON has it."""
        return {
            "supplier": self.supplier,
            "menzzo_order_id": self.order,
            "code": self.code,
            "what": self.what,
            "cure": self.cure,
        }


@dataclass(frozen=True)
class Trouble:
    """Something that the agent, or the page, finds wrong with itself."""

    code: str
    what: str
    cure: str = ""


@dataclass(frozen=True)
class Pulse:
    """What health.json or page.json shows. A field is None where the file cannot be read; its age is always known."""

    age_seconds: float  # since the last touch; below zero: it belongs to an earlier boot of this machine
    pid: int | None = None
    command: str | None = None
    phase: str | None = None
    steady_since: datetime | None = None  # since when its instants can be compared with ours: its start, or a clock set
    troubles: tuple[Trouble, ...] = ()
    serves: Mapping[str, str] = field(
        default_factory=dict, hash=False
    )  # URL by name: what the page's process serves, and where

    @property
    def is_fresh(self) -> bool:
        """Whether its process has touched it lately."""
        patience = STILL_SECONDS if self.phase in {None, RUNNING} else BUSY_SECONDS
        return -SLACK_SECONDS <= self.age_seconds <= patience and self.phase != STOPPED


@dataclass(frozen=True)
class Signs:
    """What can be seen from outside, at `now`. `listen` is "" where nothing is to be served, to people or machines."""

    now: datetime
    holder: Holder | None  # None: nothing works on this state
    agent: Pulse | None = None  # None: there is no health.json
    listen: str = ""
    page: Pulse | None = None  # None: there is no page.json
    free_bytes: int | None = None  # None: it cannot be told
    least_free_bytes: int = 0
    folder: str = ""

    @property
    def own(self) -> Pulse | None:
        """The heartbeat of the very process that works now; None: what lies there is an earlier one's."""
        if self.agent is None or self.holder is None:
            return None
        theirs = {self.agent.pid, self.holder.pid}
        return self.agent if None in theirs or len(theirs) == 1 else None

    @property
    def runs(self) -> bool:
        """Whether the daemon works on this state, so that reads are to be on time."""
        words = self._words()
        return words[:1] == ["run"] and "--once" not in words

    @property
    def beats(self) -> bool:
        """Whether who works now keeps a heartbeat. `check` and a dry run are short, and keep none."""
        words = self._words()
        return self.holder is not None and (not words or (words[0] in {"run", "resync"} and "--dry-run" not in words))

    @property
    def held_seconds(self) -> float | None:
        """How long the lock has been held, whatever happened to the clock; None: its holder has not written it down."""
        since = self.holder.since if self.holder is not None else None
        return None if since is None else abs((self.now - since) / timedelta(seconds=1))

    def _words(self) -> list[str]:
        return (self.holder.command or "").split() if self.holder is not None else []


def exit_code(found: Iterable[Problem]) -> int:
    """Return the exit code for these problems (public contract, "Exit codes")."""
    return worst({problem.exit_code for problem in found})


def judge(signs: Signs) -> list[Problem]:
    """Return what is wrong by these signs.

    1. The agent that holds the lock has touched its heartbeat within a minute. Of one that has just begun, none is expected yet.
    2. If none holds it, the last one ended in an orderly way: a crash is said at once, not after two missed rounds.
    3. What the agent says of itself. Once it hangs that may be old news, but it may also be why.
    4. The page that is wanted listens, and its process lives.
    5. There is space on the disk.
    """
    found = [*_agent(signs), *_died(signs)]
    if signs.own is not None:
        found += [_of_trouble(trouble) for trouble in signs.own.troubles]
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
    pid = f" (pid {signs.holder.pid})" if signs.holder is not None and signs.holder.pid else ""
    if signs.own is None:
        what = f"the agent{pid} has left no heartbeat in {signs.folder}: it hangs, or is of an older version"
    else:
        what = (
            f"the agent{pid} hangs: no heartbeat for {max(0.0, signs.own.age_seconds):.0f} s; nothing is sent meanwhile"
        )
    return (Problem("", None, what, RESTART, 1, AGENT_HUNG),)


def _died(signs: Signs) -> Sequence[Problem]:
    last = signs.agent
    if signs.holder is not None or last is None:
        return ()
    said = [_of_trouble(trouble) for trouble in last.troubles if trouble.code == AGENT_DIED]
    if said or last.phase in {None, STOPPED}:
        return said
    what = (
        f"the agent ({last.command}, pid {last.pid}) ended without a word: it crashed, was killed, or the power failed"
    )
    cure = "systemctl start supplier-agent (its log: journalctl -u supplier-agent)"
    return (Problem("", None, what, cure, 1, AGENT_DIED),)


def _of_trouble(trouble: Trouble) -> Problem:
    return Problem("", None, trouble.what, trouble.cure, EXIT_CODES.get(trouble.code, 1), trouble.code)


def _page(signs: Signs) -> Sequence[Problem]:
    if not signs.listen:
        return ()
    if signs.page is not None and signs.page.is_fresh:
        return [_of_trouble(trouble) for trouble in signs.page.troubles]
    if signs.runs:  # it supervises the page
        starts = signs.held_seconds is not None and signs.held_seconds <= STILL_SECONDS
        expected = not starts
    else:
        expected = signs.page is not None and signs.page.phase != STOPPED
    if not expected:
        return ()
    what = f"the page that should listen on {signs.listen} shows no sign of life"
    return (Problem("", None, what, RESTART_PAGE, 1, PAGE),)


def _disk(signs: Signs) -> Sequence[Problem]:
    if signs.free_bytes is None or signs.free_bytes >= signs.least_free_bytes:
        return ()
    what, cure = disk_low(signs.folder, signs.least_free_bytes)
    return (Problem("", None, what, cure, 1, DISK_LOW),)


def disk_low(folder: str, least: int) -> tuple[str, str]:
    """Return what is to be said of a disk that is nearly full, and what to do."""
    what = f"less than {_size(least)} are free on the disk of {folder}"
    return what, "free some disk space: a full disk stops acknowledging and shipping"


def _size(count: int) -> str:
    for unit, name in ((1 << 20, "MB"), (1 << 10, "kB")):
        if count >= unit:
            return f"{count / unit:.0f} {name}"
    return f"{count} bytes"
