"""A week in the life of an agent at one marketplace, and what it has learned by then, against what the marketplace really does."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from supplier_agent.learning import Estimate, Question, State
from supplier_agent.learning.estimates import estimates_of
from supplier_agent.sandbox.orders import Order
from supplier_agent.sandbox.semantics import Semantics
from supplier_agent.sandbox.world import World
from tests.world.harness import LABEL, MONDAY, ManualClock, Site, settings_for

DAYS = 7
A_DAY, AT_THE_START = 14, 30
LATEST_DAYS = 3
SHIPPED = 0.3


def site(folder: Path, semantics: Semantics, supplier: str = "notio", seed: int = 1, days: int = DAYS) -> Site:
    """Return an installation whose orders come in over that many days, a tenth of them late."""
    clock, dice = ManualClock(), random.Random(seed)
    world = World(clock, (supplier,))
    for order in orders(supplier, dice, days):
        world.add(order)
    return Site(settings_for(folder, supplier, ship={"undo_seconds": 0}), world, clock, semantics, seed)


def orders(supplier: str, dice: random.Random, days: int) -> Iterator[Order]:
    """Return orders whose numbers rise with the time at which customers made them."""
    made = [MONDAY - timedelta(hours=dice.uniform(1, 24 * 9)) for _ in range(AT_THE_START)]
    made += [MONDAY + timedelta(days=dice.uniform(0, days)) for _ in range(A_DAY * days)]
    for number, at in enumerate(sorted(made)):
        late = timedelta(days=dice.uniform(0, LATEST_DAYS)) if at > MONDAY and dice.random() < 0.1 else timedelta()
        yield Order(
            supplier,
            f"{15_000_012_345 + number}_{700 + 2 * number}",
            "SOFA-OSLO-3P-GREY",
            1,
            25000,
            "CHRONOPOST",
            at.date(),
            visible_from=at + late,
            label=LABEL,
        )


def live(place: Site, days: float = DAYS, seed: int = 1) -> None:
    """Let the agent work, and people mark some orders twice a day."""
    dice, left = random.Random(seed), round(days * 2)
    if not place.running:
        place.start()
    for _ in range(left):
        place.run_for(12 * 3600)
        ready = [
            each
            for (each,) in place.ask("SELECT menzzo_order_id FROM orders WHERE shipped = 0 AND label_path IS NOT NULL")
        ]
        place.flag(each for each in ready if dice.random() < SHIPPED)


def learned(place: Site, supplier: str = "notio") -> Mapping[Question, Estimate]:
    """Return what is known by now."""
    with place.agent.ctx.store.read() as tx:
        return estimates_of(tx, supplier)


def true_answers(semantics: Semantics, supplier: str = "notio") -> dict[Question, frozenset[str]]:
    """Return the right answers about a marketplace. A question that is left out has no answer that a week must show."""
    cursor = {"refused_when_unknown": "exclusive", "always_refused": "refused"}.get(semantics.cursor, semantics.cursor)
    body = {"no_success_key": "no_success"}.get(semantics.success, semantics.success)
    leave = {True: "yes", False: "no"}
    right = {
        Question.PAGE_SIZE: str(semantics.page_size),
        Question.ORDER: {"shuffled": "other"}.get(semantics.order, semantics.order),
        Question.CURSOR: cursor,
        Question.CURSOR_IN_CACHE_KEY: leave[semantics.cursor_in_cache_key],
        Question.PAGE_HONOURED: "no" if semantics.page == "ignored" else "yes",
        Question.PAGE_BESIDE_CURSOR: "yes" if semantics.page == "honoured" else "no",
        Question.PAST_END: {"repeat_last": "repeats"}.get(semantics.past_end, semantics.past_end),
        Question.ACKNOWLEDGED_LEAVE: leave[semantics.acknowledged == "vanish"],
        Question.SHIPPED_LEAVE: leave[semantics.shipped == "vanish"],
        Question.ACKNOWLEDGE_BODY: body,
        Question.SHIP_BODY: body,
        Question.LABEL_TOKEN: "needed" if semantics.labels_need_token else "not_needed",
    }
    assert supplier
    return {question: frozenset({answer}) for question, answer in right.items()}


def wrong(estimates: Mapping[Question, Estimate], semantics: Semantics, supplier: str = "notio") -> list[str]:
    """Return every estimate that says what is not so. To know nothing is not wrong."""
    right = true_answers(semantics, supplier)
    found = []
    for question, each in estimates.items():
        says = each.answer if each.state in {State.HOLDS, State.CHANGED} else None
        if says is not None and question in right and says not in right[question]:
            found.append(f"{question}: {each.state} {says}, not {'/'.join(right[question])}")
    life = estimates[Question.CACHE_SECONDS].known
    if life is not None and float(life) < semantics.cache_seconds.get(supplier, 0):
        found.append(f"an answer may be older than {life} seconds")
    late = estimates[Question.LATENESS_DAYS].known
    if late is not None and int(late) > LATEST_DAYS + 1:
        found.append(f"no order is {late} days late")
    return found


def known(estimates: Mapping[Question, Estimate]) -> dict[str, str]:
    """Return the answers that hold."""
    return {question.value: each.known for question, each in estimates.items() if each.known is not None}


def changed(semantics: Semantics, **what: object) -> Semantics:
    """Return other semantics."""
    return replace(semantics, **what)  # type: ignore[arg-type] # by name
