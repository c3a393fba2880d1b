"""The watch: checks the state every 30 seconds, updates the table of alerts, and sends. It runs in its own thread.

A message is recorded as sent after an address has accepted it: after a crash in between it is sent twice, but never lost.
"""

import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Self

from sqlmodel import Session, col, func, or_, select

from supplier_agent.alerts import decide, post
from supplier_agent.alerts.decide import Change, Decision, Fact, Patience
from supplier_agent.alerts.post import Box, Check, Message, Post
from supplier_agent.base.clock import Clock
from supplier_agent.base.errors import AgentError
from supplier_agent.base.log import Log
from supplier_agent.db import state_folder
from supplier_agent.db.plain_sql import Look, supplier_of, text, within
from supplier_agent.db.store import Store, open_store
from supplier_agent.db.tables import DIGEST, Alert, Chore
from supplier_agent.reading import coverage
from supplier_agent.reports import health, heartbeat
from supplier_agent.reports.letters import letters
from supplier_agent.reports.supplier_facts import last_arrival_at
from supplier_agent.reports.vitals import ALERTS, Trouble
from supplier_agent.settings import Settings, egress
from supplier_agent.suppliers.letters import mark_asked
from supplier_agent.verdict import Problem, ProblemCode
from supplier_agent.words import Words

EVERY_SECONDS = 30.0
SLOW_SECONDS = 600.0
"""How often the slow checks run, whose results change slowly."""
LEARN_SECONDS = 21_600.0
JOIN_SECONDS = 5.0
SAID = "alerts"
LETTER, SENDER = "letter ", "agent"
"""The rows of `chores` that have when the message about a supplier was last sent; who has asked then."""


class Watch:
    """The watch of one installation. `settings` is called at every check, because the configuration may be reloaded.

    `show` passes problems of the alerts themselves to `status`.
    """

    def __init__(
        self,
        settings: Callable[[], Settings],
        clock: Clock,
        log: Log,
        show: Callable[[str, Sequence[Trouble]], None] = lambda _source, _troubles: None,
        *,
        where: str = "",
    ) -> None:
        self._settings, self._clock, self._log, self._show = settings, clock, log, show
        self._where = where or socket.gethostname()
        self._post = Post(settings(), egress.of(settings()))
        self._slow: list[Problem] = []
        self._slow_at: float | None = None
        self._habits: dict[str, decide.Habits | None] = {}
        self._learned_at: float | None = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> Self:
        """Run the checks, in a thread."""
        self._thread = threading.Thread(target=self._run, name="alerts", daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """Ask it to stop."""
        self._stop.set()

    def close(self, seconds: float = JOIN_SECONDS) -> None:
        """Stop, and wait a short time for a message that is being sent."""
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
        """Check once, and send what is due. Never raises.

        `at_end_of_round`: this process makes no further check, so nothing is held back for grouping.
        """
        try:
            with closing(open_store(self._settings().state_dir / state_folder.DATABASE)) as store:
                self._look(store, at_end_of_round=at_end_of_round)
        except AgentError as error:
            self._log.problem(SAID, error.what)
        except Exception as error:  # noqa: BLE001 - alerts must not take the agent with them; the text might hold an address
            self._fault(f"a fault in the alerts: {type(error).__name__}")

    def _look(self, store: Store, *, at_end_of_round: bool) -> None:
        settings, now = self._settings(), self._clock.now()
        renewed = Post(settings, egress.of(settings))
        if not renewed.has_same_addresses(self._post):
            self._post = renewed
        patience = _patience(settings, at_end_of_round=at_end_of_round)
        with store.read() as tx:
            found = decide.group(self._problems(tx, settings, now), settings, now)
            rows = _rows(tx, now - patience.again)
            last = tx.exec(select(func.max(Alert.told_at)).where(Alert.cause == DIGEST)).one()
        change = decide.changes(found, rows)
        if change.begin or change.end or any(row.text != _text(fact, settings) for row, fact in change.lasts):
            with store.write() as tx:
                rows = _keep(tx, change, settings, now - patience.again, now)
        check = Check(settings, found, now, self._where)
        decision = decide.to_send(rows, check.counts, now, patience, self._post.recipients)
        report = Decision(digest_since=decide.digest_since(last, now, patience))
        self._send(store, decision.with_(report), check)
        if self._post.letters:
            self._send_letters(store, settings, patience, now)
        self._say_what_fails()

    def _send_letters(self, store: Store, settings: Settings, patience: Patience, now: datetime) -> None:
        """Send the message to Menzzo about each supplier, once a day. It is recorded as asked once an address has accepted it."""
        daily, monotonic = replace(patience, digest_at=settings.alerts.letters_at), self._clock.monotonic()
        for name in settings.suppliers:
            boxes = [box for box in self._post.letters if box.recipient.supplier in {None, name}]
            with store.read() as tx:
                sent = tx.get(Chore, f"{LETTER}{name}")
                if not boxes or decide.digest_since(None if sent is None else sent.done_at, now, daily) is None:
                    continue
                found = [each for each in letters(within(tx), settings, now, [name]) if each.to_ask]
            for each in found:
                message = post.letter(each)
                missed = [box for box in boxes if not self._post.send(box, message, monotonic)]
                if len(missed) == len(boxes):
                    continue
                for box in missed:
                    box.owed.append((message, monotonic))
                with store.write() as tx:
                    mark_asked(tx, (question.key for question in each.to_ask), now, SENDER)
                    tx.merge(Chore(name=f"{LETTER}{name}", done_at=now))

    def _problems(self, tx: Session, settings: Settings, now: datetime) -> list[Problem]:
        """Return the problems of `status`, with the new results of the slow checks instead of those in the table of alerts."""
        signs = heartbeat.signs_of(settings, self._clock)
        known = [each for each in health.judged(tx, settings, now, signs=signs) if each.code not in decide.SLOW]
        return [*known, *self._slowly(tx, settings, now)]

    def _slowly(self, tx: Session, settings: Settings, now: datetime) -> Sequence[Problem]:
        monotonic = self._clock.monotonic()
        if self._learned_at is None or monotonic - self._learned_at >= LEARN_SECONDS:
            self._learned_at = monotonic
            look, since = within(tx), now - decide.HISTORY
            self._habits = {
                name: decide.learn(_arrivals(look, name, since), now, settings.calendar(name))
                for name in settings.suppliers
            }
        if self._slow_at is None or monotonic - self._slow_at >= SLOW_SECONDS:
            self._slow_at = monotonic
            self._slow = list(slow(tx, settings, self._habits, now))
        return self._slow

    def _send(self, store: Store, decision: Decision, check: Check) -> None:
        monotonic = self._clock.monotonic()
        self._post.send_owed(monotonic)
        for part in decision.parts():
            self._send_part(store, part, check, monotonic)

    def _say_what_fails(self) -> None:
        failing = self._post.failing(self._clock.monotonic())
        if failing:
            self._fault(f"no message can be delivered to {', '.join(failing)}; it is tried again")
        else:
            self._log.solved(SAID)
            self._show(SAID, [])

    def _send_part(self, store: Store, part: Decision, check: Check, monotonic: float) -> None:
        """Send a message to all its recipients, each with its own part.

        1. What any address accepts is recorded as sent. 2. The other addresses get it later. 3. What no address accepts stays
        unsent, and is tried again at a later check.
        """
        taken, missed = Decision(), list[tuple[Box, Decision]]()
        for box in self._post.boxes:
            mine = part.of(box.recipient)
            if mine.is_quiet:
                continue
            rests = monotonic < box.rests_until
            if not rests and self._post.send(box, _message(store, mine, check, box), monotonic):
                taken = taken.with_(mine)
            else:
                missed.append((box, mine))
        if taken.is_quiet:
            return
        with store.write() as tx:
            _note(tx, taken, check)
        for box, mine in missed:
            owed = mine.within(taken)
            if not owed.is_quiet:
                box.owed.append((_message(store, owed, check, box), monotonic))


def _message(store: Store, part: Decision, check: Check, box: Box) -> Message:
    if part.digest_since is None:
        return post.changed(part, check)
    with store.read() as tx:
        return post.report(tx, check, part.digest_since, box.recipient.supplier)


def _patience(settings: Settings, *, at_end_of_round: bool) -> Patience:
    alerts = settings.alerts
    group = timedelta(0) if at_end_of_round else timedelta(seconds=alerts.group_seconds)
    return Patience(group, timedelta(seconds=alerts.again_seconds), alerts.digest_at, settings.timezone)


def _text(fact: Fact, settings: Settings) -> str:
    """Return the text of a fact for a row of alerts: the problem, and its fix in a second line. English, as commands print it."""
    return "\n".join(filter(None, post.about(fact, Words(zone=settings.timezone))))


def _rows(tx: Session, told_since: datetime) -> list[Alert]:
    """Return the rows that still matter: open, end not sent yet, or sent lately."""
    untold_end = col(Alert.told_at).is_not(None) & col(Alert.solved_told_at).is_(None)
    query = select(Alert).where(or_(col(Alert.solved_at).is_(None), untold_end, col(Alert.told_at) > told_since))
    return list(tx.exec(query.order_by(col(Alert.id))))


def _keep(tx: Session, change: Change, settings: Settings, told_since: datetime, now: datetime) -> list[Alert]:
    """Store the changes, and return the current rows that matter."""
    for row, fact in change.lasts:
        tx.get_one(Alert, row.id).text = _text(fact, settings)
    for row in change.end:
        tx.get_one(Alert, row.id).solved_at = now
    for fact in change.begin:
        tx.add(Alert(cause=fact.code.value, supplier=fact.supplier, text=_text(fact, settings), since=now))
    tx.flush()
    return _rows(tx, told_since)


def _note(tx: Session, decision: Decision, check: Check) -> None:
    """Record what was sent."""
    now = check.now
    for row in decision.bad:
        mine = tx.get_one(Alert, row.id)
        mine.told_at, mine.told_count = now, check.counts.get(decide.key_of(row), 1)
    for row in decision.good:
        tx.get_one(Alert, row.id).solved_told_at = now
    if decision.digest_since is not None:
        told = Alert(cause=DIGEST, text="daily report", since=decision.digest_since, told_at=now)
        told.told_count, told.solved_at, told.solved_told_at = 0, now, now
        tx.add(told)


def slow(
    tx: Session, settings: Settings, habits: Mapping[str, decide.Habits | None], now: datetime
) -> Iterator[Problem]:
    """Yield the problems that take long to find: unproved days, and silence. `habits`: of each supplier; None: too little data."""
    look = within(tx)
    for name in settings.suppliers:
        gaps = coverage.gaps(tx, settings, name, now)
        if gaps:
            days = {"case": "one" if len(gaps) == 1 else "many", "first": f"{gaps[0]}", "last": f"{gaps[-1]}"}
            yield Problem(ProblemCode.NOT_READ, name, facts={**days, "number": len(gaps)})
        silent_since = _silent_since(look, settings, name, habits.get(name))
        if silent_since is not None:
            yield Problem(ProblemCode.SILENCE, name, since=silent_since)


def _silent_since(look: Look, settings: Settings, name: str, habits: decide.Habits | None) -> datetime | None:
    """Return since when no order has arrived, if that is unusual. A supplier that cannot be read is not silent."""
    if habits is None or not settings.alerts.silence:
        return None
    arrived_at, read_at = last_arrival_at(look, name), supplier_of(look, name).last_success_at
    if arrived_at is None or read_at is None:
        return None
    return arrived_at if decide.is_unusual(habits, arrived_at, read_at, settings.calendar(name)) else None


def _arrivals(look: Look, supplier: str, since: datetime) -> list[datetime]:
    """Return when readings of this supplier found new orders."""
    rows = look.rows(
        "SELECT ended_at FROM runs WHERE supplier = ? AND purpose IN ('poll', 'sweep') AND added > 0 AND ended_at >= ?",
        supplier, text(since),
    )  # fmt: skip
    return [row.ended_at for row in rows]
