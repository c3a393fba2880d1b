"""What a program may do to an order: ship, unship, hold, release, note. The rules are those of the page and the command line.

An act, its answer and its Idempotency-Key are stored in one transaction. The same request with the same key gets the same answer
and is not done again, for as long as the answers of the page are kept. A refusal is not stored: it has changed nothing, and the
same request may be right later. A queue that repeats a request until it is accepted would else never be heard.
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session
from starlette.responses import Response

from supplier_agent import actions
from supplier_agent.base.errors import AgentError, StateError
from supplier_agent.db.plain_sql import within
from supplier_agent.db.tables import Order, Submission
from supplier_agent.order import SALE_STOPPED
from supplier_agent.reports import facts
from supplier_agent.reports.orders import Judge, summary
from supplier_agent.verdict import Act, Blocker, Role, Verdict
from supplier_agent.web.api.gate import Asking
from supplier_agent.web.api.models import Hold, Note, Of, Release, Ship, Unship
from supplier_agent.web.api.problems import Problem, Refused, answer, blocked
from supplier_agent.web.api.reading import named
from supplier_agent.words import Words

AGAIN = "Idempotent-Replayed"
"""The header of an answer that was given before, to the same request with the same key."""


@dataclass(frozen=True)
class Reply:
    """An answer as it is stored."""

    status: int
    body: dict[str, Any]

    def response(self, *, again: bool = False) -> Response:
        """Return it as a response. again: it is the answer of then, and the order may have changed since."""
        return answer(self.body, self.status, headers={AGAIN: "true"} if again else None)


class _No(Exception):  # noqa: N818 - not an error of ours
    """The act is refused: nothing is changed."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.problem = problem


def act(asking: Asking) -> Response:
    """Do what a request asks for, once. Raises Refused if there is no such order, and LockedError: then nothing was recorded."""
    order = str(getattr(asking.sent, "order", "") or asking.parts["order"])
    mark = _mark(asking, order)
    try:
        with asking.room.store.write() as tx:
            if (before := _answered(tx, asking, mark)) is not None:
                return before.response(again=True)
            found = named(tx, asking, order)
            said = _done(tx, found, asking)
            reply = Reply(200, {"said": said, "order": _judged(tx, found, asking)[1]})
            _keep(tx, asking, mark, reply)
    except _No as no:
        problem = no.problem
    except StateError:
        raise
    except AgentError as error:  # a rule of actions.py, or a trigger of the database
        problem = blocked(_blockers(asking, order), "too_late", error.what)
    else:
        return reply.response()
    return problem.response()


def _done(tx: Session, order: Order, asking: Asking) -> str:
    """Do it; return what was done, in one sentence. What is so already is not changed. Raises _No if it is refused."""
    sent, who, now = asking.sent, asking.caller.who, asking.now
    verdict, _ = _judged(tx, order, asking)
    match sent:
        case Ship():
            _must_go(order, sent, verdict)
            return actions.ship(tx, order, now, who)
        case Unship():
            if order.shipped == 1 and Act.UNSHIP not in verdict.may[Role.LEAD]:
                raise _No(blocked(verdict.blockers, "too_late", "its report has begun, or is done"))
            return actions.unship(tx, order, now, who)
        case Hold():
            if order.held_reason is not None:
                return "it is already on hold"
            if Act.HOLD not in verdict.may[Role.LEAD]:
                raise _No(
                    blocked(verdict.blockers, "too_late", "it is shipped or closed: there is nothing left to hold")
                )
            return actions.hold(tx, order, now, who, _on_one_line(sent.reason))
        case Release():
            if order.held_reason is not None and order.held_code is not None:
                why = (
                    "because of its sale"
                    if order.held_code == SALE_STOPPED
                    else "since a restore or the loss of the ship ledger"
                )
                raise _No(
                    blocked(verdict.blockers, "needs_a_person", f"it is on hold {why}: only a person may release it")
                )
            return actions.release(tx, order, now, who)
        case Note():
            return actions.note(tx, order, now, who, _on_one_line(sent.text))
    raise AssertionError(type(sent))


def _on_one_line(text: str) -> str:
    """Return what people read in the history: on one line, without control characters."""
    return " ".join("".join(each if each.isprintable() or each.isspace() else "?" for each in text).split())


def _must_go(order: Order, sent: Ship, verdict: Verdict) -> None:
    """Raise _No if an order must not leave, by the same stops as on the page. What only delays its report is accepted."""
    if order.shipped == 1 or order.ship_confirmed_at is not None:
        return
    stops, blockers = verdict.stops, list(verdict.blockers)
    if sent.label_sha256 is not None and sent.label_sha256 != order.label_sha256:
        stops = (*stops, Blocker.LABEL_CHANGED)
        blockers += [] if Blocker.LABEL_CHANGED in blockers else [Blocker.LABEL_CHANGED]
    if stops:
        raise _No(blocked(blockers))


def _judged(tx: Session, order: Order, asking: Asking) -> tuple[Verdict, dict[str, object]]:
    """Return the verdict on an order as it is now, and its summary."""
    look = within(tx)
    (found,) = facts.orders_of(look, [order.id or 0], codes=True)
    verdict = Judge(look, asking.room.settings, asking.now).of(found)
    return verdict, summary(found, verdict, Words())


def _blockers(asking: Asking, order: str) -> tuple[Blocker, ...]:
    with asking.room.store.read() as tx:
        return _judged(tx, named(tx, asking, order), asking)[0].blockers


# -- Done once.


def _place(asking: Asking) -> str:
    """Return the key under which an answer is stored. Each program has its own, and so has each choice of suppliers.

    A name may be given to another program later, which must not be shown the orders of the first.
    """
    caller = asking.caller
    whose = None if caller.suppliers is None else sorted(caller.suppliers)
    return "api " + hashlib.sha256(json.dumps([caller.who, whose, asking.once]).encode()).hexdigest()


def _mark(asking: Asking, order: str) -> str:
    """Return the hash of what is asked for, whatever the order of its keys."""
    assert isinstance(asking.sent, Of)  # noqa: S101 - every act is one
    kind = next(each for each in type(asking.sent).__mro__ if each.__bases__ == (Of,)).__name__
    wanted = [kind, order, asking.sent.model_dump(mode="json", exclude={"order"})]
    return hashlib.sha256(json.dumps(wanted, sort_keys=True).encode()).hexdigest()


def _answered(tx: Session, asking: Asking, mark: str) -> Reply | None:
    """Return the answer to the same request with this key; None if it is new. Raises Refused if the key belongs to another."""
    if not asking.once:
        return None
    row = tx.get(Submission, _place(asking))
    if row is None:
        return None
    found = json.loads(row.answer)
    if found["mark"] != mark:
        raise Refused("idempotency_key_reused", "use a new key for each new request")
    return Reply(found["status"], found["body"])


def _keep(tx: Session, asking: Asking, mark: str, reply: Reply) -> None:
    if asking.once:
        stored = {"mark": mark, "status": reply.status, "body": reply.body}
        tx.add(Submission(key=_place(asking), at=asking.now, answer=json.dumps(stored)))
