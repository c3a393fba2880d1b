"""Days that no calendar goes on from: asked for by a person, left in the database, or listed by the marketplace."""

import json
from datetime import date, timedelta
from pathlib import Path

import pytest

from supplier_agent import cli
from supplier_agent.marketplace.listing import Seen, parse_rows
from supplier_agent.suppliers import read_log
from tests.branches.conftest import Raise
from tests.unit.conftest import SUPPLIER


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("2026-11-01", "9999-12-31"),
        ("0001-01-01", "2026-11-01"),
        ("1990-01-01", "1990-01-02"),
        ("2026-11-02", "2026-11-01"),
        ("2026-02-30", "2026-03-01"),
    ],
)
def test_resync_refuses_days_that_are_no_range_near_today(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], first: str, last: str
) -> None:
    config = tmp_path / "c.toml"
    config.write_text('state_dir = "state"\n[suppliers.notio]\ntoken = "t"\n')
    config.chmod(0o600)
    assert cli.run(["--config", str(config), "resync", "--from", first, "--to", last]) == 2
    said = capsys.readouterr().err
    assert first in said
    assert "Traceback" not in said
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize(
    ("first", "last"),
    [("2026-11-01", "9999-12-31"), ("2026-11-20", "2026-11-10"), ("hier", "2026-11-20"), ("0001-01-01", None)],
)
def test_an_impossible_request_in_the_database_is_finished_as_failed(
    installation: Raise, first: str, last: str | None
) -> None:
    site = installation(2)
    site.collected()
    with site.agent.ctx.store.write() as tx:
        read_log.request(tx, SUPPLIER, date(2026, 11, 1), date(2026, 11, 2), site.clock.now())
        tx.flush()
        tx.connection().exec_driver_sql(
            "UPDATE runs SET date_from = ?, date_to = ? WHERE purpose = 'resync'", (first, last)
        )
    site.run_for(7200)
    ((proof, detail, reads),) = site.ask(
        "SELECT proof, detail, (SELECT count(*) FROM reads WHERE run_id = runs.id) FROM runs WHERE purpose = 'resync'"
    )
    assert (proof, reads) == ("failed", 0)
    assert "cannot be read" in detail
    assert len([facts for event, facts in site.said if facts.get("about") == f"resync of {SUPPLIER}"]) == 1
    assert site.ask("SELECT count(*) > 3 FROM runs WHERE purpose = 'poll' AND proof = 'complete'") == [(1,)]
    site.stop()


@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01", "9999-12-31T23:59:59", "3000-01-01"])
def test_a_listed_day_that_no_calendar_goes_on_from_is_a_bad_field(day: str) -> None:
    listed = [{"menzzo_order_id": "1_1", "sku": "A", "quantity": 1, "price": 1, "order_date": day}]
    rows = parse_rows(json.dumps(listed).encode())
    assert isinstance(rows, tuple)
    (row,) = rows
    assert isinstance(row, Seen)
    assert row.order_date is None
    assert any("order_date" in each for each in row.problems)


@pytest.mark.parametrize("day", ["1900-01-01", "2999-12-31"])
def test_arithmetic_with_a_day_that_is_taken_never_overflows(day: str) -> None:
    for years in (-100, 100):
        assert (date.fromisoformat(day) + timedelta(days=365 * years)).year > 0
