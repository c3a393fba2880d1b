"""acknowledge-sale: tell the marketplace that we have the order. Sent at least once: repeating it is harmless, losing it is not."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from supplier_agent.calls.protocol import Ending, Job, Need, OutwardCall, Tools, ending_of
from supplier_agent.marketplace import Listing, Seen
from supplier_agent.outbox import DONE, LATER, REFUSED, UNKNOWN, Next, Outcome, backoff
from supplier_agent.reading.strategy import Query
from supplier_agent.settings import Settings
from supplier_agent.suppliers.circuit_breakers import WRITES
from supplier_agent.suppliers.read_log import ReadDone, read_done

NOT_FOUND_TRIES = 4
"""The first try and at least three more (public contract, "What an answer means", 404)."""
NOT_FOUND = 404
MOST_PAGES = 10


class Acknowledge(OutwardCall[Tools]):
    """The acknowledge call; see the module."""

    LANE, PRIORITY = WRITES, 1
    NEEDS = frozenset({Need.FIRST_START, Need.STILL_LIST})
    ENDPOINT, REHEARSED = "acknowledge-sale", "send acknowledge-sale for"

    def perform(self, job: Job, tools: Tools) -> Ending:
        """Acknowledge; after a 404, check first whether the order is still listed.

        Source: API notes, 4. Documented: the request's body. Not documented: the answer's body (9.8), and whether a second
        acknowledgement is harmless; we take it to be. Where the answers have always said `success: true`, another answer is
        unclear once: the order is acknowledged again, and then what the answer does not deny is taken as done.
        """
        reads: list[ReadDone] = []
        if job.not_found_since is not None and not _still_listed(job, tools, reads):
            gone = "the marketplace answered 404 and no longer lists the order: cancelled, or acknowledged elsewhere"
            return Ending(Outcome(REFUSED, gone), reads=tuple(reads))
        strict = job.always_success and not job.maybe_sent
        verdict = tools.marketplace.post(self.ENDPOINT, job.menzzo_order_id, always_success=strict)
        ending = ending_of(verdict)
        if ending.redirected_to is not None:  # it says nothing about this order, and trying again is harmless
            ending = replace(ending, outcome=replace(ending.outcome, kind=LATER))
        if (
            ending.quiet_seconds is not None and ending.outcome.kind == UNKNOWN
        ):  # 503 with Retry-After: wait as asked; not an outage
            ending = replace(ending, outcome=replace(ending.outcome, kind=LATER), outage=False)
        if ending.outcome.kind == DONE:
            facts = {"acknowledged_at": tools.marketplace.clock.now(), "acknowledge_evidence": verdict.means.value}
            ending = replace(ending, outcome=replace(ending.outcome, facts=facts))
        return replace(ending, reads=tuple(reads))

    def after(self, job: Job, ending: Ending, settings: Settings, now: datetime, chance: float) -> Next:
        """Return the next state: a 404 is tried again until the list cannot be older than it; the rest as for every call."""
        if ending.outcome.kind != REFUSED or ending.outcome.http_status != NOT_FOUND:
            return super().after(job, ending, settings, now, chance)
        retry, cache = settings.retry, timedelta(seconds=settings.suppliers[job.supplier].cache_seconds)
        first = job.not_found_since or now
        if job.strikes + 1 >= NOT_FOUND_TRIES and now - first > cache:
            why = f"the marketplace answered 404 {job.strikes + 1} times, but its list does not show that the order is gone"
            return Next("parked", strike=True, why=why)
        wait = max(
            backoff(retry.first_seconds, retry.max_seconds, job.strikes + 1, chance),
            cache / 3 + timedelta(seconds=1),
        )
        why = "the marketplace answered 404; the agent checks whether it still lists the order"
        return Next("owed", now + wait, strike=True, why=why)

    def facts_when_rehearsed(self, job: Job, now: datetime) -> Mapping[str, object]:  # noqa: ARG002 - the same for every call
        """Return that the order is acknowledged."""
        return {"acknowledged_at": now}


def _still_listed(job: Job, tools: Tools, reads: list[ReadDone]) -> bool:
    """Read the order again. Unless a complete list does not contain it, it counts as still listed."""
    by_number = tools.settings.suppliers[job.supplier].order_number_filter
    if by_number:
        query = Query(order_number=job.increment_id)
    elif job.order_date is not None:
        query = Query(date_from=job.order_date, date_to=job.order_date + timedelta(days=1))
    else:
        return True
    listed: set[str] = set()
    for page in range(1, MOST_PAGES + 1):
        query = replace(query, page=page)
        if str(query) in job.asked:
            return True  # the server would answer from its cache: nothing new
        started_at = tools.marketplace.clock.now()
        answer = tools.marketplace.get_sales(query)
        reads.append(read_done(query, answer, started_at, tools.marketplace.clock.now()))
        if not isinstance(answer, Listing):
            return not (page > 1 and answer.http_status == NOT_FOUND)
        ids = {row.menzzo_order_id for row in answer.rows if isinstance(row, Seen)}
        if job.menzzo_order_id in ids:
            return True
        if not ids - listed or by_number:
            return False
        listed |= ids
    return True


CALL = Acknowledge()
