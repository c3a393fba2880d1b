"""A week at a marketplace of one case: orders come in, people mark what is ready, customers cancel, and the list may change."""

import contextlib
import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from supplier_agent.base.errors import AgentError
from supplier_agent.db.plain_sql import within
from supplier_agent.reports import supplier_facts
from supplier_agent.sandbox.listing import is_listed
from supplier_agent.sandbox.orders import Order
from supplier_agent.sandbox.world import World
from supplier_agent.verdict import ProblemCode, judge_supplier
from tests.weeks.cases import SUPPLIER, Case
from tests.world.harness import LABEL, MONDAY, settings_for
from tests.world.life import Life
from tests.world.mortal import SetClock

HOUR = 3600.0
DAY_HOURS, DAYS = 24, 7
CHANGE_HOUR = 84
"""When the list changes: in the middle of the week."""
ROUND_HOURS = 3
"""How often people look at the orders."""
QUIET_HOURS, LAST_HOURS = 14, 6
"""So long before the end nothing comes in any more, and people go home."""
AMOUNTS = {1: (4, 4), 2: (6, 5)}
"""By page size: orders from before the start, and those of a day. Small pages cost many requests."""
USUAL = (16, 7)
OFTEN, RARELY = 10800, 21600
"""Seconds between two sweeps; small pages cost many requests."""


class Week(Life):
    """A life with a marketplace of that case."""

    def __init__(self, case: Case, folder: Path, seed: int = 1) -> None:
        clock = SetClock(MONDAY)
        world = World(clock.true, (SUPPLIER,))
        for order in orders(random.Random(f"{case} {seed}"), MONDAY, *AMOUNTS.get(case.before.page_size, USUAL)):
            world.add(order)
        seconds = RARELY if case.before.page_size in AMOUNTS else OFTEN
        schedule = {
            "poll_seconds": seconds,
            "off_hours_poll_seconds": seconds,
            "sweep_seconds": seconds,
            "sweep_days": 6,
        }
        settings = settings_for(folder, SUPPLIER, schedule=schedule, ship={"undo_seconds": 0})
        super().__init__(settings, world, clock, case.before, f"{case} {seed}")
        self.case = case
        self.changes: list[list[str]] = []
        """What the problem says of changes: after each round in which there were more of them than before."""
        self._present = 0

    def live(self) -> None:
        """Let the week pass."""
        began = self.clock.monotonic()
        self.start()
        for hour in range(0, DAYS * DAY_HOURS, ROUND_HOURS):
            self._weather(hour)
            self.run(began + (hour + ROUND_HOURS) * HOUR - self.clock.monotonic())
            if hour < DAYS * DAY_HOURS - LAST_HOURS:
                self._people()
                self._customers()
            self.look()
        self.run(1800, until=lambda: self.account.run is None)

    def look(self) -> None:
        """Look at the problems, as the alerts do."""
        with self.site.agent.ctx.store.read() as tx:
            state = supplier_facts.suppliers(within(tx), self.site.settings)[SUPPLIER]
        problems = judge_supplier(state, self.site.settings, self.clock.now(), lane_of={}).problems
        told = [str(each.facts["changes"]) for each in problems if each.code is ProblemCode.MARKETPLACE_CHANGED]
        if len(told) > self._present:
            self.changes.append(told)
        self._present = len(told)

    def lost(self) -> list[str]:
        """Return the orders that are not stored, though they have been listed for so long that a sweep must have seen them."""
        patience = (
            self.site.settings.schedule.sweep_seconds + self.case.before.cache_seconds.get(SUPPLIER, 0) + 2 * HOUR
        )
        then, stored = self.world.clock.now() - timedelta(seconds=patience), set(self.books().stored())
        means = self.site.api.semantics
        names = [order.menzzo_order_id for order in self.world.orders(SUPPLIER) if is_listed(order, means, then)]
        return [f"{each} was listed and is not stored" for each in names if each not in stored]

    def _weather(self, hour: int) -> None:
        """Change the marketplace when its time has come: at once, or over an hour in which some of its machines are older."""
        if hour < CHANGE_HOUR or self.site.api.semantics == self.case.after:
            return
        for _ in range(0 if self.case.sudden else 20):
            self.site.api.semantics = self.dice.choice((self.case.before, self.case.after))
            self.run(HOUR / 20)
        self.site.api.semantics = self.case.after

    def _people(self) -> None:
        """Mark some of what is ready, and find out what came of unclear calls."""
        for each in self.staff.having("label_path IS NOT NULL AND acknowledged_at IS NOT NULL AND shipped = 0"):
            order = self.world.order(SUPPLIER, each)
            if order is not None and order.cancelled_at is None and self.dice.random() < 0.15:
                self.staff.flag_by_sql(each)
        for each in self.staff.with_a_call("kind = 'ship' AND state = 'unknown'"):
            self.staff.decide(each)
        for each in self.staff.with_a_call("state = 'parked'"):
            with contextlib.suppress(AgentError):
                self.staff.retry(each)

    def _customers(self) -> None:
        """Cancel an order that has not left, now and then."""
        now = self.clock.now()
        open_orders = [
            each
            for each in self.world.orders(SUPPLIER)
            if is_listed(each, self.site.api.semantics, now) and not each.shipped_at and each.cancelled_at is None
        ]
        marked = set(self.staff.having("shipped = 1"))
        for order in open_orders:
            if order.menzzo_order_id not in marked and self.dice.random() < 0.02:
                order.cancelled_at = now


def orders(dice: random.Random, start: datetime, before: int, a_day: int) -> Iterator[Order]:
    """Return the orders of the week by the moment at which customers made them: their numbers rise with it, as a rule."""
    end = DAYS * DAY_HOURS - QUIET_HOURS
    hours = [-dice.uniform(1, 24 * 4) for _ in range(before)] + [dice.uniform(0, end) for _ in range(a_day * end // 24)]
    increment, sale_product = 15_000_000_345, 700
    for hour in sorted(hours):
        at = start + timedelta(hours=hour)
        increment += dice.choice((0, 1, 1, 4))
        sale_product += dice.randint(1, 3)
        late_number = (
            timedelta(days=1) if dice.random() < 0.1 else timedelta(0)
        )  # dated before others with a lower number
        order = Order(
            SUPPLIER,
            f"{increment}_{sale_product}",
            f"SOFA-OSLO-3P-{dice.choice(('GREY', 'OAK', 'WHITE'))}",
            1,
            25000,
            "CHRONOPOST",
            (at - late_number).date(),
            visible_from=at,
            label=LABEL,
        )
        if dice.random() < 0.15:
            order.label_ready_from = at + timedelta(hours=dice.uniform(1, 4))
        yield order
