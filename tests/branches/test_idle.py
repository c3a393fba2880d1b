"""An idle account costs nothing: it is looked at when something is due, or when another program has changed something of it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import event
from sqlmodel import Session

from supplier_agent import actions
from supplier_agent.agent import LOCKED_SECONDS
from supplier_agent.db.store import LockedError, Store, open_store
from supplier_agent.sandbox.semantics import Semantics
from supplier_agent.sandbox.world import World
from supplier_agent.suppliers import read_log, safety_stops
from supplier_agent.tick.choose import FULL_LOOK_SECONDS, LOOK_SECONDS
from tests.branches.conftest import work_for
from tests.world.harness import MONDAY, arrive, settings_for
from tests.world.mortal import MortalSite, SetClock

SUPPLIERS = "notio", "asir-group"
ORDERS = 2


def at_work(tmp_path: Path, **sections: Mapping[str, object]) -> MortalSite:
    """Return an agent of two suppliers that has done all there is to do."""
    clock = SetClock(MONDAY)
    world = World(clock.true, SUPPLIERS)
    for name in SUPPLIERS:
        arrive(world, name, ORDERS)
    settings = settings_for(tmp_path / "state", *SUPPLIERS, **({"ship": {"undo_seconds": 0}} | sections))
    made = MortalSite(settings, world, clock, Semantics())
    made.start()
    work_for(made, 120)
    return made


@pytest.fixture
def site(tmp_path: Path) -> Iterator[MortalSite]:
    made = at_work(tmp_path)
    yield made
    made.stop()


@pytest.fixture
def statements(site: MortalSite) -> list[str]:
    """Return the statements that the agent's database is asked from now on, without those that ask whether anything changed."""
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        if statement not in {"BEGIN DEFERRED", "PRAGMA data_version"}:
            asked.append(statement)

    event.listen(site.agent.ctx.store._engine, "before_cursor_execute", note)  # noqa: SLF001 - whose statements are counted
    return asked


def write(site: MortalSite, act: Callable[[Session], object]) -> None:
    """Do something in the database as another program does."""
    with closing(open_store(site.database)) as store, store.write() as tx:
        act(tx)


def ids(site: MortalSite, supplier: str) -> list[str]:
    return [order.menzzo_order_id for order in site.world.orders(supplier)]


def test_an_idle_look_asks_the_database_nothing(site: MortalSite, statements: list[str]) -> None:
    work_for(site, FULL_LOOK_SECONDS + LOOK_SECONDS, until=lambda: bool(statements))
    assert statements, "a full look, in case something was changed unnoticed"
    work_for(site, 2.0)
    statements.clear()
    work_for(site, FULL_LOOK_SECONDS - 3 * LOOK_SECONDS)
    assert statements == []


def test_a_mark_makes_the_agent_look_at_its_supplier_alone(site: MortalSite) -> None:
    write(
        site, lambda tx: actions.hold(tx, actions.find(tx, ids(site, "notio")[1]), site.clock.now(), "Ana", "scratch")
    )
    site.agent.turn()
    before = {name: account.snapshot for name, account in site.agent.accounts.items()}
    write(site, lambda tx: actions.ship(tx, actions.find(tx, ids(site, "notio")[0]), site.clock.now(), "Ana"))
    site.agent.turn()
    assert site.agent.accounts["asir-group"].snapshot is before["asir-group"]
    assert site.agent.accounts["notio"].snapshot is not before["notio"]
    work_for(site, 30)
    assert site.ask("SELECT count(*) FROM orders WHERE ship_confirmed_at IS NOT NULL") == [(1,)]


def _again(tx: Session, site: MortalSite) -> None:
    site.clock.sleep(2 * FULL_LOOK_SECONDS)  # beyond the server's cache
    today = site.clock.now().date()
    read_log.request(tx, "notio", today - timedelta(days=3), today, site.clock.now())


def _parked(tx: Session, site: MortalSite) -> None:
    tx.connection().exec_driver_sql("UPDATE calls SET state = 'parked' WHERE kind = 'acknowledge'")
    actions.retry(tx, actions.find(tx, ids(site, "notio")[0]), site.clock.now(), "Ana")


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(lambda tx, site: safety_stops.pause(tx, "notio", site.clock.now(), "Ana", "stock"), id="pause"),
        pytest.param(_parked, id="retry"),
        pytest.param(_again, id="resync"),
        pytest.param(
            lambda tx, _: tx.connection().exec_driver_sql("UPDATE lanes SET reason = 'x' WHERE supplier = 'notio'"),
            id="lane",
        ),
        pytest.param(
            lambda tx, _: tx.connection().exec_driver_sql("UPDATE orders SET shipped = 1 WHERE supplier = 'notio'"),
            id="marks",
        ),
    ],
)
def test_what_another_program_changes_about_a_supplier_is_noticed_in_the_next_turn(
    site: MortalSite, act: Callable[[Session, MortalSite], object]
) -> None:
    before = {name: account.snapshot for name, account in site.agent.accounts.items()}
    write(site, lambda tx: act(tx, site))
    site.agent.turn()
    assert site.agent.accounts["notio"].snapshot is not before["notio"]


class Blind(Store):
    """The database of an agent, whose next reads fail as if it were locked."""

    def __init__(self, store: Store, times: int) -> None:
        vars(self).update(vars(store))
        self.times = times

    def _begin(self, begin: str) -> Session:
        if begin == "DEFERRED" and self.times:
            self.times -= 1
            raise LockedError("another program holds the database", "end it")
        return super()._begin(begin)


def test_what_could_not_be_read_when_it_changed_is_read_in_a_later_turn(site: MortalSite) -> None:
    site.agent.ctx.store = Blind(site.agent.ctx.store, 3)
    write(site, lambda tx: safety_stops.pause(tx, "notio", site.clock.now(), "Ana", "stock"))
    for _ in range(3):
        assert site.agent.turn() == LOCKED_SECONDS
        assert isinstance(site.agent.database_problem, LockedError)
        site.clock.sleep(LOCKED_SECONDS)
    site.agent.turn()
    seen = site.agent.accounts["notio"].snapshot
    assert seen is not None
    assert seen.supplier.paused_at is not None


def test_when_other_hours_begin_an_idle_account_is_read_at_once(tmp_path: Path) -> None:
    schedule = {"poll_seconds": 60, "off_hours_poll_seconds": 7200, "business_hours": "08:30-19:00"}
    site = at_work(tmp_path, schedule=schedule)
    hours = site.settings.calendar("notio")
    work_for(site, 40 * 3600, until=lambda: not hours.is_open(site.clock.now()))
    work_for(site, 40 * 3600, until=lambda: hours.is_open(site.clock.now() + timedelta(minutes=1)))
    site.agent.ctx.look_again()  # so that the next full look is long after the opening, as is the hourly check
    work_for(site, 60, until=lambda: hours.is_open(site.clock.now()))
    before = len(site.world.requests("get-sales"))
    work_for(site, 2 * LOOK_SECONDS)
    assert len(site.world.requests("get-sales")) > before
    site.stop()


def test_what_becomes_due_is_done_on_time(tmp_path: Path) -> None:
    site = at_work(tmp_path, ship={"undo_seconds": 100})
    write(site, lambda tx: actions.ship(tx, actions.find(tx, ids(site, "notio")[0]), site.clock.now(), "Ana"))
    marked = site.clock.monotonic()
    work_for(site, 200, until=lambda: bool(site.world.requests("ship-sale")))
    assert 100 <= site.clock.monotonic() - marked < 102
    site.stop()
