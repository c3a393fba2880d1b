"""The watch: looks at the state now and then, keeps the table of alerts, and tells. Beside the loop, which it can never hold up.

A message is noted as told after an address took it: a crash in between tells it twice, never not at all.
"""

import shutil
import socket
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Self

from sqlmodel import Session, col, func, or_, select

from supplier_agent.alerts import decide, facts, silence, words
from supplier_agent.alerts.decide import DIGEST, Decision, Fact, Patience
from supplier_agent.alerts.post import FIRST_SECONDS, LONGEST_SECONDS, Post
from supplier_agent.base.clock import Clock
from supplier_agent.base.errors import AgentError
from supplier_agent.base.log import Log
from supplier_agent.db import state_folder
from supplier_agent.db.plain_sql import within
from supplier_agent.db.store import Store, open_store
from supplier_agent.db.tables import Alert
from supplier_agent.reports import heartbeat, vitals
from supplier_agent.reports.vitals import ALERTS, Signs, Trouble
from supplier_agent.settings import Settings, egress

EVERY_SECONDS = 30.0
SLOW_SECONDS = 600.0
"""How often the questions are asked that take longer, and whose answers change with the hours."""
LEARN_SECONDS = 21_600.0
JOIN_SECONDS = 5.0
SAID = "alerts"


class Watch:
    """One installation's watch. `settings` is asked at every look, for they may be read again while the agent runs."""

    def __init__(
        self,
        settings: Callable[[], Settings],
        clock: Clock,
        log: Log,
        show: Callable[[str, Sequence[Trouble]], None] = lambda _source, _troubles: None,
        *,
        where: str = "",
    ) -> None:
        # `show` puts what is wrong with the machine, or with the alerts themselves, where it is seen without the database.
        self._show = show
        self._settings, self._clock, self._log = settings, clock, log
        self._where = where or socket.gethostname()
        self._post = Post(settings().alerts.urls, egress.of(settings()))
        self._slow: list[Fact] = []
        self._slow_at: float | None = None
        self._habits: dict[str, silence.Habits | None] = {}
        self._learned_at: float | None = None
        self._rest_until, self._rest_seconds = 0.0, FIRST_SECONDS
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    # -- beside the loop ------------------------------------------------------------------------------------------

    def start(self) -> Self:
        """Look now and then, in a thread of its own."""
        self._thread = threading.Thread(target=self._run, name="alerts", daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """Ask it to stop."""
        self._stop.set()

    def close(self, seconds: float = JOIN_SECONDS) -> None:
        """Stop; a message that is being sent is waited for, but not for long."""
        self.stop()
        if self._thread is not None:
            self._thread.join(seconds)

    def _run(self) -> None:
        while not self._stop.wait(EVERY_SECONDS):
            self.look()

    def _fault(self, what: str) -> None:
        self._log.problem(SAID, what)
        self._show(SAID, [Trouble(ALERTS, what, "supplier-agent alerts test")])

    def look(self, *, at_end_of_round: bool = False) -> None:
        """Look once, and tell what is to be told. Nothing that goes wrong here leaves this room.

        `at_end_of_round`: there is no later look of this process, so nothing is held back to be grouped.
        """
        try:
            store = open_store(self._settings().state_dir / state_folder.DATABASE)
            try:
                self._look(store, at_end_of_round=at_end_of_round)
            finally:
                store.close()
        except AgentError as error:
            self._log.problem(SAID, error.what)
        except Exception as error:  # noqa: BLE001 - alerts must not take the agent with them; the text might hold an address
            self._fault(f"a fault in the alerts: {type(error).__name__}")

    # -- one look -------------------------------------------------------------------------------------------------

    def _look(self, store: Store, *, at_end_of_round: bool) -> None:
        settings, now = self._settings(), self._clock.now()
        patience = _patience(settings, at_end_of_round=at_end_of_round)
        with store.read() as tx:
            quick = facts.quick(within(tx), settings, now, _disk_free_bytes(settings), self._signs(settings))
            found = [*quick, *self._slowly(tx, now)]
            rows = _rows(tx, now - patience.again)
            last = select(func.max(Alert.told_at)).where(Alert.cause == DIGEST)
            digest_since = decide.digest_since(tx.exec(last).one(), now, patience)
        clock = [Trouble(vitals.CLOCK_OFF, fact.text, fact.cure) for fact in found if fact.cause == facts.CLOCK]
        self._show("clock", clock)
        change = decide.changes(found, rows)
        if change.begin or change.end or any(row.text != words.about(fact) for row, fact in change.lasts):
            with store.write() as tx:
                rows = _keep(tx, change, now - patience.again, now)
        decision = decide.to_tell(rows, {fact.key: fact.count for fact in found}, now, patience)
        self._tell(store, replace(decision, digest_since=digest_since), {fact.key: fact.count for fact in found}, now)

    def _slowly(self, tx: Session, now: datetime) -> Sequence[Fact]:
        settings, monotonic = self._settings(), self._clock.monotonic()
        if self._learned_at is None or monotonic - self._learned_at >= LEARN_SECONDS:
            self._learned_at = monotonic
            self._habits = {
                name: silence.learn(facts.arrivals(within(tx), name, now - silence.HISTORY), now, settings.timezone)
                for name in settings.suppliers
            }
        if self._slow_at is None or monotonic - self._slow_at >= SLOW_SECONDS:
            self._slow_at = monotonic
            self._slow = list(facts.slow(tx, settings, self._habits, now))
        return self._slow

    # -- telling --------------------------------------------------------------------------------------------------

    def _tell(self, store: Store, decision: Decision, counts: dict[decide.Key, int], now: datetime) -> None:
        settings, monotonic = self._settings(), self._clock.monotonic()
        way_out = egress.of(settings)
        if settings.alerts.urls != self._post.urls or way_out != self._post.egress:
            self._post = Post(settings.alerts.urls, way_out)
        failed = self._post.send_owed(monotonic)
        if not self._post.is_empty and not decision.is_quiet and monotonic >= self._rest_until:
            for part, message in self._messages(store, decision, now):
                refused = self._post.send(message, monotonic)
                failed += refused
                if len(refused) == len(self._post.urls):
                    self._rest_until = monotonic + self._rest_seconds
                    self._rest_seconds = min(2 * self._rest_seconds, LONGEST_SECONDS)
                    break
                self._rest_seconds = FIRST_SECONDS
                with store.write() as tx:
                    _note(tx, part, counts, now)
        if failed:
            self._fault(f"no message can be delivered to {', '.join(dict.fromkeys(failed))}; it is tried again")
        elif not self._post.owed and monotonic >= self._rest_until:
            self._log.solved(SAID)
            self._show(SAID, [])

    def _signs(self, settings: Settings) -> Signs:
        # The disk has a rule of its own here: its alert was there before.
        return heartbeat.signs(settings.state_dir, self._clock, listen=settings.listen)

    def _messages(self, store: Store, decision: Decision, now: datetime) -> Iterable[tuple[Decision, words.Message]]:
        """Yield what is to be sent, each message with the part of the decision that it carries out."""
        if decision.tell_bad or decision.tell_good:
            yield replace(decision, digest_since=None), words.changed(decision, self._where)
        if decision.digest_since is not None:
            with store.read() as tx:
                message = words.report(
                    tx, self._settings(), decision.digest_since, now, self._where, self._signs(self._settings())
                )
            yield Decision(digest_since=decision.digest_since), message


def _patience(settings: Settings, *, at_end_of_round: bool) -> Patience:
    alerts = settings.alerts
    group = timedelta(0) if at_end_of_round else timedelta(seconds=alerts.group_seconds)
    return Patience(group, timedelta(seconds=alerts.again_seconds), alerts.digest_at, settings.timezone)


def _disk_free_bytes(settings: Settings) -> int | None:
    try:
        return shutil.disk_usage(settings.state_dir).free
    except OSError:
        return None


def _rows(tx: Session, told_since: datetime) -> list[Alert]:
    """Return the rows that still matter: open, not told to be over, or told lately."""
    untold_end = col(Alert.told_at).is_not(None) & col(Alert.solved_told_at).is_(None)
    query = select(Alert).where(or_(col(Alert.solved_at).is_(None), untold_end, col(Alert.told_at) > told_since))
    return list(tx.exec(query.order_by(col(Alert.id))))


def _keep(tx: Session, change: Decision, told_since: datetime, now: datetime) -> list[Alert]:
    """Write what has changed, and return the rows that matter as they are now."""
    for row, fact in change.lasts:
        tx.get_one(Alert, row.id).text = words.about(fact)
    for row in change.end:
        tx.get_one(Alert, row.id).solved_at = now
    for fact in change.begin:
        tx.add(Alert(cause=fact.cause, supplier=fact.supplier, text=words.about(fact), since=now))
    tx.flush()
    return _rows(tx, told_since)


def _note(tx: Session, decision: Decision, counts: dict[decide.Key, int], now: datetime) -> None:
    """Note what was told."""
    for row in decision.tell_bad:
        mine = tx.get_one(Alert, row.id)
        mine.told_at, mine.told_count = now, counts.get(decide.key_of(row), 1)
    for row in decision.tell_good:
        tx.get_one(Alert, row.id).solved_told_at = now
    if decision.digest_since is not None:
        told = Alert(cause=DIGEST, text="daily report", since=decision.digest_since, told_at=now)
        told.told_count, told.solved_at, told.solved_told_at = 0, now, now
        tx.add(told)
