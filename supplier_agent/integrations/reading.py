"""What the integrations share in reading answers: JSON, and instants. Pure."""

import json
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from supplier_agent.marketplace.wire import Answer


class AnswerError(ValueError):
    """The answer is not what its API documents. Its text is a sentence of ours, never the answer."""


def parsed(answer: Answer) -> Any:  # noqa: ANN401 - any JSON
    """Return the JSON of an answer."""
    try:
        return json.loads(answer.body.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise AnswerError("the answer is not JSON") from None


def instant_of(value: object) -> datetime | None:
    """Return an instant of ISO 8601 in UTC, which it also is without a zone; None if it cannot be read."""
    try:
        return _in_utc(datetime.fromisoformat(value.strip() if isinstance(value, str) else ""))
    except (ValueError, OverflowError):
        return None


def mail_instant(value: object) -> datetime | None:
    """Return an instant as mails and HTTP write it (RFC 2822), which is in UTC without a zone; None if it cannot be read."""
    try:
        return _in_utc(parsedate_to_datetime(value if isinstance(value, str) else ""))
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _in_utc(at: datetime) -> datetime:
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
