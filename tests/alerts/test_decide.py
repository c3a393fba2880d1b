"""What is told and when: on change only, grouped, a flapping cause rarely, a daily report once. Pure, so time is a number."""

from datetime import date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from supplier_agent.alerts.decide import Decision, Fact, Patience, Recipient, changes, digest_since, key_of, to_send
from supplier_agent.db.tables import Alert
from supplier_agent.verdict import Problem, ProblemCode, Severity
from tests.world.clocks import NOW

PARIS = ZoneInfo("Europe/Paris")
PATIENCE = Patience(timedelta(minutes=1), timedelta(hours=1), time(7, 30), PARIS)


def at(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


class Story:
    """Facts come and go; what would have been sent is kept."""

    def __init__(self) -> None:
        self.rows: list[Alert] = []
        self.told: list[tuple[float, list[str], list[str]]] = []

    def look(self, minutes: float, *facts: Fact, arrives: bool = True) -> None:
        """Do one look as watch.py does it; `arrives`: whether any address takes the message."""
        change = changes(facts, self.rows)
        self.rows += [Alert(cause=f.code.value, supplier=f.supplier, text="", since=at(minutes)) for f in change.begin]
        for row in change.end:
            row.solved_at = at(minutes)
        counts = {fact.key: fact.count for fact in facts}
        decision = to_send(self.rows, counts, at(minutes), PATIENCE)
        if not decision.is_quiet and arrives:
            self.told.append((minutes, [row.cause for row in decision.bad], [row.cause for row in decision.good]))
            for row in decision.bad:
                row.told_at, row.told_count = at(minutes), counts[key_of(row)]
            for row in decision.good:
                row.solved_told_at = at(minutes)


def fact(code: ProblemCode, supplier: str = "notio", count: int = 1) -> Fact:
    return Fact(code, supplier, (Problem(code, supplier),) * count)


TOKEN, PARKED = fact(ProblemCode.TOKEN_REFUSED), fact(ProblemCode.CALL_PARKED)


def test_a_trouble_is_told_once_when_it_begins_and_once_when_it_is_over() -> None:
    story = Story()
    for minute in range(600):
        story.look(minute, *([TOKEN] if 10 <= minute < 500 else []))
    assert story.told == [(11, ["token_refused"], []), (501, [], ["token_refused"])]


def test_what_begins_within_the_grouping_time_goes_in_one_message() -> None:
    story = Story()
    for minute, facts in [(0, [TOKEN]), (0.5, [TOKEN, PARKED]), (1, [TOKEN, PARKED]), (9, [TOKEN, PARKED])]:
        story.look(minute, *facts)
    assert story.told == [(1, ["token_refused", "call_parked"], [])]


def test_what_is_over_before_it_could_be_told_is_not_told() -> None:
    story = Story()
    for minute, facts in [(0, [TOKEN]), (0.5, []), (2, []), (90, [])]:
        story.look(minute, *facts)
    assert story.told == []


def test_a_cause_that_flaps_is_told_once_an_hour() -> None:
    story = Story()
    for minute in range(240):
        story.look(minute, *([TOKEN] if minute % 6 < 3 else []))
    begun = [minute for minute, bad, _ in story.told if bad]
    assert len(begun) <= 4
    assert all(later - earlier >= 60 for earlier, later in pairwise(begun))
    assert len(story.told) <= 8


def test_a_trouble_that_began_again_and_lasts_is_told_when_the_hour_is_over() -> None:
    story = Story()
    for minute in range(100):
        story.look(minute, *([TOKEN] if minute < 5 or minute >= 10 else []))
    assert story.told == [(1, ["token_refused"], []), (6, [], ["token_refused"]), (61, ["token_refused"], [])]


def test_more_orders_in_the_same_trouble_are_told_again_but_fewer_are_not() -> None:
    story = Story()
    sizes = {0: 1, 30: 2, 200: 1, 300: 2, 400: 5}
    size = 1
    for minute in range(500):
        size = sizes.get(minute, size)
        story.look(minute, fact(ProblemCode.CALL_PARKED, count=size))
    assert [minute for minute, _, _ in story.told] == [1, 61, 400]


def test_two_suppliers_with_the_same_trouble_are_two_troubles() -> None:
    story = Story()
    other = fact(ProblemCode.TOKEN_REFUSED, "asir-group")
    for minute, facts in [(0, [TOKEN, other]), (1, [TOKEN, other]), (5, [TOKEN]), (6, [TOKEN])]:
        story.look(minute, *facts)
    assert story.told == [(1, ["token_refused", "token_refused"], []), (6, [], ["token_refused"])]


def test_what_no_address_took_is_told_at_the_next_look() -> None:
    story = Story()
    for minute, arrives in [(0, True), (1, False), (2, False), (3, True), (4, True)]:
        story.look(minute, TOKEN, arrives=arrives)
    assert story.told == [(3, ["token_refused"], [])]


def test_a_clock_that_was_set_back_silences_nothing() -> None:
    told_in_the_future = Alert(
        cause="token_refused", supplier="notio", text="", since=at(0), told_at=at(900), solved_at=at(901)
    )
    told_in_the_future.solved_told_at = at(902)
    row = Alert(cause="token_refused", supplier="notio", text="", since=at(0))
    assert to_send([told_in_the_future, row], {}, at(2), PATIENCE) == Decision(bad=(row,))


@pytest.mark.parametrize(
    ("last", "now", "since"),
    [
        (None, "07:29", None),
        (None, "07:30", "07:30"),
        (None, "13:29", "07:30"),
        (None, "13:30", None),  # its news is old
        ("20 07:31", "09:00", "07:30"),
        ("21 07:31", "09:00", None),
    ],
)
def test_the_daily_report_is_due_once_a_day_and_not_hours_late(last: str | None, now: str, since: str | None) -> None:
    def local(day: int, text: str) -> datetime:
        return datetime.combine(date(2026, 11, day), time.fromisoformat(text), PARIS)

    told = local(int(last[:2]), last[3:]) if last else None
    expected = local(20, since) if since else None
    assert digest_since(told, local(21, now), PATIENCE) == expected


def test_no_time_of_day_means_no_daily_report() -> None:
    assert digest_since(None, NOW, Patience(timedelta(0), timedelta(0), None, PARIS)) is None


@pytest.mark.parametrize(
    ("recipient", "hears"),
    [
        (Recipient("all"), {("disk_low", None), ("call_parked", "notio"), ("token_refused", "notio"), ("paused", "b")}),
        (Recipient("phone", least=Severity.URGENT), {("token_refused", "notio")}),
        (Recipient("team", "notio"), {("call_parked", "notio"), ("token_refused", "notio")}),
        (Recipient("team's phone", "notio", Severity.URGENT), {("token_refused", "notio")}),
        (Recipient("the other team", "b", Severity.WARNING), {("paused", "b")}),
    ],
)
def test_an_address_hears_of_its_supplier_and_from_its_severity_on(
    recipient: Recipient, hears: set[tuple[str, str | None]]
) -> None:
    alerts = [("disk_low", None), ("call_parked", "notio"), ("token_refused", "notio"), ("paused", "b")]
    rows = tuple(Alert(id=n, cause=c, supplier=s, text="", since=NOW) for n, (c, s) in enumerate(alerts))
    whole = Decision(rows, rows[:1], NOW)
    part = whole.of(recipient)
    assert {key_of(row) for row in part.bad} == hears
    assert (part.digest_since is not None) == (recipient.least is Severity.INFO)
    assert whole.within(part).bad == part.bad
    assert Decision().with_(part).with_(part) == part


def test_the_worst_comes_first() -> None:
    rows = [Alert(cause=cause, supplier="notio", text="", since=at(0)) for cause in ("paused", "token_refused")]
    assert [row.cause for row in to_send(rows, {}, at(2), PATIENCE).bad] == ["token_refused", "paused"]
