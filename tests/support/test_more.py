"""Tracking, products, after-sales, and cases that a lead opens."""

import json
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from supplier_agent import actions
from supplier_agent.base.errors import AgentError, UsageError
from supplier_agent.calls.sav import body_of
from supplier_agent.db.plain_sql import text, within
from supplier_agent.integrations.support import PictureFolder
from supplier_agent.marketplace.support import Picture
from supplier_agent.reports import support
from supplier_agent.sandbox import faults
from supplier_agent.sandbox.support import CASES, PICTURE, PRODUCT, SAV, tracking_of
from tests.support.conftest import RARE, Raise, first, ids, state
from tests.world.harness import Site

DAY = 86_400.0
WEEK = 7 * DAY


def open_case(site: Site, description: str = "One leg is broken.") -> str:
    with site.agent.ctx.store.write() as tx:
        order = actions.find(tx, ids(site)[0])
        body = body_of(order.increment_id, "damage", description)
        assert body is not None
        actions.open_case(tx, order, site.clock.now(), "Lea", body, site.settings)
    return body


def test_the_tracking_number_is_stored_with_the_check(installation: Raise) -> None:
    site = installation()
    site.flag()
    site.run_for(130, 1)
    (order,) = site.world.orders("notio")
    assert site.ask("SELECT tracking, carrier FROM sale_checks") == [(tracking_of(order), order.carrier)]


# -- products ----------------------------------------------------------------------------------------------------------


def test_a_product_is_asked_for_once_and_its_picture_is_kept(installation: Raise) -> None:
    site = installation({"products": True}, orders=0)
    skus = [site.world.arrive("notio").sku for _ in range(6)]
    site.run_for(2 * 3700)
    found = site.ask("SELECT sku, name, picture, picture_bytes FROM products ORDER BY sku")
    assert [sku for sku, *_ in found] == sorted(set(skus))
    assert len(site.world.requests(PRODUCT)) == len(set(skus))
    for sku, name, picture, size in found:
        assert name == f"Article {sku}"
        assert (site.settings.state_dir / picture).stat().st_size == size


def test_without_products_none_is_asked_for(installation: Raise) -> None:
    site = installation({"products": False})
    site.run_for(7200)
    assert not site.world.requests(PRODUCT)


def test_a_product_without_a_usable_picture_keeps_its_name(installation: Raise) -> None:
    site = installation({"products": True}, orders=0)
    site.world.faults.arm(PICTURE, faults.status(500), times=9)
    site.world.arrive("notio")
    site.run_for(3700)
    ((name, picture),) = site.ask("SELECT name, picture FROM products")
    assert name.startswith("Article ")
    assert picture is None


def test_the_folder_of_pictures_stays_small(tmp_path: Path) -> None:
    folder = PictureFolder(tmp_path, most_bytes=1000)
    kept = [folder.keep("notio", f"SKU-{number}", Picture(bytes(300), "png")) for number in range(10)]
    files = list((tmp_path / "pictures").iterdir())
    assert sum(file.stat().st_size for file in files) <= 1000
    assert kept[-1] is not None
    assert (tmp_path / kept[-1]).is_file(), "the newest stays"


def test_a_picture_that_cannot_be_stored_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "pictures").write_text("a file where the folder should be")
    assert PictureFolder(tmp_path, 1000).keep("notio", "X", Picture(b"x", "png")) is None


# -- after-sales -------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_each_shipped_order_is_asked_about_once_a_week_for_sixty_days(installation: Raise) -> None:
    site = installation({"after_sales_per_day": 100}, schedule=RARE)
    site.flag()
    site.run_for(3600)
    assert not site.world.requests(CASES)
    site.run_for(100 * DAY, DAY)
    asked = [line.at for line in site.world.requests(CASES)]
    assert 8 <= len(asked) <= 9
    assert all(later - earlier >= timedelta(days=7) for earlier, later in pairwise(asked))
    assert state(site, "after_sales")[0] == "done"


@pytest.mark.slow
def test_a_day_has_a_limit(installation: Raise) -> None:
    site = installation({"after_sales_per_day": 2}, orders=5, schedule=RARE)
    site.flag()
    site.run_for(3600)
    site.run_for(WEEK + DAY, 3600)
    by_day: dict[object, int] = {}
    for line in site.world.requests(CASES):
        by_day[line.at.date()] = by_day.get(line.at.date(), 0) + 1
    assert by_day
    assert max(by_day.values()) == 2
    site.run_for(4 * DAY, 3600)
    assert len({target for line in site.world.requests(CASES) for target in [line.target]}) == 5, "nobody is forgotten"


def test_cases_are_counted_by_article_and_carrier(installation: Raise) -> None:
    site = installation({"after_sales_per_day": 100}, schedule=RARE)
    site.flag()
    site.run_for(3600)
    site.world.support.cases.append({"increment_id": first(site), "complaint_type": "damage"})
    site.run_for(WEEK + DAY, DAY)
    (order,) = site.world.orders("notio")
    with site.agent.ctx.store.read() as tx:
        found = support.counts(within(tx), None, text(site.clock.now() - timedelta(days=60)))
        none = support.counts(within(tx), "other", text(site.clock.now() - timedelta(days=60)))
    row = {"supplier": "notio", "sku": order.sku, "carrier": order.carrier, "cases": 1, "orders": 1, "damaged": 1}
    assert (found, none) == ([row], [])
    history = site.ask("SELECT detail FROM events WHERE what = 'after-sales case'")
    assert history == [("789: damage, in_progress",)]
    site.run_for(2 * WEEK, DAY)
    assert site.ask("SELECT count(*) FROM events WHERE what = 'after-sales case'") == [(1,)], "only what is new"


def test_an_outage_of_the_support_api_is_no_reason_to_look_at_an_order(installation: Raise) -> None:
    site = installation({"after_sales_per_day": 100}, schedule=RARE)
    site.flag()
    site.run_for(3600)
    site.world.faults.arm(CASES, faults.status(400), times=99)
    site.run_for(WEEK + DAY, DAY)
    assert not site.ask("SELECT 1 FROM calls WHERE state IN ('parked', 'unknown')")


# -- cases -------------------------------------------------------------------------------------------------------------


def test_a_case_is_sent_once_exactly_as_it_was_seen(installation: Raise) -> None:
    site = installation({"open_sav": True})
    body = open_case(site)
    site.run_for(7200)
    (sent,) = site.world.support.cases
    assert sent == json.loads(body)
    assert site.ask("SELECT sav_id, body, asked_by FROM sav_requests") == [("789", body, "Lea")]
    assert state(site, "sav") == ("done", 1)


def test_a_lost_answer_is_unknown_and_never_repeated(installation: Raise) -> None:
    site = installation({"open_sav": True}, schedule=RARE)
    site.world.faults.arm(SAV, faults.close(applied=True))
    open_case(site)
    site.run_for(10 * DAY, DAY)
    assert (state(site, "sav"), len(site.world.support.cases)) == (("unknown", 1), 1)
    with site.agent.ctx.store.write() as tx, pytest.raises(AgentError, match="already"):
        actions.open_case(tx, actions.find(tx, ids(site)[0]), site.clock.now(), "Lea", "{}", site.settings)
    with site.agent.ctx.store.write() as tx:
        actions.resolve(tx, actions.find(tx, ids(site)[0]), site.clock.now(), "Lea", shipped=True)
    site.run_for(DAY)
    assert (state(site, "sav"), len(site.world.support.cases)) == (("done", 1), 1)


def test_an_unknown_case_holds_no_shipment_back(installation: Raise) -> None:
    site = installation({"open_sav": True})
    site.world.faults.arm(SAV, faults.close(applied=True))
    open_case(site)
    site.flag()
    site.run_for(400, 1)
    assert state(site, "ship")[0] == "done"


def test_a_second_case_is_a_second_request(installation: Raise) -> None:
    site = installation({"open_sav": True})
    open_case(site)
    site.run_for(60, 1)
    open_case(site, "The other leg, too.")
    site.run_for(60, 1)
    assert [case["description"] for case in site.world.support.cases] == ["One leg is broken.", "The other leg, too."]


def test_without_the_key_no_case_is_opened(installation: Raise) -> None:
    site = installation()
    with site.agent.ctx.store.write() as tx, pytest.raises(UsageError, match="not opened"):
        actions.open_case(tx, actions.find(tx, ids(site)[0]), site.clock.now(), "Lea", "{}", site.settings)


@pytest.mark.parametrize(
    ("complaint", "description"), [("", "x"), ("two words", "x"), ("damage", " "), ("a" * 41, "x")]
)
def test_what_is_no_case_is_refused(complaint: str, description: str) -> None:
    assert body_of("15000012345", complaint, description) is None
