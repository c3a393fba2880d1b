"""Tell the supplier's own WhatsApp bot (BusinessOnBot) that an order of the shop's own customer has left.

It is about an order of the shop, never about one of the marketplace, so its call is about no order of ours. A customer gets a
message for it. Its document says nothing of a message that arrives twice, so it is sent once: after a lost or unclear answer a
person decides.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Literal, Protocol

from sqlmodel import Session, col, delete, select, update

from supplier_agent.base.clock import Clock
from supplier_agent.calls.protocol import Ending, Job, OutwardCall, ending_of
from supplier_agent.db.tables import Attempt, Call
from supplier_agent.marketplace import Means, Verdict
from supplier_agent.outbox import NOT_SENT, REFUSED, Next, Outcome
from supplier_agent.reading.own_orders import KIND, event_id
from supplier_agent.settings import Settings
from supplier_agent.suppliers.circuit_breakers import OTHERS
from supplier_agent.verdict.supplier import BOT

TOO_OLD = timedelta(days=3)
"""A message that could not be sent for so long is sent only if a person wants it: it would no longer be news."""


class BotTools(Protocol):
    """What a worker uses (integrations/businessonbot/client.py)."""

    @property
    def clock(self) -> Clock:
        """The clock."""

    def dispatched(self, order: Mapping[str, object]) -> Verdict:
        """Send the message about an order of the shop: its shop_id, number and dispatched_at."""


class DispatchedCall(OutwardCall[BotTools]):
    """The call; see the module."""

    ACCOUNT, LANE, PRIORITY, ONCE, BRAKES_ON_404 = BOT, OTHERS, 8, True, False
    DRY: Literal["print", "make", "skip"] = "skip"
    ENDPOINT, REHEARSED = "fulfillments-events-create", "tell the bot about the shop's order"
    WORDS = MappingProxyType({"kind.dispatched": "message to the bot", "receiver.dispatched": "BusinessOnBot"})

    def is_for(self, settings: Settings, supplier: str) -> bool:
        """Tell whether messages of this supplier are switched on."""
        bot = settings.bot_of(supplier)
        return bot is not None and bot.send_dispatched

    def of_event(self, tx: Session, call: Call) -> Mapping[str, object] | None:
        """Return the order of the shop; None: it is no longer followed."""
        from supplier_agent.db.businessonbot import BotOrder  # noqa: PLC0415 - not defined while nothing is sent

        supplier, _, rest = call.subject.partition("/")
        shop_id = rest.rpartition("/")[0]
        found = tx.exec(select(BotOrder).where(BotOrder.supplier == supplier, BotOrder.shop_id == shop_id)).first()
        if found is None or call.subject != event_id(supplier, shop_id):
            return None
        return {"shop_id": found.shop_id, "number": found.number, "dispatched_at": found.dispatched_at}

    def perform(self, job: Job, tools: BotTools) -> Ending:
        """Send it, once. An answer that there is nothing at this address is about the address: nothing was done."""
        if tools.clock.now() - job.owed_at > TOO_OLD:
            return Ending(Outcome(REFUSED, f"it could not be sent for {TOO_OLD.days} days: it would no longer be news"))
        verdict = tools.dispatched(job.facts)
        ending = ending_of(verdict)
        if verdict.means is Means.NOT_FOUND:
            return replace(ending, outcome=Outcome(NOT_SENT, verdict.detail, verdict.http_status), outage=True)
        return ending

    def after(self, job: Job, ending: Ending, settings: Settings, now: datetime, chance: float) -> Next:
        """Return the next state. What was certainly not sent is sent later, for as long as it is news."""
        step = super().after(job, ending, settings, now, chance)
        return replace(step, strike=False) if step.state == "owed" else step


CALL = DispatchedCall()


# -- What is left of messages.


def forget(tx: Session, suppliers: Iterable[str]) -> None:
    """Remove everything about the messages of these suppliers: if they are switched on again, they start from the beginning."""
    from supplier_agent.db.businessonbot import BotFeed, BotOrder  # noqa: PLC0415 - as above

    for supplier in suppliers:
        mine = (col(Call.supplier) == supplier) & (col(Call.kind) == KIND) & col(Call.order_id).is_(None)
        tx.exec(delete(Attempt).where(col(Attempt.call_id).in_(select(Call.id).where(mine))))
        tx.exec(delete(Call).where(mine))
        tx.exec(delete(BotOrder).where(col(BotOrder.supplier) == supplier))
        tx.exec(delete(BotFeed).where(col(BotFeed.supplier) == supplier))


def start_over(tx: Session) -> None:
    """Send nothing that this database owes, because it was restored: it may have been sent since the copy was made.

    Orders that were placed in the shop from now on are told again.
    """
    from supplier_agent.db.businessonbot import BotFeed  # noqa: PLC0415 - as above

    owed = update(Call).where(col(Call.kind) == KIND, col(Call.order_id).is_(None), col(Call.state) == "owed")
    tx.exec(owed.values(state="dropped", due_at=None))
    tx.exec(delete(BotFeed))
