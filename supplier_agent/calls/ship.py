"""ship-sale: tell the marketplace that the order was shipped. It notifies the customer and cannot be undone.

It is sent only after a person has marked the order as shipped, and at most once automatically. If the answer is lost, we cannot
know whether the marketplace received the call, so it becomes unknown and waits for `resolve` (or is sent once more, if the user
chose `resend`). Made twice, it may notify the customer twice.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from supplier_agent.calls.protocol import Ending, Job, Need, OutwardCall, Tools, ending_of
from supplier_agent.db.tables import Attempt, Call, Order
from supplier_agent.outbox import DONE, REFUSED, UNKNOWN, Next
from supplier_agent.settings import Settings
from supplier_agent.suppliers.circuit_breakers import WRITES

NOT_FOUND = 404


class Ship(OutwardCall[Tools]):
    """The ship call; see the module."""

    LANE, PRIORITY, ONCE, LEDGERED = WRITES, 0, True, True
    NEEDS = frozenset({Need.MARKS_APPROVED, Need.WHOLE_LABEL, Need.SALE_CHECK})
    ENDPOINT, REHEARSED = "ship-sale", "send ship-sale for"

    def delay(self, settings: Settings) -> timedelta:
        """Return how long a person may still undo the mark."""
        return timedelta(seconds=settings.ship.undo_seconds)

    def due_at(self, order: Order, settings: Settings) -> datetime:
        """Return when it may be sent: after the undo window since the mark, or since a later action that reopened the window."""
        marked_at = order.shipped_at or order.first_seen_at
        return max(marked_at, order.undo_opened_at or marked_at) + self.delay(settings)

    def longest_wait(self, settings: Settings, cache_seconds: float) -> timedelta:  # noqa: ARG002 - the same for every call
        """Return the undo window: a call that was not sent is due again at once."""
        return self.delay(settings)

    def perform(self, job: Job, tools: Tools) -> Ending:
        """Report the order as shipped, once.

        Source: API notes, 5. Documented: the body, `success` in the answer (by the sample code), and that the customer is
        notified. There is no idempotency key, no status to read back (9.7), and no example of an answer (9.8).
        """
        verdict = tools.marketplace.post(self.ENDPOINT, job.menzzo_order_id, always_success=job.always_success)
        ending = ending_of(verdict)
        if ending.outcome.kind == DONE:
            facts = {"ship_confirmed_at": tools.marketplace.clock.now(), "ship_evidence": verdict.means.value}
            return replace(ending, outcome=replace(ending.outcome, facts=facts))
        return ending

    def after(self, job: Job, ending: Ending, settings: Settings, now: datetime, chance: float) -> Next:  # noqa: ARG002 - the same for every call
        """Return the next state: only a call that certainly did not happen is tried again automatically."""
        outcome = ending.outcome
        if outcome.kind == DONE:
            return Next("done")
        if outcome.kind == UNKNOWN:
            return Next("unknown", why=f"the answer was lost or unclear: {outcome.detail}")
        if outcome.kind == REFUSED:
            if job.maybe_sent and outcome.http_status == NOT_FOUND:
                return Next(
                    "unknown",
                    why="404: either the marketplace received the earlier call, or the order was cancelled",
                )
            return Next("parked", strike=True, why=outcome.detail or "the marketplace refused it")
        return Next("owed", now, why=f"it was not sent: {outcome.detail}")

    def repeats_lost(self, settings: Settings) -> bool:
        """Return whether the user chose `resend`."""
        return settings.ship.after_lost_answer == "resend"

    def repeat_at(self, call: Call, attempts: list[Attempt], settings: Settings, now: datetime) -> datetime | None:  # noqa: ARG002 - the same for every call
        """Return when an unknown call is sent once more: only with `after_lost_answer = "resend"`, only after one lost answer."""
        lost = [each for each in attempts if each.outcome in {UNKNOWN, None}]
        if not self.repeats_lost(settings) or len(lost) != 1 or attempts[-1].number != lost[0].number:
            return None
        return (lost[0].ended_at or lost[0].started_at) + timedelta(seconds=settings.ship.settle_seconds)

    def facts_when_rehearsed(self, job: Job, now: datetime) -> Mapping[str, object]:  # noqa: ARG002 - the same for every call
        """Return that the order is shipped."""
        return {"ship_confirmed_at": now}


CALL = Ship()
