"""SIGTERM, SIGINT and SIGHUP as facts that others check. Set up first: as PID 1, a process without a handler never gets them."""

import os
import signal
import threading

END_SECONDS = 44
"""This long after a signal, the kernel ends the process, even if something hangs. Everything that must survive is on disk."""


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
        signal.signal(signal.SIGALRM, signal.SIG_DFL)  # the kernel's: it works even if none of our threads can run
        signal.alarm(END_SECONDS)


class Hangup:
    """SIGHUP as a fact: read the configuration again. Not on a terminal, where it means that the terminal was closed."""

    def __init__(self, *, terminal: bool) -> None:
        self.event = threading.Event()
        if not terminal:
            signal.signal(signal.SIGHUP, lambda _number, _frame: self.event.set())
