"""What a run shows about pages: how long they are, how they are sorted, whether `page` is honoured, what follows the last. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from itertools import pairwise

from supplier_agent.learning.listed import Listed, Page
from supplier_agent.learning.questions import DENIES, Estimate, Observation, Question
from supplier_agent.reading.strategy import rank

LEAST_SORTED = 8
"""Fewer rows are sorted by chance too often."""
SEVERAL = 3
REPEATS = 3
FAR = 1000
"""A page that no list has."""
NOT_FOUND = 404
REFUSALS = frozenset({400, 422})
SETTLE = timedelta(hours=1)
"""An order that was acknowledged or shipped within this time may have left the list between two pages."""
DAYS = 7
"""The longest page of so many days is remembered."""


def longest(known: Mapping[Question, Estimate]) -> int:
    """Return the rows of the longest page of the last days; 0 if none is known."""
    return max(known[Question.PAGE_SIZE].memory.get("longest", {}).values(), default=0)


def longest_after(listed: Listed, known: Mapping[Question, Estimate]) -> dict[str, int]:
    """Return the rows of the longest page by day, with those of this run."""
    days = dict(known[Question.PAGE_SIZE].memory.get("longest", {}))
    for page in listed.pages:
        day = page.at.date().isoformat()
        days[day] = max(days.get(day, 0), len(page.ids or ()))
    return dict(sorted(days.items())[-DAYS:])


def page_size(listed: Listed, known: Mapping[Question, Estimate]) -> Iterator[Observation]:
    """Learn how long a full page is: one that is followed by a page with other orders. A short page alone proves nothing.

    A page that was the last when it was cached, or to which orders were added before the next request, only looks full. So it
    must be as long as the longest page of the last days, or two full pages in a row must have the same length. If `page` is
    ignored, the cursor leads from page to page; then only the second counts.
    """
    answer, shown = None, None
    carried = [chain for chain in listed.carried() if len(_full(chain)) > 1]
    for chain in (*listed.chains(), *carried):
        full = _full(chain)
        sizes = {len(page.ids or ()) for page in full}
        if not full or not all(page.settled for page in chain[: len(full) + 1]):
            continue
        if len(sizes) == 1 and (len(full) > 1 or sizes >= {longest(known)}):
            answer, shown = str(sizes.pop()), full[0]
        elif len(sizes) > 1 and chain not in carried and all(page.fresh for page in chain[: len(full) + 1]):
            answer, shown = "varies", full[0]
        if answer is not None:
            break
    size = known[Question.PAGE_SIZE].answer or ""
    if answer is None and size.isdigit():
        shown = next((page for page in listed.pages if len(page.ids or ()) > int(size)), None)
        answer = None if shown is None else DENIES
    if answer is not None and shown is not None:
        yield _observed(Question.PAGE_SIZE, answer, shown)


def _full(chain: tuple[Page, ...]) -> list[Page]:
    """Return the pages at the beginning of a chain that are followed by one with other orders."""
    full: list[Page] = []
    before: set[str] = set()
    for page, following in pairwise(chain):
        before |= set(page.ids or ())
        if not page.ids or not following.ids or not set(following.ids) - before:
            break
        full.append(page)
    return full


def order(listed: Listed, known: Mapping[Question, Estimate]) -> Iterator[Observation]:  # noqa: ARG001 - as all of these
    """Look at the longest list of the run, with all of its pages that repeat nothing."""
    best: tuple[list[tuple[int, int]], Page] | None = None
    for chain in listed.chains():
        ids: list[str] = []
        for page in chain:
            if not page.ids or set(page.ids) & set(ids):
                break
            ids += page.ids
        ranks = [key for each in dict.fromkeys(ids) if (key := rank(each)) is not None]
        if chain[0].settled and len(ranks) >= LEAST_SORTED and (best is None or len(ranks) > len(best[0])):
            best = ranks, chain[0]
    if best is not None:
        ranks, page = best
        answer = "oldest" if ranks == sorted(ranks) else "newest" if ranks == sorted(ranks)[::-1] else "other"
        yield _observed(Question.ORDER, answer, page)


def page_honoured(listed: Listed, known: Mapping[Question, Estimate]) -> Iterator[Observation]:  # noqa: ARG001 - as all of these
    """Learn whether `page` is honoured: whether a page lists other orders than the one before.

    Nothing is learned if these only moved there, because others left the list or arrived in between: nothing of the page before may
    have been acknowledged or shipped lately, and the page must have an order that was known before, or several. A page after the
    last, which is empty or not found, is honoured too: it does not list the first page again. A page is not honoured if it lists
    the same, although the run shows later that more orders were there.
    """
    for chain in listed.chains():
        question = Question.PAGE_HONOURED if chain[0].query.cursor is None else Question.PAGE_BESIDE_CURSOR
        for page, following in pairwise(chain):
            if not page.ids or not following.settled:
                continue
            if _end(following) is not None:
                yield _observed(question, "yes", following)
            elif not following.ids:
                continue
            elif following.ids == page.ids:
                if following.query.page == 2 and _were_more(listed, page):  # noqa: PLR2004 - the first that may repeat
                    yield _observed(question, "no", following)
            elif (
                not set(page.ids) & set(following.ids)
                and _stayed(listed, page, following)
                and _is_next(listed, page, following)
            ):
                yield _observed(question, "yes", following)


def _were_more(listed: Listed, page: Page) -> bool:
    """Tell whether other pages of the run have orders that this page's request asked for, and that were known before.

    If an order arrived meanwhile, it may have moved the same orders to the next page.
    """
    first, last = page.query.date_from, page.query.date_to
    everything = {each for other in listed.pages for each in other.ids or ()}
    if not all(listed.is_known(each, page.at) for each in everything):
        return False
    for each in everything - set(page.ids or ()):
        mine = listed.orders.get(each)
        if mine is None or mine.order_date is None:
            continue
        after_cursor = page.query.cursor is None or listed.is_older(page.query.cursor, each)
        if after_cursor and (first is None or first <= mine.order_date) and (last is None or mine.order_date < last):
            return True
    return False


def _stayed(listed: Listed, page: Page, following: Page) -> bool:
    since = page.at - SETTLE
    for each in page.ids or ():
        facts = listed.orders.get(each)
        times = () if facts is None else (facts.acknowledged_at, facts.shipped_at)
        if any(at is not None and since < at <= following.at for at in times):
            return False
    return True


def _is_next(listed: Listed, page: Page, following: Page) -> bool:
    assert page.ids is not None  # noqa: S101 - its caller has looked
    assert following.ids is not None  # noqa: S101 - the same
    if any(listed.is_known(each, page.at) for each in following.ids):
        return True
    mine, its = [rank(each) for each in page.ids], [rank(each) for each in following.ids]
    if len(mine) < SEVERAL or None in mine or None in its:
        return False
    numbers = [each for each in mine if each is not None]
    return numbers == sorted(numbers) or max(filter(None, its)) < max(numbers)  # else all of them may have just arrived


def past_end(listed: Listed, known: Mapping[Question, Estimate]) -> Iterator[Observation]:  # noqa: ARG001 - as all of these
    """Learn what follows the last page. The same page again is known to be the last one only if the pages before differed."""
    for chain in listed.chains():
        if len(chain) > 1 and chain[-1].settled and chain[-2].ids:
            answer = _end(chain[-1])
            if answer is None and chain[0].query.cursor is None and len(chain) > REPEATS and _repeats(chain):
                answer = "repeats"
            if answer is not None:
                yield _observed(Question.PAST_END, answer, chain[-1])
    for page in listed.pages:
        answer = _end(page)
        if page.query.page >= FAR and page.settled and answer is not None:
            yield _observed(Question.PAST_END, answer, page)


def _end(page: Page) -> str | None:
    """Return what shows that there is no such page; None: nothing does."""
    if page.ids == ():
        return "empty"
    return "not_found" if page.ids is None and page.status == NOT_FOUND and not page.html else None


def _repeats(chain: tuple[Page, ...]) -> bool:
    """Tell whether the last page came three times after another one. If it came twice, an order may have arrived meanwhile."""
    *_, before, one, two, three = chain
    return one.ids == two.ids == three.ids and two.settled and not set(before.ids or ()) & set(one.ids or ())


def order_number(listed: Listed, known: Mapping[Question, Estimate]) -> Iterator[Observation]:  # noqa: ARG001 - as all of these
    """Learn what the parameter `order_number` does. A list of that order alone shows something only if another answer had more."""
    everything = {each for page in listed.pages if page.query.order_number is None for each in page.ids or ()}
    for page in listed.pages:
        number = page.query.order_number
        if number is None or page.query.page != 1 or page.html or not page.settled:
            continue
        if _others(page.ids or (), number):
            yield _observed(Question.ORDER_NUMBER, "ignored", page)
        elif page.ids and _others(everything, number):
            yield _observed(Question.ORDER_NUMBER, "honoured", page)
        elif page.status in REFUSALS:
            yield _observed(Question.ORDER_NUMBER, "refused", page)


def _others(ids: Iterable[str], number: str) -> bool:
    return any(each.rpartition("_")[0] != number for each in ids)


def _observed(question: Question, answer: str, page: Page) -> Observation:
    return Observation(question, answer, page.at, ("reads", page.row), f"r{page.row}")
