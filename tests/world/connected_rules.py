"""What must hold with all integrations on, written once, as in invariants.py: each rule returns its faults, in a few words.

test_connected_rules.py shows that each rule notices what it is for.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, Final

from supplier_agent.order import sound_stage
from tests.world.books import CALLS_OF_ORDERS, Books, Said, since
from tests.world.connections import FRESH_SECONDS, KIND, STOP_WORDS, WHO, Others, streams

SETTLED_SECONDS = 30.0
"""After so long an answer is certainly stored, unless the process died."""
TURN_SECONDS = 300.0
CLOCK_SECONDS = 3600.0
"""By so much clocks are set wrong at most."""
SLACK_SECONDS = 120.0
"""How much later than its undo window a ship call may leave: the wait for an answer about the sale, and a few turns."""
READ_SECONDS = 60.0

Rule = Callable[[Books, Others], list[str]]


def broken(rules: Iterable[Rule], books: Books, others: Others) -> list[str]:
    """Return the faults, each with the name of the rule that it breaks."""
    others.note(books)
    return [f"{rule.__name__}: {fault}" for rule in rules for fault in rule(books, others)]


# -- at any moment -------------------------------------------------------------------------------------------------------


def the_shop_has_no_order_twice(books: Books, others: Others) -> list[str]:
    """Make at most one order in the shop for each of ours, and none for what is not ours."""
    there = others.in_shop()
    found = [f"the shop has {n} orders for {this}" for this, n in there.items() if n > 1]
    return found + [
        f"the shop has an order for {this}, which was never listed" for this in there.keys() - books.listed()
    ]


def what_is_in_the_shop_is_true(books: Books, others: Others) -> list[str]:
    """Call nothing made in the shop that is not there."""
    there, calls = others.in_shop(), books.calls("shop_order")
    done = [this for this, call in calls.items() if call["state"] == "done" and this not in there]
    return [f"the shop order of {this} is called done, and is not there" for this in done]


def events_arrive_in_order(books: Books, others: Others) -> list[str]:
    """Deliver the events of each order one after the other, and skip none but those that were removed, and counted."""
    found = []
    for order_id, events in streams(others.told).items():
        came = [each for each in others.receiver.events if each in set(events)]
        if came != sorted(came, key=events.index):
            found.append(f"the events of row {order_id} arrived in another order")
        before = events[: events.index(came[-1])] if came else []
        skipped = [each for each in before if each not in others.receiver.events and each in others.kept]
        found += [f"{others.told[each].type} of row {order_id} was skipped" for each in skipped]
    strange = others.receiver.events.keys() - others.told.keys()
    found += [f"event {each} arrived, and was never stored" for each in strange]
    gone = [each for each in others.told if each not in others.kept and each not in others.receiver.events]
    lost = sum(row["lost"] for row in books.ask("SELECT lost FROM webhook_endpoints"))
    if len(gone) > lost:
        found.append(f"{len(gone)} events were removed unsent, and {lost} are counted as lost")
    return found


def a_mark_of_the_shop_is_true(books: Books, others: Others) -> list[str]:
    """Mark because of the shop only what the shop calls fulfilled, and what nothing keeps back."""
    found = []
    for at, this in others.marks:
        said = books.said.get(this, Said())
        if not any(since(others.fulfilled[this], at - ago) is not None for ago in (0.0, READ_SECONDS)):
            found.append(f"{this} was marked at {at:.3f}, and was not fulfilled in the shop")
        if since(said.holds, at) is not None or since(said.closings, at) is not None:
            found.append(f"{this} was marked at {at:.3f}, and was held or closed then")
    return found


def every_sale_was_asked_about(books: Books, others: Others) -> list[str]:
    """Ship by an answer of the last ten minutes; without one only if the gate is not strict, and then say so."""
    skipped = {
        row["menzzo_order_id"]
        for row in books.ask(
            "SELECT menzzo_order_id FROM sale_checks s JOIN orders o ON o.id = s.order_id WHERE skipped_at IS NOT NULL"
        )
    }
    found = []
    for sent in books.sent:
        at, this = sent.decided, sent.menzzo_order_id
        if any(at - CLOCK_SECONDS - FRESH_SECONDS <= jump <= at for jump in books.jumps):
            continue
        ages = [at - each.asked for each in others.answers if each.sale == _sale(this) and each.asked <= at]
        if ages and min(ages) <= FRESH_SECONDS + _in_its_turn(at, others):
            continue
        last = f"the last answer was {min(ages):.0f} s old" if ages else "there was no answer"
        if others.is_strict:
            found.append(f"{this} was shipped at {at:.3f}, and {last}")
        elif this not in skipped:
            found.append(f"{this} was shipped at {at:.3f} without a word of it, and {last}")
    return found


def no_stopped_sale_is_shipped(books: Books, others: Others) -> list[str]:
    """Ship nothing whose sale was last called cancelled, refunded or held, but what a person has released since."""
    found = []
    for sent in books.sent:
        this, until = sent.menzzo_order_id, sent.decided - _in_its_turn(sent.decided, others)
        known = [each for each in others.answers if each.sale == _sale(this) and each.asked <= until]
        last = next((each for each in reversed(known) if each not in others.doubtful), None)
        if last is None or last.word not in STOP_WORDS:
            continue
        first = min(each.asked for each in known if each.word == last.word)
        releases = [at for at, is_held in books.said[this].holds if not is_held and first <= at <= sent.decided]
        if not releases:
            found.append(f"{this} was shipped at {sent.decided:.3f}, and its sale was {last.word} at {last.asked:.3f}")
    return found


def _in_its_turn(at: float, others: Others) -> float:
    """Return for how long a turn may have lasted that ended then: one thread makes all its requests."""
    return SETTLED_SECONDS + others.stalled(at - TURN_SECONDS, at)


# -- where nothing goes wrong but with the other sides ----------------------------------------------------------------------


def nothing_waits_for_the_others(books: Books, others: Others) -> list[str]:
    """Acknowledge at once, and ship at the end of the undo window, whatever the other sides do. Not with a strict gate."""
    now, clock = books.world.clock.monotonic(), books.world.clock
    start = clock.now().timestamp() - now
    done = {
        (row["menzzo_order_id"], row["kind"]): _at(row["at"]) - start
        for row in books.ask(
            f"SELECT menzzo_order_id, kind, min(a.ended_at) AS at FROM {CALLS_OF_ORDERS} JOIN attempts a ON a.call_id = c.id "
            "WHERE kind IN ('acknowledge', 'label') AND a.outcome = 'done' GROUP BY menzzo_order_id, kind"
        )
    }
    # An order without a quantity waits until the marketplace names one.
    changed = {
        row["menzzo_order_id"]: _at(row["at"]) - start
        for row in books.ask(
            "SELECT menzzo_order_id, max(e.at) AS at FROM orders o JOIN events e ON e.order_id = o.id "
            "WHERE e.what = 'changed' AND (o.acknowledged_at IS NULL OR e.at <= o.acknowledged_at) GROUP BY o.id"
        )
    }
    asks = {row["menzzo_order_id"] for row in books.ask(f"SELECT * FROM {CALLS_OF_ORDERS} WHERE state = 'parked'")}
    sents = {sent.menzzo_order_id: sent.decided for sent in reversed(books.sent)}
    found = []
    for this, row in books.stored().items():
        said = books.said.get(this, Said())
        # What people say meanwhile begins it again.
        words = [at for at, _ in (*said.flags, *said.holds, *said.closings)] + said.again + said.answers
        seen = _at(row["first_seen_at"]) - start
        acknowledged, label = done.get((this, "acknowledge"), now), done.get((this, "label"))
        kept_back = row["held_reason"] is not None or row["closed_reason"] is not None or this in asks
        if not kept_back and row["quantity"] is not None:
            began = max([seen, changed.get(this, seen), *(at for at in words if at <= acknowledged)])
            found += _late(f"{this} was acknowledged", began, acknowledged, others)
        if this not in sents and (kept_back or since(said.flags, now) is None or label is None):
            continue
        sent = sents.get(this, now)
        ready = max([acknowledged, label or 0.0, *(at for at in words if at <= sent)])
        found += _late(f"{this} was shipped", ready + books.undo_seconds, sent, others)
    return found


def _late(what: str, due: float, at: float, others: Others) -> list[str]:
    late = at - due - others.stalled(due - 1, at)
    return [f"{what} {late:.0f} s late"] if late > SLACK_SECONDS else []


def _at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


# -- at rest: all faults are over, and the agent had time -----------------------------------------------------------------


def every_event_arrives(books: Books, others: Others) -> list[str]:
    """Deliver every event that is still there."""
    waiting = [each for each in others.told if each in others.kept and each not in others.receiver.events]
    states = {
        row["subject"]: row["state"] for row in books.ask("SELECT subject, state FROM calls WHERE kind = ?", KIND)
    }
    return [f"{others.told[each].type} never arrived: its call is {states.get(each)}" for each in waiting]


def every_stage_is_told(books: Books, others: Others) -> list[str]:
    """Tell of every order that there is, and last of the stage in which it is."""
    last: dict[int | None, str] = {}
    new = set()
    for event in others.told.values():
        stage = event.type.removeprefix("order.")
        new |= {event.order_id} if stage == "new" else set()
        if not stage.startswith(("problem_", "supplier.")):
            last[event.order_id] = stage
    found = []
    for this, row in books.stored().items():
        calls: list[Any] = [
            SimpleNamespace(**call) for call in books.ask("SELECT * FROM calls WHERE order_id = ?", row["id"])
        ]
        order: Any = SimpleNamespace(**row)
        stage = sound_stage(order, calls)
        if row["id"] not in new:
            found.append(f"nobody was told of {this}")
        elif last[row["id"]] != stage:
            found.append(f"{this} is {stage}, and was last called {last[row['id']]}")
    return found


def every_order_is_in_the_shop(books: Books, others: Others) -> list[str]:
    """Have every order in the shop that was acknowledged, but for what is kept back, was dealt with before, or says no quantity."""
    there, calls = others.in_shop(), books.calls("shop_order")
    found = []
    for this, row in books.stored().items():
        call = calls.get(this)
        is_over = row["ship_confirmed_at"] is not None or row["closed_reason"] is not None
        is_kept_back = (
            row["held_reason"] is not None
            or row["vanished_at"] is not None
            or row["acknowledged_at"] is None
            or row["quantity"] is None
            or row["sku"] is None
        )
        if this in there or is_over or is_kept_back or (call is not None and call["state"] == "parked"):
            continue
        found.append(f"{this} is not in the shop: its call is {None if call is None else dict(call)}")
    return found


def every_fulfilment_is_noticed(books: Books, others: Others) -> list[str]:
    """Know of every order that is fulfilled in the shop, and mark it, or say why not."""
    seen = {
        row["menzzo_order_id"]: row
        for row in books.ask(
            "SELECT o.menzzo_order_id, o.shipped, o.ship_confirmed_at, s.* FROM shop_orders s JOIN orders o ON o.id = s.order_id"
        )
    }
    undone = {
        row["menzzo_order_id"]
        for row in books.ask(
            "SELECT menzzo_order_id FROM orders o JOIN events e ON e.order_id = o.id WHERE e.who = ?", WHO
        )
    }
    now, found = books.world.clock.monotonic(), []
    for this, said in others.fulfilled.items():
        row = seen.get(this)
        if since(said, now) is None:
            continue
        if row is None or not row["fulfilled"]:
            found.append(f"{this} is fulfilled in the shop, and nobody noticed")
        elif row["counted"] and not (row["shipped"] or row["marked_at"] or row["refused"] or this in undone):
            found.append(f"{this} is fulfilled in the shop, and was neither marked nor refused")
    return found


ALWAYS: Final = (
    the_shop_has_no_order_twice,
    what_is_in_the_shop_is_true,
    events_arrive_in_order,
    a_mark_of_the_shop_is_true,
    every_sale_was_asked_about,
    no_stopped_sale_is_shipped,
)
AT_REST: Final = (
    *ALWAYS,
    every_event_arrives,
    every_stage_is_told,
    every_order_is_in_the_shop,
    every_fulfilment_is_noticed,
)
OF_DEATHS: Final = (the_shop_has_no_order_twice, what_is_in_the_shop_is_true, events_arrive_in_order)


def _sale(menzzo_order_id: str) -> str:
    return menzzo_order_id.rpartition("_")[0]
