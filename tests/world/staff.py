"""The people around the agent, in the functions that commands and page use; what they said is kept, with its moment."""

from collections import defaultdict
from collections.abc import Callable
from datetime import datetime

from sqlmodel import Session

from supplier_agent import actions
from supplier_agent.db.store import Store, open_store
from supplier_agent.db.tables import Order
from tests.world.books import CALLS_OF_ORDERS, Said
from tests.world.harness import Site

WHO = "Ana"
Act = Callable[[Session, Order, datetime, str], object]


class Staff:
    """The staff of one supplier's warehouse. Their store is not the agent's, as commands have one of their own."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._store: Store | None = None  # None: nobody has said anything yet
        self.said: dict[str, Said] = defaultdict(Said)

    def go_home(self) -> None:
        """Close the store."""
        if self._store is not None:
            self._store.close()

    def _act(self, this: str, act: Act) -> Said:
        """Act on an order; a new undo window counts as a new flag. Raises AgentError as the act does."""
        self._store, now = self._store or open_store(self._site.database), self._site.clock.now()
        with self._store.write() as tx:
            order = actions.find(tx, this)
            act(tx, order, now, WHO)
            again = order.shipped == 1 and now in {order.shipped_at, order.undo_opened_at}
        said = self.said[this]
        if again:
            said.flags.append((self._moment(), True))
        return said

    def _moment(self) -> float:
        return self._site.clock.monotonic()

    def flag(self, this: str) -> None:
        """Say that an order has left."""
        self._act(this, actions.ship)

    def flag_by_sql(self, *ids: str) -> None:
        """Say it in SQL."""
        self._site.flag(ids)
        for each in ids:
            self.said[each].flags.append((self._moment(), True))

    def take_back(self, this: str) -> None:
        """Say that it is still here. Raises StateError once its call has begun."""
        self._act(this, actions.unship).flags.append((self._moment(), False))

    def hold(self, this: str) -> None:
        """Keep it back."""
        said = self._act(this, lambda tx, order, now, who: actions.hold(tx, order, now, who, "the customer called"))
        said.holds.append((self._moment(), True))

    def release(self, this: str) -> None:
        """Let it go on."""
        self._act(this, actions.release).holds.append((self._moment(), False))

    def close(self, this: str) -> None:
        """Deal with it elsewhere; one that is reported stays as it is."""
        said = self._act(this, lambda tx, order, now, who: actions.close(tx, order, now, who, "cancelled"))
        said.closings.append((self._moment(), True))

    def reopen(self, this: str) -> None:
        """Take it up again."""
        self._act(this, actions.reopen).closings.append((self._moment(), False))

    def retry(self, this: str) -> None:
        """Try again what is parked."""
        self._act(this, actions.retry).again.append(self._moment())

    def decide(self, this: str) -> None:
        """Answer for its unknown ship call, after a look at what the marketplace really has."""
        (supplier,) = self._site.settings.suppliers
        listed = self._site.world.order(supplier, this)
        assert listed is not None
        shipped = bool(listed.shipped_at)
        said = self._act(this, lambda tx, order, now, who: actions.resolve(tx, order, now, who, shipped=shipped))
        said.answers.append(self._moment())
        if not shipped:
            said.again.append(self._moment())

    def having(self, condition: str) -> list[str]:
        """Return the orders of which this SQL is true."""
        return [this for (this,) in self._site.ask(f"SELECT menzzo_order_id FROM orders WHERE {condition} ORDER BY id")]

    def with_a_call(self, condition: str) -> list[str]:
        """Return the orders that have a call of which this SQL is true."""
        query = f"SELECT DISTINCT menzzo_order_id FROM {CALLS_OF_ORDERS} WHERE {condition} ORDER BY o.id"
        return [this for (this,) in self._site.ask(query)]
