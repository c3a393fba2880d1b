"""An order whose number lies far from the others blinds no poll: the cursor is judged by what it brought, not by its rank."""

import itertools
from collections.abc import Callable
from datetime import date, datetime, timedelta

import pytest

from supplier_agent.db.store import Store
from supplier_agent.marketplace import Listing, Means, Seen, Verdict
from supplier_agent.reading import strategy
from supplier_agent.reading.schedule import trusted_cursor
from supplier_agent.reading.strategy import Query
from supplier_agent.suppliers import read_log
from supplier_agent.suppliers.snapshot import known_supplier
from supplier_agent.tick import pull
from tests.unit.conftest import SUPPLIER, settings_of
from tests.world.clocks import NOW

DAY = timedelta(days=1)


class Numbers:
    """A marketplace whose cursor compares numbers, the newest orders first."""

    def __init__(self, store: Store) -> None:
        self.store, self.settings, self.now, self.requests = (
            store,
            settings_of(schedule={"off_hours_poll_seconds": 900}),
            NOW,
            0,
        )
        self.listed: list[tuple[str, date]] = []
        self.arrived: dict[str, datetime] = {}

    def arrive(self, number: int) -> None:
        each = f"{number}_{len(self.listed) + 1}"
        self.listed.append((each, self.now.date()))
        self.arrived[each] = self.now

    def answer(self, query: Query) -> Listing | Verdict:
        self.requests += 1
        after = strategy.rank(query.cursor or "")
        rows = [
            (each, day)
            for each, day in self.listed
            if (after is None or (strategy.rank(each) or after) > after)
            and (query.date_from or day) <= day <= (query.date_to or day)
        ]
        rows.sort(key=lambda row: strategy.rank(row[0]) or (0, 0), reverse=True)
        page = rows[(query.page - 1) * 20 : query.page * 20]
        seen = (
            Seen(each, each.split("_")[0], each.split("_")[1], "CHAIR", 1, 100, None, day, None, ())
            for each, day in page
        )
        return Listing(tuple(seen), 200, "0" * 64)

    def live(self, hours: float, arriving: Callable[[], object] = lambda: None) -> None:
        """Let hours pass, in quarters; whatever is due is read at once."""
        until = self.now + timedelta(hours=hours)
        while self.now < until:
            arriving()
            with self.store.read() as tx:
                due = read_log.due(tx, SUPPLIER, self.settings, self.now)
            if due.at <= self.now:
                with self.store.write() as tx:
                    run = pull.begin(tx, SUPPLIER, due, self.settings, self.now, 20)
                step: object = run
                while isinstance(step, pull.OpenRun):
                    with self.store.write() as tx:
                        answer = self.answer(step.plan.query)
                        step = pull.store_page(tx, SUPPLIER, step, answer, self.now, self.settings, self.now)
            self.now += timedelta(minutes=15)

    def late(self) -> dict[str, timedelta]:
        """Return how late each order was stored; one that is not there is as late as can be."""
        with self.store.read() as tx:
            rows = tx.connection().exec_driver_sql("SELECT menzzo_order_id, first_seen_at FROM orders").all()
        seen = {row[0]: datetime.fromisoformat(row[1] + "+00:00") for row in rows}
        due = {each: at for each, at in self.arrived.items() if at < self.now - timedelta(hours=1)}
        return {each: seen.get(each, self.now + 100 * DAY) - at for each, at in due.items()}


@pytest.mark.slow  # takes seconds
def test_after_one_outlying_number_polls_bring_what_is_new_again_within_a_sweep_and_for_good(store: Store) -> None:
    shop = Numbers(store)
    for first in range(5):
        shop.arrive(15000000000 + first)
    shop.live(7)
    shop.arrive(99000000001)
    shop.live(1)
    number = itertools.count(15000001000)
    shop.live(6, lambda: shop.arrive(next(number)))
    known = len(shop.arrived)
    shop.live(26, lambda: shop.arrive(next(number)))
    late = [delay for each, delay in shop.late().items() if int(each.rpartition("_")[2]) > known]
    assert len(late) > 50
    assert max(late) <= timedelta(hours=1), "every poll brings what is new"
    with store.read() as tx:
        supplier = known_supplier(tx, SUPPLIER)
        assert trusted_cursor(supplier, shop.now) is not None, "the cursor is trusted again"
        assert (strategy.rank(supplier.cursor or "") or (0, 0))[0] < 99000000001
    before = shop.requests
    shop.live(5, lambda: shop.arrive(next(number)))
    assert shop.requests - before < 80, "and reading stays cheap"


@pytest.mark.slow
def test_two_series_of_numbers_in_one_account_never_hide_one_another_for_longer_than_a_sweep(store: Store) -> None:
    shop = Numbers(store)
    low, high = itertools.count(15000001000), itertools.count(99000001000)

    def both() -> None:
        shop.arrive(next(low))
        shop.arrive(next(high))

    both()
    shop.live(13, both)
    known = len(shop.arrived)
    shop.live(36, both)
    late = [delay for each, delay in shop.late().items() if int(each.rpartition("_")[2]) > known]
    assert max(late) <= timedelta(hours=1)


def test_where_the_cursor_works_it_stays_trusted(store: Store) -> None:
    shop = Numbers(store)
    number = itertools.count(15000001000)
    shop.live(14, lambda: shop.arrive(next(number)))
    assert max(shop.late().values()) <= timedelta(hours=1)
    with store.read() as tx:
        assert known_supplier(tx, SUPPLIER).cursor_distrusted_at is None


class NoCursor(Numbers):
    """A marketplace that refuses every cursor."""

    def answer(self, query: Query) -> Listing | Verdict:
        return Verdict(Means.REFUSED, "no", 400) if query.cursor is not None else super().answer(query)


def test_what_lies_below_the_page_at_which_a_poll_broke_off_is_read_by_the_next_poll(store: Store) -> None:
    world, number = NoCursor(store), itertools.count(1000)
    world.arrive(next(number))
    world.live(2, lambda: world.arrive(next(number)))
    for _ in range(45):
        world.arrive(next(number))
    with store.write() as tx:
        due = read_log.due(tx, SUPPLIER, world.settings, world.now)
        step: object = pull.begin(tx, SUPPLIER, due, world.settings, world.now, 20)
    while isinstance(step, pull.OpenRun) and not step.added:
        with store.write() as tx:
            answer = world.answer(step.plan.query)
            step = pull.store_page(tx, SUPPLIER, step, answer, world.now, world.settings, world.now)
    assert isinstance(step, pull.OpenRun)
    with store.write() as tx:
        pull.abandon(tx, world.now)
    world.live(1.5)
    late = world.late()
    assert len(late) > 45
    assert max(late.values()) <= timedelta(minutes=30)
    requests = world.requests
    world.live(0.5)
    assert world.requests - requests <= 4, "then a page of known orders is enough again"
