"""A world in which anything may happen in any order: two agents on one folder without the lock, people, deaths, lost answers.

Hypothesis chooses the steps and shrinks what breaks a promise to the few that matter.
"""

import contextlib
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any, ClassVar

from hypothesis import HealthCheck
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from supplier_agent.base.errors import AgentError
from supplier_agent.sandbox import faults
from supplier_agent.sandbox.semantics import Semantics
from supplier_agent.sandbox.world import World
from tests.model.later import Later
from tests.world.books import SUPPLIER, Books
from tests.world.harness import MONDAY, arrive, pass_time, settings_for
from tests.world.invariants import ALWAYS, AT_REST, broken
from tests.world.mortal import MortalSite, SetClock, Spell
from tests.world.staff import Staff

UNDO_SECONDS = 120.0
MOMENT = 0.001
"""Between two things that people do: nothing happens at the same instant."""
MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it

SPELLS = {
    "not sent": Spell(not_sent=True),
    "lost before its effect": Spell(fault=faults.close(applied=False)),
    "lost after its effect": Spell(fault=faults.close(applied=True)),
    "500": Spell(fault=faults.status(500)),
    "502 after its effect": Spell(fault=faults.status(502, applied=True)),
    "429": Spell(fault=faults.status(429, headers=(("Retry-After", "5"),))),
    "403": Spell(fault=faults.status(403)),
    "refused": Spell(fault=faults.status(422)),
    "a web page": Spell(fault=faults.html(applied=True)),
}
IN_PEACE: dict[str, Any] = {"deadline": None, "suppress_health_check": list(HealthCheck), "database": None}
"""Settings of Hypothesis: a step may take its time, and nothing is kept between runs."""
WHICH = st.integers(0, 1)
PLACE = st.integers(0, 5)


class TwoAgents(RuleBasedStateMachine):
    """One folder, one marketplace, up to two agents, and people."""

    met: ClassVar[Counter[str]] = Counter()
    """How often a ship call was answered clearly, and how often not: too few prove nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(dir=MEMORY if MEMORY.is_dir() else None))
        self.clock = SetClock(MONDAY)
        self.world = World(self.clock.true, (SUPPLIER,))
        settings = settings_for(
            self.folder / "state", SUPPLIER, ship={"undo_seconds": UNDO_SECONDS}, schedule={"poll_seconds": 3600}
        )
        semantics = Semantics(repeat_ship="accepted")
        self.spells: list[Spell] = []
        self.sites = [
            MortalSite(
                settings, self.world, self.clock, semantics, seed, sky=self._sky, executor=Later(self.clock.monotonic)
            )
            for seed in (1, 2)
        ]
        self.staff = Staff(self.sites[0])

    def _sky(self, endpoint: str) -> Spell:
        return self.spells.pop(0) if self.spells and endpoint.endswith("-sale") else Spell()

    def _later(self, which: int) -> Later:
        executor = self.sites[which].executor
        assert isinstance(executor, Later)
        return executor

    @contextlib.contextmanager
    def _person(self) -> Iterator[Staff]:
        """Let a person act, a moment after and a moment before whatever else happens; what is refused is not done."""
        self.clock.sleep(MOMENT)
        with contextlib.suppress(AgentError):
            yield self.staff
        self.clock.sleep(MOMENT)

    def _known(self, place: int) -> str:
        ids = self.ask("SELECT menzzo_order_id FROM orders ORDER BY id")
        return str(ids[place % len(ids)][0])

    def ask(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Read the database as staff do."""
        return self.sites[0].ask(sql, *values)

    @initialize(orders=st.integers(1, 3), kind=st.sampled_from(sorted(SPELLS)), waits=st.booleans())
    def begin(self, orders: int, kind: str, waits: bool) -> None:  # noqa: FBT001 - hypothesis names its arguments
        """Let some orders be listed, an agent collect them, and one be claimed; and perhaps meet a fault on its way."""
        arrive(self.world, SUPPLIER, orders)
        self.sites[0].start()
        self._work(0, 30)
        if waits:
            self.flag_and_wait(0, 0, regret=True)
        else:
            self.ship_meets(0, 0, kind)

    def _work(self, which: int, seconds: float) -> None:
        """Let one agent work as if nothing else happened."""
        site, later = self.sites[which], self._later(which)

        def turn() -> float | None:
            wait = site.agent.turn()
            if not later.waiting:
                return wait
            self._make(which, 0)
            return None

        pass_time(self.clock, seconds, turn, lambda: site.nothing_before(seconds))

    def _make(self, which: int, place: int) -> None:
        later, wire = self._later(which), self.sites[which].wire
        chosen = later.waiting[place % len(later.waiting)]
        known = len(wire.ships)
        later.make(place)
        for sent in wire.ships[known:]:
            sent.claimed = chosen.since
            self.met["clear" if sent.clear else "lost"] += 1

    # -- the agents -----------------------------------------------------------------------------------------------

    def _runs(self, which: int) -> bool:
        return self.sites[which].running

    @rule(which=WHICH, times=st.integers(1, 4))
    def turn(self, which: int, times: int) -> None:
        """Let an agent look; nothing that it sends is answered yet."""
        for _ in range(times if self._runs(which) else 0):
            self.sites[which].agent.turn()

    @rule(which=WHICH, place=PLACE)
    def answer(self, which: int, place: int) -> None:
        """Let one request arrive, and its answer come back."""
        if self._later(which).waiting:
            self._make(which, place)

    @rule(which=WHICH)
    def work_a_minute(self, which: int) -> None:
        """Let one agent work, and the other stand still in whatever it does."""
        if self._runs(which):
            self._work(which, 60)

    @rule(which=WHICH)
    def start(self, which: int) -> None:
        """Start an agent, whether or not the other one runs."""
        if not self._runs(which):
            self.sites[which].start()

    @rule(which=WHICH, sent=st.booleans())
    def die(self, which: int, sent: bool) -> None:  # noqa: FBT001 - hypothesis names its arguments
        """Let an agent be gone, before or after what it was sending has left."""
        if self._runs(which):
            claims = [each for each in self._later(which).waiting if each.job is not None and each.job.kind == "ship"]
            wire = self.sites[which].wire
            known = len(wire.ships)
            self._later(which).die(sent=sent)
            for lost in wire.ships[known:]:
                lost.status, lost.clear = None, False
                lost.claimed = next(
                    each.since for each in claims if each.job and each.job.menzzo_order_id == lost.menzzo_order_id
                )
            self.sites[which].crash()

    # -- the world ------------------------------------------------------------------------------------------------

    @rule(seconds=st.sampled_from((0.3, 2.0, 31.0, 121.0, 3700.0)))
    def time_passes(self, seconds: float) -> None:
        """Let time pass in which nobody does anything."""
        self.clock.sleep(seconds)

    @rule(kind=st.sampled_from(sorted(SPELLS)))
    def bad_weather(self, kind: str) -> None:
        """Let the next write meet a fault."""
        if len(self.spells) < 3:
            self.spells.append(SPELLS[kind])

    @precondition(lambda self: len(self.world.orders(SUPPLIER)) < 5)
    @rule()
    def order_comes_in(self) -> None:
        """Let one more order be listed."""
        arrive(self.world, SUPPLIER)

    # -- the people -----------------------------------------------------------------------------------------------

    @rule(place=PLACE)
    def flag(self, place: int) -> None:
        """Say that an order has left."""
        with self._person() as person:
            person.flag(self._known(place))

    @rule(which=WHICH, place=PLACE, regret=st.booleans())
    def flag_and_wait(self, which: int, place: int, regret: bool = False) -> None:  # noqa: FBT001, FBT002 - hypothesis names its arguments
        """Let the undo time pass after a flag, and an agent claim what is owed; and perhaps take it back then, too late."""
        self.flag(place)
        self.clock.sleep(UNDO_SECONDS + 1)
        for _ in range(3 if self._runs(which) else 0):
            self.sites[which].agent.turn()
        if regret:
            self.unflag(place)

    @rule(which=WHICH, place=PLACE, kind=st.sampled_from(sorted(SPELLS)))
    def ship_meets(self, which: int, place: int, kind: str) -> None:
        """Let a ship call meet a fault, and its agent go on."""
        self.flag_and_wait(which, place)
        waiting = self._later(which).waiting
        ships = [number for number, each in enumerate(waiting) if each.job is not None and each.job.kind == "ship"]
        if ships:
            self.spells = [SPELLS[kind]]
            self._make(which, ships[0])
            self._work(which, 70)

    @rule(which=WHICH, sent=st.booleans(), both=st.booleans())
    def die_and_start(self, which: int, sent: bool, both: bool) -> None:  # noqa: FBT001 - hypothesis names its arguments
        """Let an agent be gone, and another start in its place or next to it."""
        if not both:
            self.die(which, sent)
        self.start(which if not both else 1 - which)
        self._work(which if not both else 1 - which, 5)

    @rule(place=PLACE)
    def unflag(self, place: int) -> None:
        """Take it back: possible until the call has begun, and not a moment longer."""
        this = self._known(place)
        begun = this in self.staff.with_a_call("kind = 'ship' AND state IN ('sending', 'unknown', 'done')")
        too_late = begun and this in self.staff.having("shipped = 1")
        refused = True
        with self._person() as person:
            person.take_back(this)
            refused = False
        assert refused <= begun, "an undo was refused although nothing had begun"
        assert refused >= too_late, "an undo was taken although the call had begun"

    @rule(place=PLACE)
    def hold(self, place: int) -> None:
        """Keep an order back."""
        with self._person() as person:
            person.hold(self._known(place))

    @rule(place=PLACE)
    def release(self, place: int) -> None:
        """Let it go."""
        with self._person() as person:
            person.release(self._known(place))

    @rule(place=PLACE)
    def close(self, place: int) -> None:
        """Deal with it elsewhere."""
        with self._person() as person:
            person.close(self._known(place))

    @rule(place=PLACE)
    def reopen(self, place: int) -> None:
        """Take it up again."""
        with self._person() as person:
            person.reopen(self._known(place))

    @rule()
    def decide(self) -> None:
        """Answer for what is unknown, after a look at the truth; not while a request of it is still on its way."""
        waiting = chain.from_iterable(self._later(which).waiting for which in (0, 1))
        on_its_way = {each.job.menzzo_order_id for each in waiting if each.job is not None}
        for this in self.staff.with_a_call("kind = 'ship' AND state = 'unknown'"):
            if this not in on_its_way:
                with self._person() as person:
                    person.decide(this)

    @rule()
    def retry(self) -> None:
        """Try again what is parked."""
        for this in self.staff.with_a_call("state = 'parked'"):
            with self._person() as person:
                person.retry(this)

    # -- what must hold -------------------------------------------------------------------------------------------

    def books(self) -> Books:
        """Return the books of both sides."""
        sent = [sent for site in self.sites for sent in site.wire.ships]
        state_dir = self.sites[0].settings.state_dir
        return Books(state_dir, self.world, self.staff.said, sent, undo_seconds=UNDO_SECONDS)

    @invariant()
    def every_promise_holds(self) -> None:
        """Whatever happened."""
        if self.sites[0].database.exists():
            assert broken(ALWAYS, self.books()) == []

    def teardown(self) -> None:
        """In peace, and with one agent, everything comes to its end."""
        try:
            if self.sites[0].database.exists():
                self._come_to_rest()
        finally:
            for which in (0, 1):
                if self._runs(which):
                    self.sites[which].crash()
            self.staff.go_home()
            shutil.rmtree(self.folder)

    def _come_to_rest(self) -> None:
        for which in (0, 1):
            self.die(which, sent=False)
        self.spells.clear()
        self.sites[0].start()
        for _ in range(2):
            self.decide()
            self.retry()
            self._work(0, 4000)
        assert broken(AT_REST, self.books()) == []
        kept_back = "closed_reason IS NOT NULL OR held_reason IS NOT NULL"
        asks = self.staff.with_a_call(f"state IN ('parked', 'unknown') AND NOT ({kept_back})")
        assert asks == [], "something waits for a person although all was decided"
