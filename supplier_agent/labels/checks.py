"""Checks downloaded labels apart from the loop and the requests: a few at a time, suppliers in turn.

A supplier whose PDFs take ten seconds each uses one process and delays only its own labels; the others use the next process.
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
"""Return why a file is not a complete PDF, in a few words, or None. Raises OSError if that cannot be checked now."""
Check = Callable[[Fault], Any]
Job = tuple["Future[Any]", Check]


class Checks:
    """At most PROCESSES checks at a time, one per supplier; a supplier that was served goes to the end of the queue."""

    def __init__(self, clock: Clock) -> None:
        self._works = [PdfWork(clock) for _ in range(PROCESSES)]
        self._changed = threading.Condition()
        self._waiting: dict[str, deque[Job]] = {}
        self._busy: set[str] = set()
        self._threads: list[threading.Thread] = []
        self._is_closed = False

    def submit(self, supplier: str, check: Check) -> "Future[Any]":
        """Queue a check until it is this supplier's turn. `close` cancels the future."""
        future: Future[Any] = Future()
        with self._changed:
            if self._is_closed:
                future.cancel()
                return future
            try:
                self._start_threads()
            except RuntimeError as error:  # the machine has no free thread
                if not self._threads:
                    future.set_exception(error)
                    return future
            self._waiting.setdefault(supplier, deque()).append((future, check))
            self._changed.notify()
        return future

    def _start_threads(self) -> None:
        """Start the threads that do not run yet. Raises RuntimeError if one cannot start; those before it work."""
        for work in self._works[len(self._threads) :]:
            thread = threading.Thread(target=self._serve, args=(work,), name="checks", daemon=True)
            thread.start()
            self._threads.append(thread)

    def close(self) -> None:
        """Cancel waiting checks and end running ones: their futures fail with CancelledError."""
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
                if self._is_closed:  # an answer of a process that was ended cannot be trusted
                    future.set_exception(CancelledError())
                else:
                    future.set_result(result)
            with self._changed:
                self._busy.discard(supplier)
                self._changed.notify_all()

    def _next(self) -> tuple[str, Job] | None:
        """Wait for the next supplier's turn; None: closed."""
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
