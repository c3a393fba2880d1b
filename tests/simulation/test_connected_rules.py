"""A rule that watches the wrong thing never fails: each is shown a story that breaks it, made by hand, and a sound one."""

import copy
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.simulation.connected import ConnectedDays
from tests.simulation.life import SPARSE
from tests.world import connected_rules
from tests.world.books import Books
from tests.world.connected_rules import AT_REST, Rule, broken, nothing_waits_for_the_others
from tests.world.connections import Others
from tests.world.harness import LABEL

CALM_SEED = 4
RULES = (*AT_REST, nothing_waits_for_the_others)
Spoil = Callable[[Books, Others], object]


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> tuple[Books, Others]:
    """Return the books of a short and sound life: one order is marked by a person, one by the shop, one by nobody."""
    life = ConnectedDays(CALM_SEED, tmp_path_factory.mktemp("lived"), SPARSE)
    assert life.is_calm
    for _ in range(3):
        life.world.arrive(life.supplier, life.clock.true_now().date()).label = LABEL
    life.others.sells(life.world, life.supplier)
    life.restart()  # it reads at once
    life.run(9 * 3600, until=lambda: len(life.others.shop.store.orders) == 3)
    life.run(60)
    first, second = sorted(life.books().stored())[:2]
    life.staff.flag(first)
    (number,) = [number for number, this in life.others.references().items() if this == second]
    life.others.shop.fulfil(number)
    life.others.fulfilled[second].append((life.clock.monotonic(), True))
    life.run(9 * 3600, until=lambda: len(life.site.wire.ships) == 2)
    life.run(120)
    life.close()
    return life.books(), life.others


@pytest.fixture
def books(lived: tuple[Books, Others], tmp_path: Path) -> Books:
    """Return a copy that a test may spoil."""
    shutil.copytree(lived[0].state_dir, tmp_path / "state")
    found = replace(lived[0], state_dir=tmp_path / "state", sent=[replace(each) for each in lived[0].sent])
    return replace(found, said=copy.deepcopy(dict(found.said)))


@pytest.fixture
def others(lived: tuple[Books, Others]) -> Others:
    """Return the same of the other sides."""
    return copy.deepcopy(lived[1])


def sql(statement: str) -> Spoil:
    """Return what changes the database. The order is {marked}, {by_shop} or {open}; no trigger is asked."""

    def spoil(books: Books, _others: Others) -> None:
        names = dict(zip(("marked", "by_shop", "open"), (f"'{each}'" for each in sorted(books.stored())), strict=True))
        with closing(sqlite3.connect(books.state_dir / "agent.db", isolation_level=None)) as connection:
            connection.execute("PRAGMA foreign_keys = off")
            triggers = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
            for name, _ in triggers:
                connection.execute(f"DROP TRIGGER {name}")
            connection.execute(statement.format(**names))
            for _, made in triggers:
                connection.execute(made)

    return spoil


def both(first: Spoil, second: Spoil) -> Spoil:
    """Return what spoils two things."""

    def spoil(books: Books, others: Others) -> None:
        first(books, others)
        second(books, others)

    return spoil


def twice_in_the_shop(_books: Books, others: Others) -> None:
    """Have an order of the shop again."""
    store = others.shop.store
    store.orders[9999] = copy.deepcopy(next(iter(store.orders.values())))


def strange_in_the_shop(books: Books, others: Others) -> None:
    """Have an order in the shop that the marketplace never listed."""
    twice_in_the_shop(books, others)
    placed = others.shop.store.orders[9999]
    this = others.references()[9999]
    placed.given = eval(repr(placed.given).replace(this, "77_7"))  # noqa: S307 - a copy of our own values


def gone_from_the_shop(_books: Books, others: Others) -> None:
    """Remove the orders of the shop."""
    others.shop.store.orders.clear()


def arrived(others: Others) -> list[str]:
    """Return the ids of the events of the order that was told of most, as they arrived."""
    ((row, _),) = Counter(others.told[each].order_id for each in others.receiver.events).most_common(1)
    return [each for each in others.receiver.events if others.told[each].order_id == row]


def forget(others: Others, *events: str) -> None:
    """Let these events never have arrived."""
    for each in events:
        del others.receiver.events[each]


def out_of_order(_books: Books, others: Others) -> None:
    """Let the first event of an order arrive last."""
    first = arrived(others)[0]
    others.receiver.events[first] = others.receiver.events.pop(first)


def never_stored(_books: Books, others: Others) -> None:
    """Let an event arrive that the agent never stored."""
    others.receiver.events["msg_unknown"] = {}


def ask_about(others: Others, books: Books, **change: Any) -> None:  # noqa: ANN401 - as the fields are
    """Change every answer about the sale of the first ship call."""
    sale = books.sent[0].menzzo_order_id.rpartition("_")[0]
    others.answers = [each._replace(**change) if each.sale == sale else each for each in others.answers]


def cancelled(books: Books, others: Others) -> None:
    """Let the support API have said that the sale is cancelled."""
    ask_about(others, books, word="cancelled", asked=books.sent[0].monotonic - 60)


def released(books: Books, others: Others) -> None:
    """Let a person have released it since."""
    cancelled(books, others)
    books.said[books.sent[0].menzzo_order_id].holds.append((books.sent[0].monotonic - 50, False))


def strict(_books: Books, others: Others) -> None:
    """Choose the strict gate."""
    others.is_strict = True


def held(books: Books, others: Others) -> None:
    """Let what the shop marked have been held."""
    at, this = others.marks[0]
    books.said[this].holds.append((at - 1, True))


def later(books: Books, _others: Others) -> None:
    """Let a ship call have left ten minutes later."""
    for sent in books.sent:
        sent.monotonic += 600


NO_ANSWER: Spoil = lambda _books, others: others.answers.clear()  # noqa: E731 - short
OLD_ANSWER: Spoil = lambda books, others: ask_about(others, books, asked=books.sent[0].monotonic - 700)  # noqa: E731
BREACHES: dict[Rule, dict[str, tuple[Spoil, str]]] = {
    connected_rules.the_shop_has_no_order_twice: {
        "twice": (twice_in_the_shop, "the shop has 2 orders for"),
        "of another": (strange_in_the_shop, "77_7, which was never listed"),
    },
    connected_rules.what_is_in_the_shop_is_true: {
        "not there": (gone_from_the_shop, "is called done, and is not there")
    },
    connected_rules.events_arrive_in_order: {
        "in another order": (out_of_order, "arrived in another order"),
        "skipped": (lambda _books, others: forget(others, arrived(others)[1]), "was skipped"),
        "unknown": (never_stored, "arrived, and was never stored"),
        "removed and not counted": (
            both(
                lambda _books, others: forget(others, *arrived(others)[-1:]),
                sql("DELETE FROM webhook_events"),
            ),
            "1 events were removed unsent, and 0 are counted as lost",
        ),
    },
    connected_rules.a_mark_of_the_shop_is_true: {
        "not fulfilled": (lambda _books, others: others.fulfilled.clear(), "was not fulfilled in the shop"),
        "held": (held, "was held or closed then"),
    },
    connected_rules.every_sale_was_asked_about: {
        "never asked": (NO_ANSWER, "without a word of it, and there was no answer"),
        "asked long ago": (OLD_ANSWER, "the last answer was 700 s old"),
        "strict, and never asked": (
            both(both(strict, NO_ANSWER), sql("UPDATE sale_checks SET skipped_at = checked_at")),
            "and there was no answer",
        ),
    },
    connected_rules.no_stopped_sale_is_shipped: {"cancelled": (cancelled, "its sale was cancelled at")},
    nothing_waits_for_the_others: {
        "late": (later, "600 s late"),
        "not at all": (lambda books, _others: setattr(books, "sent", books.sent[1:]), "s late"),
        "acknowledged late": (
            sql("UPDATE orders SET first_seen_at = datetime(first_seen_at, '-1 hour') || '.000000'"),
            "was acknowledged",
        ),
    },
    connected_rules.every_event_arrives: {
        "not there": (lambda _books, others: forget(others, arrived(others)[-1]), "never arrived: its call is done")
    },
    connected_rules.every_stage_is_told: {
        "not the last": (
            sql("UPDATE orders SET held_reason = 'wait' WHERE menzzo_order_id = {open}"),
            "is held, and was",
        ),
        "not at all": (
            both(
                sql("DELETE FROM webhook_events WHERE type = 'order.new'"), lambda _books, others: others.told.clear()
            ),
            "nobody was told of",
        ),
    },
    connected_rules.every_order_is_in_the_shop: {
        "not there": (
            both(gone_from_the_shop, sql("UPDATE calls SET state = 'owed' WHERE kind = 'shop_order'")),
            "is not in the shop",
        )
    },
    connected_rules.every_fulfilment_is_noticed: {
        "not seen": (sql("DELETE FROM shop_orders"), "and nobody noticed"),
        "not marked": (
            both(
                sql("UPDATE orders SET shipped = 0 WHERE menzzo_order_id = {by_shop}"),
                both(sql("UPDATE shop_orders SET marked_at = NULL"), sql("DELETE FROM events")),
            ),
            "was neither marked nor refused",
        ),
    },
}
"""By the rule that notices it: what is spoilt, and some words of what the rule says."""


def test_a_sound_story_breaks_no_rule(books: Books, others: Others) -> None:
    assert broken(RULES, books, others) == []
    assert (len(books.sent), len(others.marks), len(others.in_shop())) == (2, 1, 3)
    assert len(others.receiver.events) > 10


def test_what_a_person_released_may_be_shipped(books: Books, others: Others) -> None:
    released(books, others)
    assert broken(RULES, books, others) == []


@pytest.mark.parametrize(
    ("rule", "spoil", "says"),
    [
        pytest.param(rule, *breach, id=f"{rule.__name__}: {name}")
        for rule, breaches in BREACHES.items()
        for name, breach in breaches.items()
    ],
)
def test_each_rule_notices_what_it_is_for(books: Books, others: Others, rule: Rule, spoil: Spoil, says: str) -> None:
    others.note(books)
    spoil(books, others)
    others.note(books)
    assert says in " | ".join(rule(books, others))


def test_no_rule_goes_without_a_breach() -> None:
    assert BREACHES.keys() == {*RULES}
