"""The verdict on one order: all blockers, what each role may do, what happens next, and every problem on its own."""

from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from supplier_agent.calls import CALLS
from supplier_agent.db.tables import Attempt, Call, Event, Lane, Order, Print
from supplier_agent.verdict import (
    Act,
    Blocker,
    NextStep,
    Problem,
    ProblemCode,
    Role,
    SupplierState,
    Verdict,
    judge_order,
)
from tests.unit.conftest import SUPPLIER, at, order_of, ready, settings_of
from tests.world.clocks import NOW

SETTINGS = settings_of()
WELL = SupplierState(SUPPLIER)
LONG_AGO = NOW - timedelta(days=30)


def call(kind: str, state: str, **facts: Any) -> Call:  # noqa: ANN401 - any column
    row: dict[str, Any] = {"id": 1, "order_id": 1, "supplier": SUPPLIER, "kind": kind, "state": state, "owed_at": NOW}
    return Call(**(row | facts))


def judged(
    order: Order,
    *calls: Call,
    supplier: SupplierState = WELL,
    settings: Any = SETTINGS,  # noqa: ANN401 - Settings
    now: datetime = NOW,
    prints: tuple[Print, ...] = (),
    attempts: tuple[Attempt, ...] | None = None,
    report: Event | None = None,
) -> Verdict:
    rules = CALLS.rules(settings, order.supplier)
    return judge_order(
        order, calls, prints, supplier, settings, now, kinds=CALLS, rules=rules, attempts=attempts, report=report
    )


def codes(verdict: Verdict) -> list[ProblemCode]:
    return [problem.code for problem in verdict.problems]


def printed(**facts: Any) -> Print:  # noqa: ANN401 - any column
    row: dict[str, Any] = {"order_id": 1, "printed_at": NOW, "who": "Ana", "printer": "zebra"}
    known: dict[str, Any] = {"label_sha256": "0" * 64, "sku": "CHAIR", "quantity": 1, "carrier": "GEODIS"}
    return Print(**(row | known | facts))


# -- blockers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("order", "calls", "blockers"),
    [
        (ready(), (), []),
        (order_of(), (), ["not_acknowledged", "no_label"]),
        (ready(vanished_at=NOW), (), ["vanished"]),
        (ready(vanished_at=NOW, override_by="Ana", override_covers="vanished"), (), []),
        (order_of(held_reason="x", vanished_at=NOW), (), ["held", "not_acknowledged", "no_label", "vanished"]),
        (ready(held_reason="x", held_code="restored"), (), ["held", "restored"]),
        (ready(held_reason="x", held_code="ledger_lost"), (), ["held", "ledger_lost"]),
        (ready(shipped=1), (call("ship", "parked"),), ["ship_parked"]),
        (ready(shipped=1), (call("ship", "unknown"), call("label", "parked")), ["ship_unknown"]),
        (ready(shipped=1), (call("ship", "sending"),), []),
        (ready(fault="an internal error"), (), ["damaged"]),
        (ready(closed_reason="x", vanished_at=NOW), (), ["closed"]),
        (ready(ship_confirmed_at=NOW, held_reason="x"), (), []),
        (ready(ship_confirmed_at=NOW, fault="an internal error"), (), ["damaged"]),
    ],
)
def test_every_blocker_of_an_order_is_given(order: Order, calls: tuple[Call, ...], blockers: list[str]) -> None:
    assert list(judged(order, *calls).blockers) == blockers


def test_every_blocker_of_its_supplier_is_given_with_those_of_the_order() -> None:
    lane = Lane(supplier=SUPPLIER, lane="writes", failing_since=NOW, reason="refused")
    ill = SupplierState(
        SUPPLIER, paused_at=NOW, flags_asked_at=NOW, token_refused_at=NOW, token_missing="none", quiet_until=at(60),
        lanes={"writes": lane}, owed=frozenset({"ship"}),
    )  # fmt: skip
    verdict = judged(order_of(shipped=1), supplier=ill, settings=settings_of(read_only=True))
    assert list(verdict.blockers) == [
        "not_acknowledged", "no_label", "paused", "read_only", "many_flags", "token_missing", "token_refused", "unreachable",
        "quiet",
    ]  # fmt: skip
    assert "quiet" not in judged(ready(), supplier=SupplierState(SUPPLIER, quiet_until=NOW)).blockers, "it is over"
    assert list(judged(ready(supplier="renamed"), supplier=SupplierState("renamed")).blockers) == ["supplier_unknown"]
    assert judged(ready(ship_confirmed_at=NOW), supplier=ill).blockers == (), "nothing keeps back what is shipped"


def test_a_lane_that_fails_blocks_only_what_goes_in_it() -> None:
    lanes = {"labels": Lane(supplier=SUPPLIER, lane="labels", failing_since=NOW, reason="refused")}
    supplier = SupplierState(SUPPLIER, lanes=lanes, owed=frozenset({"label"}))
    assert Blocker.UNREACHABLE in judged(order_of(), supplier=supplier).blockers
    assert judged(ready(), supplier=supplier).blockers == ()


@pytest.mark.parametrize(
    ("then", "blocker"),
    [
        ({"label_sha256": "1" * 64}, Blocker.LABEL_CHANGED), ({"sku": "SOFA"}, Blocker.PRODUCT_CHANGED),
        ({"quantity": 4}, Blocker.QUANTITY_CHANGED), ({"carrier": "GLS"}, Blocker.CARRIER_CHANGED),
    ],
)  # fmt: skip
def test_what_changed_since_the_label_was_printed_stops_the_packer_until_it_is_printed_again(
    then: dict[str, Any], blocker: Blocker
) -> None:
    verdict = judged(ready(), prints=(printed(**then),))
    assert verdict.stops == (blocker,)
    assert Act.SHIP not in verdict.may[Role.PACKER]
    assert codes(verdict) == [ProblemCode.CHANGED_SINCE_PRINTED]
    assert (verdict.next.step, verdict.next.waits_for) == (NextStep.WAREHOUSE, (blocker,))
    assert judged(ready(), prints=(printed(**then), printed())).blockers == (), "printed again"
    assert judged(ready(shipped=1), prints=(printed(**then),)).blockers == (), "it has left"
    assert judged(ready(), prints=(printed(**dict.fromkeys(then)),)).blockers == (), "not known then"


# -- what may be done --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("order", "calls", "may"),
    [
        (ready(), (), {"print", "report", "ship", "hold", "close"}),
        (order_of(), (), {"report", "ship", "hold", "close", "override"}),
        (ready(vanished_at=NOW), (), {"print", "report", "hold", "close", "override"}),
        (ready(held_reason="x", vanished_at=NOW), (), {"print", "report", "release", "close"}),
        (ready(shipped=1), (call("ship", "owed"),), {"recall", "print", "report", "unship", "hold", "close"}),
        (ready(shipped=1), (call("ship", "sending"),), {"recall", "print", "report", "hold", "close"}),
        (
            ready(shipped=1),
            (call("ship", "unknown"),),
            {"recall", "print", "report", "hold", "close", "resolve", "send_again"},
        ),
        (
            ready(shipped=1),
            (call("ship", "parked"),),
            {"recall", "print", "report", "unship", "hold", "close", "retry"},
        ),
        (ready(fault="an internal error"), (), {"print", "report", "hold", "close", "retry"}),
        (ready(closed_reason="x"), (), {"print", "reopen"}),
        (ready(ship_confirmed_at=NOW), (), {"print", "recall"}),
    ],
)
def test_what_may_be_done_follows_from_the_facts(order: Order, calls: tuple[Call, ...], may: set[str]) -> None:
    verdict = judged(order, *calls)
    assert verdict.may[Role.IT] == may
    assert verdict.may[Role.PACKER] == may & {"ship", "unship", "print", "report", "recall"}
    assert verdict.may[Role.LEAD] == may


@pytest.mark.parametrize(
    ("detail", "facts"),
    [
        ("damaged: leg broken", {"report": "damaged", "words": "leg broken", "case": "words"}),
        ("missing", {"report": "missing"}),
        ("of an older version", {"report": "other"}),
        (None, {"report": "other"}),
    ],
)
def test_what_a_packer_reported_is_a_problem_until_a_lead_settles_it(detail: str | None, facts: dict[str, str]) -> None:
    report = Event(order_id=1, at=NOW, who="Anna", what="problem reported", detail=detail, station="Bench 1")
    verdict = judged(ready(), report=report)
    (problem,) = verdict.problems
    assert (problem.code, problem.since) == (ProblemCode.ORDER_REPORTED, NOW)
    assert problem.facts == {"by": "Anna (Bench 1)", **facts}
    assert (Act.SETTLE in verdict.may[Role.LEAD], Act.SETTLE in verdict.may[Role.PACKER]) == (True, False)
    assert judged(ready(ship_confirmed_at=NOW), report=report).problems == ()
    assert Act.SETTLE not in judged(ready(closed_reason="x"), report=report).may[Role.LEAD]


# -- what happens next -------------------------------------------------------------------------------------------------


LATE: dict[str, Any] = {"shipped": 1, "shipped_at": at(-500)}


@pytest.mark.parametrize(
    ("order", "calls", "supplier", "step"),
    [
        (ready(fault="an internal error", ship_confirmed_at=NOW), (), {}, "fault"),
        (ready(ship_confirmed_at=NOW, closed_reason="x"), (call("ship", "unknown"),), {}, "shipped"),
        (ready(closed_reason="x"), (call("ship", "unknown"),), {}, "closed"),
        (ready(**LATE), (call("label", "parked"), call("ship", "unknown")), {}, "unknown"),
        (ready(), (call("label", "parked"),), {"paused_at": NOW}, "parked"),
        (ready(held_reason="x", **LATE), (), {"paused_at": NOW}, "held"),
        (ready(vanished_at=NOW), (), {}, "vanished"),
        (ready(vanished_at=NOW, **LATE), (), {}, "vanished"),
        (order_of(vanished_at=NOW), (), {}, "due"),
        (ready(**LATE), (call("ship", "sending"),), {"paused_at": NOW}, "sending"),
        (ready(**LATE), (), {"paused_at": NOW, "token_refused_at": NOW}, "paused"),
        (ready(**LATE), (), {"flags_asked_at": NOW, "token_refused_at": NOW}, "many_flags"),
        (order_of(), (), {"flags_asked_at": NOW}, "due"),
        (ready(**LATE), (), {"token_missing": "none"}, "token_missing"),
        (ready(**LATE), (), {"token_refused_at": NOW}, "token_refused"),
        (ready(**LATE), (), {"quiet_until": at(60)}, "outage"),
        (ready(shipped=1, shipped_at=NOW), (), {}, "undo_window"),
        (order_of(), (call("acknowledge", "owed", due_at=at(90), attempts=1),), {}, "later"),
        (ready(**LATE), (call("ship", "owed", due_at=NOW),), {}, "due"),
        (ready(), (), {}, "warehouse"),
    ],
)
def test_what_happens_next_is_the_first_that_holds(
    order: Order, calls: tuple[Call, ...], supplier: dict[str, Any], step: str
) -> None:
    assert judged(order, *calls, supplier=SupplierState(SUPPLIER, **supplier)).next.step == step


def test_an_outage_that_lasts_beyond_the_calls_instant_is_named_with_its_end() -> None:
    lanes = {"writes": Lane(supplier=SUPPLIER, lane="writes", resume_at=at(300), reason="refused")}
    ends = judged(ready(**LATE), supplier=SupplierState(SUPPLIER, lanes=lanes)).next
    assert (ends.step, ends.at, ends.kind) == (NextStep.OUTAGE, at(300), "ship")
    assert judged(ready(**LATE), supplier=SupplierState(SUPPLIER, lanes=lanes), now=at(300)).next.step == NextStep.DUE


def test_a_marked_order_names_all_that_it_waits_for() -> None:
    verdict = judged(order_of(vanished_at=NOW, **LATE))
    assert list(verdict.next.waits_for) == ["not_acknowledged", "no_label", "vanished"]
    assert judged(order_of(vanished_at=NOW)).next.waits_for == ()


def test_a_lost_answer_is_sent_again_only_where_its_attempts_are_known() -> None:
    resend = settings_of(ship={"after_lost_answer": "resend", "settle_seconds": 1800})
    lost = Attempt(call_id=1, number=1, started_at=NOW, ended_at=at(1), outcome="unknown")
    unknown = call("ship", "unknown", attempts=1)
    again = judged(ready(**LATE), unknown, settings=resend, attempts=(lost,)).next
    assert (again.step, again.at) == (NextStep.RESEND, at(1801))
    assert judged(ready(**LATE), unknown, settings=resend).next.step == NextStep.UNKNOWN


# -- problems ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("order", "calls", "problems"),
    [
        (ready(), (), []),
        (ready(fault="an internal error"), (), ["order_damaged"]),
        (
            ready(shipped=1, held_reason="x", vanished_at=NOW, problem="price is missing"),
            (call("label", "parked"), call("ship", "unknown")),
            ["call_unknown", "call_parked", "held_though_marked", "order_vanished", "field_unreadable"],
        ),
        (order_of(), (call("acknowledge", "owed", attempts=5),), ["call_tried_often"]),
        (order_of(), (call("acknowledge", "owed", attempts=4),), []),
        (ready(closed_reason="x", vanished_at=NOW), (call("ship", "unknown"),), []),
        (ready(ship_confirmed_at=NOW, problem="price is missing"), (call("label", "parked"),), ["field_unreadable"]),
        (order_of(first_seen_at=LONG_AGO), (), ["waiting"]),
        (order_of(first_seen_at=LONG_AGO), (call("acknowledge", "parked"),), ["call_parked"]),
        (order_of(first_seen_at=LONG_AGO, held_reason="x"), (), []),
        (ready(shipped=1, shipped_at=LONG_AGO), (), ["waiting"]),
        (ready(shipped=1, shipped_at=LONG_AGO, vanished_at=NOW), (), ["order_vanished"]),
    ],
)
def test_each_thing_that_is_wrong_is_a_problem_of_its_own(
    order: Order, calls: tuple[Call, ...], problems: list[str]
) -> None:
    verdict = judged(order, *calls)
    assert codes(verdict) == problems
    assert all((each.supplier, each.order) == (SUPPLIER, order.menzzo_order_id) for each in verdict.problems)


def test_a_label_that_nobody_marks_is_judged_from_when_it_was_fetched() -> None:
    order, label = ready(acknowledged_at=LONG_AGO), call("label", "done")
    fetched = Attempt(call_id=1, number=1, started_at=LONG_AGO, ended_at=at(-60), outcome="done")
    assert codes(judged(order, label, attempts=(fetched,))) == []
    old: Problem
    (old,) = judged(order, label, attempts=()).problems
    assert (old.code, old.since) == (ProblemCode.UNFLAGGED, LONG_AGO)
    assert codes(judged(order, label)) == [], "the attempts were not loaded"


def test_plain_rows_are_judged_like_those_of_the_tables() -> None:
    order = order_of(shipped=1, shipped_at=at(-500), vanished_at=NOW)
    plain: Any = SimpleNamespace(**order.model_dump())
    parked = call("label", "parked", detail="it is gone")
    plain_call: Any = SimpleNamespace(**parked.model_dump())
    assert judged(plain, plain_call) == judged(order, parked)
