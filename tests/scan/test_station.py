"""One station: what each scan leads to."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from supplier_agent.labels.scan import (
    Act,
    Command,
    Condition,
    Match,
    Meaning,
    Say,
    Sign,
    Station,
    Step,
    Way,
    choose,
    next_step,
    press_ship,
)

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
A = Match(
    order=1,
    supplier="notio",
    menzzo_order_id="15000012345_789",
    increment_id="15000012345",
    sku="SOFA-3P",
    quantity=1,
    carrier="GEODIS",
    order_date=None,
    condition=Condition.OPEN,
    ways=frozenset({Way.LABEL}),
)
B = replace(A, order=2, menzzo_order_id="15000012346_790")
REFUSED = {
    Condition.FLAGGED: (Sign.CHECK, Say.ALREADY_MARKED),
    Condition.SHIPPED: (Sign.CHECK, Say.ALREADY_SHIPPED),
    Condition.HELD: (Sign.NO, Say.HELD),
    Condition.CLOSED: (Sign.NO, Say.CLOSED),
    Condition.VANISHED: (Sign.NO, Say.VANISHED),
}


class Bench:
    """A station at work: each scan comes three seconds after the one before, unless the test says otherwise."""

    def __init__(self, *, one_scan: bool = False) -> None:
        self.station, self.now, self.one_scan = Station(), NOW, one_scan

    def scan(
        self, *matches: Match, seconds: float = 3, command: Command | None = None, layout: str | None = None
    ) -> Step:
        self.now += timedelta(seconds=seconds)
        scanned = command or " ".join(f"{match.menzzo_order_id}/{sorted(match.ways)}" for match in matches)
        meaning = Meaning(command, matches, layout)
        step = next_step(self.station, scanned, meaning, self.now, one_scan=self.one_scan)
        self.station = Station.unpack(step.station.pack())
        return step


def test_the_first_scan_shows_and_the_second_ships() -> None:
    bench = Bench()
    first, second = bench.scan(A), bench.scan(A)
    assert (first.sign, first.say, first.act, first.order) == (Sign.SHOWN, Say.SHOWN, Act.SHOW, 1)
    assert (second.sign, second.say, second.act, second.order) == (Sign.DONE, Say.MARKED, Act.SHIP, 1)


def test_the_second_scan_may_be_of_another_code_of_the_same_order() -> None:
    bench = Bench()
    bench.scan(replace(A, ways=frozenset({Way.ORDER})))
    assert bench.scan(A).act is Act.SHIP


def test_with_one_scan_the_first_ships() -> None:
    assert Bench(one_scan=True).scan(A).act is Act.SHIP


@pytest.mark.parametrize("way", [Way.SKU, Way.INCREMENT])
def test_with_one_scan_only_what_names_the_box_ships(way: Way) -> None:
    assert Bench(one_scan=True).scan(replace(A, ways=frozenset({way}))).act is Act.SHOW


def test_a_product_never_ships_however_often_it_is_scanned() -> None:
    bench = Bench()
    product = replace(A, ways=frozenset({Way.SKU}))
    bench.scan(product)
    assert (bench.scan(product).say, bench.station.shown) == (Say.PRODUCT_ONLY, 1)
    assert bench.scan(A).act is Act.SHIP


@pytest.mark.parametrize("seconds", [0.0, 0.1, 1.9, -1.0])
@pytest.mark.parametrize("one_scan", [False, True])
def test_a_repeat_within_two_seconds_does_nothing(seconds: float, one_scan: bool) -> None:  # noqa: FBT001 - a parameter
    bench = Bench(one_scan=one_scan)
    bench.scan(A)
    before = bench.station
    step = bench.scan(A, seconds=seconds)
    assert (step.ignored, step.act, step.say) == (True, None, Say.REPEATED)
    assert replace(bench.station, last_at=before.last_at) == before


def test_a_scanner_that_reads_on_and_on_never_ships() -> None:
    bench = Bench()
    bench.scan(A)
    assert not [step for step in [bench.scan(A, seconds=1) for _ in range(10)] if step.act]


def test_two_codes_of_one_label_read_at_once_are_one_scan() -> None:
    bench = Bench()
    bench.scan(A)
    assert bench.scan(replace(A, ways=frozenset({Way.ORDER})), seconds=0.3).ignored


def test_another_box_within_two_seconds_is_no_repeat() -> None:
    bench = Bench(one_scan=True)
    assert [bench.scan(A).act, bench.scan(B, seconds=0.3).act] == [Act.SHIP, Act.SHIP]


def test_another_order_than_the_one_shown_is_said_and_nothing_ships() -> None:
    bench = Bench()
    bench.scan(A)
    step = bench.scan(B)
    assert (step.sign, step.say, step.act, step.order, step.left) == (Sign.CHECK, Say.OTHER_SHOWN, Act.SHOW, 2, 1)
    assert bench.scan(B).act is Act.SHIP


@pytest.mark.parametrize("one_scan", [False, True])
@pytest.mark.parametrize("condition", REFUSED)
def test_what_may_not_go_is_refused_with_its_reason(condition: Condition, one_scan: bool) -> None:  # noqa: FBT001 - a parameter
    bench = Bench(one_scan=one_scan)
    for _ in range(2):
        step = bench.scan(replace(A, condition=condition))
        assert (step.sign, step.say) == REFUSED[condition]
        assert step.act is None
        assert step.matches[0].condition is condition


def test_what_changed_between_two_scans_is_refused_at_the_second() -> None:
    bench = Bench()
    bench.scan(A)
    assert bench.scan(replace(A, condition=Condition.VANISHED)).sign is Sign.NO


def test_an_order_that_waits_is_marked_and_what_it_waits_for_is_said() -> None:
    bench = Bench()
    waits = replace(A, condition=Condition.WAITING, missing=("no_label",))
    bench.scan(waits)
    step = bench.scan(waits)
    assert (step.sign, step.say, step.act) == (Sign.CHECK, Say.MARKED_WAITS, Act.SHIP)


def test_several_orders_are_a_question() -> None:
    bench = Bench(one_scan=True)
    step = bench.scan(A, B)
    assert (step.sign, step.say, step.act, step.matches) == (Sign.CHECK, Say.SEVERAL, None, (A, B))


def test_a_question_forgets_what_was_shown_before() -> None:
    bench = Bench()
    bench.scan(A)
    bench.scan(A, B)
    assert bench.scan(A).act is Act.SHOW


def test_what_is_chosen_from_a_list_is_shown_and_its_next_scan_ships_at_once() -> None:
    bench = Bench()
    bench.scan(A, B)
    step = choose(bench.station, B, bench.now)
    assert (step.act, step.order) == (Act.SHOW, 2)
    bench.station = step.station
    assert bench.scan(B, seconds=0.5).act is Act.SHIP


def test_the_button_ships_what_is_shown_and_refuses_like_a_scan() -> None:
    assert press_ship(Station(), A, NOW).act is Act.SHIP
    assert press_ship(Station(), replace(A, condition=Condition.HELD), NOW).say is Say.HELD


def test_a_scan_right_after_the_button_is_a_repeat() -> None:
    bench = Bench()
    bench.station = press_ship(Station(), A, bench.now).station
    assert bench.scan(A, seconds=1).ignored


def test_an_unknown_code_changes_nothing() -> None:
    bench = Bench()
    bench.scan(A)
    step = bench.scan()
    assert (step.sign, step.say, step.act) == (Sign.NO, Say.UNKNOWN, None)
    assert bench.scan(A).act is Act.SHIP


def test_what_was_shown_long_ago_is_shown_again_first() -> None:
    bench = Bench()
    bench.scan(A)
    assert bench.scan(A, seconds=901).act is Act.SHOW


def test_undo_takes_back_the_last_one_marked_here_once() -> None:
    bench = Bench()
    bench.scan(A)
    bench.scan(A)
    step = bench.scan(command=Command.UNDO)
    assert (step.act, step.order) == (Act.UNDO, 1)
    assert bench.scan(command=Command.UNDO).say is Say.NOTHING_TO_UNDO


def test_print_again_and_problem_are_about_what_is_shown_else_about_the_last_one_marked() -> None:
    bench = Bench(one_scan=True)
    assert bench.scan(command=Command.PRINT_AGAIN).say is Say.NOTHING_TO_PRINT
    assert bench.scan(command=Command.PROBLEM).say is Say.NO_ORDER_FOR_PROBLEM
    bench.scan(A)
    assert (bench.scan(command=Command.PRINT_AGAIN).order, bench.scan(command=Command.PROBLEM).order) == (1, 1)
    bench.one_scan = False
    bench.scan(B)
    assert (bench.scan(command=Command.PRINT_AGAIN).act, bench.scan(command=Command.PROBLEM).order) == (Act.PRINT, 2)


def test_next_clears_the_screen() -> None:
    bench = Bench()
    bench.scan(A)
    assert bench.scan(command=Command.NEXT).say is Say.NEXT
    assert bench.scan(A).act is Act.SHOW


def test_a_wrong_keyboard_is_told_once() -> None:
    bench = Bench()
    told = [
        bench.scan(A, layout="fr"),
        bench.scan(A, layout="fr", seconds=1),
        bench.scan(B, layout="fr"),
        bench.scan(B),
    ]
    assert [step.tell_layout for step in told] == ["fr", None, None, None]


def test_nothing_is_scanned_nothing_is_done() -> None:
    step = next_step(Station(shown=1, shown_at=NOW), "", Meaning(empty=True), NOW)
    assert (step.say, step.act, step.station.shown) == (Say.NOTHING_SCANNED, None, 1)


@pytest.mark.parametrize(
    "packed",
    [{}, {"shown": "x"}, {"shown": 1, "shown_at": "yesterday"}, {"last_at": "2026-11-21T12:00:00"}, {"last": None}],
)
def test_a_station_that_cannot_be_remembered_starts_afresh(packed: dict[str, object]) -> None:
    assert Station.unpack(packed) == Station()
