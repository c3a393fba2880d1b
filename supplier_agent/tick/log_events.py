"""The log events of the loop: one for each outcome, with the command that fixes it."""

from collections.abc import Sequence

from sqlmodel import Session

from supplier_agent.base.log import Log
from supplier_agent.calls import Job
from supplier_agent.db.tables import Call, Order
from supplier_agent.outbox import DONE, Outcome
from supplier_agent.reading.own_orders import KIND as DISPATCHED
from supplier_agent.tick import pull
from supplier_agent.tick.outages import Change
from supplier_agent.words import say

WEBHOOKS = "supplier-agent webhooks list"
MESSAGES = "supplier-agent businessonbot list"
EVENTS = {"parked": "call.parked", "unknown": "call.unknown"}


def call(log: Log, job: Job, outcome: Outcome, state: str | None) -> None:
    """Log how an attempt ended. `state`: the present state of its call; None: another process settled it."""
    about = "order" if job.order_id is not None else "event_id"
    facts = {"supplier": job.supplier, about: job.menzzo_order_id, "call": job.kind, "attempt": job.number}
    ending = {"outcome": outcome.kind, "http_status": outcome.http_status, "detail": outcome.detail}
    if outcome.kind == DONE:
        log.info("call.done", **facts)
    elif state in EVENTS and job.kind == DISPATCHED:
        log.warning("message.parked", **facts, **ending, cure=MESSAGES)
    elif state == "parked" and job.order_id is None:
        log.warning("webhook.parked", **facts, **ending, cure=WEBHOOKS)
    elif state in EVENTS:
        log.warning(EVENTS[state], **facts, **ending, cure=_cure(state, job))
    elif job.number == 1:
        log.info("call.postponed", **facts, **ending)
    else:  # logged once; `order ID` has every attempt
        log.debug("call.postponed", **facts, **ending)


def _cure(state: str, job: Job) -> str:
    """Return the command that fixes a stuck call. After a refusal, a person reads the answer first."""
    facts = {"order": job.menzzo_order_id, "supplier": job.supplier, "kind": job.kind}
    fix = say(f"fix.call_{state}", facts)
    return f"supplier-agent order {job.menzzo_order_id}; then: {fix}" if state == "parked" else fix


def lost(log: Log, tx: Session, of: Call) -> None:
    """Log, after a crash, that it is unknown whether a call arrived."""
    if of.order_id is None:
        facts = {"supplier": of.supplier, "event_id": of.subject, "call": of.kind, "attempt": of.attempts}
        log.warning("message.parked", **facts, detail=of.detail, cure=MESSAGES)
        return
    order = tx.get(Order, of.order_id)
    this = order.menzzo_order_id if order is not None else None
    facts = {"supplier": of.supplier, "order": this, "call": of.kind, "attempt": of.attempts}
    log.warning("call.unknown", **facts, detail=of.detail)


def page(log: Log, supplier: str, step: pull.OpenRun | pull.Finished | pull.Failed) -> None:
    """Log the result of a read; at debug level if nobody requested it and it brought nothing new."""
    if isinstance(step, pull.OpenRun):
        log.debug("page.read", supplier=supplier, page=step.plan.pages, added=len(step.added))
    elif isinstance(step, pull.Finished):
        if step.rejected:
            log.warning("entry.rejected", supplier=supplier, entries=step.rejected, cure="supplier-agent status")
        facts = {
            "supplier": supplier,
            "purpose": step.purpose,
            "pages": step.pages,
            "listed": step.listed,
            "added": len(step.added),
        }
        if step.first:
            note = f"first start: {len(step.added)} orders were found; those not dated before start_date are acknowledged now"
            log.info("run.finished", **facts, proof=step.proof, note=note)
        elif step.added or step.purpose in {"resync", "fetch"}:
            log.info("run.finished", **facts, proof=step.proof)
        else:
            log.debug("run.finished", **facts, proof=step.proof)
        if step.purpose != "poll":
            _not_fully_read(log, supplier, step)


def _not_fully_read(log: Log, supplier: str, step: pull.Finished) -> None:
    """Log once that the list cannot be read to its end, and once when it can again."""
    if step.proof == "partial":
        log.problem(f"reading of {supplier}", f"not fully read: {step.detail}", supplier=supplier)
    else:
        log.solved(f"reading of {supplier}", supplier=supplier)


def changes(log: Log, account: str, found: Sequence[Change], detail: str | None) -> None:
    """Log each failure and each recovery once."""
    for each in found:
        if each.recovered:
            log.info("supplier.recovered", supplier=account, what=each.what)
        else:
            log.warning("supplier.failed", supplier=account, what=each.what, detail=detail)
