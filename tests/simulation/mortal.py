"""An installation whose process may die at any durable step, whose clock may be set, and whose way out has weather.

Dying is a BaseException out of the step: nobody handles it, and whatever the agent kept in memory goes with it.
"""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import httpx
from sqlmodel import Session

from supplier_agent.agent import Agent
from supplier_agent.base.log import Log
from supplier_agent.db import state_folder
from supplier_agent.db.store import Store, open_store
from supplier_agent.marketplace import Answer, Lost, NotSent, Reply
from supplier_agent.marketplace.connections import Deadline
from supplier_agent.runtime.wiring import make_account
from supplier_agent.sandbox.faults import Fault
from tests.world.harness import AtOnce, ChecksAtOnce, ManualClock, NoSockets, Site
from tests.world.steps import SteppedLabels, SteppedLedger

SHIP = "ship-sale"


class Death(BaseException):
    """The process is gone."""


class Doom:
    """Counts durable steps; at the one that was chosen, the process dies."""

    def __init__(self) -> None:
        self.steps_left: int | None = None  # None: it lives
        self.among = ""  # counts only steps with this in their name
        self.deaths: list[str] = []

    def step(self, name: str, half_done: Callable[[], object] = lambda: None) -> None:
        """Count one step. `half_done` is what a death in the middle of it leaves behind."""
        if self.steps_left is None or self.among not in name:
            return
        self.steps_left -= 1
        if self.steps_left <= 0:
            self.steps_left = None
            self.deaths.append(name)
            half_done()
            raise Death(name)


class SetClock(ManualClock):
    """A machine's clock that somebody may set. `true` is the world's, which nobody can."""

    def __init__(self, start: datetime) -> None:
        super().__init__(start)
        self.wrong_by = timedelta(0)
        self.true = TrueClock(self)

    def now(self) -> datetime:
        """Return what the machine believes."""
        return super().now() + self.wrong_by

    def true_now(self) -> datetime:
        """Return the instant that it really is."""
        return super().now()


class TrueClock:
    """The marketplace's view of the same time."""

    def __init__(self, clock: SetClock) -> None:
        self._clock = clock

    def now(self) -> datetime:
        """Return the true instant."""
        return self._clock.true_now()

    def monotonic(self) -> float:
        """Return the seconds of the one time line."""
        return self._clock.monotonic()

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self._clock.sleep(seconds)


class MortalStore(Store):
    """The database, with a death right before and right after each commit."""

    def __init__(self, store: Store, doom: Doom) -> None:
        vars(self).update(vars(store))
        self._doom = doom

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Write, and perhaps die: before the commit all of it is lost, after it all of it is there."""
        with super().write() as tx:
            yield tx
            self._doom.step("commit: before")
        self._doom.step("commit: after")


@dataclass
class Sent:
    """One ship-sale request: when it arrived, and what the agent got to read of the answer."""

    monotonic: float
    menzzo_order_id: str
    status: int | None = None  # None: the answer was lost, or the process died before it could read it
    clear: bool = False  # an answer from which it follows what happened


@dataclass(frozen=True)
class Spell:
    """What the way out does to one request. `fault` is the server's; both None: nothing."""

    not_sent: bool = False
    fault: Fault | None = None


class WeatheredWire(NoSockets):
    """The way to the sandbox's API, with weather, and a death before the request, at its first byte and after its effect."""

    def __init__(self, site: "MortalSite") -> None:
        super().__init__(site.api, site.clock, site.settings.base_url)
        self._site = site
        self.ships: list[Sent] = []

    def exchange(
        self,
        method: str,
        url: httpx.URL | str,
        *,
        headers: Mapping[str, str],
        content: bytes | None = None,
        limit_bytes: int,
        turn: Callable[[], None],
        deadline: Deadline | None = None,
    ) -> Reply:
        """Meet the weather, and perhaps die."""
        doom, world = self._site.doom, self._site.world
        path = httpx.URL(url).path
        endpoint = path.rpartition("/")[2] if path.endswith(("-sale", "-sales")) else "label"
        doom.step(f"{endpoint}: before")
        spell = self._site.sky(endpoint)
        if spell.not_sent:
            self.clock.sleep(1)
            return NotSent("the connection was refused")

        def first_byte() -> None:
            turn()
            doom.step(f"{endpoint}: first byte")
            if spell.fault is not None:
                world.faults.arm(endpoint, spell.fault)  # type: ignore[arg-type] # one of the four names

        known = len(world.log)
        try:
            reply = super().exchange(
                method,
                url,
                headers=headers,
                content=content,
                limit_bytes=limit_bytes,
                turn=first_byte,
                deadline=deadline,
            )
        finally:
            world.faults.disarm()
        line = world.log[known]
        sent = Sent(line.monotonic, line.menzzo_order_id or "")
        if endpoint == SHIP:
            self.ships.append(sent)
        doom.step(f"{endpoint}: answered")
        if isinstance(reply, Answer):
            sent.status, sent.clear = reply.status, _is_clear(reply)
        else:
            assert isinstance(reply, Lost)
        return reply


def _is_clear(answer: Answer) -> bool:
    if answer.status >= 500:
        return False
    return answer.status >= 300 or not answer.body.strip() or answer.body.lstrip().startswith(b"{")


@dataclass
class MortalSite(Site):
    """One installation over its life. `sky` says what the next request to an endpoint meets."""

    clock: SetClock
    sky: Callable[[str], Spell] = lambda _: Spell()
    doom: Doom = field(default_factory=Doom)
    tokens: dict[str, str] = field(default_factory=dict)
    executor: Executor = field(default_factory=AtOnce)

    def __post_init__(self) -> None:
        """Put the weathered wire into the place of the plain one."""
        super().__post_init__()
        self.tokens.update(self.world.tokens)
        self.wire: WeatheredWire = WeatheredWire(self)

    def start(self) -> Agent:
        """Put an agent together on the folder, as wiring.py does, and let it recover. It may die in that, too."""
        assert not self.running
        settings = self.settings
        self._store = MortalStore(open_store(self.database, agent=True), self.doom)
        self._ledger = SteppedLedger(settings.state_dir / state_folder.LEDGER, self.doom.step)
        labels = SteppedLabels(settings.state_dir, self.doom.step)
        accounts = [
            make_account(
                settings, name, self.wire, self.clock, labels, self.tokens.__getitem__, lambda: self.agent.stopping
            )
            for name in settings.suppliers
        ]
        self.agent = Agent(
            settings,
            self._store,
            self._ledger,
            labels,
            accounts,
            self.clock,
            self.executor,
            ChecksAtOnce(labels.look),
            self._dice.random,
            Log(None, lambda event, facts: self.said.append((event, facts))),
            self.tokens.__getitem__,
        )
        self.running = True
        self.agent.start()
        return self.agent

    def nothing_before(self, most_seconds: float = 21600.0) -> float:
        """Return the seconds until the agent has anything to do: it would look every 30 s, and find nothing."""
        now = self.clock.now()
        moments = [account.next_read.at for account in self.agent.accounts.values() if account.next_read is not None]
        for (text,) in self.ask(
            "SELECT min(due_at) FROM calls WHERE state = 'owed' AND due_at > ?1 UNION ALL "
            "SELECT min(resume_at) FROM lanes WHERE resume_at > ?1 UNION ALL "
            "SELECT min(quiet_until) FROM suppliers WHERE quiet_until > ?1",
            f"{now:%Y-%m-%d %H:%M:%S.%f}",
        ):
            if text is not None:
                moments.append(datetime.fromisoformat(text).replace(tzinfo=UTC))
        return min([most_seconds, *((moment - now).total_seconds() for moment in moments)])
