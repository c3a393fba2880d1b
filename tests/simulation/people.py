"""The people around the agent: they flag, undo, flag the wrong order, hold, close, look at the truth and decide.

Their acts go through a store that is not the agent's, as commands do; what was done is kept, with its moment.
"""

import random
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

from sqlmodel import Session, select

from supplier_agent import actions
from supplier_agent.base.errors import AgentError
from supplier_agent.db.store import Store, open_store
from supplier_agent.db.tables import Call, Order
from supplier_agent.sandbox.orders import Order as Listed
from tests.simulation.mortal import MortalSite

WHO = "Ana"


@dataclass
class Said:
    """What people said of one order, by monotonic seconds."""

    flags: list[tuple[float, bool]] = field(default_factory=list)
    holds: list[tuple[float, bool]] = field(default_factory=list)
    closings: list[tuple[float, bool]] = field(default_factory=list)
    again: list[float] = field(default_factory=list)  # "send it again", "try it again"

    def flagged_at(self, moment: float) -> float | None:
        """Return since when it was flagged at that moment, or None if it was not."""
        return _since(self.flags, moment)

    def held_at(self, moment: float) -> bool:
        """Tell whether it was held."""
        return _since(self.holds, moment) is not None

    def closed_at(self, moment: float) -> bool:
        """Tell whether it was closed."""
        return _since(self.closings, moment) is not None


def _since(changes: list[tuple[float, bool]], moment: float) -> float | None:
    before = [change for change in changes if change[0] <= moment]
    return before[-1][0] if before and before[-1][1] else None


class People:
    """The staff of one supplier's warehouse."""

    def __init__(self, site: MortalSite, dice: random.Random) -> None:
        self._site, self._dice = site, dice
        self._store: Store | None = None  # None: nobody has said anything yet
        self.said: dict[str, Said] = defaultdict(Said)
        self.too_late = 0
        self.wrong: list[str] = []  # flagged by mistake a moment ago, and to be taken back

    def do_something(self) -> None:
        """Do what comes up at this moment."""
        dice = self._dice
        act: Callable[[], None] = dice.choices(
            (
                self.flag_some,
                self.flag_the_wrong_one,
                self.hold_one,
                self.close_one,
                self.let_go,
                self.decide,
                self.try_again,
            ),
            (8, 3, 1.5, 0.7, 2, 2, 1),
        )[0]
        act()

    def _order(self, tx: Session, *conditions: object) -> Order | None:
        found = tx.exec(select(Order).where(*conditions).order_by(Order.id)).all()  # type: ignore[arg-type] # SQL of a column
        return self._dice.choice(found) if found else None

    def _act(self, change: Callable[[Session], None]) -> None:
        self._store = self._store or open_store(self._site.database)
        with self._store.write() as tx:
            change(tx)

    def go_home(self) -> None:
        """Close the store."""
        if self._store is not None:
            self._store.close()

    def _moment(self) -> float:
        return self._site.clock.monotonic()

    def flag_some(self) -> None:
        """Say of some orders that they have left: most of them are ready, a few are not."""

        def change(tx: Session) -> None:
            for order in tx.exec(select(Order).where(Order.shipped == 0, Order.closed_reason == None)).all():  # noqa: E711 - SQL
                ready = order.label_path is not None and order.acknowledged_at is not None
                if self._dice.random() < (0.6 if ready else 0.1):
                    self._flag(tx, order)

        self._act(change)

    def _flag(self, tx: Session, order: Order) -> None:
        actions.ship(tx, order, self._site.clock.now(), WHO)
        self.said[order.menzzo_order_id].flags.append((self._moment(), True))

    def flag_the_wrong_one(self) -> None:
        """Flag an order that is still here; it is noticed within the undo time."""

        def change(tx: Session) -> None:
            order = self._order(tx, Order.shipped == 0, Order.closed_reason == None)  # noqa: E711 - SQL
            if order is not None:
                self._flag(tx, order)
                self.wrong.append(order.menzzo_order_id)

        self._act(change)

    def take_back(self) -> None:
        """Take back what was flagged by mistake."""
        wrong, self.wrong = self.wrong, []
        for each in wrong:
            try:
                self._act(lambda tx, each=each: self._unflag(tx, each))  # type: ignore[misc] # the id of this turn
            except AgentError:
                self.too_late += 1

    def _unflag(self, tx: Session, each: str) -> None:
        actions.unship(tx, actions.find(tx, each), self._site.clock.now(), WHO)
        self.said[each].flags.append((self._moment(), False))

    def hold_one(self) -> None:
        """Keep an order back."""

        def change(tx: Session) -> None:
            order = self._order(tx, Order.ship_confirmed_at == None, Order.held_reason == None)  # noqa: E711 - SQL
            if order is not None:
                actions.hold(tx, order, self._site.clock.now(), WHO, "the customer called")
                self.said[order.menzzo_order_id].holds.append((self._moment(), True))

        self._act(change)

    def close_one(self) -> None:
        """Deal with an order elsewhere."""

        def change(tx: Session) -> None:
            order = self._order(tx, Order.ship_confirmed_at == None, Order.closed_reason == None)  # noqa: E711 - SQL
            if order is not None:
                actions.close(tx, order, self._site.clock.now(), WHO, "cancelled by telephone")
                self.said[order.menzzo_order_id].closings.append((self._moment(), True))

        self._act(change)

    def let_go(self, *, all_of_them: bool = False) -> None:
        """Release what is held, and reopen some of what was closed."""

        def change(tx: Session) -> None:
            for order in tx.exec(select(Order).where(Order.held_reason != None)).all():  # noqa: E711 - SQL
                if all_of_them or self._dice.random() < 0.5:
                    actions.release(tx, order, self._site.clock.now(), WHO)
                    self.said[order.menzzo_order_id].holds.append((self._moment(), False))
            for order in tx.exec(select(Order).where(Order.closed_reason != None)).all():  # noqa: E711 - SQL
                if self._dice.random() < 0.3:
                    actions.reopen(tx, order, self._site.clock.now(), WHO)
                    said = self.said[order.menzzo_order_id]
                    said.closings.append((self._moment(), False))
                    if order.shipped == 1:
                        said.flags.append((self._moment(), True))  # the undo window begins anew

        self._act(change)

    def decide(self) -> None:
        """Answer for every ship call whose outcome is unknown, after a look at what the marketplace really has."""

        def change(tx: Session) -> None:
            for call in tx.exec(select(Call).where(Call.kind == "ship", Call.state == "unknown")).all():
                order = tx.get_one(Order, call.order_id)
                listed = self._site.world.order(order.supplier, order.menzzo_order_id)
                assert isinstance(listed, Listed)
                shipped = bool(listed.shipped_at)
                actions.resolve(tx, order, self._site.clock.now(), WHO, shipped=shipped)
                if not shipped:
                    self.said[order.menzzo_order_id].again.append(self._moment())

        self._act(change)

    def try_again(self) -> None:
        """Try again all that is parked."""

        def change(tx: Session) -> None:
            for order in actions.parked_orders(tx, None):
                actions.retry(tx, order, self._site.clock.now(), WHO)
                self.said[order.menzzo_order_id].again.append(self._moment())

        self._act(change)
