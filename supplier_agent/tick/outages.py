"""What an ending says about the whole account: its lane works or fails, its token is refused, or it asked us to wait."""

from datetime import datetime, timedelta
from typing import NamedTuple

from sqlmodel import Session

from supplier_agent.calls import Ending
from supplier_agent.calls.protocol import AWHILE
from supplier_agent.marketplace import Listing, Means, Verdict
from supplier_agent.outbox import DONE, UNKNOWN, Outcome
from supplier_agent.suppliers import circuit_breakers
from supplier_agent.suppliers.circuit_breakers import READS, Patience
from supplier_agent.suppliers.snapshot import known_supplier
from supplier_agent.tick.context import Account, Context


class Change(NamedTuple):
    """A change of an account. what: for the log. recovered: it works again."""

    what: str
    recovered: bool = False


TOKEN_REFUSED, TOKEN_ACCEPTED = Change("token refused"), Change("token accepted", recovered=True)
WAIT_ASKED = Change("asked us to wait")


def note_ending(
    ctx: Context, tx: Session, account: Account, lane_name: str, ending: Ending, order_id: int | None = None
) -> list[Change]:
    """Record what an ending says about the whole account, and return what has changed.

    The first case that applies:

    1. An internal error says nothing about the account.
    2. Token refused: the account pauses, except for one read at a time. Without reads, the lane pauses instead.
    3. An outage, or a 429 that does not say how long to wait: the lane pauses; one that already fails backs off further.
    4. An answer that says how long to wait: the whole account pauses.
    5. Success: the lane's pause ends, and a read that was answered proves the token.
    """
    now, retry = ctx.clock.now(), ctx.settings.retry
    lane, account_row = circuit_breakers.of(tx, account.name, lane_name), known_supplier(tx, account.name)
    if ending.fault:
        return []
    if ending.token_refused and account.pulls:
        return pause_for_token(ctx, tx, account.name, f"the marketplace refused the token: {ending.outcome.detail}")
    outage = ending.outage or ending.token_refused
    if outage or ending.quiet_seconds == AWHILE:
        longest = _longest_pause_of_reads(ctx, account.supplier, now) if lane_name == READS else retry.max_seconds
        patience = Patience(retry.first_seconds, longest, ctx.chance(), ending.quiet_seconds or 0.0)
        first = circuit_breakers.failed(tx, lane, patience, now, ending.outcome.detail, order_id, ending.redirected_to)
        if outage:
            return [Change(f"{lane_name} failing")] if first else []
    if ending.quiet_seconds is not None:
        account_row.quiet_until = now + timedelta(seconds=ending.quiet_seconds or retry.first_seconds)
        tx.add(account_row)
        return [WAIT_ASKED]
    changes = [Change(f"{lane_name} recovered", recovered=True)] if circuit_breakers.worked(tx, lane) else []
    if lane_name == READS and account_row.token_refused_at is not None:
        account_row.token_refused_at = None
        tx.add(account_row)
        changes.append(TOKEN_ACCEPTED)
    return changes


def pause_for_token(ctx: Context, tx: Session, name: str, reason: str) -> list[Change]:
    """Pause an account whose token was refused or is missing, except for one read at a time, with growing intervals."""
    now, row, lane = ctx.clock.now(), known_supplier(tx, name), circuit_breakers.of(tx, name, READS)
    first = row.token_refused_at is None
    row.token_refused_at = row.token_refused_at or now
    tx.add(row)
    patience = Patience(ctx.settings.retry.first_seconds, _longest_pause_of_reads(ctx, name, now), ctx.chance())
    circuit_breakers.failed(tx, lane, patience, now, reason)
    return [TOKEN_REFUSED] if first else []


def lanes_wait(ctx: Context, tx: Session, account: Account, reason: str) -> None:
    """Note on every lane of an account without reads why nothing can be sent."""
    retry, now = ctx.settings.retry, ctx.clock.now()
    patience = Patience(retry.first_seconds, retry.max_seconds, ctx.chance())
    lanes = {call.LANE for call in ctx.calls.at(account.kind).values()} | ({READS} if account.errand else set())
    for name in lanes:
        circuit_breakers.failed(tx, circuit_breakers.of(tx, account.name, name), patience, now, reason)


def _longest_pause_of_reads(ctx: Context, supplier: str, now: datetime) -> float:
    """Return the longest pause of failing reads, in seconds.

    At most the poll interval: a read is cheap, and new orders should not wait longer than usual.
    """
    return min(ctx.settings.retry.max_seconds, ctx.settings.poll_interval(supplier, now))


def read_ending(answer: Listing | Verdict, *, failed: bool) -> Ending:
    """Return what a read says about the whole account. `failed`: the run could not continue after this answer."""
    if isinstance(answer, Listing) or not failed:
        return Ending(Outcome(DONE))
    return Ending(
        Outcome(UNKNOWN, answer.detail, answer.http_status),
        outage=answer.means not in {Means.TOKEN_REFUSED, Means.TOO_MANY},
        token_refused=answer.means is Means.TOKEN_REFUSED,
        quiet_seconds=answer.retry_after_seconds or (AWHILE if answer.means is Means.TOO_MANY else None),
        redirected_to=answer.redirected_to,
    )
