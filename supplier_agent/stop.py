"""SIGTERM, SIGINT and SIGHUP as facts that others look at. Set up first: as PID 1, a process without a handler never hears them."""

import os
import signal
import threading

END_SECONDS = 44
"""After a signal the kernel ends the process by then, whatever hangs. All that must survive is on the disk at every moment."""


class Stop:
    """SIGTERM and SIGINT as a fact. The handler sets it and a last deadline; a second signal ends the process at once."""

    def __init__(self) -> None:
        self.event = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)

    def _on_signal(self, number: int, _frame: object) -> None:
        if self.event.is_set():
            os._exit(128 + number)
        self.event.set()
        signal.signal(signal.SIGALRM, signal.SIG_DFL)  # the kernel's own: no thread of ours need be able to run
        signal.alarm(END_SECONDS)


class Hangup:
    """SIGHUP as a fact: the configuration is to be read again. Not on a terminal, where it says that the terminal has gone."""

    def __init__(self, *, terminal: bool) -> None:
        self.event = threading.Event()
        if not terminal:
            signal.signal(signal.SIGHUP, lambda _number, _frame: self.event.set())
