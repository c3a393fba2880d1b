"""How often each program got which answer, and when it last asked: kept in memory, and written once a minute at most.

Old answers to an Idempotency-Key are deleted on this occasion, once an hour: the page deletes them only when it starts.
"""

import asyncio
import threading
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy.dialects.sqlite import insert
from starlette.concurrency import run_in_threadpool

from supplier_agent.base.errors import AgentError
from supplier_agent.db.programs import Asked
from supplier_agent.db.store import Store
from supplier_agent.web.answers import forget

EVERY_SECONDS = 60.0
FORGETS_EVERY = timedelta(hours=1)


class Usage:
    """The counts of one process. Thread safe. What a crash loses is less than a minute old."""

    def __init__(self, store: Store, now: Callable[[], datetime]) -> None:
        self._store, self._now, self._lock = store, now, threading.Lock()
        self._counted: Counter[tuple[str, int]] = Counter()
        self._last: dict[tuple[str, int], datetime] = {}
        self._forgot = now()
        self._is_due = True  # whether the next answer starts the minute

    def count(self, who: str, status: int) -> None:
        """Count an answer, from the event loop. The first one of a minute is written at its end."""
        with self._lock:
            self._counted[who, status] += 1
            self._last[who, status] = self._now()
            starts, self._is_due = self._is_due, False
        if starts:
            asyncio.get_running_loop().call_later(EVERY_SECONDS, self._in_a_thread)

    def _in_a_thread(self) -> None:
        task = asyncio.ensure_future(run_in_threadpool(self.flush))
        task.add_done_callback(lambda done: done.exception())  # flush has no error of its own to tell

    def flush(self) -> None:
        """Write the counts. If the database cannot be written now, they are kept for the next time."""
        with self._lock:
            counted, self._counted = self._counted, Counter()
            last, self._last = self._last, {}
            self._is_due = True
        try:
            with self._store.write() as tx:
                if (today := self._now()) - self._forgot > FORGETS_EVERY:
                    forget(tx, today)
                    self._forgot = today
                for (who, status), number in counted.items():
                    new = insert(Asked).values(program=who, answer=status, number=number, last_at=last[who, status])
                    more = {"number": Asked.number + new.excluded.number, "last_at": new.excluded.last_at}
                    tx.exec(new.on_conflict_do_update(index_elements=["program", "answer"], set_=more))
        except AgentError:
            with self._lock:
                self._counted.update(counted)
                self._last = {**last, **self._last}
