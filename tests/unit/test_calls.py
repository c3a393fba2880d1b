"""What becomes of each call after each ending (public contract), and nothing is repeated that may have happened."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from supplier_agent.calls import CALLS, Ending, Job
from supplier_agent.calls.protocol import AWHILE, OUTCOMES, ending_of
from supplier_agent.db.tables import Attempt, Call
from supplier_agent.marketplace import Means, Verdict
from supplier_agent.outbox import Next, Outcome
from supplier_agent.verdict.supplier import MARKETPLACE
from tests.unit.conftest import SUPPLIER, at, order_of, ready, settings_of
from tests.world.clocks import NOW

SETTINGS = settings_of()
JOB = Job(
    kind="acknowledge",
    call_id=1,
    number=1,
    order_id=1,
    supplier=SUPPLIER,
    menzzo_order_id="15000012345_789",
    increment_id="15000012345",
    order_date=None,
    link_to_label="https://api.menzzo.fr/labels/1.pdf",
    owed_at=NOW,
    strikes=0,
    lane_was_failing=False,
    not_found_since=None,
    asked=frozenset(),
)


def after(
    kind: str,
    outcome: str,
    status: int | None = None,
    now: datetime = NOW,
    *,
    outage: bool = False,
    **job: Any,  # noqa: ANN401 - any fact
) -> Next:
    quiet = AWHILE if status == 429 else None
    ending = Ending(Outcome(outcome, "the answer", status), outage=outage, quiet_seconds=quiet)
    return CALLS[kind].after(replace(JOB, kind=kind, **job), ending, SETTINGS, now, 0.0)


def test_what_must_not_happen_twice_is_sent_once() -> None:
    once = {"ship", "sav", "dispatched"}
    assert set(CALLS.once) == once, "a case may be opened twice, and a customer told twice, too"
    assert list(CALLS.at(MARKETPLACE)) == ["ship", "acknowledge", "label"], "what a customer waits for goes first"


def test_every_meaning_has_its_outcome() -> None:
    assert set(OUTCOMES) == set(Means)
    for means in Means:
        ending = ending_of(Verdict(means, "the answer", 200))
        assert ending.outcome.kind == OUTCOMES[means]
        assert ending.outage == (OUTCOMES[means] in {"unknown", "not_sent"} or means is Means.REDIRECTED)
        assert ending.token_refused == (means is Means.TOKEN_REFUSED)
        assert "the answer" in ending.outcome.detail, "kept word for word"
    assert "unverified" in ending_of(Verdict(Means.UNVERIFIED, "", 204)).outcome.detail


@pytest.mark.parametrize(("asked", "quiet"), [(None, 0.0), (7.0, 7.0)])
def test_too_many_asks_for_silence_and_is_no_outage(asked: float | None, quiet: float) -> None:
    ending = ending_of(Verdict(Means.TOO_MANY, "", 429, retry_after_seconds=asked))
    assert (ending.outcome.kind, ending.quiet_seconds, ending.outage) == ("later", quiet, False)


# ------------------------------------------------------------------------------------------------------------- ship


@pytest.mark.parametrize(
    ("outcome", "status", "state"),
    [
        ("done", 200, "done"),
        ("unknown", None, "unknown"),
        ("unknown", 500, "unknown"),
        ("unknown", 200, "unknown"),
        ("refused", 400, "parked"),
        ("refused", 404, "parked"),
        ("refused", 307, "parked"),
        ("later", 429, "owed"),
        ("later", 401, "owed"),
        ("not_sent", None, "owed"),
    ],
)
def test_ship_is_tried_again_only_if_it_certainly_did_not_happen(outcome: str, status: int | None, state: str) -> None:
    for lane_was_failing in (False, True):
        told = after("ship", outcome, status, lane_was_failing=lane_was_failing, strikes=50)
        assert (told.state, told.due_at) == (state, NOW if state == "owed" else None)
        assert told.why or state == "done"


def test_a_404_after_an_earlier_unknown_stays_unknown_and_is_a_hint() -> None:
    told = after("ship", "refused", 404, maybe_sent_at=NOW)
    assert told.state == "unknown"
    assert "404" in (told.why or "")
    assert after("ship", "refused", 409, maybe_sent_at=NOW).state == "parked"


def test_the_undo_window_runs_from_the_flag() -> None:
    assert CALLS["ship"].due_at(ready(shipped=1, shipped_at=at(7)), SETTINGS) == at(127)
    assert CALLS["ship"].due_at(ready(shipped=1, shipped_at=at(7)), settings_of(ship={"undo_seconds": 0})) == at(7)


def tries(*outcomes: str | None) -> list[Attempt]:
    return [
        Attempt(
            call_id=1,
            number=number,
            started_at=at(number),
            ended_at=None if outcome is None else at(number + 0.5),
            outcome=outcome,
        )
        for number, outcome in enumerate(outcomes, 1)
    ]


@pytest.mark.parametrize(
    ("outcomes", "seconds"),
    [
        (("unknown",), 61.5),
        ((None,), 61),
        (("not_sent", "later", "unknown"), 63.5),
        (("unknown", "unknown"), None),
        ((None, "unknown"), None),
        (("unknown", "refused"), None),
        (("unknown", "not_sent"), None),
        ((), None),
    ],
)
def test_resend_goes_once_more_after_one_lost_answer_and_asks_after_two(
    outcomes: tuple[str | None, ...], seconds: float | None
) -> None:
    call = Call(order_id=1, supplier=SUPPLIER, kind="ship", state="unknown", owed_at=NOW)
    resend = settings_of(ship={"after_lost_answer": "resend", "settle_seconds": 60})
    assert CALLS["ship"].repeat_at(call, tries(*outcomes), resend, NOW) == (None if seconds is None else at(seconds))
    assert CALLS["ship"].repeat_at(call, tries(*outcomes), SETTINGS, NOW) is None, "the default asks"
    assert CALLS["acknowledge"].repeat_at(call, tries(*outcomes), resend, NOW) is None
    assert CALLS["label"].repeat_at(call, tries(*outcomes), resend, NOW) is None


# ------------------------------------------------------------------------------------------------------ acknowledge


@pytest.mark.parametrize(
    ("outcome", "status", "state"),
    [
        ("done", 200, "done"),
        ("unknown", None, "owed"),
        ("unknown", 500, "owed"),
        ("unknown", 200, "owed"),
        ("refused", 400, "parked"),
        ("refused", 422, "parked"),
        ("refused", 302, "parked"),
        ("refused", None, "parked"),
        ("refused", 404, "owed"),
        ("later", 429, "owed"),
        ("later", 503, "owed"),
        ("not_sent", None, "owed"),
    ],
)
def test_acknowledge_is_repeated_after_all_but_a_clear_no(outcome: str, status: int | None, state: str) -> None:
    told = after("acknowledge", outcome, status)
    assert told.state == state
    assert (told.due_at is not None) == (state == "owed")


def test_an_answer_about_this_very_order_waits_longer_each_time_and_is_parked_in_the_end() -> None:
    told = [after("acknowledge", "unknown", 500, strikes=strikes) for strikes in range(12)]
    assert [(each.due_at or NOW) - NOW for each in told[:3]] == [at(30) - NOW, at(60) - NOW, at(120) - NOW]
    assert [each.state for each in told] == ["owed"] * 11 + ["parked"]
    assert all(each.strike for each in told)


@pytest.mark.parametrize(
    ("outcome", "status", "failing"),
    [("unknown", None, False), ("not_sent", None, False), ("later", 429, False), ("unknown", 500, True)],
)
def test_silence_and_outages_say_nothing_of_an_order(outcome: str, status: int | None, failing: bool) -> None:  # noqa: FBT001 - a fact
    told = after("acknowledge", outcome, status, strikes=11, lane_was_failing=failing)
    assert (told.state, told.due_at, told.strike) == ("owed", NOW, False)


def test_a_404_is_parked_only_after_three_more_tries_over_more_than_the_caches_life() -> None:
    asir: dict[str, Any] = {"supplier": "asir-group"}
    assert after("acknowledge", "refused", 404, strikes=0, **asir).state == "owed"
    early = after("acknowledge", "refused", 404, at(1800), strikes=9, not_found_since=NOW, **asir)
    assert early.state == "owed", "the list may be as old as the cache"
    assert after("acknowledge", "refused", 404, at(9999), strikes=2, not_found_since=NOW, **asir).state == "owed"
    last = after("acknowledge", "refused", 404, at(1801), strikes=3, not_found_since=NOW, **asir)
    why = "the marketplace answered 404 4 times, but its list does not show that the order is gone"
    assert (last.state, last.why) == ("parked", why)
    waits = [after("acknowledge", "refused", 404, strikes=n, **asir).due_at for n in range(3)]
    assert all(each is not None and each >= at(601) for each in waits), "three waits are longer than the cache"


# ------------------------------------------------------------------------------------------------------------ label


@pytest.mark.parametrize(
    ("outcome", "outage", "state", "seconds"),
    [
        ("done", False, "done", None),
        ("refused", False, "parked", None),
        ("later", False, "owed", 300),
        ("later", True, "owed", 0),
        ("unknown", True, "owed", 0),
        ("not_sent", True, "owed", 0),
    ],
)
def test_a_label_that_is_not_ready_has_a_clock_of_its_own(
    outcome: str,
    outage: bool,  # noqa: FBT001 - a fact
    state: str,
    seconds: float | None,
) -> None:
    told = after("label", outcome, 404, outage=outage)
    assert (told.state, told.due_at) == (state, None if seconds is None else at(seconds))


def test_a_label_is_asked_for_less_and_less_often_then_a_person_is_asked() -> None:
    moment, tried = 0.0, 0
    while (told := after("label", "later", 404, at(moment), strikes=tried)).state == "owed":
        assert told.due_at is not None
        assert (told.due_at - at(moment)).total_seconds() <= 3600
        moment, tried = (told.due_at - NOW).total_seconds(), tried + 1
    assert told.state == "parked"
    assert 259_200 <= moment < 259_260, "three days, and not a wait more"
    assert 70 < tried < 100


def test_what_is_due_at_once_is_due_since_it_was_listed() -> None:
    assert CALLS["acknowledge"].due_at(order_of(), SETTINGS) == CALLS["label"].due_at(order_of(), SETTINGS) == NOW
