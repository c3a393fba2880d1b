"""A fault of our own stays with the order, or the supplier, that it met; and a commit that fails leaves memory as it was."""

import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session, col, select

from supplier_agent import actions
from supplier_agent.agent import LOCKED_SECONDS
from supplier_agent.db.store import LockedError, Store, open_store
from supplier_agent.db.tables import Installation, Order, Supplier
from supplier_agent.maintenance.rollback import Watch
from supplier_agent.reports import health
from supplier_agent.reports.health import exit_code
from supplier_agent.runtime.once import run_once
from supplier_agent.sandbox.semantics import Semantics
from supplier_agent.sandbox.world import World
from supplier_agent.words import Worded
from tests.branches.conftest import Raise, work_for
from tests.world.harness import MONDAY, AtOnce, arrive, settings_for
from tests.world.mortal import MortalSite, SetClock, Spell

TWO = ("aaa", "notio")


class BrokenLabels:
    """A folder of labels in which one order's file makes whoever looks at it fail."""

    def __init__(self, whole: Any, order: str, *, heal: bool) -> None:  # noqa: ANN401 - a stand-in
        self._whole, self._order, self._heal = whole, order, heal

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - a stand-in
        return getattr(self._whole, name)

    def is_there(self, path: str, size: int | None) -> bool:
        if self._heal and self._order in path:
            raise KeyError(self._order)
        return bool(self._whole.is_there(path, size))

    def is_whole(self, path: str, sha256: str) -> bool:
        if not self._heal and self._order in path:
            raise KeyError(self._order)
        return bool(self._whole.is_whole(path, sha256))


def two(tmp_path: Path, orders: int = 2, **sections: Any) -> MortalSite:  # noqa: ANN401 - sections of the settings
    clock = SetClock(MONDAY)
    world = World(clock.true, TWO)
    for name in TWO:
        arrive(world, name, orders)
    settings = settings_for(tmp_path / "state", *TWO, **({"ship": {"undo_seconds": 0}} | sections))
    return MortalSite(settings, world, clock, Semantics())


def said(site: MortalSite, event: str = "internal.error") -> list[dict[str, object]]:
    return [facts for each, facts in site.said if each == event]


def retry(site: MortalSite, row: int) -> None:
    """Do what `supplier-agent retry` does, in a process of its own."""
    store = open_store(site.database)
    with store.write() as tx:
        actions.retry(tx, tx.get_one(Order, row), site.clock.now(), "Anna")
    store.close()


def with_labels(site: MortalSite, labels: Any) -> None:  # noqa: ANN401 - the folder, or a stand-in
    site.agent.ctx.labels = labels


def ids(site: MortalSite) -> list[str]:
    return [this for (this,) in site.ask("SELECT menzzo_order_id FROM orders ORDER BY id")]


def problems(site: MortalSite) -> list[Worded]:
    with site.agent.ctx.store.read() as tx:
        return health.problems(tx, site.settings, now=site.clock.now())


# ----------------------------------------------------------------------------------------------- one order


def test_an_error_while_looking_over_orders_parks_the_one_that_it_met(tmp_path: Path) -> None:
    site = two(tmp_path)
    site.collected()
    bad, *good = ids(site)
    whole = site.agent.ctx.labels
    with_labels(site, BrokenLabels(whole, bad, heal=True))
    site.run_for(4000)
    assert site.ask("SELECT menzzo_order_id, fault FROM orders WHERE fault IS NOT NULL") == [
        (bad, "internal error: KeyError")
    ]
    (event,) = said(site)
    assert event["order"] == bad
    assert "is_there" in str(event["traceback"])
    site.flag()
    site.run_for(60)
    assert sorted(site.ask("SELECT menzzo_order_id FROM orders WHERE ship_confirmed_at IS NOT NULL")) == sorted(
        (each,) for each in good
    )
    (problem,) = problems(site)
    assert (problem.order, problem.what.partition(" (")[0]) == (bad, "internal error: KeyError")
    with_labels(site, whole)
    retry(site, 1)
    site.run_for(60)
    assert site.ask("SELECT count(*) FROM orders WHERE ship_confirmed_at IS NULL") == [(0,)]
    site.stop()


def test_an_error_while_claiming_parks_the_call_and_the_next_one_goes(tmp_path: Path) -> None:
    site = two(tmp_path)
    site.collected()
    bad, *good = ids(site)
    with_labels(site, BrokenLabels(site.agent.ctx.labels, bad, heal=False))
    site.flag()
    site.run_for(60)
    assert site.ask("SELECT state, detail FROM calls WHERE kind = 'ship' AND state <> 'done'") == [
        ("parked", "internal error: KeyError")
    ]
    assert len(site.world.requests("ship-sale")) == len(good)
    assert [event["order"] for event in said(site)] == [bad]
    site.stop()


@pytest.mark.parametrize(("endpoint", "kind"), [("acknowledge-sale", "acknowledge"), ("label", "label")])
def test_a_worker_that_always_fails_on_a_call_is_tried_again_and_then_parked(
    installation: Raise, endpoint: str, kind: str
) -> None:
    site = installation(1, retry={"park_after_attempts": 3})

    def breaks(asked: str) -> Spell:
        if asked == endpoint:
            raise RuntimeError("a secret")
        return Spell()

    site.sky = breaks
    site.start()
    site.run_for(4000)
    found = site.ask(f"SELECT state, strikes, detail FROM calls WHERE kind = '{kind}'")
    assert found == [("parked", 3, "internal error: RuntimeError")]
    assert site.ask("SELECT count(*) FROM lanes WHERE failing_since IS NOT NULL") == [(0,)], (
        "the marketplace is not to blame"
    )
    assert len(said(site, "worker.failed")) == 1, "said once"
    site.stop()


class NoThread(Executor):
    """An executor that cannot take anything any more."""

    def submit(self, *_: Any, **__: Any) -> Any:  # noqa: ANN401 - as the real one
        raise RuntimeError("can't start new thread")


def test_a_ship_call_that_no_worker_took_was_not_sent_and_is_tried_again(installation: Raise) -> None:
    site = installation(1)
    site.collected()
    site.flag()
    site.agent.ctx.workers._executor = NoThread()  # noqa: SLF001 - the one of the harness never fails
    site.run_for(5)
    site.agent.ctx.workers._executor = AtOnce()  # noqa: SLF001 - as above
    site.run_for(60)
    assert site.ask("SELECT state, attempts > 1 FROM calls WHERE kind = 'ship'") == [("done", 1)]
    assert len(site.world.requests("ship-sale")) == 1
    site.stop()


def test_an_error_while_settling_leaves_a_ship_call_unknown_until_the_ledger_tells(installation: Raise) -> None:
    site = installation(2)
    site.collected()
    site.flag()
    with sqlite3.connect(site.database) as connection:
        connection.execute(
            "CREATE TRIGGER breaks BEFORE UPDATE OF ship_confirmed_at ON orders WHEN NEW.id = 1 "
            "BEGIN SELECT RAISE(ABORT, 'no'); END"
        )
    connection.close()
    site.run_for(60)
    ships = dict(site.ask("SELECT order_id, state FROM calls WHERE kind = 'ship'"))
    assert ships[2] == "done"
    assert ships[1] == "unknown"
    assert len(site.world.requests("ship-sale")) == 2
    with sqlite3.connect(site.database) as connection:
        connection.execute("DROP TRIGGER breaks")
    connection.close()
    site.run_for(4000)
    retry(site, 1)
    site.run_for(60)
    assert site.ask("SELECT count(*) FROM orders WHERE ship_confirmed_at IS NULL") == [(0,)], (
        "the ledger had the answer"
    )
    assert len(site.world.requests("ship-sale")) == 2
    site.stop()


# --------------------------------------------------------------------------------------------- one supplier


def test_an_error_while_storing_a_page_makes_the_reads_of_its_supplier_back_off_and_no_other(tmp_path: Path) -> None:
    site = two(tmp_path)
    site.start()
    with sqlite3.connect(site.database) as connection:
        connection.execute(
            "CREATE TRIGGER breaks BEFORE INSERT ON orders WHEN NEW.supplier = 'aaa' BEGIN SELECT RAISE(ABORT, 'no'); END"
        )
    connection.close()
    site.run_for(600)
    assert site.ask("SELECT supplier, count(*) FROM orders WHERE acknowledged_at IS NOT NULL GROUP BY supplier") == [
        ("notio", 2)
    ]
    reads = len(site.world.requests("get-sales", "aaa"))
    assert 2 <= reads < 15, "it backs off"
    (problem,) = problems(site)
    assert (problem.supplier, "internal error" in problem.what) == ("aaa", True)
    with sqlite3.connect(site.database) as connection:
        connection.execute("DROP TRIGGER breaks")
    connection.close()
    site.run_for(4000)
    assert site.ask("SELECT count(*) FROM orders WHERE acknowledged_at IS NOT NULL") == [(4,)]
    assert problems(site) == []
    site.stop()


def test_a_round_does_not_wait_for_a_supplier_that_rests_after_an_error(tmp_path: Path) -> None:
    site = two(tmp_path, orders=3, brakes={"flags_per_minute": 1}, retry={"once_patience_seconds": 1})
    site.start()
    site.agent.ctx.round_at = site.clock.now()
    with sqlite3.connect(site.database) as connection:
        connection.execute(
            "CREATE TRIGGER breaks BEFORE UPDATE OF flags_asked_at ON suppliers WHEN NEW.name = 'aaa' "
            "BEGIN SELECT RAISE(ABORT, 'no'); END"
        )
    connection.close()
    flagged: list[str] = []
    turns = 0

    def while_it_works(_doing: str) -> None:
        nonlocal turns
        turns += 1
        assert turns < 300, "the round never ends"
        aaa = site.agent.accounts["aaa"]
        if not flagged and aaa.waits_for_rate and site.world.requests("acknowledge-sale", "aaa"):
            flagged.extend(this for (this,) in site.ask("SELECT menzzo_order_id FROM orders WHERE supplier = 'aaa'"))
            site.flag(flagged)
        site.clock.sleep(0.3)

    assert exit_code(run_once(site.agent, while_it_works, lambda: False)) == 69
    assert flagged
    assert [event["supplier"] for event in said(site)] == ["aaa"]
    assert site.ask("SELECT count(*) FROM orders WHERE supplier = 'notio' AND label_path IS NOT NULL") == [(3,)]
    site.crash()


def test_a_step_that_fails_in_the_inbox_does_not_come_back_for_ever(installation: Raise) -> None:
    site = installation(1)
    site.start()
    site.agent.ctx.inbox.put(lambda: site.agent.ctx.look_again("a supplier that is gone"))
    site.run_for(60)
    assert [event["error"] for event in said(site)] == ["KeyError"]
    assert site.ask("SELECT count(*) FROM orders WHERE acknowledged_at IS NOT NULL") == [(1,)]
    site.stop()


# --------------------------------------------------------------------------------------- commits that fail


class FullDisk(Store):
    """The database of an agent; the commits that `fails` picks end like those on a full disk: all of it is rolled back."""

    def __init__(self, store: Store, fails: Callable[[Session], bool]) -> None:
        vars(self).update(vars(store))
        self._fails = fails

    @contextmanager
    def write(self) -> Iterator[Session]:
        with super().write() as tx:
            yield tx
            tx.flush()
            if self._fails(tx):
                raise LockedError("the disk is full")


def with_commits_that_fail(site: MortalSite, fails: Callable[[Session], bool]) -> None:
    ctx = site.agent.ctx
    ctx.store = FullDisk(ctx.store, fails)
    ctx.rollback = Watch(ctx.store, ctx.ledger, ctx.log)


@pytest.mark.parametrize("nth", range(1, 16))
def test_no_commit_that_fails_lets_one_suppliers_reading_count_as_anothers(tmp_path: Path, nth: int) -> None:
    site = two(tmp_path)
    site.start()
    left = [nth]

    def fails(_tx: Session) -> bool:
        left[0] -= 1
        return left[0] in {0, -1}

    with_commits_that_fail(site, fails)
    work_for(site, 300)
    assert left[0] < 0, "it was met"
    mixed = "SELECT * FROM reads r JOIN runs ON runs.id = r.run_id WHERE r.supplier <> runs.supplier"
    assert site.ask(mixed) == []
    assert said(site) == []
    assert site.ask("SELECT count(*) FROM orders WHERE acknowledged_at IS NOT NULL AND label_path IS NOT NULL") == [
        (4,)
    ]
    assert site.ask("SELECT DISTINCT supplier FROM runs WHERE proof = 'complete' ORDER BY 1") == [("aaa",), ("notio",)]
    site.flag()
    work_for(site, 60)
    assert site.ask("SELECT count(*) FROM orders WHERE ship_confirmed_at IS NOT NULL") == [(4,)]
    assert len(site.world.requests("ship-sale")) == 4
    site.stop()


def test_a_lock_between_planning_and_the_brake_lets_no_unusual_flag_pass(tmp_path: Path) -> None:
    site = two(tmp_path, orders=3, brakes={"flags_per_minute": 4})
    site.start()
    work_for(site, 120)
    refused = [0]

    def fails(tx: Session) -> bool:
        asked = tx.exec(select(Supplier.name).where(col(Supplier.flags_asked_at).is_not(None))).first() is not None
        refused[0] += asked
        return asked and refused[0] == 1

    arrive(site.world, "aaa", 2)
    work_for(site, 4000)
    with_commits_that_fail(site, fails)
    site.flag()
    work_for(site, 300)
    assert refused[0], "it was met"
    assert len(site.world.requests("ship-sale", "aaa")) == 0
    assert len(site.world.requests("ship-sale", "notio")) == 3
    site.stop()


def test_a_run_that_could_not_be_stored_is_not_in_memory_either(tmp_path: Path) -> None:
    site = two(tmp_path)
    site.start()
    site.clock.sleep(site.agent.turn())  # nothing is read before the rate allows it
    with_commits_that_fail(site, lambda _tx: True)
    assert site.agent.turn() == LOCKED_SECONDS
    assert [account.run for account in site.agent.accounts.values()] == [None, None]
    assert site.world.requests("get-sales") == []
    site.crash()


def test_a_ledger_that_goes_while_the_database_is_locked_leaves_no_ship_call_that_is_sent_for_ever(
    installation: Raise,
) -> None:
    site = installation(1)
    site.collected()
    folder = site.agent.ctx.ledger.path.parent
    site.flag()
    moved = [False]

    def fails(tx: Session) -> bool:
        """Let nothing be noted about the ledger for a while, as under a lock."""
        if not moved[0] and site.ask("SELECT 1 FROM orders WHERE shipped = 1"):
            folder.rename(folder.with_name("away"))
            moved[0] = True
        about_it = any(isinstance(row, Installation) for row in tx.identity_map.values())
        return moved[0] and about_it and site.clock.monotonic() < until

    until = site.clock.monotonic() + 30
    with_commits_that_fail(site, fails)
    work_for(site, 600)
    assert moved[0]
    assert site.world.requests("ship-sale") == []
    assert site.ask("SELECT state FROM calls WHERE kind = 'ship'") == [("dropped",)], "the order is held"
    assert site.ask("SELECT held_code FROM orders") == [("ledger_lost",)]
    site.crash()


def test_the_database_refuses_a_read_of_another_supplier(tmp_path: Path) -> None:
    site = two(tmp_path)
    site.start()
    work_for(site, 60)
    with sqlite3.connect(site.database) as connection, pytest.raises(sqlite3.IntegrityError, match="another supplier"):
        connection.execute(
            "INSERT INTO reads (run_id, supplier, url, started_at, ended_at, tries, outcome, listed, added) "
            "SELECT id, 'aaa', 'x', '', '', 1, 'listed', 0, 0 FROM runs WHERE supplier = 'notio' LIMIT 1"
        )
    connection.close()
    site.stop()
