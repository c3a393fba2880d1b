"""A rule that watches the wrong thing never fails: so each is shown a story that breaks it, made by hand, and a sound one."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from supplier_agent.sandbox.orders import Order
from supplier_agent.sandbox.semantics import Semantics
from supplier_agent.sandbox.world import World
from tests.world import invariants
from tests.world.books import Books, Sent, ask, in_doubt
from tests.world.harness import LABEL, MONDAY, settings_for
from tests.world.invariants import Rule, asked_within, broken
from tests.world.life import Life
from tests.world.mortal import SetClock

UNDO_SECONDS = 120.0
HELD, SHIPPED, OPEN = "15000000001_1", "15000000002_2", "15000000003_3"
"""Three orders: one is flagged and held, one is shipped, nobody has said anything of the third."""
RULES = {*invariants.BY_DEATHS_ALONE, invariants.the_rate_is_kept, invariants.no_read_is_disturbed}
Spoil = Callable[[Books], object]


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Books:
    """Return the books of a short and sound life."""
    clock = SetClock(MONDAY)
    world = World(clock.true, ("notio",))
    for this in (HELD, SHIPPED, OPEN):
        world.add(Order("notio", this, "CHAIR", 1, 100, "GLS", MONDAY.date(), label=LABEL))
    world.arrive_raw("notio", {"sku": "CHAIR"}, MONDAY.date())
    settings = settings_for(tmp_path_factory.mktemp("lived") / "state", "notio", ship={"undo_seconds": UNDO_SECONDS})
    life = Life(settings, world, clock, Semantics(), seed=1)
    life.start()
    life.run(60)
    life.staff.flag(SHIPPED)
    life.staff.flag(HELD)
    life.staff.hold(HELD)
    life.run(600)
    life.close()
    return life.books()


@pytest.fixture
def books(lived: Books, tmp_path: Path) -> Books:
    """Return a copy that a test may spoil."""
    shutil.copytree(lived.state_dir, tmp_path / "state")
    world = World(lived.world.clock, ("notio",))
    for order in lived.world.orders("notio"):
        world.add(replace(order, acknowledged_at=[*order.acknowledged_at], shipped_at=[*order.shipped_at]))
    world.log += [replace(line) for line in lived.world.log]
    said = {
        this: replace(said, flags=[*said.flags], holds=[*said.holds], closings=[*said.closings])
        for this, said in lived.said.items()
    }
    sent = [replace(each) for each in lived.sent]
    return replace(lived, state_dir=tmp_path / "state", world=world, said=said, sent=sent)


def sql(statement: str) -> Spoil:
    """Return what changes the database. The order is {held}, {shipped} or {open}; triggers are no judge of it."""

    def spoil(books: Books) -> None:
        with closing(sqlite3.connect(books.state_dir / "agent.db", isolation_level=None)) as connection:
            connection.execute("PRAGMA foreign_keys = off")
            triggers = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
            for name, _ in triggers:
                connection.execute(f"DROP TRIGGER {name}")
            names = {"held": HELD, "shipped": SHIPPED, "open": OPEN}
            connection.execute(statement.format(**{name: f"'{this}'" for name, this in names.items()}))
            for _, made in triggers:
                connection.execute(made)

    return spoil


def both(first: Spoil, second: Spoil) -> Spoil:
    """Return what spoils two things."""

    def spoil(books: Books) -> None:
        first(books)
        second(books)

    return spoil


def died(books: Books) -> None:
    """Let the process have died during the ship call."""
    books.doubtful = {(SHIPPED, 1)}


def call(kind: str, of: str, change: str) -> Spoil:
    """Return what changes a call."""
    this = f"(SELECT id FROM orders WHERE menzzo_order_id = {{{of}}})"
    return sql(f"UPDATE calls SET {change} WHERE kind = '{kind}' AND order_id = {this}")


def order(of: str, change: str) -> Spoil:
    """Return what changes the row of an order."""
    return sql(f"UPDATE orders SET {change} WHERE menzzo_order_id = {{{of}}}")


def sold(books: Books, this: str) -> Order:
    """Return the order as the marketplace has it."""
    found = books.world.order("notio", this)
    assert found is not None
    return found


def sent(books: Books, **change: object) -> Sent:
    """Change the one ship call that was sent."""
    (only,) = books.sent
    for name, value in change.items():
        setattr(only, name, value)
    return only


def sent_again(books: Books, **change: object) -> None:
    """Send the ship call twice."""
    first = sent(books, **change)
    books.sent = [first, replace(first, monotonic=first.monotonic + 100)]


def line(books: Books, endpoint: str, nth: int = 0) -> int:
    """Return the place of a request in the log."""
    return [number for number, each in enumerate(books.world.log) if each.endpoint == endpoint][nth]


def came_again(books: Books, endpoint: str, after_seconds: float = 1000) -> None:
    """Have a request twice in the log."""
    found = books.world.log[line(books, endpoint)]
    books.world.log.append(replace(found, monotonic=found.monotonic + after_seconds))


def second_page_after_an_acknowledge(books: Books) -> None:
    """Read page 2 after an acknowledge."""
    read, acknowledge = (books.world.log[line(books, name)] for name in ("get-sales", "acknowledge-sale"))
    target = read.target.replace("page=1", "page=2")
    books.world.log.append(replace(read, target=target, monotonic=acknowledge.monotonic + 0.5))


def label(books: Books, content: bytes) -> None:
    """Write another label to the disk."""
    (books.state_dir / "labels" / "notio" / f"{OPEN}.pdf").write_bytes(content)


def new_label(books: Books) -> None:
    """Let the marketplace serve a new label for an order whose label is here."""
    books.labels = {OPEN: [sold(books, OPEN).pdf(), b"%PDF-1.4 a newer label\n%%EOF\n"]}


def arrive(books: Books) -> None:
    """List an order that the agent never read."""
    books.world.arrive("notio", date(2026, 11, 23)).visible_from = None


BREACHES: dict[Rule, dict[str, tuple[Spoil, str]]] = {
    invariants.nothing_is_sent_unasked: {
        "sent without a flag": (lambda books: books.said[SHIPPED].flags.clear(), f"{SHIPPED} was claimed at"),
        "sent within its undo window": (
            lambda books: sent(books, monotonic=books.said[SHIPPED].flags[0][0] + 119),
            "119.0 s after its flag",
        ),
        "claimed within its undo window": (
            lambda books: sent(books, claimed=books.said[SHIPPED].flags[0][0] + 1),
            "1.0 s after its flag",
        ),
        "sent after its flag was taken back": (
            lambda books: books.said[SHIPPED].flags.append((books.sent[0].monotonic - 1, False)),
            "was not flagged then",
        ),
        "taken back between its claim and its request": (
            lambda books: books.said[SHIPPED].flags.append(
                (sent(books, claimed=books.sent[0].monotonic - 0.5).monotonic - 0.2, False)
            ),
            "after its flag had been taken back",
        ),
        "sent while it is held": (lambda books: sent(books, menzzo_order_id=HELD), f"{HELD} was claimed at"),
        "sent while it is closed": (
            lambda books: books.said[SHIPPED].closings.append((books.sent[0].monotonic - 1, True)),
            "held or closed",
        ),
        "a ship call of an order that was never flagged": (
            sql(
                "UPDATE calls SET order_id = (SELECT id FROM orders WHERE menzzo_order_id = {open}) WHERE kind = 'ship'"
            ),
            f"{OPEN} was never flagged",
        ),
    },
    invariants.nothing_is_sent_twice: {
        "sent again after a yes": (sent_again, "and again at"),
        "sent again after a lost answer": (
            both(
                lambda books: books.said[SHIPPED].flags.append((books.sent[0].monotonic + 1, True)),
                lambda books: sent_again(books, status=None, clear=False),
            ),
            "and again at",
        ),
        "took effect twice": (lambda books: sold(books, SHIPPED).shipped_at.append(MONDAY), "took effect 2 times"),
    },
    invariants.what_is_claimed_is_true: {
        "called shipped, and is not": (
            lambda books: sold(books, SHIPPED).shipped_at.clear(),
            "is called shipped, and is not",
        ),
        "called acknowledged, and is not": (
            lambda books: sold(books, OPEN).acknowledged_at.clear(),
            f"{OPEN} is called acknowledged",
        ),
        "stored, and never listed": (order("open", "menzzo_order_id = '15000000009_9'"), "was never listed"),
        "a ship call is called done, and is not": (
            both(lambda books: sold(books, SHIPPED).shipped_at.clear(), order("shipped", "ship_confirmed_at = NULL")),
            "the ship call of",
        ),
    },
    invariants.unknown_is_what_nobody_can_know: {
        "unknown after a clear answer": (
            call("ship", "shipped", "state = 'unknown', detail = 'x'"),
            "is unknown, though the answer was",
        ),
        "done after a lost answer": (
            lambda books: sent(books, status=None, clear=False),
            "is done, though nobody can know",
        ),
        "done although its process died": (died, "is done, though nobody can know"),
        "unknown, and confirmed": (
            both(died, call("ship", "shipped", "state = 'unknown', detail = 'x'")),
            "is unknown, and confirmed",
        ),
    },
    invariants.labels_are_whole: {
        "a label that is not what was served": (
            lambda books: label(books, b"%PDF-1.4 a lab"),
            "is not what was served",
        ),
        "a label that is not there": (
            order("open", "label_path = 'labels/notio/elsewhere.pdf'"),
            "is not what was served",
        ),
        "a label that is not what its row says": (order("open", "label_bytes = 7"), "is not what its row says"),
    },
    invariants.what_waits_has_a_reason: {
        "parked without a reason": (call("label", "open", "state = 'parked', detail = ''"), "parked without a reason"),
        "owed without a time": (call("label", "open", "state = 'owed', due_at = NULL"), "owed without a reason"),
    },
    invariants.every_request_was_noted: {
        "a request that was not noted": (
            lambda books: came_again(books, "acknowledge-sale"),
            "arrived 2 times and was noted 1 times",
        ),
    },
    invariants.the_evidence_is_whole: {
        "a changed block": (sql("UPDATE evidence SET at = '' WHERE number = 3"), "block 3: damaged"),
        "no blocks": (sql("DELETE FROM evidence"), "contradicts_ledger"),
        "a missing line": (sql("DELETE FROM evidence"), f"attempt 1 of ship for {SHIPPED} is not claimed"),
    },
    invariants.the_rate_is_kept: {
        "two requests too close": (lambda books: came_again(books, "get-sales", after_seconds=0.9), "0.9000 s after"),
    },
    invariants.no_read_is_disturbed: {
        "an acknowledge between two pages": (second_page_after_an_acknowledge, "follows an acknowledge"),
    },
    invariants.nothing_is_lost: {
        "an order that is lost": (arrive, "was listed and is not stored"),
    },
    invariants.nothing_unreadable_is_dropped: {
        "an entry that is dropped": (sql("DELETE FROM rejected_entries"), "was listed and is not kept"),
    },
    invariants.everything_ends: {
        "never acknowledged": (order("open", "acknowledged_at = NULL"), f"{OPEN} was never acknowledged"),
        "without a label": (order("open", "label_path = NULL"), f"{OPEN} has no label"),
        "flagged, and never reported": (
            order("shipped", "ship_confirmed_at = NULL"),
            f"{SHIPPED} is flagged, and was never reported",
        ),
        "an older label": (new_label, f"{OPEN} has an older label"),
    },
    invariants.nothing_is_in_the_middle: {
        "a call that is still being sent": (
            call("label", "open", "state = 'sending'"),
            f"the label call of {OPEN} is being sent",
        ),
        "half a file": (
            lambda books: (books.state_dir / "labels" / "notio" / f".{OPEN}.part").write_bytes(b"%PDF"),
            "left over: ",
        ),
        "a row that refers to nothing": (sql("DELETE FROM orders WHERE menzzo_order_id = {open}"), "foreign key: "),
        "a trigger that is gone": (
            lambda books: ask(books.state_dir, "DROP TRIGGER orders_undo_too_late"),
            "trigger: orders_undo_too_late",
        ),
    },
    invariants.nothing_waits: {
        "a call that waits": (
            call("label", "open", "state = 'parked', detail = 'no'"),
            f"the label call of {OPEN} is parked",
        ),
        "a call that was dropped although its order needs it": (
            both(call("label", "open", "state = 'dropped'"), order("open", "label_path = NULL")),
            f"the label call of {OPEN} is dropped",
        ),
    },
}
"""By the rule that notices it: what is spoilt, and some words of what the rule says."""


def test_a_sound_story_breaks_no_rule(books: Books) -> None:
    assert broken(RULES, books) == []
    assert len(books.sent) == 1
    assert set(books.stored()) == {HELD, SHIPPED, OPEN}
    assert len(books.world.log) > 6


@pytest.mark.parametrize(
    ("rule", "spoil", "says"),
    [
        pytest.param(rule, *breach, id=f"{rule.__name__}: {name}")
        for rule, breaches in BREACHES.items()
        for name, breach in breaches.items()
    ],
)
def test_each_rule_notices_what_it_is_for(books: Books, rule: Rule, spoil: Spoil, says: str) -> None:
    spoil(books)
    assert says in " | ".join(rule(books))


def test_no_rule_goes_without_a_breach() -> None:
    assert BREACHES.keys() == RULES


def test_a_question_within_the_cache_is_noticed_and_one_after_it_is_not() -> None:
    assert asked_within(60, [("/a", 0, 1), ("/b", 30, None), ("/a", 60, 61)]) == [
        "/a was asked again 59.000 s after its answer"
    ]
    assert asked_within(60, [("/a", 0, 1), ("/b", 2, None), ("/b", 3, 4), ("/a", 61, None)]) == []


@pytest.mark.parametrize(
    ("lines", "doubtful"),
    [
        ("", True),
        ('{{"order": "{this}", "attempt": 1, "outcome": null}}\n', True),
        ('{{"order": "{this}", "attempt": 1, "outcome": "do', True),
        ('{{"order": "{this}", "attempt": 2, "outcome": "done"}}\n', True),
        ('{{"order": "{this}", "attempt": 1, "outcome": "done"}}\n', False),
    ],
    ids=["nothing", "an intent", "a torn line", "another attempt", "an outcome"],
)
def test_a_ship_call_is_in_doubt_unless_its_outcome_is_in_the_ledger(
    books: Books, lines: str, *, doubtful: bool
) -> None:
    call("ship", "shipped", "state = 'sending'")(books)
    (books.state_dir / "private" / "shipped.jsonl").write_text(lines.format(this=SHIPPED))
    assert in_doubt(books.state_dir) == ({(SHIPPED, 1)} if doubtful else set())
