"""`run --once --dry-run`: the real loop on a copy of the state. Reads are real; write calls are recorded instead of sent.

Nothing is changed: the copy is in a temporary folder, which is deleted. Only the reads are added to the real log of reads.
"""

import os
import random
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from sqlmodel import Session, col, func, select

from supplier_agent.agent import Agent
from supplier_agent.base import files
from supplier_agent.base.clock import Clock
from supplier_agent.base.errors import StateError
from supplier_agent.base.log import Log
from supplier_agent.calls import CALLS, Calls, Ending, Job
from supplier_agent.db import state_folder
from supplier_agent.db.plain_sql import within
from supplier_agent.db.ship_ledger import Ledger
from supplier_agent.db.store import Store, open_store
from supplier_agent.db.tables import Order, Read
from supplier_agent.labels import LabelFolder
from supplier_agent.labels.pdf import Checks
from supplier_agent.marketplace.rate_limit import Pace
from supplier_agent.outbox import DONE, Outcome
from supplier_agent.reports import supplier_facts
from supplier_agent.reports.health import exit_code
from supplier_agent.runtime.once import run_once
from supplier_agent.runtime.wiring import make_accounts, wire_of
from supplier_agent.settings import Settings
from supplier_agent.suppliers import read_log
from supplier_agent.tick.context import Context
from supplier_agent.tick.workers import Workers
from supplier_agent.verdict import Problem, ProblemCode, judge_supplier
from supplier_agent.words import Worded, Words

BEFORE_START_DATE = "before_start_date"
HOLDS_UP = frozenset({ProblemCode.PAUSED, ProblemCode.READ_ONLY, ProblemCode.FLAGS_UNUSUAL, ProblemCode.FIRST_START})
"""Problems because of which a supplier's calls, or some of them, wait for a person."""


@dataclass(frozen=True)
class LeftAlone:
    """What the run would not send, and why. `code` is a ProblemCode, or BEFORE_START_DATE."""

    supplier: str  # "": every supplier
    code: str
    what: str
    orders: int | None = None  # None: not about single orders

    @property
    def line(self) -> str:
        """The text as one line."""
        return f"{self.supplier}: {self.what}" if self.supplier else self.what


@dataclass(frozen=True)
class Rehearsed:
    """What `run --once` would do now, and how it would end."""

    exit_code: int
    calls: Sequence[Job]
    left_alone: Sequence[LeftAlone]
    problems: Sequence[Worded]
    kinds: Calls = CALLS

    def lines(self) -> Iterator[str]:
        """Yield it as text, line by line."""
        for job in self.calls:
            yield f"would {self.kinds[job.kind].REHEARSED} {job.menzzo_order_id} ({job.supplier})"
        yield from (each.line for each in self.left_alone)
        yield f"dry run: {len(self.calls)} calls would be made; nothing was sent, nothing was changed"

    def as_json(self) -> dict[str, object]:
        """Return the object of `run --once --dry-run --json`."""
        return {
            "schema": 1,
            "exit_code": self.exit_code,
            "calls": [
                {"kind": job.kind, "supplier": job.supplier, "menzzo_order_id": job.menzzo_order_id}
                for job in self.calls
            ],
            "left_alone": [vars(each) for each in self.left_alone],
            "problems": [each.as_json() for each in self.problems],
        }


class Rehearsal(Executor):
    """An executor that makes reads, and records calls instead of making them."""

    def __init__(self, clock: Clock, kinds: Calls = CALLS, reads: Executor | None = None) -> None:
        self._clock, self._kinds = clock, kinds
        self._reads = reads or ThreadPoolExecutor(4)
        self.calls: list[Job] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":  # noqa: ANN401 - as in Executor
        """Make a read, or a call on which others depend; return success for any other call without making it."""
        job = args[0] if args else None
        if not isinstance(job, Job) or self._kinds[job.kind].DRY == "make":
            return self._reads.submit(fn, *args, **kwargs)
        if self._kinds[job.kind].DRY == "print":
            self.calls.append(job)
        future: Future[Any] = Future()
        future.set_result(
            Ending(Outcome(DONE, "rehearsed", facts=self._kinds[job.kind].facts_when_rehearsed(job, self._clock.now())))
        )
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002 - as in Executor
        """Shut down the executor of the reads."""
        self._reads.shutdown(wait=wait, cancel_futures=cancel_futures)


class RehearsedLabels(LabelFolder):
    """For a dry run: every label counts as present and whole; nothing is written."""

    def is_there(self, path: str, size: int | None) -> bool:  # noqa: ARG002 - as in LabelFolder
        """Return True."""
        return True

    def is_whole(self, path: str, sha256: str) -> bool:  # noqa: ARG002 - as in LabelFolder
        """Return True."""
        return True


def rehearse(
    settings: Settings,
    env: Mapping[str, str],
    clock: Clock,
    progress: Callable[[str], None],
    stopped: Callable[[], bool],
) -> Rehearsed:
    """Return every write call that `run --once` would make now, and how that run would end."""
    with tempfile.TemporaryDirectory(prefix="supplier-agent-dry-run-") as name, ExitStack() as held:
        folder = Path(name)
        _copy_state(settings, folder)
        rehearsal = Rehearsal(clock)
        store = held.enter_context(closing(open_store(folder / state_folder.DATABASE, agent=True)))
        ledger = held.enter_context(closing(Ledger(folder / state_folder.LEDGER, moved=True)))
        labels = RehearsedLabels(folder)
        wire = wire_of(settings, clock)

        agent: Agent
        accounts = make_accounts(settings, env, wire, clock, labels, lambda: agent.stopping, THROWN_AWAY)
        for account in accounts:  # a rehearsed call makes no request; reads still wait for the rate, in the worker
            account.pace = Pace(clock, per_second=1e6)
        log = Log(None)
        workers = Workers(clock, rehearsal, Checks(clock), log)  # no label is fetched, so none is checked
        ctx = Context(settings, store, ledger, labels, clock, random.random, log, workers)
        ctx.round_at = clock.now()
        agent = Agent(ctx, accounts)
        with store.read() as tx:
            before = read_log.newest(tx)
        try:
            problems = run_once(agent, progress, stopped)
        finally:
            rehearsal.shutdown()
            _remember_questions(store, before, settings)
        return Rehearsed(exit_code(problems), rehearsal.calls, _left_alone(folder, settings, clock.now()), problems)


THROWN_AWAY = b"entries of a dry run are not kept"


def _remember_questions(copy: Store, before: int, settings: Settings) -> None:
    """Add the reads to the real log: within `cache_seconds` the next run must not repeat them (read_log.asked)."""
    with copy.read() as tx:
        reads = [
            Read(**{**row.model_dump(exclude={"id"}), "run_id": None, "added": 0})
            for row in read_log.newer_than(tx, before)
            if settings.suppliers[row.supplier].cache_seconds > 0
        ]
    if not reads:
        return
    database = settings.state_dir / state_folder.DATABASE
    try:
        store = open_store(database, agent=not database.exists())  # a database that needs an upgrade is not changed
    except StateError:
        return
    with closing(store), store.write() as tx:
        tx.add_all(reads)


def _left_alone(folder: Path, settings: Settings, now: datetime) -> list[LeftAlone]:
    """Return what the dry run found and would not send."""
    words, found = Words(), []
    if settings.read_only:
        found.append(LeftAlone("", ProblemCode.READ_ONLY.value, words.problem(Problem(ProblemCode.READ_ONLY))))
    early = []
    with closing(open_store(folder / state_folder.DATABASE)) as store, store.read() as tx:
        states = supplier_facts.suppliers(within(tx), settings)
        for name, supplier in settings.suppliers.items():
            problems = judge_supplier(states[name], settings, now, lane_of={}).problems
            stopped = [each for each in problems if each.code in HOLDS_UP]
            found += [LeftAlone(name, each.code.value, words.problem(each)) for each in stopped]
            if supplier.start_date is not None and (count := _early(tx, name, supplier.start_date)):
                what = f"{count} orders are dated before start_date and skipped"
                early.append(LeftAlone(name, BEFORE_START_DATE, what, count))
    return [*found, *early]


def _early(tx: Session, name: str, start_date: date) -> int:
    """Return the number of closed orders of a supplier dated before its start_date; reopened orders do not count."""
    query = select(func.count()).select_from(Order).where(Order.supplier == name, col(Order.order_date) < start_date)
    return tx.exec(query.where(col(Order.closed_reason).is_not(None), col(Order.ship_confirmed_at).is_(None))).one()


def _copy_state(settings: Settings, folder: Path) -> None:
    database = settings.state_dir / state_folder.DATABASE
    if database.exists():
        with closing(open_store(database)) as store:
            store.backup(folder / state_folder.DATABASE)
    with _ledger(settings.state_dir) as lines:
        if lines is not None:
            with (
                state_folder.open_private(folder / state_folder.PRIVATE) as opened,
                os.fdopen(opened.create(Path(state_folder.LEDGER).name), "wb") as file,
            ):
                file.writelines(lines)


@contextmanager
def _ledger(state_dir: Path) -> Iterator[Iterable[bytes] | None]:
    """Give the content of the ship ledger without creating anything. Without the folder `private`, it is where 0.1.0 kept it."""
    if (state_dir / state_folder.PRIVATE).is_dir():
        with closing(Ledger(state_dir / state_folder.LEDGER)) as ledger:
            yield ledger.content()
        return
    try:
        content = files.read(state_dir / Path(state_folder.LEDGER).name, most=1 << 30)
    except OSError:
        yield None
        return
    yield [content]
