"""The verdict on a sale, and whether a ship call may go. Pure, like the rest of the verdict.

The support API tells the status of a whole sale as one word. The words are the shop's, and only two of them are documented, so
which of them stop an order is a setting, and a word that is not known is a warning.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeGuard

from supplier_agent.base.cells import known
from supplier_agent.order import damage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from supplier_agent.db.tables import Call, Order
    from supplier_agent.settings import Settings
    from supplier_agent.settings.support import Support

FRESH = timedelta(minutes=10)
"""An answer that is older is not relied on."""
EARLY = timedelta(seconds=60)
"""How long before the ship call is due its sale is asked about, so that the answer is there by then."""
STALE = FRESH + timedelta(seconds=1)
"""With the strict gate: how long a ship call waits after its question. An answer ends the wait, and plans the order again."""


class Sale(StrEnum):
    """What is known about the sale of an order."""

    GOOD = "good"
    STOPPED = "stopped"  # its status is a stop word, and nobody has released the order with it
    ACCEPTED = "accepted"  # the same, and a person has
    UNKNOWN_WORD = "unknown_word"
    NOT_FOUND = "not_found"
    UNCHECKED = "unchecked"  # no answer, or one that is too old


def meaning(word: str | None, support: Support, accepted: str | None = None) -> Sale:
    """Return what a status word means. accepted: the word that a person released the order with; None: none."""
    plain = (word or "").strip().casefold()
    if plain in support.stop_words:
        return Sale.ACCEPTED if accepted is not None and accepted.casefold() == plain else Sale.STOPPED
    return Sale.GOOD if plain in support.go_words else Sale.UNKNOWN_WORD


def sale_of(check: Any | None, support: Support, now: datetime) -> Sale:  # noqa: ANN401 - a row
    """Return what its last check says about the sale of an order. check: None: it was never checked."""
    if check is None or not is_fresh(known(check.checked_at), now):
        return Sale.UNCHECKED
    return last_word(check, support)


def last_word(check: Any, support: Support) -> Sale:  # noqa: ANN401 - as above
    """Return what the last answer says, however old it is."""
    if known(check.checked_at) is None:
        return Sale.UNCHECKED
    if known(check.found) != 1:
        return Sale.NOT_FOUND
    accepted, word = known(check.accepted_status), known(check.status)
    return meaning(word if isinstance(word, str) else None, support, accepted if isinstance(accepted, str) else None)


def is_fresh(at: object, now: datetime) -> TypeGuard[datetime]:
    """Tell whether an answer, or a question, of that time still counts. One from the future does not: the clock was set back."""
    return isinstance(at, datetime) and timedelta(0) <= now - at <= FRESH


@dataclass(frozen=True)
class Gate:
    """What a ship call that is due must do. until: wait so long; None: it may go. ask: ask about the sale now.

    skips: it goes without a fresh answer, because none came and the setting is to warn. stops: its order is put on hold.
    """

    until: datetime | None = None
    ask: bool = False
    skips: bool = False
    stops: bool = False


def gate(order: Order, check: Any | None, support: Support, now: datetime) -> Gate:  # noqa: ANN401 - a row
    """Decide whether a ship call that is due may go.

    1. A stop word that nobody has released the order with: the order is put on hold. Usually the answer has done so; this is
       for a word that became a stop word since.
    2. With a fresh answer: yes.
    3. Nobody waits for an answer yet: ask, and wait.
    4. Strict: wait until an answer comes.
    5. Else wait until `wait_seconds` have passed since the question, or until it is known that no answer comes.
    """
    if check is not None and last_word(check, support) is Sale.STOPPED:
        return Gate(stops=True)
    if sale_of(check, support, now) is not Sale.UNCHECKED:
        return Gate()
    asked_at = known(order.sale_asked_at)
    answered_at = known(check.checked_at) if check is not None else None
    failed_at = known(check.failed_at) if check is not None else None
    waits_for_it = is_fresh(asked_at, now)
    # One from the future is no answer: the clock was set back.
    is_answered = (
        isinstance(answered_at, datetime) and isinstance(asked_at, datetime) and asked_at <= answered_at <= now
    )
    if support.is_strict:
        if isinstance(asked_at, datetime) and waits_for_it and not is_answered:
            return Gate(asked_at + STALE)
        return Gate(now + STALE, ask=True)
    if is_fresh(failed_at, now) and _since(order) <= failed_at:  # it was asked for this mark, and there was no answer
        return Gate(skips=True)
    if not waits_for_it or is_answered:
        wait = timedelta(seconds=support.wait_seconds)
        return Gate(now + wait, ask=True) if wait else Gate(ask=True, skips=True)
    assert isinstance(asked_at, datetime)  # noqa: S101 - see `waits_for_it`
    until = asked_at + timedelta(seconds=support.wait_seconds)
    return Gate(until) if until > now else Gate(skips=True)


def _since(order: Order) -> datetime:
    """Return since when an answer is wanted for a marked order."""
    marks = (known(order.shipped_at), known(order.undo_opened_at), known(order.sale_asked_at))
    return max((each for each in marks if isinstance(each, datetime)), default=datetime.min.replace(tzinfo=UTC))


def waits_for_a_check(order: Order, check: Any | None, settings: Settings, now: datetime) -> bool:  # noqa: ANN401 - a row
    """Tell whether an order that may be reported waits for a sale check, because none is reported without."""
    support = settings.support_of(order.supplier)
    return support is not None and support.is_strict and sale_of(check, support, now) is Sale.UNCHECKED


CASE = "sav"


def may_open_case(order: Order, calls: Sequence[Call], settings: Settings) -> bool:
    """Tell whether a case may be opened: it is switched on, and none is being opened."""
    support = settings.support_of(order.supplier)
    if support is None or not support.open_sav or order.closed_reason is not None or damage(order, calls):
        return False
    return not any(call.kind == CASE and call.state in {"owed", "sending", "unknown"} for call in calls)
