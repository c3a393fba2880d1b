"""One measured figure, the sizes of a run, and contestants that take turns."""

import json
import random
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Sizes:
    """How large everything is. The page shows this; a scale below 1 only shows that each figure can be made."""

    rounds: int = 5
    few_rounds: int = 2  # of what takes minutes
    starts: int = 15  # rounds of what only starts a process
    drained: tuple[int, ...] = (1000, 10_000)  # orders from empty to shipped, rate limit off
    paced: int = 150  # orders at a limited rate
    marks: int = 200
    history: tuple[int, ...] = (1000, 100_000, 1_000_000)  # orders in the database
    still_open: int = 500  # of them, in each size the same: so only the history grows
    repeats: int = 150  # of a query
    listed: int = 10_000  # rows in one answer
    days: int = 30  # of simulated life
    suppliers: tuple[int, ...] = (1, 50, 500)
    slow: tuple[float, ...] = (0.02, 0.2)  # the share of them that answers late
    window: int = 30  # seconds for which many suppliers are watched; slow ones answer after half of it
    settle: float = 3.0  # seconds until a daemon is taken to be idle, or busy
    limit: float = 1500.0  # seconds until a process that was started here ends, whatever it does
    seed: int = 1

    def scaled(self, scale: float) -> Self:
        """Return smaller sizes, none of them below 2; rounds not below 1."""

        def small(value: int) -> int:
            return max(2, int(value * scale))

        found: dict[str, Any] = {}
        for name, value in asdict(self).items():
            if name in {"rounds", "few_rounds", "starts"}:
                found[name] = max(1, int(value * scale))
            elif name not in {"slow", "seed"}:
                numbers = [small(each) for each in value] if isinstance(value, tuple) else []
                found[name] = tuple(sorted({*numbers})) or (small(value) if isinstance(value, int) else value * scale)
        return type(self)(**found | {"limit": max(300, self.limit * scale)})


@dataclass(frozen=True)
class Figure:
    """One line of the page. Its value is the median of the rounds."""

    row: str  # the letter of its section
    name: str
    values: Sequence[float]  # one for each round; none: not measured
    unit: str = ""
    most: float | None = None  # the goal; None: none
    least: float | None = None  # the same
    note: str = ""  # why it was not measured

    @property
    def value(self) -> float:
        return statistics.median(self.values)

    @property
    def goal(self) -> str:
        if self.most is not None:
            return f"<= {self.most:g}"
        return "" if self.least is None else f">= {self.least:g}"

    @property
    def reached(self) -> bool | None:
        """Whether the median reaches the goal; None: there is no goal, or no value."""
        if not self.values or not self.goal:
            return None
        return self.value <= self.most if self.most is not None else self.value >= (self.least or 0)

    def line(self) -> str:
        """Return it as one line of JSON."""
        told: dict[str, object] = {"row": self.row, "figure": self.name, "unit": self.unit, "goal": self.goal or None}
        if self.values:
            told |= {"value": self.value, "min": min(self.values), "max": max(self.values), "rounds": len(self.values)}
        return json.dumps(told | {"reached": self.reached} | ({"note": self.note} if self.note else {}))


def contest(seed: int, rounds: int, contestants: Mapping[str, Callable[[], T]]) -> dict[str, list[T]]:
    """Measure each contestant once in each round, in another order each time. Return the values, one for each round."""
    dice = random.Random(seed)
    found: dict[str, list[T]] = {name: [] for name in contestants}
    for number in range(rounds):
        for name in dice.sample([*contestants], len(contestants)):
            tell(f"  round {number + 1}: {name}")
            found[name].append(contestants[name]())
    return found


def ratios(ours: Sequence[T], theirs: Sequence[T], of: Callable[[T], float]) -> list[float]:
    """Return ours divided by theirs, each pair from one round."""
    return [of(one) / max(of(other), 1e-9) for one, other in zip(ours, theirs, strict=True)]


def tell(line: str) -> None:
    """Show progress."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
