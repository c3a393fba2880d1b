"""An installation whose process may die at any durable step, whose clock may be set, and whose way out has weather.

Dying is a BaseException out of the step: nobody handles it, and whatever the agent kept in memory goes with it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import httpx
from sqlmodel import Session

from supplier_agent.agent import Agent
from supplier_agent.db import state_folder
from supplier_agent.db.ship_ledger import Ledger
from supplier_agent.db.store import Store, open_store
from supplier_agent.labels import LabelFolder
from supplier_agent.labels.pdf import Checks
from supplier_agent.marketplace.wire import Answer, Lost, NotSent, Reply
from supplier_agent.sandbox.faults import Fault
from tests.world.books import Sent
from tests.world.harness import ChecksAtOnce, ManualClock, NoSockets, Site
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
    """A machine's clock, which can be set. `true` is the world's, which cannot."""

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

    def _commit(self, session: Session) -> None:
        """Commit, and perhaps die: before it all of the transaction is lost, after it all of it is there."""
        self._doom.step("commit: before")
        super()._commit(session)
        self._doom.step("commit: after")


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

    def exchange(self, method: str, url: httpx.URL | str, *, turn: Callable[[], None], **rest: Any) -> Reply:  # noqa: ANN401 - as Wire has it
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
                world.faults.arm(endpoint, spell.fault)

        known = len(world.log)
        try:
            reply = super().exchange(method, url, turn=first_byte, **rest)
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

    def __post_init__(self) -> None:
        """Replace the plain wire by the weathered one."""
        super().__post_init__()
        self.tokens.update(self.world.tokens)
        self.wire: WeatheredWire = WeatheredWire(self)

    def parts(self) -> tuple[Store, Ledger, LabelFolder, Checks]:
        """Open the same, each with a death at its durable steps."""
        folder, step = self.settings.state_dir, self.doom.step
        labels = SteppedLabels(folder, step)
        store = MortalStore(open_store(self.database, agent=True), self.doom)
        return store, SteppedLedger(folder / state_folder.LEDGER, step), labels, ChecksAtOnce(labels.look)

    def assemble(self) -> Agent:
        """Put the same together; its accounts read the tokens that the suppliers have now."""
        agent = super().assemble()
        for account in agent.accounts.values():
            account.read_token = partial(self.tokens.__getitem__, account.name)
            account.token = self.tokens[account.name]
        return agent
