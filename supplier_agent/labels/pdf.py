"""Processes that open PDFs, in limited time and memory, and the queue of the checks of downloaded labels.

pdfium, zxing and pypdf read files from outside. A file that crashes, hangs or swells one of them ends that process, nothing else.
Checks run apart from the loop and the requests, a few at a time, suppliers in turn: a supplier whose PDFs take ten seconds each
uses one process and delays only its own labels.
"""

import json
import os
import select
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from supplier_agent.base.clock import Clock

SECONDS = 10.0
MEMORY_BYTES = 256 * 1024 * 1024
MOST_BYTES = 256 * 1024 * 1024
"""The longest answer: labels joined into one file."""
MOST_RESIDENT_BYTES = 128 * 1024 * 1024
"""A process that still holds more than this after a task is not used again, because the next file would have less."""
TOO_MUCH = "it needs too much memory"
_LAST_SECONDS = 5.0
"""How long a killed process may take to end."""


@dataclass(frozen=True)
class Done:
    """The result: facts, and the picture or file."""

    facts: Mapping[str, Any]
    content: bytes = b""


@dataclass(frozen=True)
class Failed:
    """Why there is no result, in a few words."""

    why: str


def _start() -> subprocess.Popen[bytes]:
    # cron starts us in the state folder, where staff may write: import nothing from the current folder.
    places = [each for each in sys.path if Path(each).is_absolute()]
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "supplier_agent.labels.pdf_worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd="/",
        env={"PYTHONPATH": os.pathsep.join(places)},  # it needs none of our secrets
        start_new_session=True,  # nor the terminal's Ctrl-C
    )


class PdfWork:
    """The worker process, started when first needed and again after it had to be ended. Thread safe: one task at a time."""

    def __init__(
        self, clock: Clock, seconds: float = SECONDS, start: Callable[[], subprocess.Popen[bytes]] = _start
    ) -> None:
        self._clock, self._seconds, self._start = clock, seconds, start
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._is_closing = False

    def ask(self, task: str, *, more_seconds: float = 0.0, **about: object) -> Done | Failed:
        """Run one task of pdf_worker.py. Never raises because of a file's content.

        Raises OSError if the file cannot be read or the process cannot run: a temporary problem, not one of the file.
        """
        seconds = self._seconds + more_seconds
        with self._lock:
            process = self._process = self._process or self._start()
            if self._is_closing:  # `close` came while the process started, and found none to end
                process.kill()
            try:
                done = self._ask(process, json.dumps({"task": task, "seconds": seconds, **about}).encode(), seconds)
            except (OSError, ValueError, KeyError):  # it died, or its answer is nonsense
                done = None
            if isinstance(done, OSError):
                raise done
            if done is None:
                self._end()
                return Failed(f"it took more than {seconds:g} s or {MEMORY_BYTES >> 20} MB, or crashed what reads it")
            return done

    def fault(self, path: Path) -> str | None:
        """Return why the file is not a complete PDF, in a few words, or None if it is one. Raises OSError like `ask`."""
        done = self.ask("check", path=str(path))
        return done.why if isinstance(done, Failed) else str(done.facts["flaw"]) or None

    def works(self) -> bool:
        """Tell whether the process starts and answers, without any file."""
        return isinstance(self.ask("nothing"), Done)

    def _ask(self, process: subprocess.Popen[bytes], request: bytes, seconds: float) -> Done | Failed | OSError | None:
        assert process.stdin is not None  # noqa: S101 - asked for in _start
        assert process.stdout is not None  # noqa: S101 - asked for in _start
        until = self._clock.monotonic() + seconds
        process.stdin.write(request + b"\n")
        process.stdin.flush()
        answer = bytearray()
        while b"\n" not in answer:
            if not self._receive(process.stdout.fileno(), answer, until):
                return None
        line, _, content = bytes(answer).partition(b"\n")
        facts = json.loads(line)
        leaves, size = facts.pop("leaves"), int(facts.pop("bytes"))
        if not 0 <= size <= MOST_BYTES:
            return None
        rest = bytearray(content)
        while len(rest) < size:
            if not self._receive(process.stdout.fileno(), rest, until):
                return None
        if leaves:
            self._end()
        if "errno" in facts:
            return OSError(facts["errno"], os.strerror(facts["errno"]))
        if "fault" in facts:
            return Failed(str(facts["fault"]))
        return Done(facts, bytes(rest)) if len(rest) == size else None

    def _receive(self, descriptor: int, into: bytearray, until: float) -> bool:
        ready, _, _ = select.select([descriptor], [], [], max(0.0, until - self._clock.monotonic()))
        chunk = os.read(descriptor, 1 << 20) if ready else b""
        into += chunk
        return bool(chunk)

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        with suppress(subprocess.TimeoutExpired):  # it hangs in the kernel; nothing more can be done
            process.wait(_LAST_SECONDS)

    def rest(self) -> None:
        """End the process unless it has a task; the next task starts another one."""
        if self._lock.acquire(blocking=False):
            try:
                self._end()
            finally:
                self._lock.release()

    def close(self) -> None:
        """End the process and its present task, even if the process is starting now."""
        self._is_closing = True
        process = self._process
        if process is not None:
            process.kill()
        with self._lock:
            self._end()
            self._is_closing = False


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
                result = check(partial(self._fault_by, work))
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

    def _fault_by(self, work: PdfWork, path: Path) -> str | None:
        if self._is_closed:  # no process is started for it any more
            raise CancelledError
        return work.fault(path)

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
