"""Days in the life of an installation: everything that happens in them comes from one seed.

Orders come in, some late or spoilt, some changed later; the sky is good or bad; tokens expire; clocks are set; the process dies
and comes back; people work. After the last day all is put right, and what is left must come to its end.
"""

import hashlib
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from supplier_agent.base.errors import AgentError
from supplier_agent.sandbox.listing import Semantics
from supplier_agent.sandbox.orders import Order
from supplier_agent.sandbox.world import World
from supplier_agent.suppliers.circuit_breakers import READS
from tests.simulation.mortal import SHIP, Death, MortalSite, SetClock
from tests.simulation.people import People
from tests.simulation.weather import DAY, Weather
from tests.world.harness import settings_for

STARTS = (
    datetime(2026, 11, 23, 6, tzinfo=UTC),
    datetime(2026, 10, 24, 21, tzinfo=UTC),  # Paris sets its clocks back in the first night
    datetime(2027, 3, 27, 20, tzinfo=UTC),  # … and forward
    datetime(2026, 12, 30, 12, tzinfo=UTC),
    datetime(2028, 2, 28, 5, tzinfo=UTC),
)
DEFAULT: dict[str, Any] = {}
SPARSE: dict[str, Any] = {
    "poll_seconds": 14400,
    "off_hours_poll_seconds": 28800,
    "sweep_seconds": 43200,
    "sweep_days": 5,  # longer than anything is listed late
}
"""For the quick set: fewer reads, which are most of what a day costs, and the same of everything else."""
TAIL_HOURS = 3.0
"""So much longer than a sweep the end lasts: a back-off, and the probe of a new token."""
MOST_TURNS_IN_PLACE = 300


@dataclass
class Life:
    """One installation, from its first day on."""

    seed: int
    folder: Path
    schedule: dict[str, Any] = field(default_factory=dict)
    days: int = 0
    tail_began: float | None = None
    jumps: list[float] = field(default_factory=list)
    doubtful: set[tuple[str, int]] = field(default_factory=set)
    """Ship attempts in which the process died: nobody on this side can know what came of them."""
    labels: dict[str, list[bytes]] = field(default_factory=dict)
    """What the marketplace served behind each order's links, the newest last."""
    spoilt: list[str] = field(default_factory=list)
    """Entries without a usable id, as listed."""
    deaths: int = 0

    def __post_init__(self) -> None:
        """Choose the world and its marketplace."""
        dice = self.dice = random.Random(self.seed)
        self.supplier = dice.choice(("asir-group", "notio"))
        self.clock = SetClock(dice.choice(STARTS))
        self.world = World(self.clock.true, (self.supplier,), seed=self.seed)
        # Where an acknowledged order is listed no more, a link that it did not have yet is never learned: nobody could do better.
        self.lists_all = dice.random() < 0.6
        semantics = Semantics(
            page_size=dice.choice((3, 20, 50)),
            order=dice.choice(("oldest", "newest")),
            past_end=dice.choice(("empty", "not_found")),
            acknowledged="stay" if self.lists_all else "vanish",
            cursor_in_cache_key=dice.choice((True, False)),
            success=dice.choice(("success_true", "no_success_key")),
            repeat_ship=dice.choice(("accepted", "accepted", "not_found")),
            label_before_ready=dice.choice(
                ("not_found", "html", "no_link") if self.lists_all else ("not_found", "html")
            ),
        )
        settings = settings_for(self.folder / "state", self.supplier, schedule=self.schedule)
        self.weather = Weather(dice, self.clock.monotonic)
        self.site = MortalSite(settings, self.world, self.clock, semantics, self.seed, sky=self.weather.over)
        self.people = People(self.site, dice)
        self._be_born()

    # -- the process ----------------------------------------------------------------------------------------------

    def _be_born(self) -> None:
        """Start, again and again if it dies in that."""
        while not self.site.running:
            try:
                self.site.start()
            except Death:
                self._bury()

    def _bury(self) -> None:
        self.deaths += 1
        self.doubtful |= self._in_doubt()
        self.site.crash()
        self.clock.sleep(self.dice.uniform(5, 60))

    def _in_doubt(self) -> set[tuple[str, int]]:
        rows = self.ask(
            "SELECT o.menzzo_order_id, c.attempts FROM calls c JOIN orders o ON o.id = c.order_id "
            "WHERE c.kind = 'ship' AND c.state = 'sending'"
        )
        return {(str(this), int(attempts)) for this, attempts in rows}

    def run_until(self, end: float) -> None:
        """Let the agent work; time goes straight to the next moment at which it, or we, have something to do."""
        turns, stood_at = 0, self.clock.monotonic()
        while self.clock.monotonic() < end:
            try:
                wait = self.site.agent.turn()
            except Death:
                self._bury()
                self._be_born()
                continue
            turns = turns + 1 if self.clock.monotonic() == stood_at else 0
            stood_at = self.clock.monotonic()
            assert turns < MOST_TURNS_IN_PLACE, "the agent turns, but no time passes"
            if self.site.agent.in_flight():
                continue
            left = end - self.clock.monotonic()
            self.clock.sleep(min(left, max(wait, self.site.nothing_before() if wait > 5 else 0, 0.001)))

    def ask(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Read the database as staff do."""
        return self.site.ask(sql, *values)

    # -- the days -------------------------------------------------------------------------------------------------

    def live_a_day(self) -> None:
        """Let one day pass."""
        dice, began = self.dice, self.clock.monotonic()
        self.days += 1
        self.weather.forecast()
        happenings: list[tuple[float, str]] = []
        happenings += [(dice.uniform(0, DAY), "order") for _ in range(dice.choice((0, 2, 3, 5)))]
        happenings += [(dice.uniform(0, DAY), "people") for _ in range(dice.choice((2, 4, 7)))]
        happenings += [(dice.uniform(0, DAY), "death") for _ in range(dice.choice((0, 0, 1, 2)))]
        happenings += [(dice.uniform(0, DAY), "change") for _ in range(dice.choice((0, 0, 1)))]
        if dice.random() < 0.15:
            happenings.append((dice.uniform(0, DAY), "token"))
        if dice.random() < 0.2:
            wrong = dice.uniform(0, DAY)
            happenings += [(wrong, "clock"), (min(DAY, wrong + dice.uniform(600, 30000)), "clock put right")]
        for at, what in sorted(happenings):
            self.run_until(began + at)
            self._happen(what)
        self.run_until(began + DAY)

    def _happen(self, what: str) -> None:
        dice = self.dice
        if what == "order":
            self._come_in()
        elif what == "people":
            self._people()
        elif what == "death":
            # Half of the deaths are aimed: between claim and settlement of a ship call lie few steps of a day.
            self.site.doom.among = dice.choice(("", "", SHIP, "ledger"))
            self.site.doom.steps_left = dice.choice((1, 2, 3) if self.site.doom.among else (1, 2, 3, 5, 8, 13, 21, 34))
        elif what == "change":
            self._change()
        elif what == "token":
            self.world.tokens[self.supplier] = f"sandbox-{self.supplier}-{self.days}"
            self.run_until(self.clock.monotonic() + 3600)
            self.site.tokens[self.supplier] = self.world.tokens[self.supplier]
        else:
            self._set_clock(timedelta(hours=dice.choice((-1, 1))) if what == "clock" else timedelta(0))

    def _people(self) -> None:
        try:
            self.people.do_something()
        except AgentError:
            return
        if self.people.wrong:
            self.run_until(self.clock.monotonic() + self.dice.uniform(1, 130))
            self.people.take_back()

    def _set_clock(self, wrong_by: timedelta) -> None:
        """Set the machine's clock; the daemon notices it within a second."""
        self.clock.wrong_by = wrong_by
        self.jumps.append(self.clock.monotonic())
        try:
            if self.dice.random() < 0.5:
                self.site.agent.turn()
            self.site.agent.clock_changed()
        except Death:
            self._bury()
            self._be_born()

    # -- the marketplace ------------------------------------------------------------------------------------------

    def _come_in(self) -> None:
        dice, now = self.dice, self.clock.true_now()
        kind = dice.random()
        if kind < 0.06:
            row = dice.choice(
                ({"sku": "CHAIR", "price": 1.5}, 7, {"menzzo_order_id": "../x", "quantity": self.days}, [self.days])
            )
            self.spoilt.append(self.world.arrive_raw(self.supplier, row, now.date()).row_json or "")
            return
        order = self.world.arrive(self.supplier, now.date())
        order.visible_from = now
        self._label(order, order.label_path)
        if kind < 0.25:  # listed late, below numbers that are known by then
            order.visible_from = now + timedelta(hours=dice.uniform(0.5, 50))
        if kind > 0.7:
            order.label_ready_from = now + timedelta(hours=dice.uniform(0.1, 6))
        if 0.62 < kind < 0.7:
            order.quantity = -1

    def _label(self, order: Order, path: str) -> None:
        versions = self.labels.setdefault(order.menzzo_order_id, [])
        order.label = f"%PDF-1.4 {order.menzzo_order_id} {len(versions)}\n%%EOF\n".encode()
        versions.append(order.label)
        if path != order.label_path:
            order.label_path = path
            self.world._by_label[path] = order  # noqa: SLF001 - the marketplace moves a label; a world has no door for it

    def _change(self) -> None:
        """Change something of an order that may be known already."""
        orders = [order for order in self.world.orders(self.supplier) if order.row_json is None]
        if not orders:
            return
        order = self.dice.choice(orders)
        if self.lists_all and self.dice.random() < 0.5:
            self._label(order, f"{order.label_path.removesuffix('.pdf')}-{self.days}.pdf")
        else:
            order.quantity = self.dice.randint(1, 9)

    # -- the end --------------------------------------------------------------------------------------------------

    def put_all_right(self) -> None:
        """End every fault, let people decide what is theirs, and give the agent the time to come to rest."""
        self.weather.clear_up()
        self.site.doom.steps_left = None
        self.site.tokens[self.supplier] = self.world.tokens[self.supplier]
        now = self.clock.true_now()
        for order in self.world.orders(self.supplier):
            order.visible_from = min(order.visible_from or now, now)
            order.label_ready_from = None
            order.quantity = max(order.quantity, 1)
        self._set_clock(timedelta(0))
        self.tail_began = self.clock.monotonic()
        seconds = self.site.settings.schedule.sweep_seconds + TAIL_HOURS * 3600
        for part in range(3):
            self.run_until(self.tail_began + seconds * (part + 1) / 4)
            self.people.take_back()
            self.people.decide()
            self.people.try_again()
            if part == 0:
                self.people.let_go(all_of_them=True)
        self.run_until(self.tail_began + seconds)
        account = self.site.agent.accounts[self.supplier]
        for _ in range(60):
            if account.run is None and not account.flying(READS):
                break
            self.run_until(self.clock.monotonic() + 5)

    def close(self) -> None:
        """Stop the agent."""
        if self.site.running:
            self.site.stop()
        self.people.go_home()

    def history(self) -> str:
        """Return a digest of all that happened: every request as the marketplace saw it, and every row that was kept."""
        told = hashlib.sha256()
        for line in self.world.log:
            told.update(repr(vars(line)).encode())
        for table in ("orders", "calls", "attempts", "reads", "runs", "lanes", "suppliers", "rejected_entries"):
            for row in self.ask(f"SELECT * FROM {table} ORDER BY 1, 2"):
                told.update(repr(row).encode())
        return told.hexdigest()
