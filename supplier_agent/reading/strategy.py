"""What to read next, and what a complete read proves. Pure: no clock, no database, no network.

The marketplace documents neither page size, order, end of pages nor the meaning of its cursor (API notes, 9.1 and 9.2). So
this module assumes nothing: a run continues until the server has nothing more to show, in whatever way it shows that.

    poll    from the cursor: what is newer than the newest order we know. Every quarter of an hour, usually one request.
    sweep   all of the last days by date and page, without the cursor, so that nothing is missed. Every few hours.
    resync  a sweep over dates that a person names.        probe   one small read to see whether the token works.
    fetch   one order by its number, for a person; only where the API has order_number.

Within a run:   PAGES ──same page again──> CARRY (the cursor does the paging) ──nothing new──> DAYS (one day at a time)
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from urllib.parse import urlencode

MAX_PAGES = 2000
"""The maximum number of pages of a run; then it ends as partial."""
NEWS_DAYS = 2
"""How many days back a poll without the cursor reads."""
FARTHEST = timedelta(days=3653)
"""Ten years: a `resync` must be within this time of today."""
BLANKS = 3
"""After this many different pages in a row with nothing new, the list moves faster than we read."""


@dataclass(frozen=True)
class Query:
    """One get-sales request (API notes, 2). None means that the parameter is not sent."""

    page: int = 1
    date_from: date | None = None
    date_to: date | None = None
    cursor: str | None = None  # last_menzzo_order_number
    order_number: str | None = None  # documented for asir-group alone

    def params(self) -> list[tuple[str, str]]:
        """Return the query string's pairs, always in the same order, so that equal queries are equal URLs."""
        pairs = [("page", str(self.page))]
        if self.date_from is not None:
            pairs.append(("date_from", self.date_from.isoformat()))
        if self.date_to is not None:
            pairs.append(("date_to", self.date_to.isoformat()))
        if self.cursor is not None:
            pairs.append(("last_menzzo_order_number", self.cursor))
        if self.order_number is not None:
            pairs.append(("order_number", self.order_number))
        return pairs

    def __str__(self) -> str:
        """Return endpoint and query, as in the journal; equal requests have equal texts."""
        return f"get-sales?{urlencode(self.params())}"


class Phase(StrEnum):
    """How the run gets from one page to the next."""

    PAGES = "pages"
    CARRY = "carry"
    DAYS = "days"


@dataclass(frozen=True)
class Run:
    """A run in progress. `query` is its next request."""

    purpose: str
    today: date
    date_from: date
    date_to: date | None  # None: up to the newest
    query: Query
    news_from: date  # where a poll without the cursor starts
    phase: Phase = Phase.PAGES
    pages: int = 0
    listed: frozenset[str] = frozenset()  # every id (or digest of a rejected entry) of this run
    last_page: tuple[str, ...] = ()
    longest: int = 0  # rows of the longest page seen, this run or before
    full: int = 0  # rows of a full page, if it is learned; 0: not known
    rises: bool | None = None  # whether every page is sorted oldest first; None: no page had two rows
    blanks: int = 0
    carried: int = 0  # requests made in the phase CARRY
    by_day: bool = False  # a query for a single day returned rows, so `date_to` is inclusive
    cut: tuple[date, ...] = ()  # days that filled a page, and may have more orders
    refused: bool = False  # the server does not know the cursor
    misled: bool = False  # the cursor does not mean "newer than this"
    by_number: bool = True  # newer orders have higher numbers; False: a read showed that they do not


@dataclass(frozen=True)
class End:
    """A finished run. `proof`: complete = the server showed the end of the list; partial = it cannot show all of it."""

    run: Run
    proof: str
    detail: str = ""


def is_possible(first: date, last: date, today: date) -> bool:
    """Tell whether these days are a possible `resync`: in order, and within FARTHEST of today."""
    return first <= last and abs(first - today) <= FARTHEST and abs(last - today) <= FARTHEST


def rank(menzzo_order_id: str) -> tuple[int, int] | None:
    """Return the sort key of an id, by age, or None if the id is not numeric. Such ids are never compared."""
    increment_id, _, sale_product_id = menzzo_order_id.rpartition("_")
    if increment_id.isascii() and increment_id.isdigit() and sale_product_id.isdigit():
        return int(increment_id), int(sale_product_id)
    return None


def highest(ids: Collection[str]) -> str | None:
    """Return the newest id by rank, or None if none has a rank."""
    ranked = [(key, each) for each in ids if (key := rank(each)) is not None]
    return max(ranked)[1] if ranked else None


def poll(
    today: date, cursor: str | None, sweep_days: int, longest: int, since: date | None = None, *, by_number: bool = True
) -> Run:
    """Start a poll: by the cursor, or over the last days if there is no usable cursor.

    The dates limit the answer of a server that ignores the cursor. They differ from a sweep's dates, so that a cache without the
    cursor in its key never answers one with the other. `since` is the last day that was read completely. If numbers do not rise
    with time (not `by_number`), a page of known orders does not end the run, because new orders may follow.
    """
    news_from = min(today, since or today) - timedelta(days=NEWS_DAYS)
    if cursor is None:
        query = Query(date_from=news_from)
        return Run("poll", today, news_from, None, query, news_from, longest=longest, by_number=by_number)
    start = today - timedelta(days=sweep_days)
    return Run("poll", today, start, None, Query(date_from=start, cursor=cursor), news_from, longest=longest)


def sweep(purpose: str, today: date, date_from: date, date_to: date, longest: int) -> Run:
    """Start to read a date range page by page. `date_to` should be one day later, because it may be exclusive (API notes, 9.5)."""
    return Run(
        purpose, today, date_from, date_to, Query(date_from=date_from, date_to=date_to), date_from, longest=longest
    )


def earlier(run: Run) -> Run:
    """Return the run started one day earlier: another URL, which the cache of the first one cannot answer."""
    day = timedelta(days=1)
    start = run.date_from - day
    return replace(run, date_from=start, news_from=run.news_from - day, query=replace(run.query, date_from=start))


def probe(today: date, asked: Collection[str]) -> Run:
    """Start one small read that the server cannot answer from its cache, with a URL that was not requested lately."""
    days = (today + timedelta(days=ahead) for ahead in range(1, len(asked) + 2))
    query = next(query for day in days if str(query := Query(date_from=today, date_to=day)) not in asked)
    return Run("probe", today, today, query.date_to, query, today)


def fetch(today: date, order_number: str) -> Run:
    """Start to read one order by its number. It says nothing about the rest of the list."""
    return Run("fetch", today, today, today, Query(order_number=order_number), today)


def refused(run: Run, http_status: int) -> Run | End | None:
    """Handle a page that was answered with 400, 404 or 422: return the next step, or None if it is a failure."""
    past_the_end = http_status == 404 and (run.query.page > 1 or run.phase is Phase.DAYS)  # noqa: PLR2004 - HTTP
    if past_the_end:
        return advance(run, (), frozenset())
    if run.phase is Phase.CARRY:
        return _by_days(run)
    if run.query.cursor is not None and run.query.page == 1:
        return _without_cursor(run, refused=True)
    return None


def advance(run: Run, page: Sequence[str], known: Collection[str]) -> Run | End:
    """Handle one page of marks (ids, or digests of rejected entries), in list order; return the next step, or the end.

    `known` are those marks that were stored before this page.
    """
    if run.purpose == "probe":
        return End(run, "complete")
    if run.purpose == "fetch":
        return End(replace(run, pages=1, listed=frozenset(page)), "complete")
    new = set(page) - run.listed
    run = replace(
        run,
        pages=run.pages + 1,
        listed=run.listed | new,
        longest=max(run.longest, len(page)),
        rises=_rises(run, page),
        blanks=0 if new else run.blanks + 1,
    )
    if run.pages >= MAX_PAGES:
        return End(run, "partial", f"stopped after {MAX_PAGES} pages that all brought something new")
    step = {Phase.PAGES: _next_page, Phase.CARRY: _carry_on, Phase.DAYS: _next_day}[run.phase]
    after = step(run, tuple(page), frozenset(known), bool(new))
    return replace(after, last_page=tuple(page)) if isinstance(after, Run) else after


def _next_page(run: Run, page: tuple[str, ...], known: frozenset[str], new: bool) -> Run | End:  # noqa: FBT001 - one of three equal steps
    query, cursor = run.query, run.query.cursor
    if not page:
        return End(run, "complete")
    if cursor is not None and query.page == 1:
        # If the cursor is inclusive, the page starts with it. Alone it means "nothing newer", unless pages have only one row.
        if set(page) == {cursor} and run.longest > 1:
            return End(run, "complete")
        if any(_older(each, cursor) for each in known & set(page)):
            return _without_cursor(run, misled=True)
    again = query.page > 1 and set(page) == set(run.last_page)
    if again and query.page == 2:  # noqa: PLR2004 - the first repeat: there is only one page, or the server ignores `page`
        return _carry(run, page)
    if again and run.blanks > 1:  # repeated twice: the server repeats its last page; once: the list may have moved
        return End(run, "complete")
    if run.purpose == "poll" and cursor is None and run.by_number and set(page) <= known and _descends(page):
        return End(run, "complete")  # newest first and all known: no new order can follow, and the sweep reads the rest
    if not new and run.blanks >= BLANKS:
        return End(run, "partial", "the list changes from page to page, so its end cannot be found")
    return replace(run, query=replace(query, page=query.page + 1))


def _descends(page: Sequence[str]) -> bool:
    ranks = [rank(each) for each in page]
    return (
        len(ranks) > 1 and None not in ranks and ranks == sorted(ranks, key=lambda each: each or (0, 0), reverse=True)
    )


def _older(menzzo_order_id: str, cursor: str) -> bool:
    mine, its = rank(menzzo_order_id), rank(cursor)
    return mine is not None and its is not None and mine < its


def _without_cursor(run: Run, *, refused: bool = False, misled: bool = False) -> Run:
    """Continue without the cursor, over the last days only."""
    query = Query(date_from=run.news_from)
    return replace(run, date_from=run.news_from, query=query, refused=refused, misled=misled, last_page=())


def _rises(run: Run, page: Sequence[str]) -> bool | None:
    """Tell whether all pages so far are sorted oldest first; the next page then starts where this one ends."""
    ranks = [key for each in page if (key := rank(each)) is not None]
    after = rank(run.query.cursor or "") if run.phase is Phase.CARRY else None
    if ranks != sorted(ranks) or (ranks and after is not None and ranks[0] < after):
        return False
    return True if run.rises is None and len(ranks) > 1 else run.rises


def _carry(run: Run, page: Sequence[str]) -> Run | End:
    """Use the cursor for paging: request what follows the last order of this page.

    Each request ends on a different future day. No order has such a date, but a cache without the cursor in its key (API notes, 8:
    the key is page, dates and order_number) then cannot answer one page with another. Only every second day is used, because the
    sweep right after a poll starts a day later.
    """
    cursor = next((mark for mark in reversed(page) if "_" in mark), None)
    if cursor is None:  # only rejected entries: no id to continue from
        return _by_days(run)
    end = max(run.today, run.date_to or run.today) + timedelta(days=2 * run.carried + 2)
    query = replace(run.query, page=1, cursor=cursor, date_to=end)
    return replace(run, phase=Phase.CARRY, query=query, carried=run.carried + 1)


def _carry_on(run: Run, page: tuple[str, ...], known: frozenset[str], new: bool) -> Run | End:  # noqa: ARG001, FBT001 - as above
    if new:
        return _carry(run, page)
    if set(page) <= {run.query.cursor} and run.rises:
        return End(run, "complete")  # the list is sorted oldest first, and nothing follows its last row
    return _by_days(run)


def _by_days(run: Run) -> Run | End:
    """Read single days: without paging, one page per day may be enough."""
    if run.purpose == "poll" or run.date_to is None:
        return End(run, "partial", "neither page nor cursor leads through the list; the next sweep reads day by day")
    return replace(run, phase=Phase.DAYS, query=Query(date_from=run.date_from, date_to=run.date_from))


def _next_day(run: Run, page: tuple[str, ...], known: frozenset[str], new: bool) -> Run | End:  # noqa: ARG001, FBT001 - as above
    day, until, last = run.query.date_from, run.query.date_to, run.date_to
    assert day is not None  # noqa: S101 - _by_days set it
    assert last is not None  # noqa: S101 - _by_days checked it
    if not page and until == day and not run.by_day:
        # The day has no orders, or `date_to` is exclusive. One request that includes the next day shows which.
        return replace(run, query=replace(run.query, date_to=day + timedelta(days=1)))
    # A shorter page is complete, because the server has sent longer ones; but pages may have become shorter.
    if page and len(page) >= (min(run.longest, run.full) if run.full else run.longest):
        run = replace(run, cut=(*run.cut, day))
    if day >= last:
        if not run.cut:
            return End(run, "complete")
        days = ", ".join(map(str, run.cut[:3])) + (", …" if len(run.cut) > 3 else "")  # noqa: PLR2004 - enough to begin with
        return End(
            run,
            "partial",
            f"neither page nor cursor leads through the list, and these days may hold more than it shows: {days}",
        )
    after = day + timedelta(days=1)
    return replace(run, by_day=run.by_day or (bool(page) and until == day), query=Query(date_from=after, date_to=after))
