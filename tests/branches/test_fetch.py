"""One order is read by its number for a person, within the rate and not from the cache; it says nothing about other orders."""

from datetime import timedelta
from pathlib import Path

from sqlmodel import Session

from supplier_agent.db.store import open_store
from supplier_agent.db.tables import Run
from supplier_agent.reading import strategy
from supplier_agent.reading.schedule import Pauses, Readings, next_read
from supplier_agent.sandbox.world import World
from supplier_agent.suppliers import read_log
from tests.world.harness import MONDAY, ManualClock, Site, settings_for

NAME = "asir-group"


def site_of(tmp_path: Path, orders: int = 12) -> Site:
    clock = ManualClock()
    world = World.with_orders(orders, today=clock.now().date(), days=2, clock=clock, suppliers=(NAME,))
    settings = settings_for(tmp_path / "state", NAME, schedule={"off_hours_poll_seconds": 900})
    return Site(settings, world, clock)


def ask(site: Site, number: str) -> None:
    """Leave a request as the command does."""
    store = open_store(site.database)

    def request(tx: Session) -> None:
        read_log.request_order(tx, NAME, number, site.clock.now().date(), site.clock.now())

    with store.write() as tx:
        request(tx)
    store.close()


def runs(site: Site) -> list[tuple[str, str, int, str]]:
    return site.ask("SELECT order_number, proof, listed, started_at FROM runs WHERE purpose = 'fetch' ORDER BY id")


def test_it_is_one_request_that_ends_the_run() -> None:
    run = strategy.fetch(MONDAY.date(), "15000012345")
    assert str(run.query) == "get-sales?page=1&order_number=15000012345"
    end = strategy.advance(run, ["15000012345_1"], [])
    assert isinstance(end, strategy.End)
    assert (end.proof, end.run.pages) == ("complete", 1)


def test_a_request_comes_before_polls_and_sweeps_and_after_a_probe() -> None:
    request = Run(supplier=NAME, purpose="fetch", date_from=MONDAY.date(), requested_at=MONDAY, order_number="1")
    supplier = Site.__new__(Site)  # any object: only its attribute is asked
    supplier.__dict__["token_refused_at"] = None
    due = next_read(Readings(supplier, request, None, None), Pauses(900, 21600, 0), MONDAY, MONDAY)  # type: ignore[arg-type]
    assert (due.purpose, due.resync) == ("fetch", request)


def test_the_running_agent_reads_it_at_once_and_stores_what_came(tmp_path: Path) -> None:
    site = site_of(tmp_path)
    site.start()
    site.run_for(60)
    new = site.world.arrive(NAME)
    ask(site, new.menzzo_order_id.rpartition("_")[0])
    known = len(site.world.log)
    site.run_for(3)
    reads = [line for line in site.world.log[known:] if line.endpoint == "get-sales"]
    assert len(reads) == 1
    assert site.ask("SELECT count(*) FROM orders WHERE menzzo_order_id = ?", new.menzzo_order_id) == [(1,)]
    ((number, proof, listed, _at),) = runs(site)
    assert (number, proof, listed) == (new.menzzo_order_id.rpartition("_")[0], "complete", 1)
    site.stop()


def test_it_moves_no_cursor_so_that_no_order_before_it_is_skipped(tmp_path: Path) -> None:
    site = site_of(tmp_path)
    site.start()
    site.run_for(60)
    before = site.ask("SELECT cursor FROM suppliers")
    skipped = site.world.arrive(NAME).menzzo_order_id
    new = site.world.arrive(NAME).menzzo_order_id
    ask(site, new.rpartition("_")[0])
    site.run_for(5)
    assert site.ask("SELECT count(*) FROM orders WHERE menzzo_order_id = ?", new) == [(1,)]
    assert site.ask("SELECT cursor FROM suppliers") == before
    site.run_for(2 * 3600)
    assert site.ask("SELECT count(*) FROM orders WHERE menzzo_order_id = ?", skipped) == [(1,)]
    site.stop()


def test_while_the_server_would_answer_from_its_cache_it_waits_and_polls_go_on(tmp_path: Path) -> None:
    site = site_of(tmp_path)
    site.start()
    site.run_for(60)
    number = site.world.orders(NAME)[0].menzzo_order_id.rpartition("_")[0]
    ask(site, number)
    site.run_for(10)
    ask(site, number)
    site.run_for(1700)
    assert [started is not None for _, _, _, started in runs(site)] == [True, False]
    site.run_for(200)
    assert [started is not None for _, _, _, started in runs(site)] == [True, True]
    urls = site.ask("SELECT url, started_at FROM reads WHERE url LIKE '%&order_number=%' ORDER BY id")
    assert len(urls) == 2
    store = open_store(site.database)
    with store.read() as tx:
        until = read_log.cached_until(tx, NAME, strategy.Query(order_number=number), 1800)
    store.close()
    assert until is not None
    assert until > site.clock.now() + timedelta(seconds=1500)
    polls = site.ask("SELECT count(*) FROM runs WHERE purpose = 'poll'")
    assert polls[0][0] >= 1
    site.stop()


def test_it_proves_nothing_about_a_day_and_no_order_is_missing_because_of_it(tmp_path: Path) -> None:
    site = site_of(tmp_path)
    site.start()
    site.run_for(60)
    this, *others = site.world.orders(NAME)
    ask(site, this.menzzo_order_id.rpartition("_")[0])
    site.run_for(10)
    assert runs(site)[0][1] == "complete"
    assert others
    assert site.ask("SELECT count(*) FROM orders WHERE missed_at IS NOT NULL OR vanished_at IS NOT NULL") == [(0,)]
    site.stop()


def test_an_order_that_is_not_listed_ends_the_run_with_nothing(tmp_path: Path) -> None:
    site = site_of(tmp_path)
    site.start()
    site.run_for(60)
    ask(site, "15999999999")
    site.run_for(10)
    assert [(proof, listed) for _, proof, listed, _ in runs(site)] == [("complete", 0)]
    site.stop()
