"""One station: what each scan leads to."""

from dataclasses import replace
from datetime import timedelta

import pytest

from supplier_agent.db.tables import Print
from supplier_agent.labels.scan import (
    Act,
    Match,
    Meaning,
    Say,
    Sign,
    Station,
    Step,
    Way,
    choose,
    is_true,
    missing,
    next_step,
    of_screen,
    press_ship,
)
from supplier_agent.labels.typed import Command
from supplier_agent.verdict import Blocker, Verdict
from tests.scan.shelf import order_of, verdict_of
from tests.world.clocks import NOW

MAY_SHIP = verdict_of(order_of())
A = Match(1, MAY_SHIP, frozenset({Way.LABEL}))
B = replace(A, order=2)
PRINTED = Print(
    id=1,
    order_id=1,
    printed_at=NOW,
    who="Anna",
    printer="zebra",
    label_sha256="0" * 64,
    sku="SOFA-3P",
    quantity=1,
    carrier="GEODIS",
)
REFUSED: dict[str, tuple[Verdict, Sign, Say, set[Blocker]]] = {
    "marked": (verdict_of(order_of(shipped=1, shipped_at=NOW)), Sign.CHECK, Say.ALREADY_MARKED, set()),
    "shipped": (
        verdict_of(order_of(shipped=1, ship_confirmed_at=NOW, ship_evidence="confirmed")), Sign.CHECK, Say.ALREADY_SHIPPED, set(),
    ),
    "held": (verdict_of(order_of(held_reason="x")), Sign.NO, Say.STOPPED, {Blocker.HELD}),
    "closed": (verdict_of(order_of(closed_reason="x")), Sign.NO, Say.STOPPED, {Blocker.CLOSED}),
    "vanished": (verdict_of(order_of(vanished_at=NOW)), Sign.NO, Say.STOPPED, {Blocker.VANISHED}),
    "damaged": (verdict_of(order_of(fault="error")), Sign.NO, Say.STOPPED, {Blocker.DAMAGED}),
    "held and vanished": (
        verdict_of(order_of(held_reason="x", vanished_at=NOW)), Sign.NO, Say.STOPPED, {Blocker.HELD, Blocker.VANISHED},
    ),
    "held after it was marked": (
        verdict_of(order_of(shipped=1, shipped_at=NOW, held_reason="x")), Sign.NO, Say.STOPPED_MARKED, {Blocker.HELD},
    ),
    "vanished after it was marked": (
        verdict_of(order_of(shipped=1, shipped_at=NOW, vanished_at=NOW)), Sign.NO, Say.STOPPED_MARKED, {Blocker.VANISHED},
    ),
    "changed since it was printed": (
        verdict_of(order_of(label_sha256="1" * 64, sku="BED", quantity=2, carrier="DPD"), prints=[PRINTED]),
        Sign.NO, Say.STOPPED, {Blocker.LABEL_CHANGED, Blocker.PRODUCT_CHANGED, Blocker.QUANTITY_CHANGED, Blocker.CARRIER_CHANGED},
    ),
}  # fmt: skip


class Bench:
    """A station at work: each scan comes three seconds after the one before, unless the test says otherwise."""

    def __init__(self, *, one_scan: bool = False) -> None:
        self.station, self.now, self.one_scan = Station(), NOW, one_scan

    def scan(
        self, *matches: Match, seconds: float = 3, command: Command | None = None, layout: str | None = None
    ) -> Step:
        self.now += timedelta(seconds=seconds)
        scanned = command or " ".join(f"{match.order}/{sorted(match.ways)}" for match in matches)
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


@pytest.mark.parametrize("seconds", [0.0, 0.1, 0.69, -0.5])
@pytest.mark.parametrize("one_scan", [False, True])
def test_a_repeat_at_once_does_nothing(seconds: float, one_scan: bool) -> None:  # noqa: FBT001 - a parameter
    bench = Bench(one_scan=one_scan)
    bench.scan(A)
    before = bench.station
    step = bench.scan(A, seconds=seconds)
    assert (step.ignored, step.act, step.say) == (True, None, Say.REPEATED)
    assert bench.station == before


@pytest.mark.parametrize(
    ("seconds", "acts"), [(0.7, [Act.SHIP]), (0.4, [None, Act.SHIP]), (0.3, [None, None, Act.SHIP])]
)
def test_repeats_do_not_extend_the_time_in_which_they_count_once(seconds: float, acts: list[Act | None]) -> None:
    bench = Bench()
    bench.scan(A)
    assert [bench.scan(A, seconds=seconds).act for _ in acts] == acts


def test_two_codes_of_one_label_read_at_once_are_one_scan() -> None:
    bench = Bench()
    bench.scan(A)
    assert bench.scan(replace(A, ways=frozenset({Way.ORDER})), seconds=0.3).ignored


def test_another_box_at_once_is_no_repeat() -> None:
    bench = Bench(one_scan=True)
    assert [bench.scan(A).act, bench.scan(B, seconds=0.3).act] == [Act.SHIP, Act.SHIP]


def test_another_order_than_the_one_shown_is_said_and_nothing_ships() -> None:
    bench = Bench()
    bench.scan(A)
    step = bench.scan(B)
    assert (step.sign, step.say, step.act, step.order, step.left) == (Sign.CHECK, Say.OTHER_SHOWN, Act.SHOW, 2, 1)
    assert bench.scan(B).act is Act.SHIP


@pytest.mark.parametrize("one_scan", [False, True])
@pytest.mark.parametrize("case", REFUSED)
def test_what_must_not_ship_is_refused_with_every_reason(case: str, one_scan: bool) -> None:  # noqa: FBT001 - a parameter
    verdict, sign, say, stops = REFUSED[case]
    bench = Bench(one_scan=one_scan)
    for _ in range(2):
        step = bench.scan(replace(A, verdict=verdict))
        assert (step.sign, step.say, step.act) == (sign, say, None)
        assert set(step.matches[0].verdict.stops) == stops
    assert press_ship(Station(), replace(A, verdict=verdict), NOW).say is say


@pytest.mark.parametrize("case", ["held", "vanished", "changed since it was printed"])
def test_what_changed_between_two_scans_is_refused_at_the_second(case: str) -> None:
    bench = Bench()
    bench.scan(A)
    assert bench.scan(replace(A, verdict=REFUSED[case][0])).sign is Sign.NO
    assert bench.scan(A).act is Act.SHOW


def test_print_again_is_about_the_order_that_was_refused_and_no_longer_once_another_is_shown() -> None:
    bench = Bench()
    bench.scan(replace(B, verdict=REFUSED["changed since it was printed"][0]))
    assert (bench.scan(command=Command.PRINT_AGAIN).order, bench.scan(command=Command.PROBLEM).order) == (2, 2)
    bench.scan(A)
    assert bench.scan(command=Command.PRINT_AGAIN).order == 1
    bench.scan(command=Command.NEXT)
    assert bench.scan(command=Command.PRINT_AGAIN).order is None


def test_an_order_that_waits_is_marked_and_what_it_waits_for_is_said() -> None:
    bench = Bench()
    waits = replace(A, verdict=verdict_of(order_of(label_path=None, acknowledged_at=None)))
    bench.scan(waits)
    step = bench.scan(waits)
    assert (step.sign, step.say, step.act) == (Sign.CHECK, Say.MARKED_WAITS, Act.SHIP)
    assert set(missing(waits.verdict)) == {Blocker.NO_LABEL, Blocker.NOT_ACKNOWLEDGED}


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
    assert press_ship(Station(), replace(A, verdict=REFUSED["held"][0]), NOW).say is Say.STOPPED


def test_a_scan_right_after_the_button_is_a_repeat() -> None:
    bench = Bench()
    bench.station = press_ship(Station(), A, bench.now).station
    assert bench.scan(A, seconds=0.5).ignored


def test_after_an_unknown_code_the_order_before_is_shown_again_first() -> None:
    bench = Bench()
    bench.scan(A)
    step = bench.scan()
    assert (step.sign, step.say, step.act) == (Sign.NO, Say.UNKNOWN, None)
    assert [bench.scan(A).act, bench.scan(A).act] == [Act.SHOW, Act.SHIP]


def test_a_box_with_a_problem_is_shown_again_before_it_ships() -> None:
    bench = Bench()
    bench.scan(A)
    assert bench.scan(command=Command.PROBLEM).order == 1
    assert bench.scan(command=Command.PRINT_AGAIN).order == 1
    assert bench.scan(A).act is Act.SHOW


def test_only_the_order_on_the_screen_may_be_marked() -> None:
    bench = Bench()
    bench.scan(A)
    assert of_screen(bench.station, 1) == bench.station
    assert [of_screen(bench.station, order).shown for order in (2, None)] == [None, None]


TRUE_OF = {
    "may ship": {Say.SHOWN, Say.OTHER_SHOWN, Say.PRODUCT_ONLY, Say.UNDOING},
    "marked": {Say.MARKED, Say.MARKED_WAITS, Say.ALREADY_MARKED},
    "shipped": {Say.MARKED, Say.MARKED_WAITS, Say.ALREADY_MARKED},
    "held": {Say.STOPPED, Say.STOPPED_MARKED, Say.UNDOING},
    "held after it was marked": {Say.STOPPED, Say.STOPPED_MARKED},
}


@pytest.mark.parametrize("case", TRUE_OF)
def test_an_answer_is_true_as_long_as_its_order_is_as_it_says(case: str) -> None:
    verdict = MAY_SHIP if case == "may ship" else REFUSED[case][0]
    about_the_order = set().union(*TRUE_OF.values())
    assert {say for say in about_the_order if is_true(say, verdict)} == TRUE_OF[case]
    assert all(is_true(say, verdict) for say in ("unknown", "printing", "reported", "an older version's"))


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
        bench.scan(A, layout="fr", seconds=0.5),
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
