"""Tokens while the agent runs: one that is missing or was refused is read again, and a new one is tried at once.

A supplier may have two: the present one, and the one that follows (`token_next`). The second is tried when the first is
refused, by one read, and stays in use once it has worked, over restarts too: the supplier's row bears its mark.
"""

from collections.abc import Callable
from datetime import datetime

from sqlmodel import Session

from supplier_agent.base.clock import Clock
from supplier_agent.base.errors import ConfigError
from supplier_agent.base.log import Log
from supplier_agent.db.store import Store
from supplier_agent.settings import Settings, token_mark
from supplier_agent.suppliers import snapshot
from supplier_agent.tick import deliver
from supplier_agent.tick.account import Account
from supplier_agent.verdict.supplier import TOKEN_NEXT

PRESENT = "token"
"""The key of the configuration for the present token."""


class Renewal:
    """Looks after the tokens of all suppliers. `read_token` returns a supplier's token as it is now, or raises ConfigError.

    `read_next` returns the one that follows, or None.
    """

    def __init__(
        self,
        settings: Settings,
        store: Store,
        clock: Clock,
        chance: Callable[[], float],
        log: Log,
        read_token: Callable[[str], str],
        read_next: Callable[[str], str | None],
    ) -> None:
        self._settings, self._store, self._clock, self._chance = settings, store, clock, chance
        self._log, self._read_token, self._read_next = log, read_token, read_next

    def begin(self, tx: Session, account: Account) -> None:
        """Begin with the token that worked last, if it is still there."""
        mark = snapshot.known_supplier(tx, account.name).token_mark
        if mark is not None:
            known = [token for token in self._tokens(account)[0] if token_mark(account.name, token) == mark]
            account.token = known[0] if known else account.token

    def look(self, account: Account) -> None:
        """Read the tokens again if there is none or it was refused."""
        if not account.token_suspect:
            return
        if account.token is not None:
            with self._store.read() as tx:
                account.token_suspect = snapshot.known_supplier(tx, account.name).token_refused_at is not None
            if not account.token_suspect:
                return
        tokens, missing = self._tokens(account)
        if missing is not None and not tokens:
            self._missing(account, missing)
        account.refused &= {*tokens}
        untried = [token for token in tokens if token not in account.refused]
        if not untried or account.token in untried:
            return
        with self._store.write() as tx:
            snapshot.try_now(tx, account.name, self._clock.now())
        account.token, account.token_problem, account.next_read, account.standing = untried[0], None, None, None

    def refused(self, account: Account, token: str) -> None:
        """Note that a token was refused: another is tried at the next look; two that are both refused take turns.

        In memory alone: the database may be locked at this moment, and what came back must not be taken in twice.
        """
        account.token_suspect, account.next_read, account.proven = True, None, None
        account.refused.add(token)
        tokens = self._tokens(account)[0]
        if account.token == token and account.refused >= {*tokens}:
            account.token = next((other for other in tokens if other != token), token)

    def worked(self, tx: Session, account: Account, token: str, now: datetime) -> str | None:
        """Store which token works, and since when: by a mark, never the token itself. Return its key if that is news."""
        if account.proven == token:
            return None
        supplier, mark, key = snapshot.known_supplier(tx, account.name), token_mark(account.name, token), PRESENT
        tokens, missing = self._tokens(account)
        if token in tokens and (missing is not None or tokens[0] != token):
            key = TOKEN_NEXT
        if (supplier.token_mark, supplier.token_key) == (mark, key):
            return None
        if supplier.token_mark != mark:
            supplier.token_mark, supplier.token_since = mark, now
        supplier.token_key = key
        tx.add(supplier)
        return key

    def proved(self, account: Account, token: str, key: str | None) -> None:
        """Remember that a token works, once that is stored. `key`: what `worked` returned."""
        if account.proven != token:
            account.proven, account.refused = token, set()
        if key is not None:
            self._log.info("token.adopted", supplier=account.name, key=key)

    def _tokens(self, account: Account) -> tuple[list[str], ConfigError | None]:
        """Return the tokens as they are now, the present one first, and why that one is missing, if it is."""
        tokens, missing, name = [], None, account.name
        try:
            tokens.append(self._read_token(name))
            self._log.solved(f"token {name}")
        except ConfigError as error:
            self._log.problem(f"token {name}", error.what)
            missing = error
        try:
            following = self._read_next(name)
            self._log.solved(f"token_next {name}")
        except ConfigError as error:
            self._log.problem(f"token_next {name}", error.what)
            following = None
        if following is not None and following not in tokens:
            tokens.append(following)
        return tokens, missing

    def _missing(self, account: Account, error: ConfigError) -> None:
        if account.token is None and account.token_problem != error.what:
            with self._store.write() as tx:
                deliver.pause_for_token(tx, account.name, self._settings, self._clock.now(), self._chance(), error.what)
            account.token_problem, account.standing = error.what, None
