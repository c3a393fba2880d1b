"""Each supplier may have a schedule of its own, and may only be read; the others are as before."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from supplier_agent.cli import run
from supplier_agent.db.plain_sql import look_at
from supplier_agent.reports import health
from supplier_agent.reports.status import tell
from supplier_agent.sandbox.world import World
from supplier_agent.settings import Settings
from supplier_agent.settings.dump import schema
from supplier_agent.verdict import ProblemCode
from supplier_agent.words import Words
from tests.world.harness import ManualClock, Site

MONDAY_7 = datetime(2026, 11, 23, 6, 30, tzinfo=UTC)
"""07:30 in Paris: before the business hours of [schedule]."""
OWN = {"poll_seconds": 120, "off_hours_poll_seconds": 7200, "business_hours": "06:00-14:00", "business_days": "mon-fri"}


def settings(folder: Path, **of_asir: Any) -> Settings:  # noqa: ANN401 - as in the file
    suppliers = {"asir-group": {"token": "sandbox-asir-group", **of_asir}, "notio": {"token": "sandbox-notio"}}
    return Settings(state_dir=folder, suppliers=suppliers)


def site_of(folder: Path, **of_asir: Any) -> Site:  # noqa: ANN401 - as above
    clock = ManualClock()
    world = World.with_orders(8, today=clock.now().date(), days=1, clock=clock, suppliers=("asir-group", "notio"))
    return Site(settings(folder / "state", **of_asir), world, clock)


@pytest.mark.parametrize(
    ("at", "seconds"),
    [(MONDAY_7, 120), (MONDAY_7 + timedelta(hours=8), 7200), (MONDAY_7 + timedelta(days=5), 7200)],
)
def test_a_supplier_has_its_own_interval_and_hours(tmp_path: Path, at: datetime, seconds: float) -> None:
    found = settings(tmp_path, **OWN)
    assert found.poll_interval("asir-group", at) == seconds
    assert found.poll_interval("notio", at) == settings(tmp_path).poll_interval("notio", at)


def test_a_key_that_it_does_not_set_is_that_of_the_schedule(tmp_path: Path) -> None:
    found = settings(tmp_path, poll_seconds=60)
    assert found.poll_interval("asir-group", MONDAY_7) == 3600, "it is before the hours of [schedule]"
    assert found.poll_interval("asir-group", MONDAY_7 + timedelta(hours=2)) == 60
    assert found.schedule_of("elsewhere") == found.schedule


def test_the_schema_of_the_file_explains_the_keys_of_a_supplier() -> None:
    keys = schema()["$defs"]["Supplier"]["properties"]
    assert "instead of [schedule]" in keys["poll_seconds"]["description"]
    assert "Only read its orders" in keys["read_only"]["description"]


def test_it_is_read_by_its_own_interval(tmp_path: Path) -> None:
    site = site_of(tmp_path, poll_seconds=3600, off_hours_poll_seconds=3600, cache_seconds=0)
    site.start()
    site.run_for(4 * 3600)
    reads = {name: len(site.world.requests("get-sales", name)) for name in site.settings.suppliers}
    assert reads["asir-group"] < reads["notio"] / 2
    site.stop()


def test_a_supplier_that_is_only_read_sends_nothing_and_says_so_once_and_the_other_goes_on(tmp_path: Path) -> None:
    site = site_of(tmp_path, read_only=True)
    site.start()
    site.run_for(120)
    site.flag()
    site.run_for(1200)
    sent = {
        name: {line.endpoint for line in site.world.log if line.supplier == name} for name in site.settings.suppliers
    }
    assert sent["asir-group"] == {"get-sales"}
    assert sent["notio"] >= {"get-sales", "acknowledge-sale", "ship-sale"}
    with look_at(site.database) as look:
        found = [
            each for each in health.judged(look, site.settings, site.clock.now()) if each.code is ProblemCode.READ_ONLY
        ]
    assert [(each.supplier, each.order) for each in found] == [("asir-group", None)]
    assert Words().fix(found[0]) == "set read_only = false in [suppliers.asir-group]"
    site.stop()
    line = tell(site.settings, site.clock).suppliers["asir-group"].as_json(Words())
    assert line["read_only"] is True


def test_it_sends_again_once_the_setting_is_removed(tmp_path: Path) -> None:
    site = site_of(tmp_path, read_only=True)
    site.start()
    site.run_for(60)
    site.stop()
    site.settings = settings(site.settings.state_dir)
    site.start()
    site.run_for(60)
    assert site.world.requests("acknowledge-sale", "asir-group")
    site.stop()


def test_all_that_only_read_are_one_problem_of_the_installation(tmp_path: Path) -> None:
    site = site_of(tmp_path, read_only=True)
    site.start()
    site.run_for(5)
    site.stop()
    both = site.settings.model_copy(update={"read_only": True})
    with look_at(site.database) as look:
        found = [each for each in health.judged(look, both, site.clock.now()) if each.code is ProblemCode.READ_ONLY]
    assert [each.supplier for each in found] == [None]


def test_status_shows_a_schedule_of_its_own_and_the_order_says_why_it_waits(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site = site_of(tmp_path, read_only=True, **OWN)
    site.start()
    site.run_for(30)
    site.stop()
    config = tmp_path / "agent.toml"
    keys = "\n".join(f"{key} = {value!r}" for key, value in OWN.items())
    config.write_text(
        f'state_dir = "{site.settings.state_dir}"\n'
        f'[suppliers.asir-group]\ntoken = "t"\nread_only = true\n{keys}\n[suppliers.notio]\ntoken = "t"\n'
    )
    run(["--config", str(config), "status"])
    said = capsys.readouterr().out
    assert "business hours 06:00-14:00 mon,tue,wed,thu,fri: read every 120 s, outside these hours every 7200 s" in said
    assert said.count("READ-ONLY") == 1
    run(["--config", str(config), "order", site.world.orders("asir-group")[0].menzzo_order_id])
    assert "read_only = true in [suppliers.asir-group]" in capsys.readouterr().out
