"""The suppliers' own WhatsApp bots, as data: the messages to them, and what they asked. Read-only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from supplier_agent.db.plain_sql import WAITS_FOR_A_PERSON
from supplier_agent.order import STUCK as WAITING
from supplier_agent.reading.own_orders import KIND
from supplier_agent.words.formats import iso_or_null

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from supplier_agent.db.plain_sql import Look
    from supplier_agent.settings import Settings

STATES = ("owed", "sending", "done", "parked", "unknown", "dropped")
STUCK = f"""
SELECT supplier, count(*) AS number FROM calls
 WHERE {WAITS_FOR_A_PERSON} AND order_id IS NULL AND kind = '{KIND}'
 GROUP BY supplier ORDER BY supplier
"""  # noqa: S608 - a constant
"""By the index calls_stuck."""
CALLS = (
    "SELECT state, count(*) AS number FROM calls WHERE supplier = ? AND kind = ? AND order_id IS NULL GROUP BY state"
)
MESSAGES = f"""
SELECT calls.subject, calls.state, calls.detail, calls.attempts, bot_orders.shop_id, bot_orders.number AS called,
       bot_orders.dispatched_at, bot_orders.seen_at
  FROM bot_orders JOIN calls ON calls.kind = ? AND calls.order_id IS NULL
                            AND calls.subject = bot_orders.supplier || '/' || bot_orders.shop_id || '/{KIND}'
 WHERE bot_orders.supplier = ? ORDER BY bot_orders.id DESC LIMIT ?
"""  # noqa: S608 - as above
MOST = 1000


def who(supplier: str) -> str:
    """Return the name of a supplier's bot in the history of orders, and in the counts of what programs asked."""
    return f"businessonbot {supplier} (program)"


@dataclass(frozen=True)
class BotLine:
    """One bot. since: since when orders of the shop are told; None: not yet, or they are not. last_asked_at: None: never."""

    supplier: str
    sends: bool
    answers: bool
    since: datetime | None
    calls: Mapping[str, int]
    last_asked_at: datetime | None

    @property
    def stuck(self) -> int:
        """How many messages wait for a person."""
        return sum(self.calls.get(state, 0) for state in WAITING)

    def as_json(self) -> dict[str, object]:
        """Return it for `businessonbot list --json` and `status --json`."""
        return {
            "send_dispatched": self.sends,
            "answer_requests": self.answers,
            "since": iso_or_null(self.since),
            "messages": {state: self.calls.get(state, 0) for state in STATES},
            "last_request_at": iso_or_null(self.last_asked_at),
        }


@dataclass(frozen=True)
class Message:
    """One message to a bot. state: of its call. detail: why it waits; "": for nothing."""

    shop_id: str
    number: str
    state: str
    detail: str
    attempts: int
    dispatched_at: datetime

    def as_json(self) -> dict[str, object]:
        """Return it for `businessonbot list --json`."""
        return {**vars(self), "dispatched_at": iso_or_null(self.dispatched_at)}


def stuck(look: Look) -> dict[str, int]:
    """Return how many messages wait for a person, by supplier."""
    return {row.supplier: row.number for row in look.rows(STUCK)}


def bots(look: Look, settings: Settings) -> Iterator[BotLine]:
    """Yield the bot of each supplier that has one."""
    for name in settings.suppliers:
        bot = settings.bot_of(name)
        if bot is None:
            continue
        feed = look.first("SELECT since FROM bot_feeds WHERE supplier = ?", name)
        asked = look.first("SELECT max(last_at) AS last_at FROM api_requests WHERE program = ?", who(name))
        calls = {row.state: row.number for row in look.rows(CALLS, name, KIND)}
        since = None if feed is None else feed.since
        yield BotLine(name, bot.send_dispatched, bot.answer_requests, since, calls, asked.last_at)


def messages(look: Look, supplier: str, *, all_of_them: bool) -> list[Message]:
    """Return the messages to a supplier's bot, the newest first: those that wait for a person, or all."""
    rows = look.rows(MESSAGES, KIND, supplier, MOST)
    return [
        Message(row.shop_id, row.called, row.state, row.detail or "", row.attempts, row.dispatched_at)
        for row in rows
        if all_of_them or row.state in WAITING
    ]
