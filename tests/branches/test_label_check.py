"""A label whose check fails, is given up, or ends while the database is locked: it is fetched again or stored, never lost."""

import errno
import sqlite3
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from supplier_agent.labels.pdf import Check
from supplier_agent.sandbox.world import World
from supplier_agent.tick.context import MOST_LABELS
from supplier_agent.tick.workers import Workers
from tests.branches.conftest import Raise
from tests.world.harness import AtOnce, ChecksAtOnce, ManualClock, Site, arrive, no_fault, settings_for
from tests.world.mortal import Death


def site_that_checks(tmp_path: Path, check: Callable[[Path], str | None]) -> Site:
    """Return an installation of one supplier with one order, whose label `check` looks at."""
    clock = ManualClock()
    world = World(clock, ("notio",))
    arrive(world, "notio")
    return Site(settings_for(tmp_path / "state", "notio"), world, clock, pdf_fault=check)


@pytest.mark.parametrize(
    ("error", "outcome", "pauses"),
    [
        (OSError(errno.EMFILE, "Too many open files"), "not_sent", True),
        (RuntimeError("a secret"), "unknown", True),
        (CancelledError(), "not_sent", False),
    ],
    ids=["the disk", "a fault of ours", "given up"],
)
def test_a_label_whose_check_fails_is_fetched_again_and_stored(
    tmp_path: Path, error: Exception, outcome: str, *, pauses: bool
) -> None:
    errors = [error]

    def check(_file: Path) -> None:
        if errors:
            raise errors.pop()

    site = site_that_checks(tmp_path, check)
    site.start()
    site.run_for(300)
    journal = (
        "SELECT a.outcome, a.detail FROM attempts a JOIN calls c ON c.id = a.call_id WHERE kind = 'label' ORDER BY a.id"
    )
    ((first, detail), (second, _)) = site.ask(journal)
    assert (first, second) == (outcome, "done")
    assert "a secret" not in f"{detail} {site.said}"
    assert site.ask("SELECT label_path IS NOT NULL FROM orders") == [(1,)]
    once, again = (each.monotonic for each in site.world.requests("label"))
    assert (again - once >= site.settings.retry.first_seconds) is pauses
    site.stop()


def test_a_label_whose_check_ends_while_the_database_is_locked_is_stored_without_another_request(
    tmp_path: Path,
    impatient: None,  # noqa: ARG001 - a fixture
) -> None:
    def lock(_file: Path) -> None:
        editor.execute("BEGIN IMMEDIATE")

    site = site_that_checks(tmp_path, lock)
    site.start()
    with closing(sqlite3.connect(site.database, isolation_level=None)) as editor:
        site.run_for(30, until=lambda: site.agent.database_problem is not None)
        assert editor.in_transaction
        site.run_for(10)
        assert site.ask("SELECT label_path FROM orders") == [(None,)]
        editor.execute("ROLLBACK")
        site.run_for(5)
    assert site.ask("SELECT label_path IS NOT NULL FROM orders") == [(1,)]
    assert site.ask("SELECT state, attempts FROM calls WHERE kind = 'label'") == [("done", 1)]
    assert len(site.world.requests("label")) == 1
    assert [facts for event, facts in site.said if event == "internal.error"] == []
    site.stop()


def test_a_checked_label_that_the_database_refuses_is_fetched_again_and_keeps_no_other_back(
    installation: Raise,
) -> None:
    site = installation(2)
    site.start()
    with closing(sqlite3.connect(site.database, isolation_level=None)) as editor:
        editor.execute(
            "CREATE TRIGGER breaks BEFORE UPDATE OF label_path ON orders WHEN NEW.id = 1 BEGIN SELECT RAISE(ABORT, 'no'); END"
        )
        site.run_for(60)
        assert site.ask("SELECT label_path IS NOT NULL FROM orders ORDER BY id") == [(0,), (1,)]
        assert site.ask("SELECT state FROM calls WHERE kind = 'label' ORDER BY order_id") == [("owed",), ("done",)]
        (this,) = {facts["order"] for event, facts in site.said if event == "internal.error"}
        assert site.ask("SELECT id FROM orders WHERE menzzo_order_id = ?", this) == [(1,)]
        editor.execute("DROP TRIGGER breaks")
    site.run_for(3600)
    assert site.ask("SELECT label_path IS NOT NULL FROM orders") == [(1,), (1,)]
    site.stop()


def test_a_label_that_was_in_place_when_the_process_died_is_taken_as_it_is(installation: Raise) -> None:
    site = installation(1)
    site.doom.among, site.doom.steps_left = ": in place", 1
    site.start()
    with pytest.raises(Death):
        site.run_for(30)
    site.crash()
    site.start()
    site.run_for(30)
    this = site.world.orders("notio")[0].menzzo_order_id
    assert site.ask("SELECT label_path FROM orders") == [(f"labels/notio/{this}.pdf",)]
    assert [each.name for each in (site.settings.state_dir / "labels" / "notio").iterdir()] == [f"{this}.pdf"]
    site.stop()


class Held(ChecksAtOnce):
    """Checks that do not end before they are told to."""

    def __init__(self) -> None:
        self.waiting: list[tuple[Check, Future[Any]]] = []

    def submit(self, _supplier: str, check: Check) -> "Future[Any]":
        self.waiting.append((check, Future()))
        return self.waiting[-1][1]

    def end_one(self) -> None:
        check, future = self.waiting.pop(0)
        future.set_result(check(no_fault))


def test_no_more_labels_of_a_supplier_wait_for_their_check_than_it_may_have(installation: Raise) -> None:
    site = installation(MOST_LABELS + 2)
    agent, held = site.start(), Held()
    agent.ctx.workers = Workers(site.clock, AtOnce(), held, agent.ctx.log)
    site.run_for(120)
    assert site.ask("SELECT count(*) FROM orders WHERE acknowledged_at IS NOT NULL") == [(MOST_LABELS + 2,)]
    assert len(site.world.requests("label")) == len(held.waiting) == MOST_LABELS
    held.end_one()
    site.run_for(60)
    assert len(site.world.requests("label")) == MOST_LABELS + 1
    while held.waiting:
        held.end_one()
        site.run_for(10)
    assert site.ask("SELECT count(*) FROM orders WHERE label_path IS NOT NULL") == [(MOST_LABELS + 2,)]
    site.stop()
