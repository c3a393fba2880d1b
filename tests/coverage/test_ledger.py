"""The ledger against the truth: whatever the undocumented API does, what it calls proved is proved, and nothing else."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from supplier_agent import actions
from supplier_agent.cli import run as command
from supplier_agent.db.plain_sql import Look, look_at, within
from supplier_agent.db.state_folder import DATABASE
from supplier_agent.marketplace.client import age_seconds, ahead_seconds
from supplier_agent.marketplace.wire import Answer, Reply
from supplier_agent.reading import coverage
from supplier_agent.reading.coverage import Ledger, State
from supplier_agent.reading.missing_orders import absence_of
from supplier_agent.reports import health, status
from supplier_agent.sandbox.semantics import Semantics
from supplier_agent.sandbox.world import World
from supplier_agent.verdict import ProblemCode
from tests.world.harness import MONDAY, ManualClock, NoSockets, Site, settings_for

HOUR = 3600
DAY = timedelta(days=1)
STRIDE = 4 * HOUR
RARELY = {"sweep_days": 4, "poll_seconds": 6 * HOUR, "off_hours_poll_seconds": 6 * HOUR}
"""Each reading costs a test some milliseconds."""

Open = Callable[..., Site]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    """Return what opens an installation of one supplier at a marketplace of its own."""
    sites: list[Site] = []

    def opened(
        semantics: Semantics | None = None, supplier: str = "notio", begins: datetime = MONDAY, **schedule: object
    ) -> Site:
        clock = ManualClock(begins)
        world = World(clock, [supplier])
        settings = settings_for(
            tmp_path / str(len(sites)), supplier, schedule=RARELY | schedule, requests_per_second=50
        )
        site = Site(settings, world, clock, semantics or Semantics())
        sites.append(site)
        site.start()
        return site

    yield opened
    for site in sites:
        if site.running:
            site.crash()


def today(site: Site) -> date:
    return site.clock.now().astimezone(site.settings.timezone).date()


def told(site: Site) -> Ledger:
    (name,) = site.settings.suppliers
    with site.agent.ctx.store.read() as tx:
        first, last = coverage.usual_range(tx, site.settings, name, site.clock.now())
        return coverage.ledger(tx, site.settings, name, first, last, site.clock.now())


def problems(site: Site) -> list[str | None]:
    with site.agent.ctx.store.read() as tx:
        found = health.judged(tx, site.settings, site.clock.now())
    return [each.order for each in found if each.code is ProblemCode.ORDER_VANISHED]


def live(site: Site, days: int = 2, per_day: int = 3) -> None:
    """Let days pass in which orders come in over the day, one of them late."""
    (name,) = site.settings.suppliers
    for number in range(days * per_day):
        site.world.arrive(name, today(site))
        if number == per_day:
            site.world.arrive(name, today(site) - 2 * DAY)
        site.run_for(24 * HOUR / per_day, STRIDE)


def is_true(site: Site, ledger: Ledger) -> None:
    """Hold every claim of the ledger against the marketplace's own books."""
    (name,) = site.settings.suppliers
    stored = {row[0]: row[1] for row in site.ask("SELECT menzzo_order_id, first_seen_at FROM orders")}
    arrived = {each.menzzo_order_id: each for each in site.world.orders(name)}
    for day in ledger.days:
        if day.state is State.PROVED:
            assert day.best is not None
            listed = [
                each.menzzo_order_id
                for each in arrived.values()
                if each.order_date == day.day and (each.visible_from is None or each.visible_from <= day.best.as_of)
            ]
            assert set(listed) <= set(stored), f"{day.day} is called proved, but not all of it is here"
            runs = site.ask(
                f"SELECT purpose, proof, started_at FROM runs WHERE id IN ({', '.join(map(str, day.runs))})"
            )
            assert {(purpose, proof) for purpose, proof, _ in runs} <= {("sweep", "complete"), ("resync", "complete")}
        in_table = site.ask("SELECT count(*) FROM orders WHERE order_date = ?", day.day.isoformat())[0][0]
        assert ledger.counted[day.day].orders == in_table


SILENT = {
    "the document's plainest reading": Semantics(page_size=3),
    "newest first": Semantics(page_size=3, order="newest"),
    "date_to is exclusive": Semantics(page_size=3, date_to_inclusive=False),
    "pages are ignored": Semantics(page_size=3, page="ignored"),
    "the cursor is always refused": Semantics(page_size=3, cursor="always_refused"),
    "neither page nor cursor": Semantics(page_size=2, page="ignored", cursor="ignored"),
    "acknowledged orders vanish": Semantics(page_size=3, acknowledged="vanish"),
}


@pytest.mark.parametrize("semantics", SILENT.values(), ids=SILENT)
def test_what_is_called_proved_is_true_whatever_the_document_leaves_open(opened: Open, semantics: Semantics) -> None:
    site = opened(semantics, sweep_seconds=12 * HOUR, poll_seconds=12 * HOUR, off_hours_poll_seconds=12 * HOUR)
    live(site, per_day=2)
    site.run_for(HOUR)
    ledger = told(site)
    is_true(site, ledger)
    if semantics.page == "ignored" and semantics.cursor == "ignored":
        assert ledger.number(State.UNREAD) > 0, "a server that cannot show all it has proves nothing"
    else:
        assert ledger.number(State.PROVED) == len(ledger.days)
        assert ledger.late.orders == 1
    assert problems(site) == []


def test_a_cached_answer_proves_only_what_was_there_when_it_may_have_been_made(opened: Open) -> None:
    site = opened(Semantics(cache_seconds={"asir-group": 1800.0}), "asir-group")
    live(site)
    ledger = told(site)
    is_true(site, ledger)
    for day in ledger.days:
        assert day.best is not None
        assert day.best.as_of == day.best.started_at - timedelta(minutes=30)


def test_right_after_midnight_a_cached_reading_proves_nothing_of_the_day_that_ended(opened: Open) -> None:
    ten_past_eleven = MONDAY.replace(hour=22, minute=10)  # in Paris an hour later
    site = opened(
        Semantics(cache_seconds={"asir-group": 1800.0}),
        "asir-group",
        ten_past_eleven,
        sweep_seconds=HOUR,
        poll_seconds=HOUR,
    )
    site.run_for(1.5 * HOUR, 600)
    over = [day for day in told(site).days if day.is_over]
    assert [day.state for day in over] == [State.PROVED] * 3 + [State.CACHED]
    site.run_for(HOUR, 600)
    assert [day.state for day in told(site).days if day.is_over] == [State.PROVED] * 4


def test_an_answer_that_says_how_old_it_is_proves_less(opened: Open) -> None:
    site = opened()
    site.run_for(HOUR, 600)
    before = told(site).days[-1].best
    assert before is not None
    run = site.ask("SELECT max(run_id) FROM reads JOIN runs ON runs.id = run_id WHERE purpose = 'sweep'")[0][0]
    with site.agent.ctx.store.write() as tx:
        tx.connection().exec_driver_sql("UPDATE reads SET age_seconds = 240 WHERE run_id = ?", (run,))
    after = told(site).days[-1].best
    assert after is not None
    assert before.as_of - after.as_of == timedelta(minutes=4)


class Dated(NoSockets):
    """A marketplace behind a cache that says how old its answers are, and whose clock goes ahead of ours."""

    def exchange(self, *arguments: Any, **named: Any) -> Reply:  # noqa: ANN401 - as the real one
        answer = super().exchange(*arguments, **named)
        assert isinstance(answer, Answer)
        stored_at = self.clock.now() + timedelta(minutes=10) - timedelta(seconds=90)
        return replace(answer, headers={**answer.headers, "age": "90", "date": format_datetime(stored_at, usegmt=True)})


def test_what_an_answer_says_of_its_age_and_of_the_time_is_in_the_journal(opened: Open) -> None:
    site = opened()
    site.stop()
    site.wire = Dated(site.api, site.clock, site.settings.base_url)
    site.start()
    site.run_for(HOUR)
    assert set(site.ask("SELECT age_seconds, ahead_seconds FROM reads")) == {(90, 600)}
    best = told(site).days[-1].best
    assert best is not None
    assert best.started_at - best.as_of == timedelta(seconds=90)


@pytest.mark.parametrize(
    ("headers", "age", "ahead"),
    [
        ({}, None, None),
        ({"age": "0", "date": "Mon, 23 Nov 2026 06:00:00 GMT"}, 0, 0),
        ({"age": " 12 ", "date": "Mon, 23 Nov 2026 05:59:48 GMT"}, 12, 0),
        ({"age": "-1", "date": "Mon, 23 Nov 2026 05:58:00 GMT"}, None, -120),
        ({"age": "12, 13", "date": "soon"}, None, None),
        ({"age": "9" * 30, "date": "Mon, 23 Nov 9999 05:58:00 GMT"}, None, None),
        ({"age": "\u0663", "date": "Mon, 99 Nov 2026 05:58:00 GMT"}, None, None),
    ],
)
def test_headers_about_time_are_read_or_left_alone(headers: dict[str, str], age: int | None, ahead: int | None) -> None:
    assert age_seconds(headers) == age
    assert ahead_seconds(headers, MONDAY) == ahead


def test_days_without_the_agent_are_not_proved_until_they_are_read_again(opened: Open) -> None:
    site = opened()
    live(site, days=1)
    site.stop()
    site.clock.sleep(60 * HOUR)
    site.start()
    overdue = [day for day in told(site).days if day.is_overdue]
    assert len(overdue) == 2
    assert {day.why for day in overdue} == {"nothing was read after the day was over", "no reading has covered it"}
    site.run_for(HOUR, 600)
    assert all(day.state is State.PROVED for day in told(site).days)


# -- orders that vanish ------------------------------------------------------------------------------------------------


def cancel(site: Site, menzzo_order_id: str) -> None:
    """Let the marketplace list an order no longer."""
    (name,) = site.settings.suppliers
    order = site.world.order(name, menzzo_order_id)
    assert order is not None
    order.visible_from = site.clock.now() + timedelta(days=1000)


def odd(site: Site, number: int) -> str:
    """Let an order come in that nobody acknowledges, for it has neither sku nor quantity."""
    (name,) = site.settings.suppliers
    row = {"menzzo_order_id": f"15000099999_{number}", "order_date": today(site).isoformat()}
    return site.world.arrive_raw(name, row, today(site)).menzzo_order_id


def flown(site: Site, number: int = 6) -> list[str]:
    """Let some orders come in and be acknowledged, and be listed again afterwards."""
    (name,) = site.settings.suppliers
    ids = [site.world.arrive(name, today(site)).menzzo_order_id for _ in range(number)]
    site.run_for(14 * HOUR, STRIDE)
    assert site.ask("SELECT count(*) FROM orders WHERE acknowledged_at IS NULL") == [(0,)]
    return ids


def test_an_order_that_vanished_is_a_problem_once_two_complete_readings_missed_it(opened: Open) -> None:
    site = opened()
    ids = flown(site)
    cancel(site, ids[0])
    site.run_for(7 * HOUR, STRIDE)
    assert site.ask("SELECT count(*) FROM orders WHERE missed_at IS NOT NULL") == [(1,)]
    assert problems(site) == []
    site.run_for(6 * HOUR, STRIDE)
    assert problems(site) == [ids[0]]
    assert site.ask("SELECT vanished_at = missed_at FROM orders WHERE vanished_at IS NOT NULL") == [(1,)]
    ledger = told(site)
    assert ledger.missing == (ids[0],)
    assert sum(counted.gone for counted in ledger.counted.values()) == 1


def test_a_vanished_order_that_is_flagged_is_not_reported_until_it_is_listed_again_or_overridden(opened: Open) -> None:
    site = opened()
    ids = flown(site, 10)
    for each in ids[:2]:
        cancel(site, each)
    site.run_for(14 * HOUR, STRIDE)
    assert set(problems(site)) == set(ids[:2])
    site.flag(ids)
    site.run_for(HOUR, 600)
    shipped = "SELECT menzzo_order_id FROM orders WHERE ship_confirmed_at IS NOT NULL ORDER BY id"
    assert site.ask(shipped) == [(each,) for each in ids[2:]]
    order = site.world.order("notio", ids[0])
    assert order is not None
    order.visible_from = None
    with site.agent.ctx.store.write() as tx:
        actions.ship(tx, actions.find(tx, ids[1]), site.clock.now(), "ana", "Ana")
    site.run_for(7 * HOUR, STRIDE)
    tried = "SELECT menzzo_order_id FROM calls JOIN orders o ON o.id = order_id WHERE kind = 'ship' AND attempts = 1 ORDER BY o.id"
    assert site.ask(tried) == [(each,) for each in ids], "the marketplace answers for the second: it is cancelled there"
    assert site.ask(shipped) == [(each,) for each in ids if each != ids[1]]


def test_a_mass_disappearance_is_one_problem_of_the_supplier_and_stops_no_order(opened: Open) -> None:
    site = opened()
    ids = flown(site, 12)
    for each in ids[:8]:
        cancel(site, each)
    site.run_for(14 * HOUR, STRIDE)
    assert site.ask("SELECT count(*) FROM orders WHERE missed_at IS NOT NULL") == [(8,)]
    assert problems(site) == []
    with site.agent.ctx.store.read() as tx:
        found = absence_of(within(tx), "notio")
    assert (found.gone_at_once, found.stay) == (8, True)
    for each in ids[:8]:
        order = site.world.order("notio", each)
        assert order is not None
        order.visible_from = None
    site.run_for(7 * HOUR, STRIDE)
    with site.agent.ctx.store.read() as tx:
        assert absence_of(within(tx), "notio").gone_at_once == 0


def test_an_order_that_is_listed_again_is_missed_no_longer_and_its_history_says_so(opened: Open) -> None:
    site = opened()
    ids = flown(site)
    cancel(site, ids[0])
    site.run_for(13 * HOUR, STRIDE)
    assert problems(site) == [ids[0]]
    order = site.world.order("notio", ids[0])
    assert order is not None
    order.visible_from = None
    site.run_for(7 * HOUR, STRIDE)
    assert problems(site) == []
    said = site.ask("SELECT what FROM events WHERE who = 'marketplace' ORDER BY id")
    assert said == [("no longer listed",), ("listed again",)]


def test_where_acknowledged_orders_leave_the_list_their_absence_is_no_problem(opened: Open) -> None:
    site = opened(Semantics(acknowledged="vanish"))
    odd(site, 1)
    site.run_for(HOUR, STRIDE)
    for _ in range(3):
        site.world.arrive("notio", today(site))
    site.run_for(20 * HOUR, STRIDE)
    ledger = told(site)
    assert (ledger.habit.seen, ledger.habit.left, ledger.habit.stay) == (0, 3, False)
    assert problems(site) == []


def test_an_order_that_was_never_acknowledged_is_missed_even_where_acknowledged_ones_leave(opened: Open) -> None:
    site = opened(Semantics(acknowledged="vanish"))
    stays, goes = odd(site, 1), odd(site, 2)
    site.world.arrive("notio", today(site))
    site.run_for(HOUR, STRIDE)
    cancel(site, goes)
    site.run_for(14 * HOUR, STRIDE)
    assert problems(site) == [goes]
    assert stays not in problems(site)


def test_what_we_have_shipped_or_tried_to_ship_may_leave_the_list(opened: Open) -> None:
    site = opened(Semantics(shipped="vanish"))
    ids = flown(site)
    site.flag(ids[:2])
    site.run_for(20 * HOUR, STRIDE)
    assert site.ask("SELECT count(*) FROM orders WHERE ship_confirmed_at IS NOT NULL") == [(2,)]
    assert problems(site) == []


def test_an_empty_list_proves_no_absence(opened: Open) -> None:
    site = opened()
    for each in flown(site):
        cancel(site, each)
    site.run_for(20 * HOUR, STRIDE)
    assert site.ask("SELECT count(*) FROM orders WHERE missed_at IS NOT NULL") == [(0,)]


def test_an_order_listed_within_the_caches_life_is_not_judged_by_a_reading_that_may_be_older(opened: Open) -> None:
    site = opened(Semantics(cache_seconds={"asir-group": 1800.0}), "asir-group")
    ids = flown(site)
    last_sweep = site.ask("SELECT max(started_at) FROM runs WHERE purpose = 'sweep'")[0][0]
    with site.agent.ctx.store.write() as tx:  # as if a poll had shown it right before the next sweep
        tx.connection().exec_driver_sql("UPDATE orders SET last_listed_at = '2026-12-31 00:00:00.000000' WHERE id = 1")
    cancel(site, ids[0])
    site.run_for(7 * HOUR, STRIDE)
    assert site.ask("SELECT max(started_at) FROM runs WHERE purpose = 'sweep'")[0][0] > last_sweep
    assert site.ask("SELECT count(*) FROM orders WHERE missed_at IS NOT NULL") == [(0,)]


# -- the page and the command ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the configuration of an installation that lived two days, three weeks before the time of this writing."""
    folder = tmp_path_factory.mktemp("lived")
    clock = ManualClock(datetime(2026, 11, 2, 6, tzinfo=UTC))
    site = Site(
        settings_for(folder / "state", "notio", schedule=RARELY, requests_per_second=50), World(clock, ["notio"]), clock
    )
    site.start()
    live(site)
    site.stop()
    config = folder / "agent.toml"
    config.write_text(
        f'state_dir = "{site.settings.state_dir}"\n[schedule]\nsweep_days = 4\n[suppliers.notio]\ntoken = "t"\n'
    )
    return config


Typed = Callable[..., tuple[int, str]]


@pytest.fixture
def typed(lived: Path, capsys: pytest.CaptureFixture[str]) -> Typed:
    """Return what types a command there."""

    def typed(*words: str) -> tuple[int, str]:
        code = command(["--config", str(lived), "coverage", *words])
        return code, capsys.readouterr().out

    return typed


def test_the_page_says_per_day_in_one_line_what_proves_it(typed: Typed) -> None:
    code, said = typed("--from", "2026-10-31", "--to", "2026-11-03")
    assert code == 0
    assert (
        said
        == """\
notio (Europe/Paris; answers are never cached)
proved complete as of T: every order of the day that the marketplace listed at T is in our database

     DAY             ORDERS  LATE  GONE
 ok  Sat 2026-10-31       0     -     -  proved complete as of 2026-11-04 01:00  (sweep 15: 2 pages, 7 listed; 7 more prove it)
 ok  Sun 2026-11-01       1     1     -  proved complete as of 2026-11-04 01:00  (sweep 15: 2 pages, 7 listed; 7 more prove it)
 ok  Mon 2026-11-02       3     -     -  proved complete as of 2026-11-04 01:00  (sweep 15: 2 pages, 7 listed; 4 more prove it)
 ok  Tue 2026-11-03       3     -     -  proved complete as of 2026-11-04 01:00  (sweep 15: 2 pages, 7 listed)

4 of 4 days proved complete; 7 orders
late: 1 of 7 orders came after their day had been proved; sweep_days = 4 is enough: the latest came 2 days after its date
               2 days  ############################## 1
gone: none; acknowledged orders stay on the list (7 were listed again after their acknowledgement, 0 were not any more)
"""
    )


def test_the_command_names_the_reading_that_cures_each_gap(typed: Typed) -> None:
    code, said = typed("--from", "2026-10-10", "--to", "2026-10-12")
    assert code == 1
    assert "not fully read: no reading has covered it" in said
    assert "supplier-agent resync --from 2026-10-10 --to 2026-10-12 --supplier notio" in said


def test_the_command_tells_programs_the_same_as_people(typed: Typed) -> None:
    code, said = typed("--json", "--from", "2026-11-02", "--to", "2026-11-03")
    found: dict[str, Any] = json.loads(said)["suppliers"]["notio"]
    assert code == 0
    assert [day["state"] for day in found["days"]] == ["proved", "proved"]
    assert all(day["as_of"].endswith("Z") and day["runs"] for day in found["days"])
    assert found["late"]["by_days"] == {"2": 1}


@pytest.mark.parametrize(
    "words", [("--from", "today"), ("--from", "2026-11-12", "--to", "2026-11-10"), ("--supplier", "nobody")]
)
def test_a_slip_of_the_tongue_is_a_usage_error(typed: Typed, words: tuple[str, ...]) -> None:
    assert typed(*words)[0] == 2


def test_no_question_about_days_or_open_orders_reads_every_order_of_a_supplier(opened: Open) -> None:
    asked = list[tuple[str, tuple[object, ...]]]()

    class Listening(Look):
        def rows(self, sql: str, *values: object) -> list[Any]:
            asked.append((sql, values))
            return super().rows(sql, *values)

    site = opened()
    site.run_for(DAY.total_seconds(), stride_seconds=STRIDE)
    with look_at(site.settings.state_dir / DATABASE) as look:
        listening = Listening(look._connection)  # noqa: SLF001 - it has no other way to its connection
        coverage.ledger(listening, site.settings, "notio", today(site), today(site), site.clock.now())
        status.counts(listening, "notio")
        status.evidence(listening, "notio", 1)
        plans = {
            f"{sql}: {row.detail}" for sql, values in asked for row in look.rows(f"EXPLAIN QUERY PLAN {sql}", *values)
        }
    assert any("COVERING INDEX orders_by_day (order_date>" in plan for plan in plans)
    assert any("INDEX orders_without_a_yes" in plan for plan in plans)
    of_all = [plan for plan in plans if "INDEX sqlite_autoindex_orders_1 (supplier=?)" in plan]
    assert all("AS ever" in plan for plan in of_all), of_all  # the number of all orders is counted one by one
