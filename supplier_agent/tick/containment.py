"""A fault of our own stays where it happens: with one order, or with one supplier. Said once, with its traceback.

What concerns the database or the disk as a whole (store.is_ours) is not held up here: then nothing can be promised to anybody.
"""

from collections.abc import Callable, Sequence

from sqlmodel import Session

from supplier_agent import outbox
from supplier_agent.base.clock import Clock
from supplier_agent.base.log import Log
from supplier_agent.db.store import Store, is_ours
from supplier_agent.db.tables import Call, Order
from supplier_agent.settings import Settings
from supplier_agent.tick.account import Account
from supplier_agent.tick.settle import INTERNAL, fault, give_up_reading

REST_SECONDS = 30.0
"""How long a supplier is left alone after an internal error that no order is to blame for."""
MOST_VAIN = 10
"""So many claims of one call in a row that come to nothing are an endless loop."""


class Containment:
    """Does steps of the loop, and keeps what goes wrong in them from everything else. `settings` may change meanwhile."""

    def __init__(
        self, store: Store, clock: Clock, chance: Callable[[], float], log: Log, settings: Callable[[], Settings]
    ) -> None:
        self._store, self._clock, self._chance, self._log, self._settings = store, clock, chance, log, settings

    def each_by_itself(
        self, account: Account, ids: Sequence[int], step: Callable[[Session, Sequence[int]], None]
    ) -> None:
        """Do a step for these orders in one transaction; if it fails, each in one of its own, and park those that fail."""
        try:
            with self._store.write() as tx:
                step(tx, ids)
        except Exception as error:
            if not is_ours(error):
                raise
            if len(ids) > 1:
                for each in ids:
                    self.each_by_itself(account, [each], step)
                return
            with self._store.write() as tx:
                outbox.park(tx, ids[0], fault(error), self._clock.now())
            self._say(account, ids[0], error)

    def claim(self, account: Account, call: Call, error: Exception) -> None:
        """After a claim that failed: nothing was sent, and a person is asked about this call."""
        if not is_ours(error):
            raise error
        with self._store.write() as tx:
            outbox.park_call(tx, call.id or 0, fault(error))
        self._say(account, call.order_id, error)

    def in_vain(self, account: Account, call_id: int) -> None:
        """Count claims that came to nothing: what planning never changes is not tried for ever."""
        account.vain = (call_id, account.vain[1] + 1 if account.vain[0] == call_id else 1)
        if account.vain[1] > MOST_VAIN:
            with self._store.write() as tx:
                outbox.park_call(tx, call_id, f"{INTERNAL}: it can never be claimed")

    def alone(self, account: Account, step: Callable[[Account], None]) -> None:
        """Do a step for one supplier; if it fails, let that supplier rest, and go on with the others."""
        try:
            step(account)
        except Exception as error:
            if not is_ours(error):
                raise
            self._log.fault("internal.error", account.name, error, supplier=account.name)
            account.rests_until = self._clock.monotonic() + REST_SECONDS
            account.standing = account.next_read = None
            with self._store.write() as tx:
                give_up_reading(tx, account, self._settings(), fault(error), self._clock.now(), self._chance())
            account.run = None

    def _say(self, account: Account, order_id: int, error: Exception) -> None:
        with self._store.read() as tx:
            row = tx.get(Order, order_id)
        this = f"row {order_id}" if row is None else row.menzzo_order_id
        cure = f"supplier-agent order {this}; then: supplier-agent retry {this}"
        self._log.fault("internal.error", f"{account.name} {this}", error, supplier=account.name, order=this, cure=cure)
