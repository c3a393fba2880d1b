"""What every outward call has in common: the job a worker gets, and what the marketplace's verdict means for it."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import ClassVar, Generic, TypeVar

from pydantic import BaseModel, ConfigDict

from supplier_agent.db.tables import Attempt, Call, Order
from supplier_agent.labels import LabelFolder
from supplier_agent.marketplace import Client, Means, Verdict
from supplier_agent.outbox import DONE, LATER, NOT_SENT, REFUSED, UNKNOWN, Next, Outcome
from supplier_agent.settings import Settings
from supplier_agent.suppliers.read_log import ReadDone


@dataclass(frozen=True)
class Job:
    """One attempt to be made, as plain values: a worker sees no database."""

    kind: str
    call_id: int
    number: int
    order_id: int
    supplier: str
    menzzo_order_id: str
    increment_id: str
    order_date: date | None
    link_to_label: str | None
    owed_at: datetime
    strikes: int
    lane_was_failing: bool
    not_found_since: datetime | None  # the first 404 of the present row of them; None: the last answer was none
    maybe_sent: bool  # an earlier attempt may have happened
    asked: frozenset[str]  # reads that the server would answer from its cache now


@dataclass(frozen=True)
class Tools:
    """What a worker works with, for a call to the marketplace."""

    marketplace: Client
    labels: LabelFolder
    order_number_filter: bool


@dataclass(frozen=True)
class Ending:
    """What a worker hands back: the outcome, and what it says of the supplier as a whole.

    outage: the lane must pause. token_refused: the supplier must. quiet_seconds: silence was asked for, of the lane if it
    fails, else of the whole supplier. redirected_to: the host that a redirect pointed to; None: it was no redirect.
    reads: the get-sales requests made on the way, for the journal. fault: an error of our own ended it, not the marketplace.
    """

    outcome: Outcome
    outage: bool = False
    token_refused: bool = False
    quiet_seconds: float | None = None
    redirected_to: str | None = None
    reads: tuple[ReadDone, ...] = field(default=())
    fault: bool = False

    @property
    def was_heard(self) -> bool:
        """Tell whether the marketplace answered as it should: nothing is wrong with the supplier as a whole."""
        return not (self.outage or self.token_refused or self.fault) and self.quiet_seconds is None


@dataclass(frozen=True)
class Unfinished:
    """What a worker hands back when the answer is here, and work on this machine remains that may take long.

    finish: does it, given what tells why a file is not a whole PDF (or None), and returns how the call ended.
    """

    finish: Callable[[Callable[[Path], str | None]], Ending]


MARKETPLACE = "marketplace"
"""The kind of account that a supplier has at the marketplace."""


class Need(Enum):
    """What a call needs before it may go, besides its time, its rate and an open lane."""

    AGREED_FLAGS = "agreed flags"  # no person is asked about unusually many orders marked as shipped
    STILL_LIST = (
        "still list"  # the list of orders is not being read page by page: the call would shift it under the reader
    )
    WHOLE_LABEL = "whole label"  # the file of the label, if the order has one, is what was stored


class NoKeys(BaseModel):
    """A section of the configuration without keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


T = TypeVar("T")


class OutwardCall(ABC, Generic[T]):
    """One kind of outward call: whom it goes to, when it may go, how it is made, what becomes of it.

    What is given here holds for a call that says nothing else. `T`: what a worker works with, by the kind of account.
    """

    ACCOUNT = MARKETPLACE  # the kind of account that it goes to
    LANE: str  # the class of traffic (circuit_breakers.py)
    PRIORITY: int  # the lowest goes first
    ONCE = False  # never repeated automatically after an answer was lost
    LEDGERED = False  # in the ship ledger, too: a restored database does not send it again. One call at most
    NEEDS: frozenset[Need] = frozenset()
    BRAKES_ON_404 = True  # 404 for many orders in a row says that the address is wrong: the account is paused
    ENDPOINT: str  # its name in the metrics
    REHEARSED: str  # what the dry run says before the order's id: "send ship-sale for"
    WORDS: ClassVar[
        Mapping[str, str]
    ] = {}  # English sentences by code: "kind.KIND" is its name, "problem.STATE", "fix.STATE", …
    Section: type[BaseModel] = NoKeys  # the keys of `[calls.KIND]`

    def is_on(self, settings: Settings) -> bool:  # noqa: ARG002 - a call may be off by its own setting
        """Tell whether the settings want this call at all."""
        return True

    def delay(self, settings: Settings) -> timedelta:  # noqa: ARG002 - see the class
        """Return how long after the facts that ask for it the call goes; `due_at` includes it."""
        return timedelta(0)

    def longest_wait(self, settings: Settings, cache_seconds: float) -> timedelta:
        """Return the longest that the call ever waits from now. What is due later was noted before the clock was set back."""
        return self.longest_backoff(settings, cache_seconds)

    @staticmethod
    def longest_backoff(settings: Settings, cache_seconds: float) -> timedelta:
        """Return the longest that anything backs off, its jitter included."""
        retry = settings.retry
        return timedelta(seconds=1.25 * max(retry.max_seconds, retry.label_first_seconds, cache_seconds, 3600))

    def due_at(self, order: Order, settings: Settings) -> datetime:
        """Return when the call may go, from the order's facts."""
        return order.first_seen_at + self.delay(settings)

    @abstractmethod
    def perform(self, job: Job, tools: T) -> Ending | Unfinished:
        """Make the call, in a worker. Every ending is a value."""

    @abstractmethod
    def after(self, job: Job, ending: Ending, settings: Settings, now: datetime, chance: float) -> Next:
        """Decide what becomes of the call."""

    def repeats_lost(self, settings: Settings) -> bool:  # noqa: ARG002 - see the class
        """Tell whether a call whose answer was lost may be repeated without a person; `by_itself` says when."""
        return False

    def by_itself(self, call: Call, attempts: list[Attempt], settings: Settings, now: datetime) -> datetime | None:  # noqa: ARG002 - see the class
        """Return when a call whose outcome is unknown is repeated without a person; None for never."""
        return None

    def facts_when_rehearsed(self, job: Job, now: datetime) -> Mapping[str, object]:  # noqa: ARG002 - see the class
        """Return the columns of the order that a dry run takes for known after this call."""
        return {}


CONFIRMED, UNVERIFIED, PERSON = Means.CONFIRMED.value, Means.UNVERIFIED.value, "person"
"""On what evidence a call counts as done: the marketplace's yes, an answer that did not deny it, or a person's word."""

AWHILE = 0.0
"""Silence was asked for (429), but not for how long: the lane backs off, as after a failure."""

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
"""The outcome of a write, by what is known once it ended (public contract, "What an answer means")."""


def ending_of(verdict: Verdict) -> Ending:
    """Return the ending of acknowledge-sale or ship-sale. The facts of a success are the call's own to add."""
    kind = OUTCOMES[verdict.means]
    detail = f"unverified, the answer was: {verdict.detail!r}" if verdict.means is Means.UNVERIFIED else verdict.detail
    return Ending(
        Outcome(kind, detail, verdict.http_status),
        outage=kind in {UNKNOWN, NOT_SENT} or verdict.means is Means.REDIRECTED,
        token_refused=verdict.means is Means.TOKEN_REFUSED,
        quiet_seconds=verdict.retry_after_seconds or (AWHILE if verdict.means is Means.TOO_MANY else None),
        redirected_to=verdict.redirected_to,
    )
