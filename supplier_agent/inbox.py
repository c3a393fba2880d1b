"""What happened since the last turn, each as the step that takes it in. Workers, scheduler and signals put; the loop takes."""

import queue
from collections.abc import Callable


class Inbox:
    """Steps in the order in which they came. A step that fails stays first in line, so nothing that came back is ever lost."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._taken: list[Callable[[], None]] = []

    def put(self, step: Callable[[], None]) -> None:
        """Leave a step for the loop's thread. Thread safe."""
        self._queue.put(step)

    def wait(self, seconds: float) -> None:
        """Wait until something comes, at most so long."""
        try:
            self._taken.append(self._queue.get(timeout=max(seconds, 0.001)))
        except queue.Empty:
            return

    def take_in(self) -> None:
        """Run every step that has come, each once."""
        while True:
            if not self._taken:
                try:
                    self._taken.append(self._queue.get_nowait())
                except queue.Empty:
                    return
            self._taken[0]()
            self._taken.pop(0)
