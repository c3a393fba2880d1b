"""The HTTP API in `status` and in the metrics: how many programs have access, and what they asked. In plain SQL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from supplier_agent.words.formats import iso_or_null

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from supplier_agent.db.plain_sql import Look
    from supplier_agent.settings import Settings


@dataclass(frozen=True)
class Programs:
    """Who has access to the API. last_at: when one of them asked last, up to a minute old; None: none has yet."""

    keys: int
    hooks: int
    last_at: datetime | None

    def as_json(self) -> dict[str, object]:
        """Return the value of `api` in `status --json`."""
        return {"keys": self.keys, "hooks": self.hooks, "last_request_at": iso_or_null(self.last_at)}


def of(look: Look, settings: Settings) -> Programs | None:
    """Return who has access to the API; None while it is off: the page is off, or there is neither a key nor a hook."""
    keys = look.first("SELECT count(*) AS number FROM api_keys WHERE revoked_at IS NULL").number
    if not settings.web.listen or not (keys or settings.hooks):
        return None
    last = look.first("SELECT max(last_at) AS last_at FROM api_requests WHERE program <> 'unknown'").last_at
    return Programs(keys, len(settings.hooks), last)


def asked(look: Look) -> Iterator[tuple[tuple[str, str], float]]:
    """Yield how many requests of each program got which answer."""
    for row in look.rows("SELECT program, answer, number FROM api_requests ORDER BY program, answer"):
        yield (row.program, str(row.answer)), float(row.number)
