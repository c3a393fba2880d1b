"""Days in the life of an installation: everything that happens in them comes from one seed.

Orders come in, some late or spoilt, some changed later; the sky is good or bad; tokens expire; clocks are set; the process dies
and comes back; people work. After the last day all is put right, and what is left must come to its end.
"""

import contextlib
import hashlib
import random
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from supplier_agent.base.errors import AgentError
from supplier_agent.sandbox.orders import Order
from supplier_agent.sandbox.semantics import Semantics
from supplier_agent.sandbox.world import World
from supplier_agent.settings import Settings
from supplier_agent.suppliers.circuit_breakers import READS
from supplier_agent.tick import plan
from tests.simulation.people import People
from tests.simulation.weather import DAY, Weather
from tests.world.harness import settings_for
from tests.world.life import Life
from tests.world.mortal import SHIP, SetClock, Spell

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


class Days(Life):
    """A life with everything that may happen in it."""

    def __init__(self, seed: int, folder: Path, schedule: dict[str, Any]) -> None:
        dice = random.Random(seed)
        supplier, clock = dice.choice(("asir-group", "notio")), SetClock(dice.choice(STARTS))
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
        self.weather = Weather(dice, clock.monotonic)
        world = World(clock.true, (supplier,), seed=seed)
        settings = self.settings(folder, world, supplier, schedule)
        super().__init__(settings, world, clock, semantics, seed, self.sky)
        self.staff: People = People(self.site, self.dice)
        self.days = 0
        self.tail_began: float | None = None
        self.start()

    def settings(self, folder: Path, world: World, supplier: str, schedule: dict[str, Any]) -> Settings:  # noqa: ARG002 - for those with more
        """Return the installation's settings."""
        return settings_for(folder / "state", supplier, schedule=schedule)

    def sky(self, endpoint: str) -> Spell:
        """Return what a request meets now."""
        return self.weather.over(endpoint)

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
        for at, what in sorted(happenings + self._more()):
            self.run(began + at - self.clock.monotonic())
            self._happen(what)
        self.run(began + DAY - self.clock.monotonic())

    def _more(self) -> list[tuple[float, str]]:
        """Return what else happens in a day; see `_happen`."""
        return []

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
            self.run(3600)
            self.site.tokens[self.supplier] = self.world.tokens[self.supplier]
        else:
            self._set_clock(timedelta(hours=dice.choice((-1, 1))) if what == "clock" else timedelta(0))

    def _people(self) -> None:
        with contextlib.suppress(AgentError):
            self.staff.do_something()
        if self.staff.wrong:
            self.run(self.dice.uniform(1, 130))
            self.staff.take_wrong_back()

    def _set_clock(self, wrong_by: timedelta) -> None:
        """Set the machine's clock; the daemon notices it within a second."""
        self.clock.wrong_by = wrong_by
        self.jumps.append(self.clock.monotonic())
        if self.dice.random() < 0.5:
            self.or_die(self.site.turn)
        self.or_die(lambda: plan.clock_changed(self.site.agent.ctx))

    # -- the marketplace ------------------------------------------------------------------------------------------

    def _come_in(self) -> None:
        dice, now = self.dice, self.clock.true_now()
        kind = dice.random()
        if kind < 0.06:
            row = dice.choice(
                ({"sku": "CHAIR", "price": 1.5}, 7, {"menzzo_order_id": "../x", "quantity": self.days}, [self.days])
            )
            self.world.arrive_raw(self.supplier, row, now.date())
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
            self.run(self.tail_began + seconds * (part + 1) / 4 - self.clock.monotonic())
            self.staff.take_wrong_back()
            self.staff.decide_all()
            self.staff.retry_all()
            if part == 0:
                self.staff.let_go(all_of_them=True)
        self.run(self.tail_began + seconds - self.clock.monotonic())
        self.run(300, until=lambda: self.account.run is None and not self.account.flying(READS))

    def faults(self, *, at_rest: bool = False) -> list[str]:  # noqa: ARG002 - for lives with more
        """Return every promise that is broken, besides those of every life."""
        return []

    def met(self) -> Mapping[str, int]:
        """Return how often each kind of fault was met."""
        return self.weather.met

    def at_others(self) -> Mapping[str, int]:
        """Return how much there is at other sides, by its name."""
        return {}

    def history(self) -> str:
        """Return a digest of all that happened: every request as the marketplace saw it, and every row that was kept."""
        digest = hashlib.sha256()
        for line in self.world.log:
            digest.update(repr(vars(line)).encode())
        for table in ("orders", "calls", "attempts", "reads", "runs", "lanes", "suppliers", "rejected_entries"):
            for row in self.ask(f"SELECT * FROM {table} ORDER BY 1, 2"):
                digest.update(repr(row).encode())
        return digest.hexdigest()
