"""Choose few combinations of many choices: every pair of values occurs in one of them (a covering array of strength two)."""

import itertools
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Row = dict[str, Any]
Pair = tuple[tuple[str, Any], tuple[str, Any]]
CANDIDATES = 12


def covering(choices: Mapping[str, Sequence[Any]], allowed: Callable[[Row], bool], seed: int) -> list[Row]:
    """Return rows with a value for each name, until each pair of values that is possible is in one of them.

    `allowed` also judges rows that are not complete yet: a name that is missing may have any value.
    """
    dice, rows = random.Random(seed), list[Row]()
    missing = {
        ((first, one), (second, other))
        for first, second in itertools.combinations(choices, 2)
        for one, other in itertools.product(choices[first], choices[second])
        if allowed({first: one, second: other})
    }
    while missing:
        start = min(missing, key=repr)
        made = [
            row for _ in range(CANDIDATES) if (row := _row(dict(start), choices, allowed, missing, dice)) is not None
        ]
        if not made:  # the pair itself is allowed, but nothing goes with it
            missing.discard(start)
            continue
        best = max(made, key=lambda row: len(_pairs(row, choices) & missing))
        rows.append(best)
        missing -= _pairs(best, choices)
    return rows


def _row(
    row: Row,
    choices: Mapping[str, Sequence[Any]],
    allowed: Callable[[Row], bool],
    missing: set[Pair],
    dice: random.Random,
) -> Row | None:
    """Complete a row, each time with the value that covers most; None: it cannot be completed."""
    names = [name for name in choices if name not in row]
    dice.shuffle(names)
    for name in names:
        values = [value for value in choices[name] if allowed({**row, name: value})]
        if not values:
            return None
        dice.shuffle(values)
        order = list(choices)

        def covers(value: object, name: str = name, order: list[str] = order) -> int:
            mine = (name, value)
            return sum(
                ((mine, each) if order.index(name) < order.index(each[0]) else (each, mine)) in missing
                for each in row.items()
            )

        row[name] = max(values, key=covers)
    return row


def _pairs(row: Row, choices: Mapping[str, Sequence[Any]]) -> set[Pair]:
    return set(itertools.combinations([(name, row[name]) for name in choices], 2))
