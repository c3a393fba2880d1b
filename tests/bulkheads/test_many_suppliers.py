"""The trouble of some is not the trouble of the others: a third of the suppliers answers in 15 s, and the rest loses nothing.

The loop, its bulkheads and the rate are real; answers come after so many seconds of a clock that only this file moves.
"""

import heapq
import itertools
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import pytest

from supplier_agent.marketplace.wire import Reply
from supplier_agent.sandbox.world import World
from supplier_agent.tick.workers import HALVES, Workers
from tests.world.harness import MONDAY, ChecksAtOnce, ManualClock, NoSockets, Site, no_fault, settings_for

pytestmark = pytest.mark.slow

SUPPLIERS, SLOW = 60, 20
SCALE = 300 / SUPPLIERS
"""The bulkheads are made for 300 suppliers, of which 100 are slow."""
ORDERS, SECONDS, SLOW_SECONDS, QUICK_SECONDS = 20, 20.0, 15.0, 0.2
SPARE = 3
"""Requests: the first of each waits one interval, the last is on its way, and one stall of two seconds tells who is slow."""


class AnswersAtOnce(NoSockets):
    """The marketplace, which nobody waits for: the loop keeps the rate, and a worker's wait would move everybody's clock."""

    def exchange(self, *args: Any, turn: Callable[[], None], **more: Any) -> Reply:  # noqa: ANN401, ARG002 - as NoSockets has it
        """Answer."""
        return super().exchange(*args, turn=lambda: None, **more)


class Later(Executor):
    """Works at once, and hands the result back when its time has come."""

    def __init__(self, clock: ManualClock, seconds: Callable[[str], float]) -> None:
        self._clock, self._seconds = clock, seconds
        self._ends: list[tuple[float, int, Future[Any], Any]] = []
        self._numbers = itertools.count()
        self.done: Counter[str] = Counter()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":  # noqa: ANN401 - as in Executor
        """Begin something."""
        supplier = getattr(args[0], "supplier", None) or fn.__self__.supplier  # type: ignore[attr-defined]
        self.done[supplier] += 1
        future: Future[Any] = Future()
        end = self._clock.monotonic() + self._seconds(supplier)
        heapq.heappush(self._ends, (end, next(self._numbers), future, fn(*args, **kwargs)))
        return future

    def next_in(self) -> float:
        """Return the seconds until the next answer."""
        return self._ends[0][0] - self._clock.monotonic() if self._ends else SECONDS

    def hand_back(self) -> None:
        """Hand back what has come by now."""
        while self._ends and self._ends[0][0] <= self._clock.monotonic():
            _, _, future, result = heapq.heappop(self._ends)
            future.set_result(result)


def requests_of(folder: Path, slow: set[str]) -> Counter[str]:
    """Return how many requests each supplier made in the first seconds of an installation."""
    names = [f"supplier-{number:02}" for number in range(SUPPLIERS)]
    clock = ManualClock()
    world = World.with_orders(ORDERS * SUPPLIERS, today=MONDAY.date(), clock=clock, suppliers=names)
    site = Site(settings_for(folder / "state", *names), world, clock)
    site.wire = AnswersAtOnce(site.api, clock, site.settings.base_url, answer_seconds=0)
    agent = site.start()
    later = Later(clock, lambda name: SLOW_SECONDS if name in slow else QUICK_SECONDS)
    halves = {lane: max(1, round(half / SCALE)) for lane, half in HALVES.items()}
    agent.ctx.workers = Workers(clock, later, ChecksAtOnce(no_fault), agent.ctx.log, halves)
    end = clock.monotonic() + SECONDS
    while clock.monotonic() < end:
        wait = agent.turn()
        clock.sleep(max(0.001, min(wait, later.next_in(), 0.2)))
        later.hand_back()
    site.crash()
    return later.done


def test_a_third_that_is_slow_takes_nothing_from_the_rest(tmp_path: Path) -> None:
    slow = {f"supplier-{number:02}" for number in range(0, SUPPLIERS, SUPPLIERS // SLOW)}
    done = requests_of(tmp_path, slow)
    by_the_rate = SECONDS / 1.005
    quick = {name: count for name, count in done.items() if name not in slow}
    assert len(quick) == SUPPLIERS - SLOW
    assert min(quick.values()) >= by_the_rate - SPARE, sorted(quick.items(), key=lambda each: each[1])[:5]
    assert min(done[name] for name in slow) >= 2, "the slow ones are served too, as far as they answer"
