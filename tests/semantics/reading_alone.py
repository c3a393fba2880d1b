"""The rule of strategy.py face to face with the sandbox's rule of listing: thousands of lists in seconds, no database between."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from supplier_agent.reading import strategy
from supplier_agent.sandbox.listing import Refusal, SalesQuery, select
from supplier_agent.sandbox.orders import Order
from supplier_agent.sandbox.semantics import Semantics
from tests.semantics.cases import CHOICES

TODAY = date(2026, 11, 23)
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
FIRST = TODAY - timedelta(days=14)
SHAPES = ((0, 1), (1, 1), (2, 1), (2, 2), (7, 7), (21, 3), (41, 20))
"""How many orders, and how many of them a day."""


@dataclass(frozen=True)
class Told:
    """A run that is over: how, what was asked, and what it showed."""

    end: strategy.End
    asked: list[str]
    shown: set[str]


def every_marketplace() -> Iterator[tuple[Semantics, int, int]]:
    """Return each kind of list with each shape. The last two are the number of orders and how many fall on a day."""
    names = ("cursor", "order", "page", "past_end", "page_size")
    for *values, inclusive in itertools.product(*(CHOICES[name] for name in names), (True, False)):
        semantics = Semantics(**dict(zip(names, values, strict=True)), date_to_inclusive=inclusive)
        if not inclusive and semantics.page != "ignored":
            continue  # only a list that must be read day by day shows the difference
        for number, a_day in SHAPES:
            yield semantics, number, a_day


def orders(number: int, a_day: int) -> list[Order]:
    """Return so many orders, the newest of today."""
    return [
        Order(
            "notio",
            f"{15_000_000_000 + 3 * place}_{100 + place}",
            "SKU",
            1,
            100,
            "GLS",
            TODAY - timedelta(days=(number - 1 - place) // a_day),
            label=b"",
        )
        for place in range(number)
    ]


def read(run: strategy.Run, listed: list[Order], semantics: Semantics, known: set[str] | None = None) -> Told:
    """Make a run's requests until it ends. `known` is what was stored before."""
    known, asked, shown = known or set(), [], set[str]()
    while True:
        asked.append(str(run.query))
        assert len(asked) < 500, "endless"
        query = SalesQuery(run.query.page, run.query.date_from, run.query.date_to, run.query.cursor)
        rows = select(listed, query, semantics, NOW)
        step: strategy.Run | strategy.End | None
        if isinstance(rows, Refusal):
            step = strategy.refused(run, rows.status)
            assert step is not None, f"nothing follows from {rows}"
        else:
            ids = [order.menzzo_order_id for order in rows]
            step = strategy.advance(run, ids, {each for each in ids if each in known or each in shown})
            shown |= set(ids)
        if isinstance(step, strategy.End):
            return Told(step, asked, shown)
        run = step
