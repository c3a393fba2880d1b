"""What the loop says of itself: one event for each outcome, in words that a person can act on."""

from collections.abc import Sequence

from supplier_agent.base.log import Log
from supplier_agent.calls import Job
from supplier_agent.marketplace import Listing, Verdict
from supplier_agent.outbox import DONE, Outcome
from supplier_agent.suppliers.safety_stops import ASKED
from supplier_agent.tick import pull

EVENTS = {"parked": "call.parked", "unknown": "call.unknown"}
CURES = {
    "parked": "supplier-agent order {order}; then: supplier-agent retry {order}",
    "unknown": "ask Menzzo whether {order} is shipped; then: supplier-agent resolve {order} --shipped (or --send-again) --by NAME",
}


def call(log: Log, job: Job, outcome: Outcome, said: Sequence[str]) -> None:
    """Tell how an attempt ended."""
    facts = {"supplier": job.supplier, "order": job.menzzo_order_id, "call": job.kind, "attempt": job.number}
    ending = {"outcome": outcome.kind, "http_status": outcome.http_status, "detail": outcome.detail}
    if outcome.kind == DONE:
        log.info("call.done", **facts)
        _changes(log, job.supplier, said, None)
        return
    what = next((each for each in said if each in CURES), None)
    if what is not None:
        cure = CURES[what].format(order=job.menzzo_order_id)
        log.warning(EVENTS[what], **facts, **ending, cure=cure)
    elif job.number == 1:
        log.info("call.postponed", **facts, **ending)
    else:  # said once; `order ID` has every attempt
        log.debug("call.postponed", **facts, **ending)
    _changes(log, job.supplier, said, outcome.detail)


def page(
    log: Log,
    supplier: str,
    answer: Listing | Verdict,
    step: pull.OpenRun | pull.Finished | pull.Failed,
    said: Sequence[str],
) -> None:
    """Tell what a read brought. One that nobody asked for and that brings nothing new is not worth a line."""
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
        elif step.added or step.purpose == "resync":
            log.info("run.finished", **facts, proof=step.proof)
        else:
            log.debug("run.finished", **facts, proof=step.proof)
        if step.purpose != "poll":
            _not_fully_read(log, supplier, step)
    _changes(log, supplier, said, answer.detail if isinstance(answer, Verdict) else None)


def _not_fully_read(log: Log, supplier: str, step: pull.Finished) -> None:
    """Tell once that the list cannot be read to its end, and once that it can again."""
    if step.proof == "partial":
        log.problem(f"reading of {supplier}", f"not fully read: {step.detail}", supplier=supplier)
    else:
        log.solved(f"reading of {supplier}", supplier=supplier)


def brake(log: Log, supplier: str, said: str) -> None:
    """Tell that ship calls wait for a person's word, or no longer do."""
    if said == ASKED:
        log.warning("ships.paused", supplier=supplier, what=said, cure=f"supplier-agent approve {supplier}")
    else:
        log.info("ships.resumed", supplier=supplier, what=said)


def _changes(log: Log, supplier: str, said: Sequence[str], detail: str | None) -> None:
    """Tell a break and a recovery, once each."""
    for each in said:
        if each in CURES:
            continue
        if each.endswith(("recovered", "accepted")):
            log.info("supplier.recovered", supplier=supplier, what=each)
        else:
            log.warning("supplier.failed", supplier=supplier, what=each, detail=detail)
