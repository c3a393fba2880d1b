"""SIGTERM and SIGINT as a fact that others look at. Set up first of all: as PID 1, a process without a handler never hears them."""

import os
import signal
import threading


class Stop:
    """SIGTERM and SIGINT as a fact. The handler only sets it; a second signal ends the process at once."""

    def __init__(self) -> None:
        self.event = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)

    def _on_signal(self, number: int, _frame: object) -> None:
        if self.event.is_set():
            os._exit(128 + number)
        self.event.set()
