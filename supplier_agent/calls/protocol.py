"""What all outward calls share: what a call declares, the job that a worker gets, and what an answer means for it."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import Enum
from pathlib import Path
from types import MappingProxyType
from typing import Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict
from sqlmodel import Session

from supplier_agent.db.tables import Attempt, Call, Order
from supplier_agent.labels import LabelFolder
from supplier_agent.learning.answers import quoted
from supplier_agent.marketplace import Client, Means, Verdict, body_of
from supplier_agent.order import Rule
from supplier_agent.outbox import DONE, LATER, NOT_SENT, REFUSED, UNKNOWN, Next, Outcome, backoff
from supplier_agent.settings import Settings
from supplier_agent.suppliers.read_log import ReadDone
from supplier_agent.verdict.supplier import MARKETPLACE


@dataclass(frozen=True)
class Job:
    """One attempt to make, as plain values, because a worker has no access to the database."""

    kind: str
    call_id: int
    number: int
    order_id: int | None  # None: it sends an event, and is about no order
    supplier: str
    menzzo_order_id: str  # of an event: its id
    increment_id: str
    order_date: date | None
    link_to_label: str | None
    owed_at: datetime
    strikes: int
    lane_was_failing: bool
    not_found_since: datetime | None  # the first 404 of the present series; None: the last answer was not a 404
    asked: frozenset[str]  # reads that the server would now answer from its cache
    facts: Mapping[str, object] = field(default_factory=dict)  # the columns of the order that the call names in SENDS
    maybe_sent_at: datetime | None = None  # when the last attempt that may have happened began; None: there is none
    always_success: bool = False  # the answers to this call have always said `success: true` (learning/careful.py)

    @property
    def maybe_sent(self) -> bool:
        """Whether an earlier attempt may have happened."""
        return self.maybe_sent_at is not None


@dataclass(frozen=True)
class Request:
    """The request of a call, without its credentials. body: None: it has none."""

    method: str
    path: str
    body: str | None = None


@dataclass(frozen=True)
class Tools:
    """What a worker uses for a call to the marketplace."""

    marketplace: Client
    labels: LabelFolder
    settings: Settings


@dataclass(frozen=True)
class Ending:
    """The result of a worker: the outcome, and what it says about the whole account.

    outage: the lane must pause. token_refused: the account must pause. quiet_seconds: the receiver asked us to wait: the lane
    waits if this is an outage too, else the whole account; AWHILE: it did not say how long; None: it did not ask.
    redirected_to: the host of a redirect; None: not a redirect. reads: the get-sales requests that the call made.
    fault: an internal error ended it, not the receiver. found: what a read found, for `keep`; None: nothing.
    """

    outcome: Outcome
    outage: bool = False
    token_refused: bool = False
    quiet_seconds: float | None = None
    redirected_to: str | None = None
    reads: tuple[ReadDone, ...] = field(default=())
    fault: bool = False
    found: object = None

    @property
    def was_heard(self) -> bool:
        """Tell whether the receiver answered normally: nothing is wrong with the whole account."""
        return not (self.outage or self.token_refused or self.fault) and self.quiet_seconds is None


@dataclass(frozen=True)
class Unfinished:
    """The result of a worker that has the answer, if work on this machine remains that may take long.

    finish: does that work and returns how the call ended. Its argument returns why a file is not a whole PDF, or None.
    """

    finish: Callable[[Callable[[Path], str | None]], Ending]


@dataclass(frozen=True)
class Wait:
    """A due call need not be sent now. until: ask again then; None: never, what it asks for is known."""

    until: datetime | None
    why: str


class Need(Enum):
    """What a call needs before it may be sent, besides its due time, the rate and a working lane."""

    MARKS_APPROVED = "marks approved"  # no approval of unusually many marks is pending
    FIRST_START = "first start"  # the orders of a supplier's first start are few, or approved
    STILL_LIST = "still list"  # the list is not being read page by page: the call would change it between two pages
    WHOLE_LABEL = "whole label"  # the label file, if the order has one, is what was stored
    SALE_CHECK = "sale check"  # a fresh answer about its sale, if its supplier uses the support API (tick/sale_gate.py)


class Keys(BaseModel):
    """The keys of `[calls.KIND]`: none. A call that has keys declares a subclass; the key `enabled` switches the call on."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


T = TypeVar("T")

WHY = {
    NOT_SENT: "it was not sent",
    LATER: "the receiver asked us to try again later",
    UNKNOWN: "no clear answer; it is tried again",
    REFUSED: "it was redirected",
}
"""Why a call is tried again; the answer follows."""


class OutwardCall(ABC, Generic[T]):
    """One kind of outward call: where it is sent, when, how, and what follows from its result.

    A call declares LANE, PRIORITY, ENDPOINT, REHEARSED and `perform`; all else has a default. `T`: the tools of a worker, which
    depend on the kind of account.
    """

    ACCOUNT = MARKETPLACE  # the kind of account that it is sent to
    LANE: str  # the class of traffic (circuit_breakers.py)
    PRIORITY: int  # the lowest is sent first
    ONCE = False  # never repeated automatically after an answer was lost
    LEDGERED = False  # also in the ship ledger, so a restored database does not send it again. At most one kind
    NEEDS: frozenset[Need] = frozenset()
    # In a dry run: print it; make it, because it is a read on which others depend; skip it.
    DRY: Literal["print", "make", "skip"] = "print"
    BRAKES_ON_404 = True  # 404 for many orders in a row means a wrong address: the account is paused
    ENDPOINT: str  # its name in the metrics, and in the address of a call to the marketplace
    REHEARSED: str  # what the dry run prints before the order's id: "send ship-sale for"
    SENDS: tuple[str, ...] = ()  # the columns of the order that `perform` finds in `Job.facts`
    Section: type[Keys] = Keys  # the keys of `[calls.KIND]`
    WORDS: Mapping[str, str] = MappingProxyType({})  # its sentences in English, by the keys of words/english.py

    def is_for(self, settings: Settings, supplier: str) -> bool:  # noqa: ARG002 - see the class
        """Tell whether the orders of this supplier have this call, if it is switched on."""
        return True

    def narrowed(self, rule: Rule, settings: Settings, supplier: str) -> Rule:  # noqa: ARG002 - see the class
        """Return the rule of order.WANTED, limited to those orders of a supplier that have this call by its settings."""
        return rule

    def wait(self, tx: Session, order: Order, settings: Settings, now: datetime) -> Wait | None:  # noqa: ARG002 - see the class
        """Return why a due call is not sent now; None: it is. On the loop's thread, right before the claim."""
        return None

    def load(self, tx: Session, order: Order) -> Mapping[str, object]:  # noqa: ARG002 - see the class
        """Return more facts for `Job.facts`, from other tables. On the loop's thread, in the claim."""
        return {}

    def keep(self, tx: Session, job: Job, ending: Ending, settings: Settings, now: datetime) -> bool:  # noqa: ARG002 - see the class
        """Store what the call has found; return whether facts of orders changed. On the loop's thread, with the ending."""
        return False

    def request(self, job: Job) -> Request | None:
        """Return the request that `perform` will make, for the evidence; None: its receiver has its own (integrations/)."""
        if self.ACCOUNT != MARKETPLACE:
            return None
        return Request("POST", f"/api/{job.supplier}/{self.ENDPOINT}", body_of(job.menzzo_order_id).decode())

    def delay(self, settings: Settings) -> timedelta:  # noqa: ARG002 - see the class
        """Return the delay between the facts that ask for the call and the call; included in `due_at`."""
        return timedelta(0)

    def longest_wait(self, settings: Settings, cache_seconds: float) -> timedelta:
        """Return the longest wait of the call from now. A later due time was set before the clock was set back."""
        return self.longest_backoff(settings, cache_seconds)

    @staticmethod
    def longest_backoff(settings: Settings, cache_seconds: float) -> timedelta:
        """Return the longest back-off of any call, including jitter."""
        retry = settings.retry
        return timedelta(seconds=1.25 * max(retry.max_seconds, retry.label_first_seconds, cache_seconds, 3600))

    def of_event(self, tx: Session, call: Call) -> Mapping[str, object] | None:  # noqa: ARG002 - see the class
        """Return what the call sends, as `Job.facts`, if it is about an event; None: it is gone, and nothing is sent."""
        return None

    def due_at(self, order: Order, settings: Settings) -> datetime:
        """Return when the call may be sent, from the order's facts."""
        return order.first_seen_at + self.delay(settings)

    @abstractmethod
    def perform(self, job: Job, tools: T) -> Ending | Unfinished:
        """Make the call, in a worker. Every result is a value; errors are not raised."""

    def after(self, job: Job, ending: Ending, settings: Settings, now: datetime, chance: float) -> Next:
        """Return the next state of the call.

        1. Done.
        2. Refused: the answer is about this order, so a person decides. A redirect is not, and repeating the call may be harmless.
        3. Perhaps received, and not to be repeated (ONCE): unknown, so a person decides.
        4. Else it is owed again. An outage pauses the lane and says nothing about this order. An answer about this order counts:
           the call waits longer each time, and after `park_after_attempts` a person decides.
        """
        retry, kind, detail = settings.retry, ending.outcome.kind, ending.outcome.detail
        if kind == DONE:
            return Next("done")
        if kind == REFUSED and (ending.redirected_to is None or self.ONCE):
            return Next("parked", strike=True, why=detail or "it was refused")
        if kind == UNKNOWN and self.ONCE:
            return Next("unknown", why=f"the answer was lost or unclear: {detail}")
        failed = kind == UNKNOWN and ending.outcome.http_status is not None and not job.lane_was_failing
        strike = failed or (kind == LATER and ending.was_heard)
        if strike and job.strikes + 1 >= retry.park_after_attempts:
            return Next("parked", strike=True, why=f"it failed {job.strikes + 1} times for this order: {detail}"[:500])
        wait = backoff(retry.first_seconds, retry.max_seconds, job.strikes + 1, chance) if strike else timedelta(0)
        return Next("owed", now + wait, strike=strike, why=f"{WHY[kind]}: {detail}"[:500])

    def repeats_lost(self, settings: Settings) -> bool:  # noqa: ARG002 - see the class
        """Tell whether a call whose answer was lost may be repeated automatically; `repeat_at` returns when."""
        return False

    def repeat_at(self, call: Call, attempts: list[Attempt], settings: Settings, now: datetime) -> datetime | None:  # noqa: ARG002 - see the class
        """Return when a call with an unknown outcome is repeated automatically; None: never."""
        return None

    def facts_when_rehearsed(self, job: Job, now: datetime) -> Mapping[str, object]:  # noqa: ARG002 - see the class
        """Return the columns of the order that a dry run sets after this call."""
        return {}


CONFIRMED, UNVERIFIED, PERSON = Means.CONFIRMED.value, Means.UNVERIFIED.value, "person"
"""The evidence by which a call counts as done: a confirmation, an answer that did not deny it, or a person's statement."""

AWHILE = 0.0
"""The receiver asked us to wait (429) and did not say how long: the lane backs off, as after a failure."""

OUTCOMES = {
    Means.CONFIRMED: DONE,
    Means.UNVERIFIED: DONE,
    Means.REFUSED: REFUSED,
    Means.NOT_FOUND: REFUSED,
    Means.REDIRECTED: REFUSED,
    Means.TOKEN_REFUSED: LATER,
    Means.TOO_MANY: LATER,
    Means.UNCLEAR: UNKNOWN,
    Means.FAILED: UNKNOWN,
    Means.LOST: UNKNOWN,
    Means.TOO_LARGE: UNKNOWN,
    Means.NOT_SENT: NOT_SENT,
}
"""The outcome of a write, by the verdict about its answer (public contract, "What an answer means")."""


def ending_of(verdict: Verdict) -> Ending:
    """Return the ending of a call from the verdict on its answer. The call adds the facts of a success."""
    kind = OUTCOMES[verdict.means]
    detail = quoted(verdict.detail) if verdict.means is Means.UNVERIFIED else verdict.detail
    return Ending(
        Outcome(kind, detail, verdict.http_status),
        outage=kind in {UNKNOWN, NOT_SENT} or verdict.means is Means.REDIRECTED,
        token_refused=verdict.means is Means.TOKEN_REFUSED,
        quiet_seconds=verdict.retry_after_seconds or (AWHILE if verdict.means is Means.TOO_MANY else None),
        redirected_to=verdict.redirected_to,
    )
