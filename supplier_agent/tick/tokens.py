"""Tokens while the agent runs: a missing or refused token is read again, and a new one is tried at once.

An account may have two: `token` and `token_next`. The second is tried, with one read, when the first is refused. Once it has
worked it stays in use, also after a restart: the account's row stores its hash.
"""

from sqlmodel import Session

from supplier_agent.base.errors import ConfigError
from supplier_agent.settings import token_mark
from supplier_agent.suppliers import snapshot
from supplier_agent.suppliers.circuit_breakers import ALL, READS
from supplier_agent.tick.context import Account, Context
from supplier_agent.tick.outages import lanes_wait, pause_for_token
from supplier_agent.verdict.supplier import TOKEN_NEXT

PRESENT = "token"
"""The configuration key of the present token."""


def begin(ctx: Context, tx: Session, account: Account) -> None:
    """Begin with the token that worked last, if it is still configured."""
    mark = snapshot.known_supplier(tx, account.name).token_mark
    if mark is not None:
        known = [token for token in _tokens(ctx, account)[0] if token_mark(account.name, token) == mark]
        account.token = known[0] if known else account.token


def look(ctx: Context, account: Account) -> None:
    """Read the tokens again if the account has none or its token was refused."""
    if not account.token_suspect:
        return
    if account.token is not None:
        with ctx.store.read() as tx:
            is_refused = snapshot.known_supplier(tx, account.name).token_refused_at is not None
        account.token_suspect = is_refused or account.token in account.refused
        if not account.token_suspect:
            return
    tokens, missing = _tokens(ctx, account)
    if missing is not None and not tokens:
        _note_missing(ctx, account, missing)
    account.refused &= {*tokens}
    untried = [token for token in tokens if token not in account.refused]
    if not untried or account.token in untried:
        return
    with ctx.store.write() as tx:
        for lane in (READS,) if account.pulls else ALL:
            snapshot.try_now(tx, account.name, ctx.clock.now(), lane)
    account.token, account.token_problem, account.next_read, account.snapshot = untried[0], None, None, None


def refused(ctx: Context, account: Account, token: str) -> None:
    """Remember that a token was refused: another is tried in the next tick; if both are refused, they take turns.

    In memory only: the database may be locked at this moment, and a result must not be settled twice.
    """
    account.token_suspect, account.next_read, account.proven = True, None, None
    account.refused.add(token)
    tokens = _tokens(ctx, account)[0]
    if account.token == token and account.refused >= {*tokens}:
        account.token = next((other for other in tokens if other != token), token)


def worked(ctx: Context, tx: Session, account: Account, token: str) -> str | None:
    """Store which token works, and since when: its hash, never the token itself. Return its key if that changed."""
    if account.proven == token:
        return None
    row, mark, key = snapshot.known_supplier(tx, account.name), token_mark(account.name, token), PRESENT
    tokens, missing = _tokens(ctx, account)
    if token in tokens and (missing is not None or tokens[0] != token):
        key = TOKEN_NEXT
    if (row.token_mark, row.token_key) == (mark, key):
        return None
    if row.token_mark != mark:
        row.token_mark, row.token_since = mark, ctx.clock.now()
    row.token_key = key
    tx.add(row)
    return key


def proved(ctx: Context, account: Account, token: str, key: str | None) -> None:
    """Remember that a token works, once that is stored. `key`: what `worked` returned."""
    if account.proven != token:
        account.proven, account.refused = token, set()
    if key is not None:
        ctx.log.info("token.adopted", supplier=account.name, key=key)


def _tokens(ctx: Context, account: Account) -> tuple[list[str], ConfigError | None]:
    """Return the configured tokens, the present one first, and the error if that one is missing."""
    tokens, missing, name = [], None, account.name
    if account.read_token is None:
        return [], None
    try:
        tokens.append(account.read_token())
        ctx.log.solved(f"token {name}")
    except ConfigError as error:
        ctx.log.problem(f"token {name}", error.what)
        missing = error
    try:
        following = account.read_next_token()
        ctx.log.solved(f"token_next {name}")
    except ConfigError as error:
        ctx.log.problem(f"token_next {name}", error.what)
        following = None
    if following is not None and following not in tokens:
        tokens.append(following)
    return tokens, missing


def _note_missing(ctx: Context, account: Account, error: ConfigError) -> None:
    if account.token is None and account.token_problem != error.what:
        with ctx.store.write() as tx:
            if account.pulls:
                pause_for_token(ctx, tx, account.name, error.what)
            else:  # nothing is sent without a token anyway; its lanes tell `status` why
                lanes_wait(ctx, tx, account, error.what)
        account.token_problem, account.snapshot = error.what, None
