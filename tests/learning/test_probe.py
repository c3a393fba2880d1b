"""`marketplace probe` against the sandbox: what it asks, what it finds out, and that it changes nothing."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from supplier_agent.base.errors import UsageError
from supplier_agent.check.probe import Prober
from supplier_agent.db.store import open_store
from supplier_agent.learning import Question
from supplier_agent.learning.estimates import estimates_of
from supplier_agent.sandbox.semantics import Semantics
from supplier_agent.sandbox.world import World
from tests.world.harness import LABEL, ManualClock, Site, settings_for

SUPPLIER = "notio"
Probe = Callable[..., dict[str, str]]


def place_of(folder: Path, semantics: Semantics, supplier: str = SUPPLIER) -> Site:
    """Return an installation that has read its eight orders, four each day, and has stopped."""
    clock = ManualClock()
    world = World(clock, (supplier,))
    place = Site(settings_for(folder, supplier), world, clock, semantics)
    for day in (1, 0):
        for _ in range(4):
            world.arrive(supplier, clock.now().date() - timedelta(days=day)).label = LABEL
        place.start()
        place.run_for(30)
        place.stop()
        clock.sleep(4000)
    return place


def probed(place: Site, supplier: str = SUPPLIER, said: list[str] | None = None) -> dict[str, str]:
    """Return what a probe shows, by question."""
    store = open_store(place.database, agent=True)
    told = said if said is not None else []
    try:
        prober = Prober(
            place.settings,
            supplier,
            f"sandbox-{supplier}",
            place.clock,
            store,
            lambda request, why: told.append(f"{why} {request}"),
            place.wire,
        )
        return {question.value: piece.answer for question, piece in prober.run()}
    finally:
        store.close()


PLAIN = Semantics(cache_seconds={})


@pytest.mark.parametrize(
    ("semantics", "shows"),
    [
        (PLAIN, {"cursor": "exclusive", "past_end": "empty", "order": "oldest", "order_number": "ignored"}),
        (replace(PLAIN, cursor="inclusive"), {"cursor": "inclusive"}),
        (replace(PLAIN, cursor="ignored"), {"cursor": "ignored"}),
        (replace(PLAIN, order="newest"), {"order": "newest"}),
        (replace(PLAIN, order="shuffled"), {"order": "other"}),
        (replace(PLAIN, past_end="not_found"), {"past_end": "not_found"}),
        (replace(PLAIN, labels_need_token=False), {"label_token": "not_needed"}),
        (PLAIN, {"label_token": "needed", "page_beside_cursor": "yes"}),
        (replace(PLAIN, order_number_for=frozenset({SUPPLIER})), {"order_number": "honoured"}),
    ],
)
def test_a_probe_finds_out(tmp_path: Path, semantics: Semantics, shows: dict[str, str]) -> None:
    found = probed(place_of(tmp_path / "state", semantics))
    assert {question: found.get(question) for question in shows} == shows


@pytest.mark.parametrize(
    ("semantics", "question"),
    [
        (replace(PLAIN, cursor="always_refused"), "cursor"),
        (replace(PLAIN, past_end="repeat_last"), "past_end"),
        (replace(PLAIN, page="ignored"), "past_end"),
        (replace(PLAIN, page="ignored"), "page_beside_cursor"),
        (replace(PLAIN, page="ignored_beside_cursor"), "page_beside_cursor"),
        (PLAIN, "cursor_in_cache_key"),
    ],
)
def test_a_probe_that_cannot_tell_says_nothing(tmp_path: Path, semantics: Semantics, question: str) -> None:
    assert question not in probed(place_of(tmp_path / "state", semantics)), (
        "or it was refused: then only a run shows it"
    )


def test_the_cursor_is_not_in_the_cache_key_if_two_cursors_get_the_same_impossible_answer(tmp_path: Path) -> None:
    place = place_of(tmp_path / "state", Semantics(cache_seconds={SUPPLIER: 1800}))
    store = open_store(place.database, agent=True)
    store.close()
    found = probed(place)
    assert found.get("cursor") == "exclusive"
    assert "cursor_in_cache_key" not in found, "what the cursor means does not hold yet"


def test_a_probe_only_reads_within_the_rate_and_tells_each_request_before(tmp_path: Path) -> None:
    place, said = place_of(tmp_path / "state", PLAIN), list[str]()
    before = len(place.world.log)
    began = place.clock.monotonic()
    probed(place, said=said)
    made = place.world.log[before:]
    assert {line.method for line in made} == {"GET"}
    assert len(made) == len(said) == 9
    assert [line.target.rpartition("/")[2] for line in made if line.endpoint == "get-sales"] == [
        each.partition(" ")[2] for each in said if "get-sales" in each
    ]
    times = [line.monotonic for line in made]
    assert all(after - earlier >= 1 for earlier, after in pairwise(times))
    assert place.clock.monotonic() - began < 15
    assert len(set(said)) == len(said), "no request is made twice"


def test_a_second_probe_on_the_same_day_is_no_second_observation(tmp_path: Path) -> None:
    place = place_of(tmp_path / "state", PLAIN)

    def counted() -> dict[str, int]:
        probed(place)
        store = open_store(place.database)
        try:
            with store.read() as tx:
                return {question.value: each.agreeing for question, each in estimates_of(tx, SUPPLIER).items()}
        finally:
            store.close()

    first = counted()
    place.clock.sleep(3600)
    second = counted()
    own = ("past_end", "label_token", "order_number", "page_beside_cursor")
    assert {each: second[each] - first[each] for each in own} == dict.fromkeys(own, 0)
    place.clock.sleep(86400)
    third = counted()
    assert {each: third[each] - second[each] for each in own} == dict.fromkeys(own, 1)


def test_the_agent_goes_on_behind_a_probe_and_asks_nothing_of_it_again(tmp_path: Path) -> None:
    place = place_of(tmp_path / "state", PLAIN)
    probed(place)
    store = open_store(place.database)
    with store.read() as tx:
        before = estimates_of(tx, SUPPLIER)
    store.close()
    place.start()
    place.run_for(60)
    place.stop()
    store = open_store(place.database)
    with store.read() as tx:
        after = estimates_of(tx, SUPPLIER)
    store.close()
    assert after[Question.LABEL_TOKEN] == before[Question.LABEL_TOKEN]
    assert after[Question.CURSOR].evidence == before[Question.CURSOR].evidence


def test_a_paused_supplier_is_not_asked(tmp_path: Path) -> None:
    place = place_of(tmp_path / "state", PLAIN)
    place.ask("SELECT 1")
    store = open_store(place.database, agent=True)
    with store.write() as tx:
        tx.connection().exec_driver_sql("UPDATE suppliers SET paused_at = '2026-11-23 06:00:00.000000'")
    store.close()
    before = len(place.world.log)
    with pytest.raises(UsageError, match="paused"):
        probed(place)
    assert len(place.world.log) == before
