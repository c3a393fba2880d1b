"""The calls we owe: owe, claim, settle, back off, park. The only writer of calls and attempts; it knows no kinds.

Every step is a conditional update inside the caller's transaction, so two agents on one database cannot both send:
a claim changes a row from owed to sending exactly once, and only the holder of its attempt number can settle it.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import bindparam, insert
from sqlmodel import Session, col, func, select, update

from supplier_agent.base.cells import unreadable
from supplier_agent.db.tables import Attempt, Call, Order
from supplier_agent.order import Want

DONE, LATER, NOT_SENT, REFUSED, UNKNOWN = "done", "later", "not_sent", "refused", "unknown"


@dataclass(frozen=True)
class Outcome:
    """How one attempt ended, as a value.

    kind: done, later (try again), not_sent (it cannot have happened), refused (a person must act), unknown (it may have happened).
    detail: the answer word for word, or what happened instead. facts: columns of the order that are now known.
    """

    kind: str
    detail: str = ""
    http_status: int | None = None
    facts: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Next:
    """The state of a call after an attempt. due_at: when it is due again. strike: the answer was about this order, so it counts."""

    state: str
    due_at: datetime | None = None
    strike: bool = False
    why: str | None = None


def owe(tx: Session, order: Order, call: Call | None, want: Want, due_at: datetime, now: datetime) -> None:
    """Owe a call. Idempotent, unless its subject has changed or it had been dropped. `call`: its row, if it has one."""
    state, due = ("parked", None) if want.ask else ("owed", due_at)
    if call is None:
        assert order.id is not None  # noqa: S101 - a stored order has one
        call = Call(order_id=order.id, supplier=order.supplier, kind=want.kind, owed_at=now)
    elif call.state in {"sending", "unknown"}:
        return
    elif call.state in {"owed", "parked"} and call.subject == want.subject:
        later = call.due_at is None or due_at > call.due_at  # marked again: the undo window starts again
        if call.state == "owed" and (later or (call.attempts == 0 and call.due_at != due_at)):
            call.due_at = due_at
            tx.add(call)
        return
    call.subject, call.state, call.due_at, call.detail = want.subject, state, due, want.ask or None
    call.owed_at, call.strikes = now, 0
    tx.add(call)


def owe_again(tx: Session, call: Call, now: datetime) -> None:
    """Owe a parked or unknown call again, because a person or the setting `resend` decided so."""
    call.state, call.due_at, call.owed_at, call.strikes, call.detail = "owed", now, now, 0, None
    tx.add(call)


def owe_event(tx: Session, account: str, kind: str, event_id: str, now: datetime) -> None:
    """Owe the call that sends an event to an account. If it was sent before, it is sent again."""
    call = of_event(tx, kind, event_id)
    if call is None:
        tx.add(Call(supplier=account, kind=kind, subject=event_id, state="owed", owed_at=now, due_at=now))
    else:
        owe_again(tx, call, now)


def of_event(tx: Session, kind: str, event_id: str) -> Call | None:
    """Return the call that sends an event, or None if it was never owed."""
    query = select(Call).where(Call.kind == kind, Call.subject == event_id, col(Call.order_id).is_(None))
    return tx.exec(query).first()


def put_back(tx: Session, call: Call) -> None:
    """Send a call later: it is no longer owed, nor done. One that is being sent stays as it is."""
    if call.state != "sending":
        call.state, call.due_at = "dropped", None
        tx.add(call)


def conclude(tx: Session, call: Call, state: str, why: str) -> None:
    """End a call by other evidence than its answer: a person's statement, or the ship ledger."""
    call.state, call.due_at, call.detail = state, None, why
    tx.add(call)


def rebuild(tx: Session, order: Order, call: Call, now: datetime) -> None:
    """Repair what can be derived of a damaged call row. What cannot be derived stays unreadable and holds the call back."""
    damaged = {*unreadable(call)}
    if "attempts" in damaged:
        newest = tx.scalar(select(func.max(Attempt.number)).where(Attempt.call_id == call.id))
        call.attempts = newest or 0
    for name, value in {"owed_at": now, "due_at": None, "strikes": 0, "detail": None, "subject": ""}.items():
        if name in damaged:
            setattr(call, name, value)
    call.supplier = order.supplier
    tx.add(call)


def park(tx: Session, order_id: int, why: str, now: datetime) -> None:
    """Send nothing more for an order that met an internal error. By row id alone, because its facts may have caused the error."""
    tx.exec(update(Order).where(col(Order.id) == order_id).values(fault=why, planned_at=now), execution_options=_AS_IS)
    owed = update(Call).where(col(Call.order_id) == order_id, col(Call.state) == "owed")
    tx.exec(owed.values(state="dropped", due_at=None), execution_options=_AS_IS)


def park_call(tx: Session, call_id: int, why: str) -> None:
    """Park a call that could not even be claimed, so that a person is asked."""
    mine = update(Call).where(col(Call.id) == call_id, col(Call.state) == "owed")
    tx.exec(mine.values(state="parked", due_at=None, detail=why), execution_options=_AS_IS)


def put_off(tx: Session, call_id: int, until: datetime, why: str) -> None:
    """Postpone an owed call that waits for something on this machine. It does not count as an attempt."""
    mine = update(Call).where(col(Call.id) == call_id, col(Call.state) == "owed")
    tx.exec(mine.values(due_at=until, detail=why), execution_options=_AS_IS)


def drop(tx: Session, call: Call) -> None:
    """Stop owing a call that the facts no longer ask for. Its attempts stay recorded."""
    if call.state == "owed":
        call.state, call.due_at = "dropped", None
        tx.add(call)


def find(tx: Session, order_id: int, kind: str) -> Call | None:
    """Return the call of that kind, or None if it was never owed."""
    return tx.exec(select(Call).where(Call.order_id == order_id, Call.kind == kind)).first()


def of_order(tx: Session, order_id: int) -> Sequence[Call]:
    """Return every call that was ever owed for an order."""
    return tx.exec(select(Call).where(Call.order_id == order_id).order_by(col(Call.id))).all()


def attempts_of(tx: Session, call: Call) -> Sequence[Attempt]:
    """Return the attempts of a call, oldest first."""
    return tx.exec(select(Attempt).where(Attempt.call_id == call.id).order_by(col(Attempt.number))).all()


_AS_IS = {"synchronize_session": False}  # later readers of the row load it again

# Run before every request: built once, and run on the connection, because the ORM would take longer than the database.
_MINE = (
    col(Call.supplier) == bindparam("supplier"),
    col(Call.kind) == bindparam("kind"),
    col(Call.state) == "owed",
)
_DUE = (
    select(Call.id, Call.order_id, Call.kind)
    .where(*_MINE, col(Call.due_at) <= bindparam("now"))
    .order_by(col(Call.due_at), col(Call.id))
    .limit(1)
)
_DUE_OF_ANOTHER = _DUE.where(col(Call.order_id) != bindparam("avoid"))
_NEXT_DUE = select(func.min(Call.due_at)).where(*_MINE, col(Call.due_at) > bindparam("now"))


class Due(NamedTuple):
    """A call that may be sent now."""

    id: int
    order_id: int | None  # None: it sends an event
    kind: str


def due(tx: Session, supplier: str, kind: str, now: datetime, avoid_order_id: int | None = None) -> Due | None:
    """Return the call of that kind that has been due longest; one of another order than `avoid_order_id` if there is one."""
    values = {"supplier": supplier, "kind": kind, "now": now}
    if avoid_order_id is not None:
        other = tx.connection().execute(_DUE_OF_ANOTHER, {**values, "avoid": avoid_order_id}).first()
        if other is not None:
            return Due(*other)
    found = tx.connection().execute(_DUE, values).first()
    return None if found is None else Due(*found)


def next_due_at(tx: Session, supplier: str, kind: str, now: datetime) -> datetime | None:
    """Return when the next call of that kind becomes due; None if there is none."""
    found: datetime | None = tx.connection().scalar(_NEXT_DUE, {"supplier": supplier, "kind": kind, "now": now})
    return found


_TAKE = (
    update(Call)
    .where(
        col(Call.id) == bindparam("call_id"),
        col(Call.state) == "owed",
        col(Call.attempts) == bindparam("before"),
        col(Call.due_at) <= bindparam("now"),
    )
    .values(state="sending", attempts=bindparam("before") + 1, due_at=None)
)
_BEGIN = insert(Attempt).values(
    call_id=bindparam("call_id"), number=bindparam("number"), started_at=bindparam("started_at")
)


def claim(tx: Session, call: Call, now: datetime) -> int | None:
    """Claim a due call for sending; return the attempt's number, or None if another process was faster.

    The number and the attempt's row are written before the request is sent, so a crash leaves a trace.
    """
    number = call.attempts + 1
    connection = tx.connection()
    taken = connection.execute(_TAKE, {"call_id": call.id, "before": call.attempts, "now": now})
    if taken.rowcount != 1:
        return None
    connection.execute(_BEGIN, {"call_id": call.id, "number": number, "started_at": now})
    return number


_END = (
    update(Attempt)
    .where(
        col(Attempt.call_id) == bindparam("of"),
        col(Attempt.number) == bindparam("nth"),
        col(Attempt.ended_at).is_(None),
    )
    .values({name: bindparam(name) for name in ("ended_at", "outcome", "http_status", "detail")})
)
_SETTLE = (
    update(Call)
    .where(
        col(Call.id) == bindparam("of"),
        col(Call.attempts) == bindparam("nth"),
        col(Call.state).in_(("sending", "unknown")),
    )
    .values(
        {name: bindparam(name) for name in ("state", "due_at", "detail")}
        | {"strikes": Call.strikes + bindparam("strike")}
    )
)


def settle(tx: Session, call_id: int, number: int, outcome: Outcome, after: Next, now: datetime) -> bool:
    """Record how an attempt ended and the call's next state; False if the claim is no longer ours.

    A call that another process has set to unknown meanwhile is settled anyway: we have the answer.
    """
    claim = {"of": call_id, "nth": number}
    ended = {"ended_at": now, "http_status": outcome.http_status, "outcome": outcome.kind}
    ended["detail"] = outcome.detail or None
    connection = tx.connection()
    connection.execute(_END, claim | ended)
    became = {"state": after.state, "due_at": after.due_at, "detail": after.why, "strike": int(after.strike)}
    return connection.execute(_SETTLE, claim | became).rowcount == 1


def not_later_than(tx: Session, kind: str, latest: datetime) -> None:
    """Bring forward calls that are due later than any wait allows: the clock was set back."""
    tx.exec(
        update(Call)
        .where(col(Call.kind) == kind, col(Call.state) == "owed", col(Call.due_at) > latest)
        .values(due_at=latest)
    )


def recover(tx: Session, now: datetime, once: Collection[str]) -> list[Call]:
    """After a crash, owe again what was being sent; kinds sent only once become unknown. Return those calls.

    The outcome of their attempts stays empty, because the process died during them.
    """
    calls = list(tx.exec(select(Call).where(Call.state == "sending")).all())
    for call in calls:
        if call.kind in once:
            call.state, call.detail = "unknown", "the agent stopped while it was being sent"
        else:
            call.state, call.due_at = "owed", now
        tx.add(call)
    return calls


def backoff(first_seconds: float, max_seconds: float, failures: int, chance: float) -> timedelta:
    """Return the wait after this many failures: doubles from `first_seconds`, with up to 25% jitter, at most `max_seconds`.

    `chance` is a random number in [0, 1).
    """
    wait = min(max_seconds, first_seconds * 2.0 ** min(failures - 1, 30))
    return timedelta(seconds=min(max_seconds, wait * (1 + chance / 4)))
