"""Plan: facts -> calls owed. For what has changed in each turn, and once an hour for every open order."""

from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta

from sqlmodel import Session

from supplier_agent.base.clock import Clock
from supplier_agent.base.log import Log
from supplier_agent.db.ship_ledger import Ledger
from supplier_agent.db.store import Store
from supplier_agent.labels import LabelFolder
from supplier_agent.settings import Settings
from supplier_agent.suppliers import safety_stops, snapshot
from supplier_agent.tick import log_events, plan
from supplier_agent.tick.account import Account
from supplier_agent.tick.containment import Containment

HEAL = timedelta(hours=1)


class Planner:
    """Derives calls from facts, on the loop's thread. `settings` may change meanwhile."""

    def __init__(
        self,
        store: Store,
        ledger: Ledger,
        labels: LabelFolder,
        clock: Clock,
        log: Log,
        contained: Containment,
        settings: Callable[[], Settings],
    ) -> None:
        self._store, self._ledger, self._labels, self._clock, self._log = store, ledger, labels, clock, log
        self._contained, self._settings = contained, settings
        self.heal_at = clock.now()

    def plan(self, account: Account) -> None:
        """Derive the calls of those orders whose facts have changed."""
        while account.facts_changed:
            with self._store.read() as tx:
                changed = plan.changed(tx, account.name)
            if changed:
                account.flags_changed |= any(changed.values()) or account.ships_wait
                self._contained.each_by_itself(account, [*changed], self._plan_these)
            if account.flags_changed:
                self._mind_the_flags(account)
            account.facts_changed = bool(changed)

    def heal(self, accounts: Iterable[Account]) -> None:
        """Look at every open order once an hour, whether or not it is known to have changed: a label's file may be gone."""
        now = self._clock.now()
        if now < self.heal_at:
            return
        for account in accounts:
            self._contained.alone(account, self._heal_orders)
        self.heal_at = now + HEAL

    def _heal_orders(self, account: Account) -> None:
        last = 0
        while True:
            with self._store.read() as tx:
                ids = plan.open_after(tx, account.name, last)
            if not ids:
                break
            self._contained.each_by_itself(account, ids, self._heal_these)
            last = ids[-1]
        self._mind_the_flags(account)
        account.proven = None  # the present token may be the one that followed by now

    def _plan_these(self, tx: Session, ids: Sequence[int]) -> None:
        plan.plan(tx, plan.those(tx, ids), self._settings(), self._ledger, self._clock.now())

    def _heal_these(self, tx: Session, ids: Sequence[int]) -> None:
        plan.heal(tx, ids, self._settings(), self._ledger, self._labels, self._clock.now())

    def _mind_the_flags(self, account: Account) -> None:
        now, limit = self._clock.now(), self._settings().brakes.flags_per_minute
        with self._store.write() as tx:
            said = safety_stops.mind_the_flags(tx, account.name, limit, now)
            ships_wait = safety_stops.ships_wait(snapshot.known_supplier(tx, account.name))
        account.ships_wait, account.flags_changed = ships_wait, False
        if said is not None:
            account.standing = None
            log_events.brake(self._log, account.name, said)
