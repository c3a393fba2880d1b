"""Whatever became of the ship ledger, a copy that is put back ships nothing by itself that may have been shipped since."""

import json
import shutil
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import pytest

from supplier_agent import acts, state
from supplier_agent.copies import FOLDER
from supplier_agent.errors import ConfigError, StateError
from supplier_agent.sandbox import faults
from supplier_agent.sandbox.world import World
from supplier_agent.store import open_store
from supplier_agent.upkeep.restore import SUFFIX, Restored, back_up, put_back
from tests.upkeep.conftest import DUMPS, made_from, schema_of
from tests.world.harness import ManualClock, Site, settings_for


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
            acts.ship(tx, acts.find(tx, each), site.clock.now(), "anna")
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


def test_with_its_ledger_nothing_is_held_and_nothing_shipped_twice(site: Site) -> None:
    first, flagged, after, _ = ids(site)
    copy = copied_between(site, first, flagged, after)
    done = restored(site, copy)
    assert (done.learned, done.held) == (0, ())
    goes_on(site)
    assert ships(site) == [1, 1, 1, 0]
    assert site.ask("SELECT count(*) FROM orders WHERE ship_confirmed_at IS NOT NULL") == [(3,)]


def test_without_any_ledger_what_is_flagged_in_the_copy_waits_for_a_person(site: Site) -> None:
    first, flagged, after, _ = ids(site)
    copy = copied_between(site, first, flagged, after)
    shutil.rmtree(site.settings.state_dir)  # the disk is gone, and with it the ledger
    done = restored(site, copy)
    assert (done.learned, done.held, done.aside) == (1, (flagged,), None)
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
    assert (done.learned, done.held) == (1, (flagged,))
    lines = [json.loads(line) for line in (site.settings.state_dir / state.LEDGER).read_text().splitlines()]
    assert {line["order"] for line in lines} == {first, other}
    goes_on(site)
    assert ships(site) == [1, 1, 0, 1]


def test_a_lost_answer_in_the_copy_of_the_ledger_stays_a_question(site: Site) -> None:
    one = ids(site)[0]
    copy = copied(site)
    site.world.faults.arm("ship-sale", faults.close(applied=True))
    flag(site, [one])
    site.run_for(10)
    site.stop()
    shutil.copy(site.settings.state_dir / state.LEDGER, copy.with_name(copy.name + SUFFIX))  # the newest there is
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
