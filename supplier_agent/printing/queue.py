"""Printing after the answer: each printer has a queue and a thread, so that a printer that hangs delays nothing else.

The jobs of a printer are sent in order. Each job ends exactly once, with its `done`: it was printed, or it was not, and why. A job
that has waited too long is not printed any more: its box is gone, and its label would land on another one.
"""

import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from supplier_agent.base.clock import Clock
from supplier_agent.base.errors import AgentError
from supplier_agent.base.log import Log
from supplier_agent.printing.ipp import NotPrinted, name_of
from supplier_agent.printing.printer import Printed, print_pdf
from supplier_agent.settings import Settings, egress

MOST_WAITING = 1000
"""The maximum number of labels that wait for one printer: two full batches."""
PATIENCE_SECONDS = 60.0
"""How long a job may wait for the jobs before it."""
SEND_SECONDS = 10.0
STOP_SECONDS = 2.0
"""How long the end waits for the job that is being sent."""
SETTLED_WITHIN = timedelta(seconds=PATIENCE_SECONDS + SEND_SECONDS + STOP_SECONDS)
"""After this time, a job without an ending was lost with its process."""

LATE = NotPrinted("it waited too long for the printer", "late")
FULL = NotPrinted("too many labels wait for the printer", "full")
ENDED = NotPrinted("the page was stopped before it was printed", "ended")
INTERRUPTED = NotPrinted("the page was stopped while it was being sent; look whether it printed", "timeout")

Ending = Printed | NotPrinted


@dataclass(frozen=True)
class Job:
    """A PDF for a printer. orders: the menzzo_order_id of each order whose label is in it, by row id.

    done: gets the ending, in a thread of the printer.
    """

    uri: str
    content: bytes
    title: str
    who: str
    media: str | None  # None: the printer's default
    orders: Mapping[int, str]
    done: Callable[[Ending], None]


@dataclass(frozen=True)
class Trouble:
    """A printer whose last job was not printed. orders: the labels that were not, since it last printed. at: the last failure."""

    uri: str
    code: str
    orders: Mapping[int, str]
    at: datetime

    @property
    def name(self) -> str:
        """Return how people know the printer."""
        return name_of(self.uri)


@dataclass(eq=False)
class _Entry:
    job: Job
    since: float
    has_ended: bool = False


class _Line:
    """The queue of one printer, and its thread."""

    def __init__(self, uri: str, clock: Clock, log: Log, settings: Settings) -> None:
        self._uri, self._clock, self._log, self._settings = uri, clock, log, settings
        self._changed = threading.Condition()
        self._queue: deque[_Entry] = deque()
        self._open: list[_Entry] = []  # those that wait, and those that are sent or recorded now
        self._is_closed = False
        self.trouble: Trouble | None = None  # None: the last job was printed
        self._thread = threading.Thread(target=self._serve, name=f"printer {name_of(uri)}", daemon=True)
        self._thread.start()

    @property
    def orders(self) -> frozenset[int]:
        """Return the orders whose label is in an open job."""
        with self._changed:
            return frozenset(row for entry in self._open for row in entry.job.orders)

    def put(self, job: Job) -> None:
        entry = _Entry(job, self._clock.monotonic())
        with self._changed:
            waiting = sum(len(each.job.orders) for each in self._queue)
            refusal = ENDED if self._is_closed else FULL if waiting + len(job.orders) > MOST_WAITING else None
            self._open.append(entry)
            if refusal is None:
                self._queue.append(entry)
                self._changed.notify()
        if refusal is not None:
            self._end(entry, refusal)

    def stop(self) -> None:
        """Send nothing more."""
        with self._changed:
            self._is_closed = True
            never_sent = list(self._queue)
            self._queue.clear()
            self._changed.notify()
        for entry in never_sent:
            self._end(entry, ENDED)

    def close(self, seconds: float) -> None:
        """Wait at most this long for the job that is being sent."""
        self._thread.join(seconds)
        for entry in list(self._open):
            self._end(entry, INTERRUPTED)

    def _serve(self) -> None:
        while (entry := self._next()) is not None:
            is_late = self._clock.monotonic() - entry.since > PATIENCE_SECONDS
            self._end(entry, LATE if is_late else self._send(entry.job))

    def _next(self) -> _Entry | None:
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._is_closed)
            return self._queue.popleft() if self._queue else None

    def _send(self, job: Job) -> Ending:
        try:
            way = egress.of(self._settings)
            return print_pdf(
                job.uri, job.content, job.title, job.who, media=job.media, seconds=SEND_SECONDS, egress=way
            )
        except AgentError as error:
            return NotPrinted(f"the printer cannot be reached: {error.what}", "unreachable")
        except Exception as error:  # noqa: BLE001 - the next job needs this thread
            self._log.fault("internal.error", "printing", error, order=job.title)
            return NotPrinted(type(error).__name__, "unknown")

    def _end(self, entry: _Entry, ending: Ending) -> None:
        """Record how a job ended, once: the process may end while the printer still has it."""
        job = entry.job
        with self._changed:
            if entry.has_ended:
                return
            entry.has_ended = True
            if isinstance(ending, NotPrinted):
                before = self.trouble.orders if self.trouble is not None else {}
                self.trouble = Trouble(self._uri, ending.code, {**before, **job.orders}, self._clock.now())
            else:
                self.trouble = None
        try:
            job.done(ending)
        except Exception as error:  # noqa: BLE001 - as above
            self._log.fault("internal.error", "recording a print", error, order=job.title)
        finally:
            with self._changed:
                self._open.remove(entry)


class Printers:
    """All printers. Thread safe; nothing here waits for a printer, except `close`, for a moment."""

    def __init__(self, clock: Clock, log: Log, settings: Settings) -> None:
        self._clock, self._log, self._settings = clock, log, settings
        self._lines: dict[str, _Line] = {}
        self._lock = threading.Lock()

    def put(self, job: Job) -> None:
        """Print it when the jobs before it are done."""
        with self._lock:
            line = self._lines.get(job.uri)
            if line is None:
                line = self._lines[job.uri] = _Line(job.uri, self._clock, self._log, self._settings)
        line.put(job)

    @property
    def troubles(self) -> list[Trouble]:
        """Return the printers whose last job was not printed."""
        found = [line.trouble for line in self._all()]
        return [trouble for trouble in found if trouble is not None]

    @property
    def orders(self) -> frozenset[int]:
        """Return the orders whose label is being printed, or waits for that."""
        return frozenset[int]().union(*(line.orders for line in self._all()))

    def close(self, seconds: float = STOP_SECONDS) -> None:
        """Print nothing more. What waits, and what a printer has not answered after these seconds, ends as not printed."""
        lines, until = self._all(), self._clock.monotonic() + seconds
        for line in lines:
            line.stop()
        for line in lines:
            line.close(max(0.0, until - self._clock.monotonic()))

    def _all(self) -> list[_Line]:
        with self._lock:
            return list(self._lines.values())
