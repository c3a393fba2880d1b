"""`check`, the configuration as a whole: keys that are each allowed, and together are not what was meant."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from supplier_agent import check
from supplier_agent.settings import Settings
from tests.check.conftest import Found
from tests.world.clocks import NOW

Make = Callable[..., Settings]


def test_the_defaults_fit_together(found: Found, settings: Make) -> None:
    check.fits_together(found.report, settings(), {}, NOW)
    assert not found.of("warning")
    assert any("where it is Sat 13:00: open, read every 900 s" in line for line in found.of("ok"))


def test_it_says_which_supplier_has_a_holiday_today(found: Found, settings: Make) -> None:
    sections = {"suppliers": {"notio": {"holidays": ["11-21"]}, "asir-group": {}}}
    check.fits_together(found.report, settings(**sections), {}, NOW)
    assert [line.strip().partition("Sat 13:00: ")[2] for line in found.of("ok") if "Sat 13:00" in line] == [
        "closed, a holiday, read every 3600 s (notio)",
        "open, read every 900 s (asir-group)",
    ]


@pytest.mark.parametrize(
    ("sections", "words"),
    [
        ({"read_only": True}, "read_only"),
        ({"schedule": {"sweep_seconds": 60}}, "sweep_seconds is shorter"),
        ({"ship": {"after_lost_answer": "resend", "settle_seconds": 60}}, "settle_seconds = 1860"),
        ({"schedule": {"poll_seconds": 10}}, "timeout_seconds is longer"),
        ({"base_url": "http://127.0.0.1:8799"}, "a test server on this machine"),
        ({"requests_per_second": 5}, "the most that the marketplace recommends"),
        ({"suppliers": {"notio": {"token": "t", "start_date": "2026-11-22"}}}, "is in the future"),
        ({"suppliers": {"notio": {"token": "t"}, "asir-group": {"token": "t"}}}, "have the same token"),
        ({"schedule": {"holidays": ["2025-12-25 to 2026-01-02"]}}, "every holiday of notio with a year is over"),
        ({"suppliers": {"notoi": {"token": "t"}}}, "did you mean suppliers.notio"),
    ],
)
def test_a_contradiction_is_doubted_with_its_cure(
    found: Found, settings: Make, sections: Mapping[str, Any], words: str
) -> None:
    check.fits_together(found.report, settings(**sections), {}, NOW)
    said = found.only("warning", words)
    assert said.rpartition("\n")[2], "no cure"
    assert found.report.exit_code == 0


def test_a_token_among_the_files_of_staff_is_doubted(found: Found, settings: Make) -> None:
    token = settings().state_dir / "token"
    token.write_text("t")
    check.fits_together(found.report, settings(suppliers={"notio": {"token_file": str(token)}}), {}, NOW)
    found.only("warning", "which staff can read")
