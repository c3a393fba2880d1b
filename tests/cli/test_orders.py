"""`orders`: which ones, in which order, told as they are read; and the stage in SQL is the stage of the rule."""

import itertools
import json
import os
import resource
import sqlite3
import subprocess
from contextlib import closing
from datetime import date, timedelta
from typing import Any

import pytest
from sqlmodel import select

from supplier_agent.db.plain_sql import OPEN
from supplier_agent.db.store import Store
from supplier_agent.db.tables import Barcode, Call, Order
from supplier_agent.order import STAGES, stage
from supplier_agent.reports.orders import is_of
from supplier_agent.reports.status import STAGE
from tests.cli.conftest import Installation
from tests.unit.conftest import order_of, ready
from tests.verdict.test_label import kept
from tests.world.clocks import NOW

STATES = (None, "owed", "sending", "done", "parked", "unknown", "dropped")
PAIRS = [*itertools.combinations_with_replacement(STATES, 2)]


def test_the_stage_in_sql_is_the_stage_of_the_rule_for_every_combination_of_facts(store: Store) -> None:
    facts = {
        "ship_confirmed_at": NOW, "closed_reason": "by hand", "held_reason": "wait", "shipped": 1, "acknowledged_at": NOW,
        "label_path": "labels/x.pdf", "override_by": "Anna",
    }  # fmt: skip
    combinations = [*itertools.product(itertools.product((False, True), repeat=len(facts)), PAIRS)]
    with store.write() as tx:
        for row, (chosen, _) in enumerate(combinations, 1):
            these: dict[str, Any] = {
                name: value for (name, value), wanted in zip(facts.items(), chosen, strict=True) if wanted
            }
            tx.add(order_of(f"15000000000_{row}", id=row, **these))
        tx.flush()
        for row, (_, states) in enumerate(combinations, 1):
            for kind, state in zip(("label", "ship"), states, strict=True):
                if state is not None:
                    tx.add(Call(order_id=row, supplier="notio", kind=kind, state=state, owed_at=NOW))
    with store.read() as tx:
        calls: dict[int, list[Call]] = {}
        for call in tx.exec(select(Call)):
            calls.setdefault(call.order_id or 0, []).append(call)
        rule = {each.id or 0: stage(each, calls.get(each.id or 0, [])) for each in tx.exec(select(Order))}
        rows = tx.connection().exec_driver_sql(f"SELECT id, {STAGE} FROM orders").all()
        said: dict[int, str] = {row[0]: row[1] for row in rows}
        listed = {
            name: set(tx.connection().exec_driver_sql(f"SELECT id FROM orders WHERE {is_of(name)}").scalars())
            for name in STAGES
        }
        open_ = set(tx.connection().exec_driver_sql(f"SELECT id FROM orders WHERE {OPEN}").scalars())
    assert said == rule
    assert listed == {name: {id_ for id_, each in rule.items() if each == name} for name in STAGES}
    assert set(rule.values()) == set(STAGES)
    assert open_ == {id_ for id_, each in rule.items() if each not in {"shipped", "closed"}}


def test_another_word_is_no_stage() -> None:
    with pytest.raises(ValueError, match="gone"):
        is_of("gone")


@pytest.fixture
def mixed(here: Installation, store: Store) -> Installation:
    """Return an installation with one order of every kind, the oldest last in the table."""
    day = date(2026, 11, 20)
    with store.write() as tx:
        tx.add_all(
            [
                ready("150_5", ship_confirmed_at=NOW, shipped=1, order_date=day - timedelta(9)),
                ready("150_4", closed_reason="by hand"),
                ready("150_3", order_date=day, sku="SOFA-MILO", carrier="GLS"),
                order_of("150_2", supplier="asir-group", order_date=day - timedelta(1), sku="100%_WOOD"),
                order_of("150_1", order_date=day - timedelta(2)),
            ]
        )
        tx.flush()
        labelled = tx.exec(select(Order).where(Order.menzzo_order_id == "150_3")).one()
        tx.add(Barcode(order_id=labelled.id or 0, code="JD014600", label_sha256=labelled.label_sha256 or ""))
    return here


def ids(installation: Installation, *words: str) -> list[str]:
    return [each["menzzo_order_id"] for each in json.loads(installation.said("orders", "--json", *words))]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ((), ["150_1", "150_2", "150_3"]),
        (("--all",), ["150_5", "150_1", "150_2", "150_4", "150_3"]),
        (("--stage", "shipped"), ["150_5"]),
        (("--stage", "closed"), ["150_4"]),
        (("--stage", "ready"), ["150_3"]),
        (("--stage", "new", "--supplier", "notio"), ["150_1"]),
        (("--limit", "2"), ["150_1", "150_2"]),
        (("--since", "2026-11-19"), ["150_2", "150_3"]),
        (("--search", "sofa"), ["150_3"]),
        (("--search", "gls"), ["150_3"]),
        (("--search", "150_2"), ["150_2"]),
        (("--search", "%_w"), ["150_2"]),
        (("--search", "JD014600"), ["150_3"]),
        (("--search", "150_5"), []),
        (("--search", "150_5", "--all"), ["150_5"]),
        (("--supplier", "asir-group"), ["150_2"]),
    ],
)  # fmt: skip
def test_it_lists_the_open_orders_oldest_first_or_those_that_are_asked_for(
    mixed: Installation, words: tuple[str, ...], found: list[str]
) -> None:
    assert ids(mixed, *words) == found


def test_orders_of_a_supplier_that_left_the_configuration_are_shown(mixed: Installation) -> None:
    mixed.config.write_text(f'state_dir = "{mixed.folder}"\n[suppliers.notio]\ntoken = "t"\n')
    assert ids(mixed, "--supplier", "asir-group") == ["150_2"]
    assert mixed.told("orders", "--supplier", "asir-grup").returncode == 2


@pytest.mark.parametrize(
    ("damage", "this"),
    [("quantity = 'many'", "150_3"), ("fault = 'an internal error'", "150_5"), ("sku = x'ff00'", "150_2")],
)
def test_a_damaged_order_waits_for_a_person_whatever_its_facts_seem_to_be(
    mixed: Installation, damage: str, this: str
) -> None:
    stages = {row["menzzo_order_id"]: row["stage"] for row in json.loads(mixed.said("orders", "--all", "--json"))}
    with closing(sqlite3.connect(mixed.folder / "agent.db")) as connection:
        connection.execute(f"UPDATE orders SET {damage} WHERE menzzo_order_id = ?", (this,))
        connection.commit()
    assert ids(mixed, "--stage", "attention") == [this]
    assert this in ids(mixed), "it is listed with the open ones"
    assert this not in ids(mixed, "--stage", stages[this])
    told = mixed.told("orders")
    assert "1 of them wait for a person" in told.stderr
    (row,) = json.loads(mixed.said("orders", "--stage", "attention", "--json"))
    assert row["stage"] == "attention"
    assert "damaged" in row["blockers"]


def test_the_table_has_a_line_for_each_and_says_what_is_left_out(mixed: Installation) -> None:
    done = mixed.told("orders", "--limit", "2")
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["ORDER", "SUPPLIER", "SKU", "QTY", "CARRIER", "DATE", "STAGE", "EVIDENCE"]
    assert [line.split()[0] for line in lines[1:]] == ["150_1", "150_2"]
    assert len({line.index("2026-") for line in lines[1:]}) == 1, "the columns are straight"
    assert "2 orders; there are 3 in all" in done.stderr
    assert "--all" in mixed.told("orders", "--search", "nothing like it").stderr


def test_before_the_first_run_there_is_an_empty_array(here: Installation) -> None:
    here.config.write_text(here.config.read_text().replace(str(here.folder), str(here.folder / "not-yet")))
    assert ids(here) == []


MANY = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
INSERT INTO orders (supplier, menzzo_order_id, increment_id, sale_product_id, sku, quantity, price_cents, carrier, order_date,
                    first_seen_at, acknowledged_at, label_path, shipped, shipped_at, ship_confirmed_at, planned_at)
SELECT 'notio', '15' || i || '_' || i, '15' || i, i, 'SOFA', 1, 100, 'GLS', '2026-01-01', :t, :t, 'x', i % 100 > 0, :t,
       CASE WHEN i % 100 > 0 THEN :t END, :t FROM n
"""


def cost(installation: Installation, *words: str) -> tuple[float, int]:
    """Return the CPU seconds of a command, and the kilobytes that it needed at most."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    process = installation.start(*words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, code, used = _wait(process.pid)
    process.returncode = code
    assert code == 0
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime, used


def _wait(pid: int) -> tuple[int, int, int]:
    found, status, used = os.wait4(pid, 0)
    return found, os.waitstatus_to_exitcode(status), used.ru_maxrss


@pytest.mark.slow  # takes seconds
def test_many_finished_orders_cost_next_to_nothing(here: Installation) -> None:
    few_seconds, few_kb = cost(here, "orders", "--stage", "ready")
    with closing(sqlite3.connect(here.folder / "agent.db")) as connection:
        connection.execute(MANY.replace(":t", "'2026-01-01 10:00:00.000000'"), (8_000,))
        connection.commit()
    for words in (("orders",), ("orders", "--stage", "ready")):
        seconds, kb = cost(here, *words)
        assert seconds < 2 * few_seconds + 0.2
        assert kb < few_kb + 10_000
    _, kb = cost(here, "orders", "--all", "--json")
    assert kb < few_kb + 10_000, "it is told as it is read"


def test_an_order_whose_label_may_be_the_wrong_one_says_so(here: Installation) -> None:
    kept(here.store, 20, 1)
    words = "its label may be the wrong one: it does not show the number 15000020000_1"
    assert words in here.told("order", "15000020000_1").stdout
    told = json.loads(here.told("order", "15000020000_1", "--json").stdout)
    assert words in told["problem"]
    assert ("label_doubtful" in told["problem_codes"], told["blockers"]) == (True, [])
    assert "may be the wrong one" not in here.told("order", "15000020000_2").stdout
    listed = {
        each["menzzo_order_id"]: each["problem_codes"] for each in json.loads(here.told("orders", "--json").stdout)
    }
    assert [order for order, codes in listed.items() if "label_doubtful" in codes] == ["15000020000_1"]
