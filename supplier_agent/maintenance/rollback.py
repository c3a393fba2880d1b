"""Detects a restored or replaced database, by comparing it with the ship ledger; then every marked order is held.

Both count an epoch at each start and end of the agent: an older copy of the database is behind. Within an epoch they are compared
by the last ship call and the last decision in the ledger, which an older copy does not know. Decisions are copied from the table
`events`, so that a restore can show what had been undone; they never decide whether an order is held.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum

from sqlmodel import Session, col, func, or_, select, tuple_

from supplier_agent import outbox
from supplier_agent.base.cells import Unreadable
from supplier_agent.base.errors import StateError
from supplier_agent.base.log import Log
from supplier_agent.calls.dispatched import start_over
from supplier_agent.db.plain_sql import within
from supplier_agent.db.ship_ledger import NAMELESS, Decision, Ledger
from supplier_agent.db.store import FullError, LockedError, Store
from supplier_agent.db.tables import Attempt, Call, Event, Installation, Order
from supplier_agent.evidence.stored import link
from supplier_agent.order import LEDGER_LOST, RESTORED
from supplier_agent.words.english import RELEASE

TAKEN_BACK = {"flag taken back": "the flag was taken back", "held": "it was held", "closed": "it was closed"}
"""Decisions after which an order must not continue automatically, and their texts."""
DECISIONS = (
    *TAKEN_BACK,
    *("flagged as shipped", "released", "reopened", "override", "retry", "resolved: shipped", "resolved: send again"),
)
"""The events that are a person's decision about an order (actions.py, triggers.py)."""
REASONS = {
    RESTORED: "the database was restored from a copy; it may have been shipped or taken back since",
    LEDGER_LOST: "the ship ledger was lost; it may have been shipped since",
}
ADVICE = ". Ask Menzzo, then close or release it"
SOME = 500


class Relation(Enum):
    """The relation between ledger and database."""

    SAME = "same"
    NEW = "new"  # nothing was ever shipped here, or the ledger is from an older version: they are linked now
    REPLACED = "replaced"  # the database is older than the ledger, or another one
    LOST = "lost"  # the ledger is missing, foreign, or older than the database


@dataclass(frozen=True)
class Finding:
    """A relation, and why it is not SAME."""

    relation: Relation
    why: str = ""


@dataclass(frozen=True)
class Held:
    """An order that now waits for a person. `taken_back`: the decision since the copy was made, or ""."""

    supplier: str
    order: str
    taken_back: str


def installation(tx: Session) -> Installation:
    """Return the one row about this database."""
    return tx.get(Installation, 1) or Installation()


def judge(tx: Session, ledger: Ledger) -> Finding:
    """Compare the database with the ledger, in numbered steps. Only reads."""
    row = installation(tx)
    # 1. Is there a trusted ledger? If not, a database in which nothing was ever marked or shipped is a new one.
    if ledger.fault:
        known = row.ledger_id is not None or _was_in_use(tx)
        return Finding(Relation.LOST, ledger.fault) if known else Finding(Relation.NEW)
    # 2. Do they belong to each other?
    if row.ledger_id is None:
        return _never_joined(tx, ledger)
    if row.ledger_id != ledger.identity:
        return Finding(Relation.LOST, "it belongs to another installation")
    # 3. Which is older? The database counts first, so a crash between the two leaves it one ahead.
    if ledger.epoch > row.epoch:
        return Finding(Relation.REPLACED, "the database is older than the ship ledger")
    if row.epoch > ledger.epoch + 1:
        return Finding(Relation.LOST, "it is older than the database")
    # 4. Is it a copy of the whole folder, of unknown age?
    if ledger.copied:
        return Finding(Relation.REPLACED, "the state folder was copied, or restored as a whole")
    # 5. Does the database know the last ship call and decision?
    if not (_knows_call(tx, ledger) and _knows_decision(tx, row, ledger.last_decision)):
        return Finding(Relation.REPLACED, "the database lacks the last entry of the ship ledger")
    return Finding(Relation.SAME)


def _never_joined(tx: Session, ledger: Ledger) -> Finding:
    """Compare a database without a ledger's id: a crash at the first start, an older version of both, or an older database."""
    older = Finding(Relation.REPLACED, "the database is older than the ship ledger, or another one")
    if ledger.identity != NAMELESS and ledger.epoch > 0:
        return older
    if not _knows_all(tx, ledger):
        return Finding(Relation.LOST, "it lacks ship calls of this database")
    return Finding(Relation.NEW) if _knows_call(tx, ledger) else older


def _was_in_use(tx: Session) -> bool:
    called = select(Call.id).where(Call.kind == "ship", Call.attempts > 0)
    marked = select(Order.id).where(col(Order.shipped_at).is_not(None))
    return any(tx.exec(query.limit(1)).first() is not None for query in (called, marked))


def _knows_all(tx: Session, ledger: Ledger) -> bool:
    """Tell whether the ledger knows every answered ship call. For others, a crash may have prevented the line."""
    query = select(Order.supplier, Order.menzzo_order_id, func.max(Attempt.number)).join(
        Call, col(Call.order_id) == Order.id
    )
    query = query.join(Attempt, col(Attempt.call_id) == Call.id)
    query = query.where(Call.kind == "ship", col(Attempt.outcome).in_((outbox.DONE, outbox.REFUSED, outbox.LATER)))
    return all(
        (entry := ledger.last(supplier, order)) is not None and entry.attempt >= number
        for supplier, order, number in tx.exec(query.group_by(col(Order.id)))
    )


def _knows_call(tx: Session, ledger: Ledger) -> bool:
    if ledger.last_call is None:
        return True
    supplier, order, attempt = ledger.last_call
    query = select(Call.attempts).join(Order).where(Order.supplier == supplier, Order.menzzo_order_id == order)
    known = tx.exec(query.where(Call.kind == "ship")).first()
    if isinstance(known, Unreadable):  # one damaged cell: planning repairs it from the ledger
        return True
    return known is not None and known >= attempt


def _knows_decision(tx: Session, row: Installation, decision: Decision | None) -> bool:
    """Tell whether the database has that decision. One that was recorded as copied may have been removed since (retention)."""
    if decision is None or row.last_decision >= decision.event:
        return True
    event = tx.get(Event, decision.event)
    return event is not None and (event.at.isoformat(), event.what) == (decision.at, decision.what)


def hold(tx: Session, ledger: Ledger, code: str, now: datetime) -> tuple[Held, ...]:
    """Hold every order that would be reported automatically, and those that a person had held or closed since the copy.

    If a shop marks the orders of a supplier, also those whose mark was taken back since: what is fulfilled there is read again.

    An order is not held only if the ledger says that its call was done: then nothing is sent for it. Calling it again does nothing.
    Messages to the suppliers' bots that are owed are not sent: they may have been sent since.
    """
    start_over(tx)
    taken_back = since_the_copy(tx, ledger)
    read_back = {each.supplier for each in within(tx).rows("SELECT supplier FROM shop_reads")}
    lost = [key for key, each in taken_back.items() if each.what != "flag taken back" or key[0] in read_back]
    query = select(Order).where(col(Order.ship_confirmed_at).is_(None))
    query = query.where(col(Order.closed_reason).is_(None), col(Order.held_reason).is_(None))
    held = []
    for start in range(0, max(len(lost), 1), SOME):
        some = tuple_(col(Order.supplier), col(Order.menzzo_order_id)).in_(lost[start : start + SOME])
        for order in tx.exec(query.where(or_(col(Order.shipped) == 1, some)).order_by(col(Order.id))).all():
            entry = ledger.last(order.supplier, order.menzzo_order_id)
            if order.held_reason is not None or (entry is not None and entry.outcome == outbox.DONE):
                continue
            what = in_words(taken_back.get((order.supplier, order.menzzo_order_id)))
            assert order.id is not None  # noqa: S101 - a stored order has one
            order.held_code, order.planned_at = code, None
            order.held_reason = REASONS[code] + (f" ({what})" if what else "") + ADVICE
            tx.add(order)
            tx.add(Event(order_id=order.id, at=now, who="agent", what="held", detail=order.held_reason))
            held.append(Held(order.supplier, order.menzzo_order_id, what))
    return tuple(held)


def since_the_copy(tx: Session, ledger: Ledger) -> Mapping[tuple[str, str], Decision]:
    """Return the last decision about each order that this database does not know."""
    found: dict[tuple[str, str], Decision] = {}
    for each in ledger.decisions():
        event = tx.get(Event, each.event)
        if event is not None and (event.at.isoformat(), event.what) == (each.at, each.what):
            break
        found.setdefault((each.supplier, each.order), each)
    return {key: each for key, each in found.items() if each.what in TAKEN_BACK}


def in_words(decision: Decision | None) -> str:
    """Return a decision as text, "" if there is none."""
    if decision is None:
        return ""
    at = f"{datetime.fromisoformat(decision.at).astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    return f"{TAKEN_BACK[decision.what]} by {decision.who} at {at}"


class Watch:
    """Keeps database and ledger in step: at the agent's start, when another program has written, and at its end."""

    def __init__(self, store: Store, ledger: Ledger, log: Log) -> None:
        self._store, self._ledger, self._log = store, ledger, log
        self._looked = 0  # events up to this id were examined; most are not decisions

    def start(self, now: datetime) -> None:
        """First of all: find out what happened to the files, hold what must be held, count the epoch."""
        with self._store.read() as tx:
            finding, accepted = judge(tx, self._ledger), installation(tx).new_ledger_by
        if finding.relation is Relation.SAME and accepted is None:
            self.look(now)
            self._count(now)
        else:
            self._settle(finding, now)

    def look(self, now: datetime) -> bool:
        """Copy new decisions to the ledger; False if they must be tried again.

        Raises StateError if the database was replaced while the agent works on it.
        """
        with self._store.read() as tx:
            finding, row = judge(tx, self._ledger), installation(tx)
            new = new_decisions(tx, max(row.last_decision, self._looked)) if finding.relation is Relation.SAME else ()
            newest = _newest_event(tx)
        if finding.relation is Relation.REPLACED:
            raise StateError(
                f"the database {self._store.path} was replaced while the agent runs ({finding.why}); the agent stops",
                "start it again: it then holds marked orders until a person releases them",
            )
        if finding.relation is Relation.LOST:
            self._settle(finding, now)
        elif new:
            try:
                self._ledger.decide(new)
            except StateError as error:  # ship calls need the same disk and wait too; this is tried again
                self._log.problem("ledger", error.what)
                return False
            with self._store.write() as tx:
                row = installation(tx)
                row.last_decision = new[-1].event
                tx.add(row)
        self._looked = newest
        return True

    def end(self, now: datetime) -> None:
        """Count the epoch, so that a copy made while the agent was running is known to be older."""
        with self._store.read() as tx:
            same = judge(tx, self._ledger).relation is Relation.SAME
        if same:
            self.look(now)
            self._count(now)

    def _count(self, now: datetime) -> None:
        """Start the next epoch, in the database first. If the disk is full, both stay as they are, or differ by one."""
        try:
            with self._store.write() as tx:
                row = installation(tx)
                row.epoch, row.ledger_lost_at, row.ledger_lost_why = self._ledger.epoch + 1, None, None
                tx.add(row)
            self._ledger.mark(row.epoch, now)
        except StateError as error:
            if isinstance(error, LockedError) and not isinstance(error, FullError):
                raise
            self._log.problem("ledger", error.what)

    def _settle(self, finding: Finding, now: datetime) -> None:
        """Act on a finding: link the two, or hold marked orders."""
        with self._store.write() as tx:
            row = installation(tx)
            first = row.ledger_lost_at is None
            accepted = finding.relation is Relation.LOST and row.new_ledger_by is not None
            held: tuple[Held, ...] = ()
            if finding.relation in {Relation.REPLACED, Relation.LOST} and not accepted:
                code = RESTORED if finding.relation is Relation.REPLACED else LEDGER_LOST
                held = hold(tx, self._ledger, code, now)
            if finding.relation is Relation.LOST and not accepted:
                row.ledger_lost_at, row.ledger_lost_why = row.ledger_lost_at or now, finding.why
            else:
                bind(tx, row, self._ledger, now, new_ledger=accepted)
            tx.add(row)
            epoch = row.epoch
        if finding.relation is Relation.REPLACED:
            self._log.warning("database.replaced", detail=finding.why, held=len(held), cure=RELEASE)
        elif finding.relation is Relation.LOST and not accepted:
            if first or held:
                self._log.warning("ledger.refused", detail=finding.why, held=len(held), cure=RELEASE)
            return
        self._ledger.mark(epoch, now)


def bind(tx: Session, row: Installation, ledger: Ledger, now: datetime, *, new_ledger: bool = False) -> None:
    """Link database and ledger; the caller marks the epoch in the ledger once this is committed."""
    if ledger.fault or ledger.identity == NAMELESS or new_ledger:
        ledger.begin(secrets.token_hex(8), now)
    link(tx, ledger, now)
    row.ledger_id, row.epoch, row.last_decision = ledger.identity, ledger.epoch + 1, _newest_event(tx)
    row.ledger_lost_at = row.ledger_lost_why = row.new_ledger_by = None
    tx.add(row)


def _newest_event(tx: Session) -> int:
    return tx.exec(select(func.max(Event.id))).one() or 0


def new_decisions(tx: Session, after: int) -> Sequence[Decision]:
    """Return the decisions that are not in the ledger yet, in order."""
    query = select(Event, Order).join(Order).where(col(Event.id) > after, col(Event.what).in_(DECISIONS))
    return [
        Decision(
            event.at.isoformat(),
            order.supplier,
            order.menzzo_order_id,
            event.what,
            event.who,
            event.detail,
            event.id or 0,
        )
        for event, order in tx.exec(query.order_by(col(Event.id)))
    ]
