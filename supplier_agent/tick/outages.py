"""What an ending says of its account as a whole: its lane works or fails, its token is refused, it asks for silence."""

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
    """What became different about an account. `what` is for the log; `recovered`: it is good news."""

    what: str
    recovered: bool = False


TOKEN_REFUSED, TOKEN_ACCEPTED = Change("token refused"), Change("token accepted", recovered=True)
SILENCE = Change("asked for silence")


def note_ending(
    ctx: Context, tx: Session, account: Account, lane_name: str, ending: Ending, order_id: int | None = None
) -> list[Change]:
    """Record what an ending says of its account as a whole, and return what is different now.

    The first that holds:

    1. A fault of our own says nothing of it.
    2. Its token was refused: it pauses but for one read at a time. Where there are no reads, the lane pauses instead.
    3. An outage, or silence for an unknown time, pauses the lane; a lane that fails already backs off further.
    4. Silence for a known time pauses the whole account.
    5. It works: the lane's pause is over, and a read that was answered proves the token.
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
        return [SILENCE]
    changes = [Change(f"{lane_name} recovered", recovered=True)] if circuit_breakers.worked(tx, lane) else []
    if lane_name == READS and account_row.token_refused_at is not None:
        account_row.token_refused_at = None
        tx.add(account_row)
        changes.append(TOKEN_ACCEPTED)
    return changes


def pause_for_token(ctx: Context, tx: Session, name: str, reason: str) -> list[Change]:
    """Pause an account whose token was refused or is missing: only one read at a time goes, less and less often."""
    now, row, lane = ctx.clock.now(), known_supplier(tx, name), circuit_breakers.of(tx, name, READS)
    first = row.token_refused_at is None
    row.token_refused_at = row.token_refused_at or now
    tx.add(row)
    patience = Patience(ctx.settings.retry.first_seconds, _longest_pause_of_reads(ctx, name, now), ctx.chance())
    circuit_breakers.failed(tx, lane, patience, now, reason)
    return [TOKEN_REFUSED] if first else []


def _longest_pause_of_reads(ctx: Context, supplier: str, now: datetime) -> float:
    """Return the seconds after which a failing read is tried again at the latest.

    Reading is cheap, and the news must not wait longer than it would anyway.
    """
    return min(ctx.settings.retry.max_seconds, ctx.settings.poll_interval(supplier, now))


def read_ending(answer: Listing | Verdict, *, failed: bool) -> Ending:
    """Return what a read says of the account as a whole. `failed`: the run could not go on with it."""
    if isinstance(answer, Listing) or not failed:
        return Ending(Outcome(DONE))
    return Ending(
        Outcome(UNKNOWN, answer.detail, answer.http_status),
        outage=answer.means not in {Means.TOKEN_REFUSED, Means.TOO_MANY},
        token_refused=answer.means is Means.TOKEN_REFUSED,
        quiet_seconds=answer.retry_after_seconds or (AWHILE if answer.means is Means.TOO_MANY else None),
        redirected_to=answer.redirected_to,
    )
