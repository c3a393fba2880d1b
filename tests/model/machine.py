"""A world in which anything may happen in any order: two agents on one folder without the lock, people, deaths, lost answers.

Hypothesis chooses the steps and shrinks what breaks a promise to the few that matter.
"""

import contextlib
import shutil
import tempfile
from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlmodel import Session

from supplier_agent import actions
from supplier_agent.base.errors import AgentError
from supplier_agent.db.store import Store, open_store
from supplier_agent.db.tables import Order
from supplier_agent.sandbox import faults
from supplier_agent.sandbox.listing import Semantics
from supplier_agent.sandbox.world import World
from tests.model.later import Later
from tests.simulation.mortal import MortalSite, Sent, SetClock, Spell
from tests.simulation.people import WHO, Said
from tests.world.harness import MONDAY, settings_for

SUPPLIER = "notio"
UNDO_SECONDS = 120.0
NOT_NOW = frozenset({401, 403, 429})
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
        self.said: dict[str, Said] = defaultdict(Said)
        self.claimed: dict[int, float] = {}  # by id() of what was sent: when it was claimed
        self.sites = [
            MortalSite(
                settings, self.world, self.clock, semantics, seed, sky=self._sky, executor=Later(self.clock.monotonic)
            )
            for seed in (1, 2)
        ]
        self._staff: Store | None = None  # None: nobody has said anything yet

    def _sky(self, endpoint: str) -> Spell:
        return self.spells.pop(0) if self.spells and endpoint.endswith("-sale") else Spell()

    def _later(self, which: int) -> Later:
        executor = self.sites[which].executor
        assert isinstance(executor, Later)
        return executor

    def _act(self, menzzo_order_id: str, change: Any) -> str:  # noqa: ANN401 - an act of actions.py
        self._staff = self._staff or open_store(self.sites[0].database)
        with self._staff.write() as tx:
            return str(change(tx, actions.find(tx, menzzo_order_id)))

    def _known(self, place: int) -> str:
        ids = self.ask("SELECT menzzo_order_id FROM orders ORDER BY id")
        return str(ids[place % len(ids)][0])

    def ask(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Read the database as staff do."""
        return self.sites[0].ask(sql, *values)

    @initialize(orders=st.integers(1, 3))
    def begin(self, orders: int) -> None:
        """Let some orders be listed, and an agent collect them and their labels."""
        for _ in range(orders):
            self.world.arrive(SUPPLIER).label = b"%PDF-1.4 a label\n%%EOF\n"
        self.sites[0].start()
        self._work(0, 30)

    def _work(self, which: int, seconds: float) -> None:
        """Let one agent work as if nothing else happened."""
        agent, later = self.sites[which].agent, self._later(which)
        end = self.clock.monotonic() + seconds
        while self.clock.monotonic() < end:
            wait = agent.turn()
            if later.waiting:
                self._make(which, 0)
            else:
                idle = self.sites[which].nothing_before() if wait > 5 else 0
                self.clock.sleep(min(max(wait, idle, 0.001), end - self.clock.monotonic()))

    def _make(self, which: int, place: int) -> None:
        later, wire = self._later(which), self.sites[which].wire
        chosen = later.waiting[place % len(later.waiting)]
        known = len(wire.ships)
        later.make(place)
        for sent in wire.ships[known:]:
            self.claimed[id(sent)] = chosen.since

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
                self.claimed[id(lost)] = next(
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
        self.world.arrive(SUPPLIER).label = b"%PDF-1.4 a label\n%%EOF\n"

    # -- the people -----------------------------------------------------------------------------------------------

    @rule(place=PLACE)
    def flag(self, place: int) -> None:
        """Say that an order has left."""
        this, now = self._known(place), self.clock.now()
        before = self.ask("SELECT shipped FROM orders WHERE menzzo_order_id = ?", this)[0][0]
        with contextlib.suppress(AgentError):
            self._act(this, lambda tx, order: actions.ship(tx, order, now, WHO))
            if not before:
                self.said[this].flags.append((self.clock.monotonic(), True))

    @rule(which=WHICH, place=PLACE)
    def flag_and_wait(self, which: int, place: int) -> None:
        """Let the undo time pass after a flag, and an agent claim what is owed."""
        self.flag(place)
        self.clock.sleep(UNDO_SECONDS + 1)
        for _ in range(3 if self._runs(which) else 0):
            self.sites[which].agent.turn()

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
        """Let an agent be gone, and another start in its place or beside it."""
        if not both:
            self.die(which, sent)
        self.start(which if not both else 1 - which)
        self._work(which if not both else 1 - which, 5)

    @rule(place=PLACE)
    def unflag(self, place: int) -> None:
        """Take it back: possible until the call has begun, and not a moment longer."""
        this, now = self._known(place), self.clock.now()
        begun = bool(
            self.ask(
                "SELECT 1 FROM calls c JOIN orders o ON o.id = c.order_id WHERE menzzo_order_id = ? AND kind = 'ship' "
                "AND state IN ('sending', 'unknown', 'done')",
                this,
            )
        )
        flagged = self.ask("SELECT shipped FROM orders WHERE menzzo_order_id = ?", this)[0][0]
        try:
            self._act(this, lambda tx, order: actions.unship(tx, order, now, WHO))
        except AgentError:
            assert begun, "an undo was refused although nothing had begun"
        else:
            assert not (begun and flagged), "an undo was taken although the call had begun"
            self.said[this].flags.append((self.clock.monotonic(), False))

    @rule(place=PLACE)
    def hold(self, place: int) -> None:
        """Keep an order back."""
        this, now = self._known(place), self.clock.now()
        with contextlib.suppress(AgentError):
            self._act(this, lambda tx, order: actions.hold(tx, order, now, WHO, "wait"))
            self.said[this].holds.append((self.clock.monotonic(), True))

    @rule(place=PLACE)
    def release(self, place: int) -> None:
        """Let it go."""
        this, now = self._known(place), self.clock.now()
        self._act(this, lambda tx, order: actions.release(tx, order, now, WHO))
        self.said[this].holds.append((self.clock.monotonic(), False))

    @rule(place=PLACE)
    def close(self, place: int) -> None:
        """Deal with it elsewhere."""
        this, now = self._known(place), self.clock.now()
        if "closed" in self._act(this, lambda tx, order: actions.close(tx, order, now, WHO, "cancelled")):
            self.said[this].closings.append((self.clock.monotonic(), True))

    @rule(place=PLACE)
    def reopen(self, place: int) -> None:
        """Take it up again."""
        this, now = self._known(place), self.clock.now()
        told = self._act(this, lambda tx, order: actions.reopen(tx, order, now, WHO))
        self.said[this].closings.append((self.clock.monotonic(), False))
        if "after the undo window" in told:
            self.said[this].flags.append((self.clock.monotonic(), True))

    @rule()
    def decide(self) -> None:
        """Answer for what is unknown, after a look at the truth; not while a request of it is still on its way."""
        on_its_way = {
            each.job.menzzo_order_id for which in (0, 1) for each in self._later(which).waiting if each.job is not None
        }

        def change(tx: Session, order: Order) -> None:
            listed = self.world.order(SUPPLIER, order.menzzo_order_id)
            assert listed is not None
            actions.resolve(tx, order, self.clock.now(), WHO, shipped=bool(listed.shipped_at))
            if not listed.shipped_at:
                self.said[order.menzzo_order_id].again.append(self.clock.monotonic())

        for (this,) in self.ask(
            "SELECT menzzo_order_id FROM orders o JOIN calls c ON c.order_id = o.id WHERE kind = 'ship' AND state = 'unknown'"
        ):
            if this not in on_its_way:
                self._act(this, change)

    @rule()
    def retry(self) -> None:
        """Try again what is parked."""
        parked = (
            "SELECT DISTINCT menzzo_order_id FROM orders o JOIN calls c ON c.order_id = o.id WHERE state = 'parked'"
        )
        for (this,) in self.ask(parked):
            self._act(this, lambda tx, order: actions.retry(tx, order, self.clock.now(), WHO))
            self.said[this].again.append(self.clock.monotonic())

    # -- what must hold -------------------------------------------------------------------------------------------

    def _sents(self) -> list[Sent]:
        return sorted((sent for site in self.sites for sent in site.wire.ships), key=lambda sent: sent.monotonic)

    @invariant()
    def nothing_is_sent_unasked(self) -> None:
        """When it was claimed it was flagged, past its undo time, neither held nor closed; and it is flagged still."""
        for sent in self._sents():
            said, claimed = self.said[sent.menzzo_order_id], self.claimed[id(sent)]
            since = said.flagged_at(claimed)
            assert since is not None, f"{sent} was claimed without a flag"
            at_once = any(since <= at <= claimed for at in said.again)
            assert at_once or claimed - since >= UNDO_SECONDS - 0.001, f"{sent} was claimed within its undo time"
            assert not said.held_at(claimed) or any(at == claimed for at, _ in said.holds), f"{sent} was held"
            assert not said.closed_at(claimed) or any(at == claimed for at, _ in said.closings), f"{sent} was closed"
            assert said.flagged_at(sent.monotonic) is not None, f"{sent} was taken back before it left"

    @invariant()
    def nothing_is_sent_twice(self) -> None:
        """Without a person's word only what was certainly not carried out is sent again."""
        by_order: dict[str, list[Sent]] = defaultdict(list)
        for sent in self._sents():
            by_order[sent.menzzo_order_id].append(sent)
        for this, sents in by_order.items():
            said = self.said[this]
            anew = [at for at, flag in said.flags if flag]  # refused, taken back and flagged again: a person's word too
            for before, after in pairwise(sents):
                words = said.again + (anew if before.clear else [])
                again = any(self.claimed[id(before)] <= at <= after.monotonic for at in words)
                assert before.status in NOT_NOW or again, f"{this} was sent twice: {before}, {after}"
        for order in self.world.orders(SUPPLIER):
            assert len(order.shipped_at) <= 1, f"{order.menzzo_order_id} took effect twice"

    @invariant()
    def what_is_said_is_so(self) -> None:
        """Shipped and acknowledged are true; unknown is only what nobody here can know."""
        last = {sent.menzzo_order_id: sent for sent in self._sents()}
        if not self.sites[0].database.exists():
            return
        for this, confirmed, acknowledged in self.ask(
            "SELECT menzzo_order_id, ship_confirmed_at, acknowledged_at FROM orders"
        ):
            order = self.world.order(SUPPLIER, this)
            assert order is not None
            assert not confirmed or order.shipped_at, f"{this} is called shipped"
            assert not acknowledged or order.acknowledged_at, f"{this} is called acknowledged"
        settled = (
            "SELECT menzzo_order_id, state FROM orders o JOIN calls c ON c.order_id = o.id "
            "WHERE kind = 'ship' AND state = 'done'"
        )
        for this, _ in self.ask(settled):
            order = self.world.order(SUPPLIER, this)
            assert order is not None
            assert order.shipped_at, f"the ship call of {this} is called done: {last.get(this)}"

    def teardown(self) -> None:
        """In peace, and with one agent, everything comes to its end."""
        try:
            if self.sites[0].database.exists():
                self._come_to_rest()
        finally:
            for which in (0, 1):
                if self._runs(which):
                    self.sites[which].crash()
            if self._staff is not None:
                self._staff.close()
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
        self.nothing_is_sent_unasked()
        self.nothing_is_sent_twice()
        self.what_is_said_is_so()
        stored = {this for (this,) in self.ask("SELECT menzzo_order_id FROM orders")}
        assert stored == {order.menzzo_order_id for order in self.world.orders(SUPPLIER)}, "an order is lost"
        assert self._open() == [], "something never ends"

    def _open(self) -> list[tuple[Any, ...]]:
        """Return what should have come to its end: all but what people keep back or have not flagged."""
        return self.ask(
            "SELECT menzzo_order_id, acknowledged_at, label_path, shipped FROM orders "
            "WHERE closed_reason IS NULL AND held_reason IS NULL "
            "AND ship_confirmed_at IS NULL AND (acknowledged_at IS NULL OR label_path IS NULL OR shipped = 1)"
        )
