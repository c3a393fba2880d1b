"""Checks of fetched labels, away from the loop and from the requests: few at a time, and the suppliers in turn.

A supplier whose PDFs take ten seconds each holds one process and delays its own labels; those of others go through the next.
"""

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from pathlib import Path
from typing import Any

from supplier_agent.base.clock import Clock
from supplier_agent.labels.pdf import PdfWork

PROCESSES = 2

Fault = Callable[[Path], str | None]
"""Tells why a file is not a whole PDF, in a few words, or None. Raises OSError if that cannot be found out now."""
Check = Callable[[Fault], Any]
Job = tuple["Future[Any]", Check]


class Checks:
    """At most PROCESSES checks at a time, one of each supplier; who was served goes to the end of the line."""

    def __init__(self, clock: Clock) -> None:
        self._works = [PdfWork(clock) for _ in range(PROCESSES)]
        self._changed = threading.Condition()
        self._waiting: dict[str, deque[Job]] = {}
        self._busy: set[str] = set()
        self._threads: list[threading.Thread] = []
        self._is_closed = False

    def submit(self, supplier: str, check: Check) -> "Future[Any]":
        """Let a check be made when it is this supplier's turn. The future is cancelled by `close`."""
        future: Future[Any] = Future()
        with self._changed:
            if self._is_closed:
                future.cancel()
                return future
            try:
                self._start_threads()
            except RuntimeError as error:  # the machine has no thread to spare
                if not self._threads:
                    future.set_exception(error)
                    return future
            self._waiting.setdefault(supplier, deque()).append((future, check))
            self._changed.notify()
        return future

    def _start_threads(self) -> None:
        """Start those threads that do not run yet. Raises RuntimeError if one cannot be; those before it work."""
        for work in self._works[len(self._threads) :]:
            thread = threading.Thread(target=self._serve, args=(work,), name="checks", daemon=True)
            thread.start()
            self._threads.append(thread)

    def close(self) -> None:
        """Cancel what waits, and end what runs: its future fails with CancelledError."""
        with self._changed:
            self._is_closed = True
            waiting = [future for jobs in self._waiting.values() for future, _ in jobs]
            self._waiting.clear()
            self._changed.notify_all()
        for future in waiting:
            future.cancel()
        for work in self._works:
            work.close()

    def _serve(self, work: PdfWork) -> None:
        while (found := self._next()) is not None:
            supplier, (future, check) = found
            try:
                result = check(work.fault)
            except Exception as error:  # noqa: BLE001 - the loop hears of whatever went wrong
                future.set_exception(CancelledError() if self._is_closed else error)
            else:
                if self._is_closed:  # what an ended process said of the file is not to be believed
                    future.set_exception(CancelledError())
                else:
                    future.set_result(result)
            with self._changed:
                self._busy.discard(supplier)
                self._changed.notify_all()

    def _next(self) -> tuple[str, Job] | None:
        """Wait for a supplier whose turn it is; None when closed."""
        with self._changed:
            while not self._is_closed:
                for supplier, jobs in self._waiting.items():
                    if supplier in self._busy:
                        continue
                    job = jobs.popleft()
                    del self._waiting[supplier]
                    if jobs:
                        self._waiting[supplier] = jobs
                    self._busy.add(supplier)
                    return supplier, job
                self._changed.wait()
        return None
