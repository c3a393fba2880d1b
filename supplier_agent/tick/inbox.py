"""What happened since the last turn, each as the step that takes it in. Workers, scheduler and signals put; the loop takes."""

import queue
from collections.abc import Callable

Step = Callable[[], None]


class Inbox:
    """Steps in the order in which they came. A step that fails stays first in line, so nothing that came back is ever lost."""

    def __init__(self) -> None:
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
            at_once()

    def take_in(self) -> None:
        """Run every step that has come, each once."""
        self.hear()
        while self._taken:
            self._taken[0]()
            self._taken.pop(0)
            self.hear()
