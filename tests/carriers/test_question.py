"""When a carrier is asked, what follows from its answer, and that nothing else waits for it."""

import pytest

from supplier_agent import actions
from supplier_agent.db.tables import Order
from supplier_agent.reports import status
from supplier_agent.sandbox import faults
from supplier_agent.sandbox.carriers import Scans
from supplier_agent.verdict import Act, Role
from tests.carriers.conftest import CODES, HOUR, ONE_CARRIER, SUPPLIER, Ship, Shipped

UNKNOWN, ANNOUNCED = Scans(parcels="unknown"), Scans(parcels="announced")


def never(shipped: Shipped) -> list[str]:
    return [what for code, what in shipped.problems() if code == "never_scanned"]


def test_a_reported_order_is_asked_about_the_next_day_and_never_again_once_it_was_scanned(ship: Ship) -> None:
    shipped = ship()
    shipped.days(0.9)
    assert (shipped.asked(), shipped.call()[0]) == ([], "owed")
    shipped.days(0.3)
    assert len(shipped.asked()) == 1
    assert shipped.order()[1] is not None
    assert shipped.site.ask("SELECT who, what, detail FROM events WHERE who = 'carrier'") == [
        ("carrier", "scanned by the carrier", "1/1")
    ]
    shipped.days(30)
    assert len(shipped.asked()) == 1
    (scan,) = shipped.told()["scans"]
    assert (scan["code"], scan["known"], scan["carrier"]) == (CODES[shipped.carrier][0], True, shipped.carrier)
    assert scan["scanned_at"]


@ONE_CARRIER
def test_without_the_section_nothing_is_owed_or_asked(ship: Ship) -> None:
    shipped = ship(on=False)
    shipped.days(10)
    assert (shipped.asked(), shipped.call()[0], shipped.problems()) == ([], "never owed", [])
    assert "scans" not in shipped.told()


def test_an_unknown_code_was_never_scanned_and_that_is_a_problem_after_the_hours(ship: Ship) -> None:
    shipped = ship(semantics=UNKNOWN, never_scanned_hours=48)
    shipped.days(1.6)
    assert (len(shipped.asked()), never(shipped), shipped.told()["problem_codes"]) == (1, [], [])
    shipped.days(1)
    assert len(never(shipped)) == 1
    assert "never scanned by the carrier" in never(shipped)[0]
    assert shipped.told()["problem_codes"] == ["never_scanned"]
    assert shipped.told()["stage"] == "shipped"


def test_an_announcement_of_the_sender_is_no_scan(ship: Ship) -> None:
    shipped = ship(semantics=ANNOUNCED, never_scanned_hours=24)
    shipped.days(1.5)
    assert len(never(shipped)) == 1
    assert shipped.site.ask("SELECT found, scanned_at FROM parcel_scans") == [(1, None)]


@ONE_CARRIER
def test_the_first_scan_ends_it(ship: Ship) -> None:
    shipped = ship(semantics=UNKNOWN, never_scanned_hours=24)
    shipped.days(1.5)
    assert never(shipped)
    shipped.desk.depot.states[CODES[shipped.carrier][0]] = "scanned"
    shipped.days(1)
    assert never(shipped) == []
    assert shipped.order()[1] is not None


def test_of_several_parcels_each_is_asked_about_until_its_own_scan(ship: Ship) -> None:
    shipped = ship(3, never_scanned_hours=24)
    missing = CODES[shipped.carrier][1]
    shipped.desk.depot.states[missing] = "unknown"
    shipped.days(1.5)
    (what,) = never(shipped)
    assert "1 of its 3 parcels never scanned" in what
    shipped.desk.depot.asked.clear()
    shipped.days(1)
    assert shipped.desk.depot.asked == [(missing,)]
    shipped.desk.depot.states.clear()
    shipped.days(1)
    assert (never(shipped), shipped.site.ask("SELECT parcels, unscanned FROM order_scans")) == ([], [(3, 0)])


@ONE_CARRIER
def test_of_several_parcels_all_may_be_missing(ship: Ship) -> None:
    shipped = ship(3, semantics=UNKNOWN, never_scanned_hours=24)
    shipped.days(1.5)
    (what,) = never(shipped)
    assert "none of its 3 parcels" in what


@pytest.mark.slow
@ONE_CARRIER
def test_it_is_given_up_after_the_days_and_the_problem_stays(ship: Ship) -> None:
    shipped = ship(semantics=UNKNOWN, never_scanned_hours=24, give_up_days=5)
    shipped.days(30)
    assert len(shipped.asked()) == 5
    assert (shipped.call()[0], len(never(shipped))) == ("done", 1)


@pytest.mark.slow
@ONE_CARRIER
def test_while_the_carrier_does_not_answer_nothing_is_said_of_the_parcels(ship: Ship) -> None:
    shipped = ship(semantics=UNKNOWN, never_scanned_hours=48)
    shipped.days(1.2)
    assert len(shipped.asked()) == 1
    shipped.site.world.faults.arm(shipped.carrier, faults.status(500), times=10_000)
    shipped.days(2)
    assert never(shipped) == []
    assert [code for code, _ in shipped.problems()] == ["calls_failing"]


@ONE_CARRIER
def test_a_person_settles_it(ship: Ship) -> None:
    shipped = ship(semantics=UNKNOWN, never_scanned_hours=24)
    shipped.days(1.5)
    assert Act.SETTLE.value in _may(shipped)
    with shipped.site.agent.ctx.store.write() as tx:
        actions.settle(tx, tx.get_one(Order, 1), shipped.site.clock.now(), "Ana")
    assert (never(shipped), Act.SETTLE.value in _may(shipped)) == ([], False)
    shipped.days(3)
    assert never(shipped) == []


def _may(shipped: Shipped) -> list[str]:
    from supplier_agent.db.plain_sql import within  # noqa: PLC0415 - for one test alone
    from supplier_agent.reports import facts  # noqa: PLC0415 - as above
    from supplier_agent.reports.orders import Judge  # noqa: PLC0415 - as above

    with shipped.site.agent.ctx.store.read() as tx:
        look = within(tx)
        (found,) = facts.orders_of(look, [1])
        verdict = Judge(look, shipped.site.settings, shipped.site.clock.now()).of(found)
    return sorted(act.value for act in verdict.may[Role.LEAD])


@ONE_CARRIER
def test_hours_may_count_as_the_warehouse_works(ship: Ship) -> None:
    shipped = ship(semantics=UNKNOWN, never_scanned_hours=24, sections={"alerts": {"age_counts": "business_hours"}})
    shipped.days(2.5)
    assert (len(shipped.asked()), never(shipped)) == (2, [])
    shipped.days(1.2)
    assert len(never(shipped)) == 1


@ONE_CARRIER
def test_without_a_code_nobody_is_asked(ship: Ship) -> None:
    shipped = ship(0)
    shipped.days(20)
    assert (shipped.asked(), shipped.call()[0], never(shipped)) == ([], "done", [])
    assert "no tracking number" in shipped.call()[2]


@ONE_CARRIER
def test_another_carriers_order_is_not_asked_about(ship: Ship) -> None:
    shipped = ship(names=["another"])
    shipped.days(3)
    assert (shipped.asked(), shipped.call()[0]) == ([], "never owed")


@pytest.mark.slow
@ONE_CARRIER
def test_the_quota_of_a_day_is_kept(ship: Ship) -> None:
    shipped = ship(2, semantics=UNKNOWN, codes_per_day=3, again_seconds=4 * HOUR)
    shipped.days(10)
    days: dict[str, int] = {}
    for line in shipped.asked():
        day = f"{line.at:%Y-%m-%d}"
        days[day] = days.get(day, 0) + (2 if len(shipped.desk.depot.asked[0]) == 2 else 1)
    assert days
    assert max(days.values()) <= 3


@pytest.mark.slow
@ONE_CARRIER
def test_a_carrier_that_is_away_delays_nothing_else(ship: Ship) -> None:
    shipped = ship()
    shipped.site.world.faults.arm(shipped.carrier, faults.status(503), times=10_000)
    shipped.days(1.5)
    assert shipped.asked()
    assert shipped.site.ask("SELECT count(*) FROM lanes WHERE failing_since IS NOT NULL AND supplier = 'notio'") == [
        (0,)
    ]
    assert shipped.site.ask(
        "SELECT count(*) FROM lanes WHERE failing_since IS NOT NULL AND supplier LIKE 'notio/%'"
    ) == [(1,)]


@pytest.mark.slow
def test_refused_credentials_pause_the_account_alone_and_a_new_key_is_used(ship: Ship) -> None:
    shipped = ship()
    file = shipped.site.settings.suppliers[SUPPLIER].carriers[shipped.carrier].key_file
    right = file.read_text()
    file.write_text("wrong")
    shipped.site.stop()
    shipped.site.start()
    shipped.days(1.5)
    assert (shipped.order()[1], "done" in shipped.call()) == (None, False)
    assert "calls_failing" in {code for code, _ in shipped.problems()}
    file.write_text(right)
    shipped.days(1)
    assert shipped.order()[1] is not None


@ONE_CARRIER
def test_status_shows_the_carrier(ship: Ship) -> None:
    shipped = ship(2, semantics=UNKNOWN)
    shipped.days(1.2)
    told = status.tell(shipped.site.settings, shipped.site.clock)
    (line,) = told.as_json()["suppliers"][SUPPLIER]["carriers"]  # type: ignore[index]
    assert (line["carrier"], line["unscanned"]) == (shipped.carrier, 1)
