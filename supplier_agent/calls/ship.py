"""ship-sale: tell the marketplace that the order has left. It notifies a customer and cannot be taken back.

Never without a person's flag, and at most once without a person: when the answer is lost, nobody on this side can know whether
it happened, so the call becomes unknown and waits for `resolve` (or, if the user chose `resend`, goes once more).
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import ClassVar

from supplier_agent.calls.protocol import Ending, Job, Need, OutwardCall, Tools, ending_of
from supplier_agent.db.tables import Attempt, Call, Order
from supplier_agent.outbox import DONE, REFUSED, UNKNOWN, Next
from supplier_agent.settings import Settings
from supplier_agent.suppliers.circuit_breakers import WRITES

NOT_FOUND = 404


class Ship(OutwardCall[Tools]):
    """See above."""

    LANE, PRIORITY, ONCE, LEDGERED = WRITES, 0, True, True
    NEEDS = frozenset({Need.AGREED_FLAGS, Need.WHOLE_LABEL})
    ENDPOINT, REHEARSED = "ship-sale", "send ship-sale for"
    WORDS: ClassVar[Mapping[str, str]] = {"kind.ship": "ship call"}

    def delay(self, settings: Settings) -> timedelta:
        """Return how long a person may still take it back."""
        return timedelta(seconds=settings.ship.undo_seconds)

    def due_at(self, order: Order, settings: Settings) -> datetime:
        """Return when it may go: after the undo window that the flag opened, or whoever let it go on since."""
        flagged_at = order.shipped_at or order.first_seen_at
        return max(flagged_at, order.undo_opened_at or flagged_at) + self.delay(settings)

    def longest_wait(self, settings: Settings, cache_seconds: float) -> timedelta:  # noqa: ARG002 - the same for every call
        """Return the undo window: what was not sent is due again at once."""
        return self.delay(settings)

    def perform(self, job: Job, tools: Tools) -> Ending:
        """Report the order as shipped, once.

        Source: API notes, 5. There is no idempotency key, no status to read back (9.7), and no example of an answer (9.8).
        """
        verdict = tools.marketplace.ship_sale(job.menzzo_order_id)
        ending = ending_of(verdict)
        if ending.outcome.kind == DONE:
            facts = {"ship_confirmed_at": tools.marketplace.clock.now(), "ship_evidence": verdict.means.value}
            return replace(ending, outcome=replace(ending.outcome, facts=facts))
        return ending

    def after(self, job: Job, ending: Ending, settings: Settings, now: datetime, chance: float) -> Next:  # noqa: ARG002 - the same for every call
        """Decide what becomes of it: only what certainly did not happen is tried again by itself."""
        outcome = ending.outcome
        if outcome.kind == DONE:
            return Next("done")
        if outcome.kind == UNKNOWN:
            return Next("unknown", why=f"the answer was lost or unclear: {outcome.detail}")
        if outcome.kind == REFUSED:
            if job.maybe_sent and outcome.http_status == NOT_FOUND:
                return Next(
                    "unknown",
                    why="404, which may mean that the marketplace had received the earlier call; it may also mean cancelled",
                )
            return Next("parked", strike=True, why=outcome.detail or "the marketplace refused it")
        return Next("owed", now, why=f"it was not sent: {outcome.detail}")

    def repeats_lost(self, settings: Settings) -> bool:
        """Return what the user chose."""
        return settings.ship.after_lost_answer == "resend"

    def by_itself(self, call: Call, attempts: list[Attempt], settings: Settings, now: datetime) -> datetime | None:  # noqa: ARG002 - the same for every call
        """Return when an unknown call goes once more: only with `after_lost_answer = "resend"`, and only after one lost answer."""
        lost = [each for each in attempts if each.outcome in {UNKNOWN, None}]
        if not self.repeats_lost(settings) or len(lost) != 1 or attempts[-1].number != lost[0].number:
            return None
        return (lost[0].ended_at or lost[0].started_at) + timedelta(seconds=settings.ship.settle_seconds)

    def facts_when_rehearsed(self, job: Job, now: datetime) -> Mapping[str, object]:  # noqa: ARG002 - the same for every call
        """Return that it is shipped."""
        return {"ship_confirmed_at": now}


CALL = Ship()
