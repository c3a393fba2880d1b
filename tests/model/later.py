"""An executor that only works when asked: between a claim and its answer the test puts whatever it wants."""

from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

from supplier_agent.calls import Job

P = ParamSpec("P")
T = TypeVar("T")


@dataclass
class Waiting:
    """A request that a worker has, and has not made yet."""

    make: Callable[[], Any]
    future: "Future[Any]"
    job: Job | None  # None: a read
    since: float  # monotonic


class Later(Executor):
    """Keeps what it is given, in order."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self.waiting: list[Waiting] = []

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Keep it."""
        future: Future[T] = Future()
        job = args[0] if args and isinstance(args[0], Job) else None
        self.waiting.append(Waiting(lambda: fn(*args, **kwargs), future, job, self._monotonic()))
        return future

    def make(self, place: int) -> None:
        """Make one of the requests, and hand on what came of it."""
        chosen = self.waiting.pop(place % len(self.waiting))
        chosen.future.set_result(chosen.make())

    def die(self, *, sent: bool) -> None:
        """Forget all of them with the process. `sent`: they had left, and their answers find nobody."""
        left, self.waiting = self.waiting, []
        if sent:
            for each in left:
                each.make()
