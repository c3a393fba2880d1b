"""What happened since the last turn, each as the step that takes it in. Workers, scheduler and signals put; the loop takes."""

import queue
from collections.abc import Callable

from supplier_agent.store import is_ours

Step = Callable[[], None]


class Inbox:
    """Steps in the order in which they came. One that the database refuses stays first in line, so nothing that came back is lost.

    `fault` is handed what else goes wrong in a step, and the next one is taken: a fault of ours would be the same again.
    """

    def __init__(self, fault: Callable[[Exception], None] | None = None) -> None:
        self._fault = fault
        self._queue: queue.SimpleQueue[tuple[Step, Step | None]] = queue.SimpleQueue()
        self._taken: list[Step] = []

    def put(self, step: Step, at_once: Step | None = None) -> None:
        """Leave a step for the loop's thread. Thread safe.

        `at_once`: what need not wait for the steps before it, because it needs no database that somebody might have locked.
        """
        self._queue.put((step, at_once))

    def wait(self, seconds: float) -> None:
        """Wait until something comes, at most so long."""
        try:
            self._take(*self._queue.get(timeout=max(seconds, 0.001)))
        except queue.Empty:
            return

    def hear(self) -> None:
        """Take what has come, and do of it what is to be done at once."""
        while True:
            try:
                self._take(*self._queue.get_nowait())
            except queue.Empty:
                return

    def _take(self, step: Step, at_once: Step | None) -> None:
        self._taken.append(step)
        if at_once is not None:
            self._run(at_once)

    def take_in(self) -> None:
        """Run every step that has come, each once."""
        self.hear()
        while self._taken:
            self._run(self._taken[0])
            self._taken.pop(0)
            self.hear()

    def _run(self, step: Step) -> None:
        try:
            step()
        except Exception as error:
            if self._fault is None or not is_ours(error):
                raise
            self._fault(error)
