"""Whatever became of the ship ledger, a copy that is put back ships nothing by itself that may have been shipped since."""

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest

from supplier_agent import actions
from supplier_agent.base.errors import ConfigError, StateError
from supplier_agent.db import state_folder
from supplier_agent.db.backup_copy import FOLDER
from supplier_agent.db.ship_ledger import Ledger
from supplier_agent.db.store import Store, open_store
from supplier_agent.maintenance import rollback
from supplier_agent.maintenance.restore import SUFFIX, Restored, back_up, put_back, rolled_back
from supplier_agent.reports import health
from supplier_agent.sandbox import faults
from supplier_agent.sandbox.world import World
from tests.upkeep.conftest import DUMPS, made_from, schema_of
from tests.world.harness import ManualClock, Site, settings_for

pytestmark = pytest.mark.slow


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Return a site with four orders that may be flagged."""
    clock = ManualClock()
    clock.sleep(3600)
    world = World.with_orders(4, today=clock.now().date(), days=1, clock=clock, suppliers=("notio",))
    made = Site(settings_for(tmp_path / "state", "notio", ship={"undo_seconds": 0}), world, clock)
    made.start()
    made.run_for(30)
    return made


def ids(site: Site) -> list[str]:
    return [order.menzzo_order_id for order in site.world.orders("notio")]


def ships(site: Site) -> list[int]:
    return [len(order.shipped_at) for order in site.world.orders("notio")]


def flag(site: Site, orders: Iterable[str]) -> None:
    store = open_store(site.database)
    with store.write() as tx:
        for each in orders:
            actions.ship(tx, actions.find(tx, each), site.clock.now(), "anna")
    store.close()


def copied(site: Site) -> Path:
    store, target = open_store(site.database), site.settings.state_dir.parent / "copy.db"
    back_up(store, site.settings.state_dir, target)
    store.close()
    return target


def restored(site: Site, copy: Path) -> Restored:
    site.settings.state_dir.mkdir(exist_ok=True)
    return put_back(copy, site.settings.state_dir, site.clock.now())


def flagged_in(database: Path) -> list[str]:
    with closing(sqlite3.connect(database)) as connection:
        return [each for (each,) in connection.execute("SELECT menzzo_order_id FROM orders WHERE shipped = 1")]


def copied_between(site: Site, first: str, flagged: str, after: str) -> Path:
    """Ship the first, flag the second, make a copy, ship what is flagged since; return the copy. The agent has stopped."""
    flag(site, [first])
    site.run_for(30)
    flag(site, [flagged])
    copy = copied(site)
    flag(site, [after])
    site.run_for(30)
    site.stop()
    return copy


def goes_on(site: Site) -> None:
    site.start()
    site.run_for(3600)
    site.stop()


def held(site: Site) -> list[str]:
    return [each for (each,) in site.ask("SELECT menzzo_order_id FROM orders WHERE held_code = 'restored' ORDER BY id")]


def test_with_its_ledger_nothing_is_shipped_twice_and_what_it_knows_as_done_is_not_held(site: Site) -> None:
    first, flagged, after, _ = ids(site)
    copy = copied_between(site, first, flagged, after)
    done = restored(site, copy)
    assert (done.learned, done.held, done.ledger_lost) == (0, (), "")
    goes_on(site)
    assert ships(site) == [1, 1, 1, 0]
    assert site.ask("SELECT count(*) FROM orders WHERE ship_confirmed_at IS NOT NULL") == [(3,)]


DECIDED = {
    "unship": lambda tx, order, now: actions.unship(tx, order, now, "Ben"),
    "hold": lambda tx, order, now: actions.hold(tx, order, now, "Ben", "scratched"),
    "close": lambda tx, order, now: actions.close(tx, order, now, "Ben", "by hand"),
}
WORDS = {"unship": "the flag was taken back by Ben", "hold": "it was held by Ben", "close": "it was closed by Ben"}


def decide(site: Site, decision: str, order_id: str) -> None:
    store = open_store(site.database)
    with store.write() as tx:
        DECIDED[decision](tx, actions.find(tx, order_id), site.clock.now())
    store.close()


@pytest.fixture
def slow(site: Site) -> Site:
    """Return the site with an undo window, in which a person may still think again."""
    site.stop()
    site.settings = settings_for(site.settings.state_dir, "notio", ship={"undo_seconds": 600})
    site.start()
    return site


def by_restore(site: Site, copy: Path) -> None:
    restored(site, copy)


def by_cp(site: Site, copy: Path) -> None:
    for tail in ("-wal", "-shm"):
        site.database.with_name(site.database.name + tail).unlink(missing_ok=True)
    site.database.write_bytes(copy.read_bytes())


def by_mv(site: Site, copy: Path) -> None:
    for tail in ("-wal", "-shm", ""):
        site.database.with_name(site.database.name + tail).unlink(missing_ok=True)
    copy.rename(site.database)
    site.database.chmod(0o660)


WAYS = [by_restore, by_cp, by_mv]


NOTED = [
    *((way, "by a turn") for way in WAYS),
    *((way, "at the end of the agent") for way in WAYS[:2]),
    (by_restore, "while no agent ran"),  # else nothing of it is left but the database that was replaced
]


@pytest.mark.parametrize("decision", DECIDED)
@pytest.mark.parametrize(("way", "noted"), NOTED, ids=lambda each: getattr(each, "__name__", each))
def test_what_a_person_took_back_after_the_copy_is_not_shipped_by_the_copy(
    slow: Site, way: Callable[[Site, Path], None], decision: str, noted: str
) -> None:
    one, other, *_ = ids(slow)
    flag(slow, [one, other])
    slow.run_for(30)
    copy = copied(slow)
    if noted != "while no agent ran":
        decide(slow, decision, one)
    if noted == "by a turn":
        slow.run_for(30)
        slow.crash()
    else:
        slow.agent.ctx.rollback.end(slow.clock.now())
        slow.stop()
    if noted == "while no agent ran":
        decide(slow, decision, one)
    way(slow, copy)
    slow.clock.sleep(7200)
    goes_on(slow)
    assert ships(slow) == [0, 0, 0, 0]
    assert held(slow) == [one, other], "whatever is marked waits for a person, taken back or not"
    reasons = dict(slow.ask("SELECT menzzo_order_id, held_reason FROM orders WHERE held_code IS NOT NULL"))
    assert WORDS[decision] in reasons[one]
    assert WORDS[decision] not in reasons[other]


def test_the_restore_lists_what_was_taken_back_since_and_a_release_lets_it_go_after_a_new_undo_window(
    slow: Site,
) -> None:
    one, other, third, _ = ids(slow)
    flag(slow, [one, other])
    slow.run_for(30)
    copy = copied(slow)
    decide(slow, "unship", one)
    decide(slow, "hold", third)
    slow.run_for(30)
    slow.stop()
    done = restored(slow, copy)
    assert [(order, what.partition(" by ")[0]) for _, order, what in done.taken_back] == [
        (one, "the flag was taken back"),
        (third, "it was held"),
    ]
    assert [each.order for each in done.held] == [one, other, third], "a hold that is lost is one again"
    slow.start()
    slow.run_for(7200)
    store = open_store(slow.database)
    with store.write() as tx:
        assert "new undo window" in actions.release(tx, actions.find(tx, other), slow.clock.now(), "Ana")
    store.close()
    slow.run_for(590)
    assert ships(slow) == [0, 0, 0, 0]
    slow.run_for(60)
    assert ships(slow) == [0, 1, 0, 0]
    slow.stop()
    goes_on(slow)
    assert held(slow) == [one, third], "what was released is not held again"
    assert ships(slow) == [0, 1, 0, 0]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_a_refused_call_stays_parked_after_a_restore(site: Site, way: Callable[[Site, Path], None]) -> None:
    one = ids(site)[0]
    site.stop()
    flag(site, [one])
    site.start()
    copy = copied(site)
    site.world.faults.arm("ship-sale", faults.status(409))
    site.run_for(60)
    site.stop()
    way(site, copy)
    sent = len(site.world.requests("ship-sale", "notio", one))
    goes_on(site)
    assert site.ask("SELECT state FROM calls WHERE kind = 'ship'") == [("parked",)]
    assert len(site.world.requests("ship-sale", "notio", one)) == sent == 1


def test_a_database_that_is_replaced_under_a_running_agent_stops_it(slow: Site) -> None:
    one = ids(slow)[0]
    flag(slow, [one])
    slow.run_for(30)
    copy = copied(slow)
    decide(slow, "unship", one)
    slow.run_for(30)
    with closing(sqlite3.connect(copy)) as source, closing(sqlite3.connect(slow.database)) as target:
        source.backup(target)  # sqlite3 agent.db ".restore copy.db"
    with pytest.raises(StateError, match="replaced while the agent runs"):
        slow.run_for(7200)
    slow.crash()
    goes_on(slow)
    assert ships(slow) == [0, 0, 0, 0]
    assert held(slow) == [one]


def test_a_copy_of_the_whole_folder_holds_what_is_marked(slow: Site) -> None:
    one = ids(slow)[0]
    flag(slow, [one])
    slow.run_for(30)
    slow.stop()
    elsewhere = slow.settings.state_dir.with_name("elsewhere")
    shutil.copytree(slow.settings.state_dir, elsewhere)
    slow.start()
    decide(slow, "unship", one)
    slow.run_for(30)
    slow.stop()
    shutil.rmtree(slow.settings.state_dir)
    elsewhere.rename(slow.settings.state_dir)
    goes_on(slow)
    assert ships(slow) == [0, 0, 0, 0]
    assert held(slow) == [one]


def test_a_kill_at_any_time_holds_nothing(slow: Site) -> None:
    one, other, *_ = ids(slow)
    flag(slow, [one])
    for order in (other, one):
        slow.run_for(20)
        slow.crash()
        decide(slow, "unship", order)
        slow.start()
        slow.crash()
        slow.start()
        flag(slow, [order])
    slow.run_for(1200)
    slow.stop()
    assert held(slow) == []
    assert ships(slow) == [1, 1, 0, 0]


# ------------------------------------------------------------------------------------------------ the ledger has been lost


def lose(site: Site, how: str) -> None:
    ledger = site.settings.state_dir / state_folder.LEDGER
    match how:
        case "deleted":
            ledger.unlink()
        case "the folder is moved away":
            ledger.parent.rename(ledger.parent.with_name("away"))
        case "a link":
            ledger.rename(ledger.with_name("kept"))
            ledger.symlink_to("kept")
        case "another's":
            ledger.write_text(ledger.read_text().replace('"ledger":"', '"ledger":"not '))
        case "older":
            lines = ledger.read_bytes().splitlines(keepends=True)
            ledger.write_bytes(b"".join(lines[:2]))


LOSSES = ["deleted", "the folder is moved away", "a link", "another's", "older"]


@pytest.mark.parametrize("how", LOSSES)
def test_without_its_ledger_nothing_marked_goes_and_no_new_one_is_begun_until_a_person_says_so(
    slow: Site, how: str
) -> None:
    first, one, other, later = ids(slow)
    flag(slow, [first])
    slow.run_for(1200)
    flag(slow, [one, other])
    for _ in range(3):
        slow.stop()
        slow.start()
    slow.run_for(30)
    slow.stop()
    lose(slow, how)
    slow.start()
    assert "ledger.refused" in [event for event, _ in slow.said]
    flag(slow, [later])
    slow.run_for(7200)
    assert ships(slow) == [1, 0, 0, 0]
    held_codes = slow.ask("SELECT menzzo_order_id, held_code FROM orders WHERE held_code IS NOT NULL ORDER BY id")
    assert held_codes == [(each, "ledger_lost") for each in (one, other, later)]
    if how in {"deleted", "the folder is moved away"}:
        assert not (slow.settings.state_dir / state_folder.LEDGER).exists()
    with slow.agent.ctx.store.read() as tx:
        (problem, _) = (
            each for each in health.problems(tx, slow.settings, now=slow.clock.now()) if "release --all" in each.cure
        )
    assert "ledger has been lost" in problem.what
    slow.stop()
    slow.start()
    store = open_store(slow.database)
    with store.write() as tx:
        actions.release(tx, actions.find(tx, one), slow.clock.now(), "Ana")
    store.close()
    slow.run_for(1200)
    assert ships(slow) == [1, 1, 0, 0]
    flag(slow, [])
    slow.stop()
    goes_on(slow)
    assert ships(slow) == [1, 1, 0, 0]
    with open_store(slow.database).read() as tx:
        assert not [
            each for each in health.problems(tx, slow.settings, now=slow.clock.now()) if each.code == "ledger_lost"
        ]


def test_a_new_installation_begins_a_ledger(site: Site) -> None:
    lines = (site.settings.state_dir / state_folder.LEDGER).read_text().splitlines()
    mark, head = {"at", "ledger", "epoch", "inode"}, {"at", "chain", "sha256"}
    assert [set(json.loads(line)) for line in lines] == [mark, mark, head]
    assert held(site) == []


def before_this_version(site: Site) -> Path:
    """Make the state look as version 0.1.0 left it: the ledger beside the database, and nothing but ship calls in it."""
    ledger, old = site.settings.state_dir / state_folder.LEDGER, site.settings.state_dir / "shipped.jsonl"
    calls = [line for line in ledger.read_text().splitlines() if "attempt" in line]
    old.write_text("".join(f"{line}\n" for line in calls))
    old.chmod(0o600)
    shutil.rmtree(ledger.parent)
    with closing(sqlite3.connect(site.database)) as connection, connection:
        connection.execute("DELETE FROM installation")
    return old


def taken_in(site: Site) -> None:
    state_folder.adopt(site.settings.state_dir / state_folder.PRIVATE, "shipped.jsonl")


def test_the_ledger_of_the_version_before_is_moved_and_nothing_is_held(site: Site) -> None:
    first, second, *_ = ids(site)
    flag(site, [first])
    site.run_for(30)
    site.stop()
    old = before_this_version(site)
    flag(site, [second])
    inode = old.stat().st_ino
    taken_in(site)
    goes_on(site)
    assert ships(site) == [1, 1, 0, 0]
    assert not old.exists()
    assert (site.settings.state_dir / state_folder.LEDGER).stat().st_ino == inode


def test_an_older_database_is_noticed_at_the_upgrade_too(slow: Site) -> None:
    one, other, *_ = ids(slow)
    flag(slow, [one])
    slow.run_for(30)
    copy = copied(slow)
    decide(slow, "unship", one)
    flag(slow, [other])
    slow.run_for(1200)
    slow.stop()
    by_cp(slow, copy)
    before_this_version(slow)
    taken_in(slow)
    goes_on(slow)
    assert ships(slow) == [0, 1, 0, 0]
    assert held(slow) == [one]


def dies_while_it_binds(store: Store, ledger: Ledger, now: datetime) -> None:
    """Write the line in the ledger, and lose the commit."""
    with store.write() as tx:
        rollback.bind(tx, rollback.installation(tx), ledger, now)
        raise KeyboardInterrupt


def test_an_older_database_is_noticed_at_the_upgrade_even_if_that_start_dies(slow: Site) -> None:
    one, other, *_ = ids(slow)
    flag(slow, [one])
    slow.run_for(30)
    copy = copied(slow)
    decide(slow, "unship", one)
    flag(slow, [other])
    slow.run_for(1200)
    slow.stop()
    by_cp(slow, copy)
    before_this_version(slow)
    taken_in(slow)
    store, ledger = open_store(slow.database, agent=True), Ledger(slow.settings.state_dir / state_folder.LEDGER)
    with pytest.raises(KeyboardInterrupt):
        dies_while_it_binds(store, ledger, slow.clock.now())
    store.close()
    ledger.close()
    goes_on(slow)
    assert ships(slow) == [0, 1, 0, 0]
    assert held(slow) == [one]


def test_a_copy_of_the_version_before_ships_nothing_on_a_machine_without_a_ledger(slow: Site) -> None:
    one = ids(slow)[0]
    flag(slow, [one])  # nothing was ever shipped
    slow.stop()
    before_this_version(slow).unlink()
    slow.clock.sleep(7200)
    goes_on(slow)
    assert ships(slow) == [0, 0, 0, 0]
    assert slow.ask("SELECT held_code FROM orders WHERE held_code IS NOT NULL") == [("ledger_lost",)]


@pytest.mark.parametrize("planted", ["link", "empty"])
def test_a_ledger_of_the_version_before_that_cannot_be_trusted_is_lost(site: Site, planted: str) -> None:
    first, second, *_ = ids(site)
    flag(site, [first])
    site.run_for(30)
    site.stop()
    old = before_this_version(site)
    if planted == "link":
        old.rename(old.with_name("elsewhere"))
        old.symlink_to("elsewhere")
    else:
        old.write_bytes(b"")
    flag(site, [second])
    taken_in(site)
    goes_on(site)
    assert ships(site) == [1, 0, 0, 0]
    assert site.ask("SELECT held_code FROM orders WHERE held_code IS NOT NULL") == [("ledger_lost",)]


def test_without_any_ledger_what_is_flagged_in_the_copy_waits_for_a_person(site: Site) -> None:
    first, flagged, after, _ = ids(site)
    copy = copied_between(site, first, flagged, after)
    shutil.rmtree(site.settings.state_dir)  # the disk is gone, and with it the ledger
    done = restored(site, copy)
    assert (done.learned, [each.order for each in done.held], done.aside) == (1, [flagged], None)
    goes_on(site)
    assert ships(site) == [1, 1, 1, 0]
    assert "Ask Menzzo" in site.ask("SELECT held_reason FROM orders WHERE menzzo_order_id = ?", flagged)[0][0]


def test_a_ledger_that_was_begun_anew_is_not_trusted_but_learns_and_keeps_what_it_knew(site: Site) -> None:
    first, flagged, _, other = ids(site)
    flag(site, [first])
    site.run_for(30)
    flag(site, [flagged])
    copy = copied(site)
    site.run_for(30)
    site.stop()
    shutil.rmtree(site.settings.state_dir)
    site.settings.state_dir.mkdir()
    site.start()  # somebody starts it on the empty folder first
    site.run_for(30)
    flag(site, [other])
    site.run_for(30)
    site.stop()
    done = restored(site, copy)
    assert (done.learned, [each.order for each in done.held]) == (1, [flagged])
    assert "another installation" in done.ledger_lost
    lines = [json.loads(line) for line in (site.settings.state_dir / state_folder.LEDGER).read_text().splitlines()]
    assert {line["order"] for line in lines if "attempt" in line} == {first, other}
    goes_on(site)
    assert ships(site) == [1, 1, 0, 1]


def test_a_lost_answer_in_the_copy_of_the_ledger_stays_a_question(site: Site) -> None:
    one = ids(site)[0]
    copy = copied(site)
    site.world.faults.arm("ship-sale", faults.close(applied=True))
    flag(site, [one])
    site.run_for(10)
    site.stop()
    shutil.copy(
        site.settings.state_dir / state_folder.LEDGER, copy.with_name(copy.name + SUFFIX)
    )  # the newest there is
    shutil.rmtree(site.settings.state_dir)
    assert restored(site, copy).learned == 1
    flag(site, [one])
    goes_on(site)
    assert ships(site)[0] == 1
    assert site.ask("SELECT state FROM calls WHERE kind = 'ship'") == [("unknown",)]


def test_a_torn_copy_of_the_ledger_gives_what_it_has(site: Site) -> None:
    first, second, *_ = ids(site)
    flag(site, [first, second])
    site.run_for(30)
    copy = copied(site)
    site.stop()
    beside = copy.with_name(copy.name + SUFFIX)
    beside.write_bytes(b"\xff no line\n[1]\n" + beside.read_bytes()[:-30])
    shutil.rmtree(site.settings.state_dir)
    assert restored(site, copy).learned == 2
    goes_on(site)
    assert ships(site) == [1, 1, 0, 0]


def test_what_was_there_is_kept_whole_with_its_wal_and_none_of_it_reaches_the_copy(site: Site) -> None:
    copy, one = copied(site), ids(site)[0]
    flag(site, [one])
    files = [site.database.with_name(site.database.name + tail) for tail in ("", "-wal")]
    left = [path.read_bytes() for path in files]  # as a kill leaves them
    assert left[1]
    site.crash()
    for path, content in zip(files, left, strict=True):
        path.write_bytes(content)
    aside = restored(site, copy).aside
    assert aside is not None
    assert flagged_in(aside) == [one]
    assert flagged_in(site.database) == []
    assert site.ask("PRAGMA integrity_check") == [("ok",)]
    assert site.database.stat().st_mode & 0o777 == 0o660
    goes_on(site)


def test_a_copy_of_an_older_release_comes_up_to_date(site: Site, tmp_path: Path) -> None:
    old = made_from(DUMPS[0], tmp_path / "old.db")
    site.stop()
    restored(site, old)
    assert schema_of(old) == DUMPS[0].stem.removeprefix("schema_")
    assert site.ask("SELECT count(*) FROM orders") == [(11,)]
    assert list((site.settings.state_dir / FOLDER).iterdir())


def test_a_damaged_or_newer_copy_changes_nothing(site: Site, tmp_path: Path) -> None:
    copy = copied(site)
    site.stop()
    before = site.database.read_bytes()
    (tmp_path / "torn.db").write_bytes(copy.read_bytes()[: copy.stat().st_size // 2])
    (tmp_path / "other.db").write_bytes(b"no database")
    for bad in ("torn.db", "other.db"):
        with pytest.raises(StateError):
            restored(site, tmp_path / bad)
    newer = open_store(copy)
    with newer.write() as tx:
        tx.connection().exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    newer.close()
    with pytest.raises(ConfigError, match="newer"):
        restored(site, copy)
    assert site.database.read_bytes() == before
    assert not list(site.settings.state_dir.glob("*before*"))


def test_a_machine_that_was_taken_back_holds_what_is_marked_once_a_person_says_so(slow: Site) -> None:
    one = ids(slow)[0]
    flag(slow, [one])
    slow.run_for(30)
    slow.stop()
    done = rolled_back(slow.settings.state_dir, slow.clock.now())
    assert [each.order for each in done.held] == [one]
    slow.clock.sleep(7200)
    goes_on(slow)
    assert ships(slow) == [0, 0, 0, 0]
    assert held(slow) == [one]


def test_a_ledger_that_is_moved_away_while_the_agent_runs_stops_ship_calls(site: Site) -> None:
    one = ids(site)[0]
    folder = (site.settings.state_dir / state_folder.LEDGER).parent
    folder.rename(folder.with_name("away"))
    flag(site, [one])
    site.run_for(600)
    assert ships(site) == [0, 0, 0, 0]
    assert site.ask("SELECT held_code FROM orders WHERE held_code IS NOT NULL") == [("ledger_lost",)]
    site.stop()


def test_one_damaged_cell_is_no_older_database(site: Site) -> None:
    one, other, *_ = ids(site)
    flag(site, [one])
    site.run_for(60)
    with closing(sqlite3.connect(site.database)) as connection, connection:
        connection.execute("UPDATE calls SET attempts = x'00' WHERE kind = 'ship'")
    flag(site, [other])
    site.run_for(60)
    assert ships(site) == [1, 1, 0, 0]
    assert held(site) == []
    site.stop()
