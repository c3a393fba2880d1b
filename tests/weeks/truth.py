"""The truth about a marketplace: which answers of the estimators are right, and which they must have found after a week."""

from dataclasses import dataclass

from supplier_agent.learning import Estimate, Question, State
from supplier_agent.sandbox.semantics import DOCUMENTED_FIELDS, Semantics
from tests.weeks.cases import SUPPLIER
from tests.weeks.life import AMOUNTS, USUAL, Week

FORMS = {
    "success_true": "success_true",
    "one": "success_true",
    "text_true": "success_true",
    "created": "success_true",
    "empty": "empty",
    "no_content": "no_content",
    "no_success_key": "no_success",
}
"""The form of a body, by how the stand-in says yes. A text is no answer of the API, and mixed ones have no form."""


ENDS = {
    "empty": "empty",
    "object": "empty",
    "not_found": "not_found",
    "repeat_last": "repeats",
    "repeat_first": "repeats",
}


@dataclass(frozen=True)
class Truth:
    """The right answers to a question. must: one of them must hold at the end; else it may also be unknown."""

    right: frozenset[str]
    must: bool = False


def truth(week: Week) -> dict[Question, Truth]:
    """Return what is true of the week's marketplace at its end."""
    means = week.case.before if not week.case.changed else week.case.after
    fresh = not means.cache_seconds.get(SUPPLIER)
    return {
        **_pages(week, means, fresh=fresh),
        **_cursor(means, fresh=fresh),
        **_stays(week, means),
        **_answers(means),
    }


def _only(answer: str, *, must: bool = False) -> Truth:
    return Truth(frozenset({answer}), must)


def _pages(week: Week, means: Semantics, *, fresh: bool) -> dict[Question, Truth]:
    by_page, a_day = means.page == "honoured", AMOUNTS.get(means.page_size, USUAL)[1]
    whole = _all_stay(means) and means.late_days == 0
    # A sweep lists the orders of so many days: so many full pages.
    full = a_day * week.site.settings.schedule.sweep_days // means.page_size
    sure = by_page and fresh and whole
    orders = {"oldest": {"oldest"}, "newest": {"newest"}, "by_date": {"other", "oldest"}}.get(means.order, {"other"})
    return {
        Question.PAGE_SIZE: _only(str(means.page_size), must=sure and full >= 2),
        Question.ORDER: Truth(frozenset(orders), sure and means.order in {"oldest", "newest"} and means.page_size > 2),
        Question.PAGE_HONOURED: _only("no" if means.page == "ignored" else "yes", must=sure and full >= 2),
        Question.PAGE_BESIDE_CURSOR: _only("yes" if by_page else "no"),
        Question.PAST_END: _only(ENDS[means.past_end], must=sure and means.past_end in {"empty", "not_found"}),
    }


def _cursor(means: Semantics, *, fresh: bool) -> dict[Question, Truth]:
    says = {"refused_when_unknown": "exclusive", "always_refused": "refused"}.get(means.cursor, means.cursor)
    right = {says}
    if means.cursor_compares == "date" and says == "inclusive":
        right |= {"ignored"}  # all of the day are shown again
    life = means.cache_seconds.get(SUPPLIER, 0)
    return {
        Question.CURSOR: Truth(frozenset(right), must=fresh and says == "refused"),
        Question.CURSOR_IN_CACHE_KEY: _only("yes" if means.cursor_in_cache_key else "no"),
        Question.CACHE_SECONDS: Truth(frozenset(str(seconds) for seconds in range(int(life), 172_801, 60) if seconds)),
    }


def _stays(week: Week, means: Semantics) -> dict[Question, Truth]:
    # What leaves an hour after it left the building, or days after its date, looks as if it stayed for a while.
    acknowledged = {"yes"} if means.acknowledged == "vanish" else {"no"}
    late = sorted(days for days in _lateness(week, means))
    return {
        Question.ACKNOWLEDGED_LEAVE: Truth(
            frozenset(acknowledged),
            must=not means.cache_seconds.get(SUPPLIER) and means.page == "honoured" and means.shipped == "stay"
            and means.cancelled == "stay" and not means.list_days and means.page_size > 2,
        ),
        Question.SHIPPED_LEAVE: _only("yes" if "vanish" in {means.shipped, means.acknowledged} else "no"),
        Question.CANCELLED_LEAVE: _only("yes" if "vanish" in {means.cancelled, means.acknowledged} else "no"),
        Question.LATENESS_DAYS: Truth(frozenset(str(day) for day in range((late[-1] if late else 0) + 2))),
    }  # fmt: skip


def _all_stay(means: Semantics) -> bool:
    return means.acknowledged == means.shipped == "stay"


def _lateness(week: Week, means: Semantics) -> list[int]:
    """Return how many days after its date each order may have been listed first."""
    orders = week.world.orders(SUPPLIER)
    listed = [(each.visible_from.date() - each.order_date).days for each in orders if each.visible_from is not None]
    return [days + means.late_days for days in listed]


def _answers(means: Semantics) -> dict[Question, Truth]:
    says = {
        "ship": means.success,
        "acknowledge": means.success if means.acknowledge_success == "same" else means.acknowledge_success,
    }
    found: dict[Question, Truth] = {}
    for kind, body, status in (
        ("ship", Question.SHIP_BODY, Question.SHIP_STATUS),
        ("acknowledge", Question.ACKNOWLEDGE_BODY, Question.ACKNOWLEDGE_STATUS),
    ):
        form, enough = FORMS.get(says[kind]), means.page_size > 2
        found[body] = Truth(frozenset() if form is None else frozenset({form}), must=form is not None and enough)
        code = {"no_content": "204", "created": "201"}.get(says[kind], "200")
        found[status] = Truth(
            frozenset() if says[kind] == "mixed" else frozenset({code}),
            must=says[kind] not in {"mixed", "text"} and enough,
        )
    always = set(DOCUMENTED_FIELDS) | ({"notes"} if means.fields == "more" else set())
    always -= {"carrier"} if means.fields == "fewer" else set()
    early = {"not_found": "404", "no_link": "404", "empty": "200", "html": "200"}[means.label_before_ready]
    return found | {
        Question.LABEL_TOKEN: _only("needed" if means.labels_need_token else "not_needed"),
        Question.LABEL_EARLY_STATUS: _only(early),
        Question.FIELDS: _only(",".join(sorted(always)), must=means.page == "honoured" and _all_stay(means)),
        Question.TEXTS: Truth(frozenset({"whole", "cut"} if means.fields == "cut" else {"whole"})),
    }


def wrong(week: Week, estimates: dict[Question, Estimate]) -> list[str]:
    """Return each estimate that is wrong, and each that should be known and is not."""
    found = []
    for question, true in truth(week).items():
        told = estimates[question]
        if told.state in {State.HOLDS, State.CHANGED} and told.answer not in true.right:
            found.append(f"{question} {told.state} {told.answer}, and is {sorted(true.right)}")
        elif true.must and not week.case.changed and told.state not in {State.HOLDS, State.CHANGED}:
            seen = f"{told.agreeing} for {told.answer}, {told.against} against"
            found.append(f"{question} is {told.state} ({seen}), and is {sorted(true.right)}")
    return found


MUST_BE_TOLD = {"page_size", "order", "past_end", "fields", "success", "answer_seconds"}
"""The switches whose change a week must show. What orders do after a call, or what a cursor means, may take longer."""


def seen_changes(week: Week) -> list[str]:
    """Return how often changes were told, if not once for a change that must be, at most once for another, and never for none."""
    told, changed = len(week.changes), week.case.changed
    least = int(
        bool(changed.keys() & MUST_BE_TOLD) and changed.get("fields") != "more"
    )  # a new field is another problem
    if least <= told <= int(bool(week.case.changed)):
        return []
    return [f"a change was told {told} times: {week.changes}"]
