"""The screen: one zone, nothing in the past that is said to come, and it fits."""

import re
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from supplier_agent.db.state_folder import Holder
from supplier_agent.order import STAGES
from supplier_agent.reports import screen, status
from supplier_agent.reports.status import Line, Told
from supplier_agent.suppliers import circuit_breakers, snapshot
from supplier_agent.suppliers.circuit_breakers import READS, Patience
from supplier_agent.verdict import Problem, ProblemCode
from supplier_agent.words import Words
from tests.unit.conftest import SUPPLIER, at, settings_of
from tests.world.clocks import NOW, HandClock
from tests.world.databases import store_at


def told(suppliers: int = 1, problems: int = 0, *, failing: int = 0) -> Told:
    def one(number: int) -> Line:
        bad = number >= suppliers - failing
        down = Problem(ProblemCode.READS_FAILING, facts={"lane": "reads", "reason": "it is down"})
        return Line("failing" if bad else "ok", (down,) if bad else (), dict.fromkeys(STAGES, 0), {}, 0)

    found = [
        Problem(ProblemCode.AGENT_TROUBLE, "notio", f"15_{number}", None, {"what": "it is stuck " * 12, "fix": "x"})
        for number in range(problems)
    ]
    rows = {f"supplier-{number}": one(number) for number in range(suppliers)}
    return Told(Path("/state/agent.db"), Holder("run", 7, NOW), rows, found, not_running=False)


@pytest.mark.parametrize("lines", [12, 24, 50])
@pytest.mark.parametrize(("suppliers", "problems"), [(1, 0), (1, 8), (2, 500), (300, 0), (300, 8), (300, 500)])
def test_it_fits(suppliers: int, problems: int, lines: int) -> None:
    shown = screen.page(told(suppliers, problems, failing=1), NOW, size=(lines, 80)).splitlines()
    assert len(shown) <= lines
    assert max(map(len, shown)) <= 80
    assert any(line.startswith(f"supplier-{suppliers - 1} ") for line in shown), "what fails is seen first"
    if problems:
        assert f"{problems} problem" in "\n".join(shown)
        listed = sum("it is stuck" in line for line in shown)
        more = re.search(r"… and (\d+) more: supplier-agent status", "\n".join(shown))
        assert listed + (int(more[1]) if more else 0) == problems
    names = sum(line.startswith("supplier-") for line in shown) - 1  # the head begins like them
    rest = re.search(r"… and (\d+) more suppliers", "\n".join(shown))
    assert names + (int(rest[1]) if rest else 0) == suppliers


def test_without_a_terminal_nothing_is_cut() -> None:
    shown = screen.page(told(300, 500), NOW)
    assert "…" not in shown
    assert shown.count("it is stuck it is stuck") > 500


def test_all_its_times_are_of_one_zone() -> None:
    shown = screen.page(told(), NOW)
    assert "since Sat 12:00 " in shown
    assert "times are in UTC" in shown
    assert "since Sat 13:00 " in screen.page(told(), NOW, zone=ZoneInfo("Europe/Paris"))


def looked(tmp_path: Path, seconds: float, **facts: Any) -> Told:  # noqa: ANN401 - any column
    settings = settings_of(state_dir=tmp_path, suppliers={SUPPLIER: {"token": "t"}})
    store = store_at(tmp_path / "agent.db")
    with store.write() as tx:
        supplier = snapshot.known_supplier(tx, SUPPLIER)
        for name, value in facts.items():
            setattr(supplier, name, value)
        tx.add(supplier)
        circuit_breakers.failed(tx, circuit_breakers.of(tx, SUPPLIER, READS), Patience(60, 60, 0), NOW, "it is down")
    store.close()
    return status.tell(settings, HandClock(seconds))


def test_it_is_not_said_to_be_tried_again_in_the_past(tmp_path: Path) -> None:
    (before,) = [each for each in looked(tmp_path, 30).problems if each.code == "reads_failing"]
    assert Words().fix(before) == "nothing to do: it is tried again at 2026-11-21 12:01:00 UTC"
    (after,) = [each for each in looked(tmp_path, 90).problems if each.code == "reads_failing"]
    assert "UTC" not in Words().fix(after)


def test_a_paused_supplier_is_not_read_now(tmp_path: Path) -> None:
    found = looked(tmp_path, 90, paused_at=NOW, paused_by="Ann", paused_reason="stocktaking")
    assert re.search(rf"^{SUPPLIER} +paused +never +-  ", screen.page(found, at(90)), re.MULTILINE)
