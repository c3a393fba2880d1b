"""What a process leaves behind at its end, and what it says of itself while it cannot work."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from sqlalchemy import event
from sqlalchemy.pool import Pool

from supplier_agent.agent import DRAIN_SECONDS
from supplier_agent.reports.vitals import DATABASE_LOCKED, DISK_FULL
from supplier_agent.runtime.wiring import database_troubles
from tests.branches.conftest import Raise, first_request, work_for
from tests.model.later import Later
from tests.world.mortal import MortalSite


@pytest.fixture
def connections() -> Iterator[list[sqlite3.Connection]]:
    """Collect the connections that are opened to the database."""
    opened: list[sqlite3.Connection] = []

    def on_connect(connection: sqlite3.Connection, _record: object) -> None:
        opened.append(connection)

    event.listen(Pool, "connect", on_connect)
    yield opened
    event.remove(Pool, "connect", on_connect)


OFTEN = {"poll_seconds": 60, "off_hours_poll_seconds": 60}


def troubles(site: MortalSite) -> list[str]:
    return [trouble.code for trouble in database_troubles(site.agent.database_problem)]


def test_a_copy_of_the_database_made_before_an_orderly_end_is_older_afterwards_so_what_is_flagged_is_held(
    installation: Raise,
) -> None:
    site = installation(1, ship={"undo_seconds": 600})
    site.collected()
    site.flag(this for (this,) in site.ask("SELECT menzzo_order_id FROM orders"))
    site.run_for(60)
    copy = site.settings.state_dir / "copy.db"
    site.agent.ctx.store.backup(copy)
    site.agent.drain(1, 0.001, lambda: None)
    site.agent.ctx.rollback.end(site.clock.now())
    site.crash()
    for each in site.settings.state_dir.glob(f"{site.database.name}-*"):
        each.unlink()
    copy.replace(site.database)
    site.start()
    site.run_for(1200)
    assert [facts["held"] for said, facts in site.said if said == "database.replaced"] == [1]
    assert site.ask("SELECT held_code, ship_confirmed_at FROM orders") == [("restored", None)]
    assert site.world.requests("ship-sale") == []
    site.stop()


def test_a_stop_that_waits_in_vain_names_the_request_that_it_abandons(installation: Raise) -> None:
    site = installation(1)
    later = Later(site.clock.monotonic)
    site.executor = later
    site.start()
    first_request(site, later)
    began = site.clock.monotonic()
    site.agent.drain(DRAIN_SECONDS, 0.001, lambda: site.clock.sleep(1))
    assert site.clock.monotonic() - began == pytest.approx(DRAIN_SECONDS, abs=1)
    assert [facts for said, facts in site.said if said == "request.abandoned"] == [
        {"supplier": "notio", "call": "read"}
    ]
    later.die(sent=True)
    site.crash()


def test_a_locked_database_is_the_agents_own_trouble_for_as_long_as_it_is_locked(
    installation: Raise,
    impatient: None,  # noqa: ARG001 - a fixture
) -> None:
    site = installation(1, schedule=OFTEN)
    site.collected()
    assert troubles(site) == []
    with closing(sqlite3.connect(site.database, isolation_level=None)) as editor:
        editor.execute("BEGIN IMMEDIATE")
        site.world.arrive("notio")
        work_for(site, 300, until=lambda: bool(troubles(site)))
        assert troubles(site) == [DATABASE_LOCKED]
        editor.execute("ROLLBACK")
    work_for(site, 5)
    assert troubles(site) == []
    site.stop()


@pytest.mark.slow
def test_a_full_disk_is_said_while_it_is_full_and_what_came_meanwhile_is_collected_afterwards(
    installation: Raise, connections: list[sqlite3.Connection]
) -> None:
    site = installation(1, schedule=OFTEN)
    site.collected()
    for each in connections:
        each.execute("PRAGMA max_page_count = 1")  # no page more than there are
    for _ in range(60):
        site.world.arrive("notio")
    work_for(site, 300, until=lambda: bool(troubles(site)))
    assert troubles(site) == [DISK_FULL]
    for each in connections:
        each.execute("PRAGMA max_page_count = 4294967294")
    work_for(site, 3600)
    assert troubles(site) == []
    assert site.ask("SELECT count(*) FROM orders WHERE acknowledged_at IS NOT NULL") == [(61,)]
    site.stop()
