"""A call that this program does not have: what CONTRIBUTING.md asks for, a rule and a file, and nothing else."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from supplier_agent.calls import CALLS, AnyCall, Calls, Ending, Job, Keys, OutwardCall
from supplier_agent.db.tables import Order
from supplier_agent.order import WANTED, Rule
from supplier_agent.outbox import DONE, NOT_SENT, UNKNOWN, Next, Outcome
from supplier_agent.settings import Settings
from supplier_agent.suppliers.circuit_breakers import OTHERS
from supplier_agent.verdict.supplier import MARKETPLACE
from supplier_agent.words.english import add_sentences

NOTIFY = "notify"
DELAY_SECONDS = 20
BEFORE = Rule(lambda order: order.acknowledged_at is not None, by_row=True)
AFTER = Rule(
    lambda order: order.ship_confirmed_at is not None,
    after_shipping=True,
    by_row=True,
    attention=frozenset({"unknown"}),
)


class NotifyKeys(Keys):
    """`[calls.notify]`."""

    enabled: bool = False


class Notify(OutwardCall[Any]):
    """Notifies a shop of an order. `once`: the shop does not want to be notified twice."""

    LANE, PRIORITY, ENDPOINT, REHEARSED = OTHERS, 3, "notification", "notify the shop of"
    SENDS = ("sku",)
    Section = NotifyKeys
    WORDS = {"kind.notify": "notification", "receiver.notify": "the shop"}  # noqa: RUF012 - read-only

    def __init__(self, *, once: bool, account: str = MARKETPLACE) -> None:
        self.ONCE, self.ACCOUNT = once, account

    def due_at(self, order: Order, settings: Settings) -> datetime:
        return (order.ship_confirmed_at or order.acknowledged_at or order.first_seen_at) + self.delay(settings)

    def delay(self, settings: Settings) -> timedelta:  # noqa: ARG002 - as in OutwardCall
        return timedelta(seconds=DELAY_SECONDS)

    def perform(self, job: Job, tools: Any) -> Ending:  # noqa: ANN401, ARG002 - as in OutwardCall
        return Ending(Outcome(DONE, f"the shop knows {job.menzzo_order_id}, {job.facts['sku']}", 200))


class Scripted(OutwardCall[Any]):
    """Another call, whose next attempts end as a test says; then as they do. `made`: the orders it was performed for.

    At another receiver than the marketplace, for which the sandbox stands in, they end well.
    """

    def __init__(self, inner: AnyCall, *script: Callable[[], Ending]) -> None:
        for name in dir(inner):
            if not name.startswith("_") and name not in {"perform", "after"}:
                setattr(self, name, getattr(inner, name))
        self.made: list[str] = []
        self._script = list(script)
        self._perform = inner.perform if inner.ACCOUNT == MARKETPLACE else lambda _job, _tools: ends(DONE, 200)()
        self._after = inner.after

    def after(self, job: Job, ending: Ending, settings: Settings, now: datetime, chance: float) -> Next:
        return self._after(job, ending, settings, now, chance)

    def perform(self, job: Job, tools: Any) -> Any:  # noqa: ANN401 - as in OutwardCall
        self.made.append(job.menzzo_order_id)
        return self._script.pop(0)() if self._script else self._perform(job, tools)


def ends(kind: str, status: int | None = None) -> Callable[[], Ending]:
    """Return what ends an attempt like this."""
    outage = kind in {UNKNOWN, NOT_SENT}
    return lambda: Ending(Outcome(kind, f"it ended as {kind}", status), outage=outage)


def breaks() -> Ending:
    """Fail by an error of our own."""
    raise RuntimeError("a mistake")


def with_notify(call: AnyCall, rule: Rule = BEFORE) -> Calls:
    """Return the calls of this program and one more, as `calls/` does for its files."""
    add_sentences(call.WORDS)
    return Calls({**CALLS, NOTIFY: call}, {**WANTED, NOTIFY: rule})


def scripted(kind: str, *script: Callable[[], Ending], calls: Calls) -> tuple[Calls, Scripted]:
    """Return these calls, one of them scripted."""
    one = Scripted(calls[kind], *script)
    rules = {each: WANTED.get(each, BEFORE) for each in calls}
    return Calls({**calls, kind: one}, rules), one


__all__ = [
    "AFTER",
    "BEFORE",
    "DELAY_SECONDS",
    "NOTIFY",
    "Notify",
    "Scripted",
    "breaks",
    "ends",
    "scripted",
    "with_notify",
]
