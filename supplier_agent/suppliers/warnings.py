"""What a supplier's own row says that a person should know: it is paused, it asks about flags, its token grows old. Pure.

The row may be that of tables.py or a plain one (plain_sql.py).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

TOKEN_DAYS = 90
"""Menzzo replaces tokens every 90 days; the old one works for 7 days more (API notes, 1)."""
WARN_DAYS = 83
RELEASE = "supplier-agent release --all (it lists what waits), then: supplier-agent release --all --by NAME"
"""What to do about orders that the agent holds after a restore, or without its ship ledger."""
NEXT = "token_next"
"""The key of the configuration for the token that follows."""


@dataclass(frozen=True)
class Caution:
    """One thing to know of a supplier. `holds_up`: something is not sent until a person acts."""

    what: str
    cure: str
    holds_up: bool
    code: str


def of(supplier: Any, now: datetime) -> list[Caution]:  # noqa: ANN401 - a row of either kind
    """Return what a person should know of this supplier. Of a paused one that alone: nothing else matters until it goes on."""
    if supplier.paused_at is not None:
        return [
            Caution(
                f"paused {why_paused(supplier)}; nothing is sent",
                f"supplier-agent resume {supplier.name}",
                holds_up=True,
                code="paused",
            )
        ]
    return [*_flags(supplier), *_token(supplier, now)]


def why_paused(supplier: Any) -> str:  # noqa: ANN401 - a row of either kind
    """Return who paused it, when and why, in words."""
    return f"by {supplier.paused_by} since {supplier.paused_at:%Y-%m-%d %H:%M} UTC ({supplier.paused_reason})"


def read_only() -> Caution:
    """Return what is to be said of an agent that only reads."""
    what = "READ-ONLY: orders are read; nothing is acknowledged, no label is fetched, nothing is reported as shipped"
    return Caution(what, "set read_only = false and run it without --read-only", holds_up=True, code="read_only")


def _flags(supplier: Any) -> Iterable[Caution]:  # noqa: ANN401 - as above
    if supplier.flags_asked_at is None:
        return
    what = f"unusually many orders were flagged as shipped within a minute (asked {supplier.flags_asked_at:%Y-%m-%d %H:%M} UTC)"
    cure = f"if they have left: supplier-agent approve {supplier.name}; if not: supplier-agent unship ID…"
    yield Caution(f"{what}; its ship calls wait for a person's word", cure, holds_up=True, code="flags_unusual")


def _token(supplier: Any, now: datetime) -> Iterable[Caution]:  # noqa: ANN401 - as above
    if supplier.token_since is None:
        return
    name, days = supplier.name, (now - supplier.token_since) // timedelta(days=1)
    if supplier.token_key == NEXT:
        what = f"the old token is refused; {NEXT} is in use since {supplier.token_since:%Y-%m-%d %H:%M} UTC"
        yield Caution(
            what, f"move suppliers.{name}.{NEXT} to suppliers.{name}.token", holds_up=False, code="token_next_in_use"
        )
    if days >= WARN_DAYS:
        what = f"its token is in use for {days} days; Menzzo replaces tokens every {TOKEN_DAYS} days"
        cure = f"ask technique@menzzo.fr for the next one and put it into suppliers.{name}.{NEXT}: it is taken up by itself"
        yield Caution(what, cure, holds_up=False, code="token_old")
