"""An acknowledge that is answered with 404: the order is looked up again, and a person is asked only about what is gone."""

from datetime import timedelta

import pytest

from supplier_agent.calls.acknowledge import MOST_PAGES
from supplier_agent.sandbox import faults
from supplier_agent.sandbox.semantics import Semantics
from tests.branches.conftest import Raise, meets
from tests.world.mortal import MortalSite

NOT_THERE = faults.status(404)


def acknowledge(site: MortalSite, number: int = 0) -> tuple[str, int, str]:
    """Return state, attempts and reason of an order's acknowledge."""
    ((state, attempts, detail),) = site.ask(
        "SELECT state, attempts, coalesce(detail, '') FROM calls WHERE kind = 'acknowledge' ORDER BY order_id LIMIT 1 OFFSET ?",
        number,
    )
    return state, attempts, detail


def looked_up(site: MortalSite) -> list[str]:
    """Return the reads that asked for an order again."""
    return [url for (url,) in site.ask("SELECT url FROM reads WHERE run_id IS NULL ORDER BY id")]


@pytest.mark.parametrize("supplier", ["notio", "asir-group"])
def test_what_is_still_listed_is_acknowledged_again_until_a_person_is_asked(installation: Raise, supplier: str) -> None:
    site = installation(3, supplier)
    site.sky = meets("acknowledge-sale", NOT_THERE)
    site.start()
    site.run_for(20)
    assert acknowledge(site)[0] == "owed", "a 404 alone proves nothing"
    site.run_for(3 * 3600)
    state, attempts, why = acknowledge(site)
    assert (state, attempts >= 3) == ("parked", True)
    assert "its list does not show that the order is gone" in why
    assert looked_up(site)
    assert all(("order_number" in url) == (supplier == "asir-group") for url in looked_up(site))
    site.stop()


@pytest.mark.parametrize("supplier", ["notio", "asir-group"])
def test_what_is_listed_no_more_is_parked_without_another_acknowledge(installation: Raise, supplier: str) -> None:
    site = installation(3, supplier)
    site.sky = meets("acknowledge-sale", NOT_THERE, 3)
    site.start()
    site.run_for(20)
    gone = site.world.orders(supplier)[0]
    gone.visible_from = site.clock.true_now() + timedelta(days=99)
    site.run_for(3 * 3600)
    state, _, why = acknowledge(site)
    assert state == "parked"
    assert "no longer lists the order" in why
    assert len(site.world.requests("acknowledge-sale", supplier, gone.menzzo_order_id)) == 1
    assert [acknowledge(site, other)[0] for other in (1, 2)] == ["done", "done"]
    site.stop()


@pytest.mark.parametrize("past_end", ["empty", "not_found", "repeat_last"])
def test_an_order_is_looked_for_on_every_page_of_its_day(installation: Raise, past_end: str) -> None:
    site = installation(7, semantics=Semantics(page_size=2, past_end=past_end))  # type: ignore[arg-type] # three of its words
    site.sky = meets("acknowledge-sale", NOT_THERE, 7)
    site.start()
    site.run_for(40)
    gone, last = site.world.orders("notio")[0], site.world.orders("notio")[-1]
    gone.visible_from = site.clock.true_now() + timedelta(days=99)
    site.run_for(3 * 3600)
    assert [acknowledge(site, number)[0] for number in range(7)] == ["parked", *["done"] * 6]
    assert max(url.count("page=3") for url in looked_up(site)) == 1
    assert len(site.world.requests("acknowledge-sale", "notio", last.menzzo_order_id)) == 2
    site.stop()


def test_a_look_that_fails_proves_nothing(installation: Raise) -> None:
    site = installation(1)
    site.sky = meets("acknowledge-sale", NOT_THERE, 1)
    site.start()
    site.run_for(10)
    site.world.orders("notio")[0].visible_from = site.clock.true_now() + timedelta(days=99)
    site.sky = meets("get-sales", faults.status(500))
    site.run_for(60)
    assert acknowledge(site)[0] == "owed"
    assert len(site.world.requests("acknowledge-sale")) == 2, "nobody can say that it is gone, so it is tried again"
    site.sky = meets("", NOT_THERE)
    site.run_for(7200)
    assert "no longer lists the order" in acknowledge(site)[2]
    assert len(site.world.requests("acknowledge-sale")) == 2
    site.stop()


def test_an_order_without_a_date_is_not_looked_for_where_only_days_can_be_asked(installation: Raise) -> None:
    site = installation(0)
    site.world.arrive_raw("notio", {"menzzo_order_id": "15000012345_789", "sku": "SOFA-1", "quantity": 1, "price": 5})
    site.sky = meets("acknowledge-sale", NOT_THERE, 2)
    site.start()
    site.run_for(7200)
    assert acknowledge(site)[:2] == ("done", 3)
    assert not looked_up(site)
    site.stop()


def test_the_same_question_is_not_asked_while_the_server_answers_it_from_its_cache(installation: Raise) -> None:
    """Two orders of one number share the question."""
    site = installation(0, "asir-group")
    for product in (1, 2):
        row = {"menzzo_order_id": f"15000012345_{product}", "sku": "SOFA-1", "quantity": 1, "price": 5}
        site.world.arrive_raw("asir-group", row | {"order_date": f"{site.clock.true_now():%Y-%m-%d}"})
    site.sky = meets("acknowledge-sale", NOT_THERE, 4)
    site.start()
    site.run_for(4 * 3600)
    asked = site.ask("SELECT url, started_at FROM reads WHERE run_id IS NULL ORDER BY id")
    assert asked
    assert len({url for url, _ in asked}) < len(site.world.requests("acknowledge-sale")) - 2
    assert [acknowledge(site, number)[0] for number in (0, 1)] == ["done", "done"]
    site.stop()


def test_a_day_of_endless_pages_is_not_read_to_its_end_and_proves_nothing(installation: Raise) -> None:
    site = installation(MOST_PAGES + 3, semantics=Semantics(page_size=1))
    site.sky = meets("acknowledge-sale", NOT_THERE, 1)
    site.start()
    site.run_for(40)
    site.world.orders("notio")[0].visible_from = site.clock.true_now() + timedelta(days=99)
    site.run_for(200, until=lambda: len(looked_up(site)) >= MOST_PAGES and acknowledge(site)[0] == "owed")
    assert len(looked_up(site)) == MOST_PAGES
    assert acknowledge(site)[0] == "owed"
    site.stop()


def test_an_acknowledge_that_is_answered_with_503_and_a_time_waits_that_long_and_is_no_outage(
    installation: Raise,
) -> None:
    site = installation(1)
    site.sky = meets("acknowledge-sale", faults.status(503, headers=(("Retry-After", "90"),)), 1)
    site.collected()
    assert site.ask("SELECT outcome FROM attempts a JOIN calls c ON c.id = a.call_id WHERE kind = 'acknowledge'") == [
        ("later",)
    ]
    assert site.ask("SELECT count(*) FROM lanes WHERE failing_since IS NOT NULL") == [(0,)]
    site.run_for(60)
    assert acknowledge(site)[:2] == ("done", 2)
    site.stop()
