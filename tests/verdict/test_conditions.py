"""The conditions in SQL say what the pure functions say, for every invented order."""

from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any

import pytest

from supplier_agent.db import plain_sql
from supplier_agent.db.plain_sql import text, within
from supplier_agent.order import KINDS_ASIDE, WANTED, sound_stage
from supplier_agent.reports.facts import ids_with_problems, orders_of
from supplier_agent.reports.status import STAGE, stage_by
from supplier_agent.verdict import Act, Blocker, ProblemCode, Role, Stage, Verdict
from tests.verdict.invented import FEW, invented, states

FRESH = count()


def has(code: ProblemCode) -> Any:  # noqa: ANN401 - a function
    return lambda verdict: code in {problem.code for problem in verdict.problems}


def stuck(verdict: Verdict) -> bool:
    return bool({ProblemCode.CALL_UNKNOWN, ProblemCode.CALL_PARKED} & {problem.code for problem in verdict.problems})


CHANGED = {Blocker.LABEL_CHANGED, Blocker.PRODUCT_CHANGED, Blocker.QUANTITY_CHANGED, Blocker.CARRIER_CHANGED}
QUIET = {kind: replace(rule, attention=frozenset({"unknown"})) for kind, rule in WANTED.items() if kind != "ship"}
"""Rules by which a parked call does not make its order need a person; of a kind without a rule, every stuck call does."""
PAIRS: dict[str, Any] = {
    "STUCK": stuck,
    "HELD_THOUGH_MARKED": has(ProblemCode.HELD_THOUGH_MARKED),
    "SALE_STOPPED": has(ProblemCode.SALE_STOPPED),
    "VANISHED": lambda verdict: Blocker.VANISHED in verdict.blockers,
    "CHANGED_SINCE_PRINTED": has(ProblemCode.CHANGED_SINCE_PRINTED),
    "WAITING": has(ProblemCode.WAITING),
    "UNFLAGGED": has(ProblemCode.UNFLAGGED),
    "TO_SHIP": lambda verdict: Act.SHIP in verdict.may[Role.IT] or (verdict.stops and set(verdict.stops) <= CHANGED),
    "PRINTABLE": lambda verdict: {Act.SHIP, Act.PRINT} <= verdict.may[Role.IT] and not verdict.stops,
}

OF_OPEN_ORDERS = {
    ProblemCode.HELD_THOUGH_MARKED, ProblemCode.ORDER_VANISHED, ProblemCode.CHANGED_SINCE_PRINTED, ProblemCode.CALL_UNKNOWN,
    ProblemCode.CALL_PARKED, ProblemCode.ORDER_DAMAGED, ProblemCode.WAITING, ProblemCode.UNFLAGGED, ProblemCode.ORDER_REPORTED,
    ProblemCode.SALE_STOPPED,
}  # fmt: skip


def test_the_calls_that_no_order_waits_for_are_the_same_in_sql() -> None:
    assert ", ".join(f"'{kind}'" for kind in sorted(KINDS_ASIDE)) == plain_sql.ASIDE


@pytest.mark.parametrize("number", range(FEW))
def test_each_condition_is_what_the_verdict_says(tmp_path_factory: pytest.TempPathFactory, number: int) -> None:
    made = invented(tmp_path_factory.mktemp("state") / str(next(FRESH)), states(FEW)[number])
    with made.store.read() as tx:
        look = within(tx)
        is_open = {
            (row.supplier, row.menzzo_order_id) for row in look.rows(f"SELECT * FROM orders WHERE {plain_sql.OPEN}")
        }
        assert is_open == {
            key for key, row in made.rows.items() if row.ship_confirmed_at is None and row.closed_reason is None
        }
        ages = {"WAITING": made.settings.alerts.waiting_seconds, "UNFLAGGED": made.settings.alerts.unflagged_seconds}
        for name, holds in PAIRS.items():
            values = [text(made.now - timedelta(seconds=seconds)) for seconds in ages.values()] if name in ages else []
            values = values[:1] if name == "WAITING" else values
            sql = f"SELECT * FROM orders WHERE {plain_sql.OPEN} AND ({getattr(plain_sql, name)})"
            found = {(row.supplier, row.menzzo_order_id) for row in look.rows(sql, *values)}
            sound = {key for key in is_open if Blocker.DAMAGED not in made.orders[key].blockers}
            assert found & sound == {key for key in sound if holds(made.orders[key])}, name
        printable = f"SELECT id FROM orders WHERE {plain_sql.CLOCKED} AND ({plain_sql.PRINTABLE})"
        others = f"SELECT id FROM orders WHERE {plain_sql.CLOCKED} AND id NOT IN ({plain_sql.NOT_PRINTABLE})"
        assert look.rows(f"{printable} ORDER BY id") == look.rows(f"{others} ORDER BY id")
        for row in look.rows(f"SELECT *, {STAGE} AS stage FROM orders"):
            verdict = made.orders[row.supplier, row.menzzo_order_id]
            assert Blocker.DAMAGED in verdict.blockers or verdict.stage == Stage(row.stage)
        for row in look.rows(f"SELECT *, {stage_by(QUIET)} AS stage FROM orders"):
            assert row.stage == sound_stage(row, look.rows("SELECT * FROM calls WHERE order_id = ?", row.id), QUIET)
        for held in (False, True):
            ids = ids_with_problems(look, made.settings, made.now, most=1000, held=held)
            listed = {(row.supplier, row.menzzo_order_id) for row in (each.order for each in orders_of(look, ids))}
            needs = {
                key
                for key, each in made.orders.items()
                if OF_OPEN_ORDERS & {problem.code for problem in each.problems} or (held and each.stage is Stage.HELD)
            }
            assert listed >= needs
    made.store.close()
