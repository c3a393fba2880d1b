"""An installation whose process may die at any durable step, whose clock may be set, and whose way out has weather.

Dying is a BaseException out of the step: nobody handles it, and whatever the agent kept in memory goes with it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import httpx
from sqlmodel import Session

from supplier_agent.agent import Agent
from supplier_agent.db import state_folder
from supplier_agent.db.ship_ledger import Ledger
from supplier_agent.db.store import Store
from supplier_agent.labels import LabelFolder
from supplier_agent.labels.pdf import Checks
from supplier_agent.marketplace.wire import Answer, Lost, NotSent, Reply
from supplier_agent.sandbox import support
from supplier_agent.sandbox.faults import Fault, Request
from supplier_agent.sandbox.world import World
from tests.world.books import Sent
from tests.world.databases import store_at
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
    """What the way out does to one request. `fault` is the server's; both None: nothing.

    works_on: so many seconds after the connection was lost, the server is done with the request, and it takes effect.
    """

    not_sent: bool = False
    fault: Fault | None = None
    works_on: float | None = None


@dataclass(frozen=True)
class Heard:
    """A request to another side than the marketplace, and what came of it. began: monotonic seconds."""

    endpoint: str
    url: httpx.URL
    began: float
    reply: Reply


class WeatheredWire(NoSockets):
    """The way to the sandbox's API, with weather, and a death before the request, at its first byte and after its effect."""

    def __init__(self, site: "MortalSite") -> None:
        super().__init__(site.api, site.clock, site.settings.base_url)
        self._site = site
        self.ships: list[Sent] = []

    def exchange(self, method: str, url: httpx.URL | str, *, turn: Callable[[], None], **rest: Any) -> Reply:  # noqa: ANN401 - as Wire has it
        """Meet the weather, and perhaps die."""
        doom, world = self._site.doom, self._site.world
        url, began = httpx.URL(url), self.clock.monotonic()
        endpoint = endpoint_of(world, url.path)
        self._site.server_is_done()
        doom.step(f"{endpoint}: before")
        spell = self._site.sky(endpoint)
        if spell.not_sent:
            self.clock.sleep(1)
            return self._heard(Heard(endpoint, url, began, NotSent("the connection was refused")))

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
        if spell.works_on is not None:
            self._site.at_work.append((self.clock.monotonic() + spell.works_on, request_of(method, url, rest)))
        if len(world.log) == known:  # there was no time left
            return self._heard(Heard(endpoint, url, began, reply))
        line = world.log[known]
        sent = Sent(line.monotonic, line.menzzo_order_id or "")
        if endpoint == SHIP:
            self.ships.append(sent)
        doom.step(f"{endpoint}: answered")
        if isinstance(reply, Answer):
            sent.status, sent.clear = reply.status, _is_clear(reply)
        else:
            assert isinstance(reply, Lost)
        return self._heard(Heard(endpoint, url, began, reply))

    def _heard(self, heard: Heard) -> Reply:
        self._site.heard(heard)
        return heard.reply


def endpoint_of(world: World, path: str) -> str:
    """Return whom a request is for."""
    if path.endswith(("-sale", "-sales")):
        return path.rpartition("/")[2]
    first = path.split("/")[1]
    if first in world.shops:
        return first
    return "webhook" if first == "webhooks" else support.endpoint_of(path) or "label"


def request_of(method: str, url: httpx.URL, rest: Mapping[str, Any]) -> Request:
    """Return a request as the sandbox has it."""
    headers = {name.lower(): value for name, value in rest["headers"].items()}
    return Request(method, url.raw_path.decode("ascii"), headers, rest.get("content") or b"")


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
    heard: Callable[[Heard], object] = lambda _: None
    """Hears what came of each request, unless the process died of it."""
    at_work: list[tuple[float, Request]] = field(default_factory=list)
    """What a server still works on, and until when."""

    def __post_init__(self) -> None:
        """Replace the plain wire by the weathered one."""
        super().__post_init__()
        self.tokens.update(self.world.tokens)
        self.wire: WeatheredWire = WeatheredWire(self)

    def parts(self) -> tuple[Store, Ledger, LabelFolder, Checks]:
        """Open the same, each with a death at its durable steps."""
        folder, step = self.settings.state_dir, self.doom.step
        labels = SteppedLabels(folder, step)
        store = MortalStore(store_at(self.database), self.doom)
        return store, SteppedLedger(folder / state_folder.LEDGER, step), labels, ChecksAtOnce(labels.look)

    def assemble(self) -> Agent:
        """Put the same together; its accounts read the tokens that the suppliers have now."""
        agent = super().assemble()
        for account in agent.accounts.values():
            if account.pulls:
                account.read_token = partial(self.tokens.__getitem__, account.name)
                account.token = self.tokens[account.name]
        return agent

    def nothing_before(self, most_seconds: float) -> float:
        """As every site; nobody dies of being asked."""
        left, self.doom.steps_left = self.doom.steps_left, None
        try:
            return super().nothing_before(most_seconds)
        finally:
            self.doom.steps_left = left

    def server_is_done(self, *, with_all: bool = False) -> None:
        """Let what servers went on with take effect, as far as its time has come."""
        now = self.clock.monotonic()
        done = [each for each in self.at_work if with_all or each[0] <= now]
        self.at_work = [each for each in self.at_work if each not in done]
        for _, request in done:
            self.api.handle(request, self.settings.base_url)
