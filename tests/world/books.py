"""Both sides of a supplier's story: the agent's state on the disk, the marketplace's log, and what people said in between."""

import json
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import Any

from supplier_agent.db.state_folder import DATABASE, LEDGER
from supplier_agent.sandbox.orders import Order
from supplier_agent.sandbox.world import World

SUPPLIER = "notio"
CALLS_OF_ORDERS = "calls c JOIN orders o ON o.id = c.order_id"
Attempt = tuple[str, int]
"""The n-th ship call of an order."""


@dataclass
class Said:
    """What people said of one order, by monotonic seconds. True: from then on; False: no longer."""

    flags: list[tuple[float, bool]] = field(default_factory=list)
    """A new undo window is a new flag."""
    holds: list[tuple[float, bool]] = field(default_factory=list)
    closings: list[tuple[float, bool]] = field(default_factory=list)
    again: list[float] = field(default_factory=list)
    """Send it again, try it again."""
    answers: list[float] = field(default_factory=list)
    """What came of a call whose outcome is unknown."""


def since(changes: Sequence[tuple[float, bool]], moment: float) -> float | None:
    """Return since when it has been so at that moment, None if it is not."""
    before = [change for change in changes if change[0] <= moment]
    return before[-1][0] if before and before[-1][1] else None


@dataclass
class Sent:
    """One ship-sale request: when it arrived, and what the agent could read of the answer."""

    monotonic: float
    menzzo_order_id: str
    status: int | None = None  # None: the answer was lost, or the process died before it could read it
    clear: bool = False  # an answer from which it follows what happened
    claimed: float | None = None  # None: when it arrived; else when its call was claimed

    @property
    def decided(self) -> float:
        """The moment from which the agent cannot be stopped any more."""
        return self.monotonic if self.claimed is None else self.claimed


def ask(state_dir: Path, sql: str, *values: object) -> list[sqlite3.Row]:
    """Ask the database in plain SQL, as staff do."""
    with closing(sqlite3.connect(state_dir / DATABASE)) as connection:
        connection.row_factory = sqlite3.Row
        return connection.execute(sql, values).fetchall()


def in_doubt(state_dir: Path) -> set[Attempt]:
    """Return the ship calls of which, after a death, nobody on this side can know whether they were carried out.

    The call was claimed, and no outcome of that attempt has reached the ship ledger.
    """
    query = f"SELECT menzzo_order_id, attempts FROM {CALLS_OF_ORDERS} WHERE kind = 'ship' AND state = 'sending'"
    claimed = {(row["menzzo_order_id"], row["attempts"]) for row in ask(state_dir, query)}
    return claimed - _outcomes(state_dir / LEDGER)


def _outcomes(ledger: Path) -> set[Attempt]:
    found = set()
    for line in ledger.read_text().splitlines() if ledger.exists() else ():
        try:
            fact = json.loads(line)
        except ValueError:
            continue  # torn
        if fact.get("outcome") is not None:
            found.add((fact["order"], fact["attempt"]))
    return found


def arrived(world: World, supplier: str = SUPPLIER) -> list[Sent]:
    """Return the ship calls in the marketplace's log. Each was answered clearly, or its process died.

    A process that died while it sent one has sent none: without its whole body, no server can act on it.
    """
    return [
        Sent(line.monotonic, line.menzzo_order_id or "", line.status, clear=True)
        for line in world.requests("ship-sale", supplier)
        if line.is_complete
    ]


@dataclass
class Books:
    """All that the invariants compare."""

    state_dir: Path
    world: World
    said: Mapping[str, Said]
    sent: Sequence[Sent]
    supplier: str = SUPPLIER
    doubtful: Collection[Attempt] = ()
    """Ship calls during which the process died."""
    undo_seconds: float = 0.0
    jumps: Sequence[float] = ()
    """When the machine's clock was set."""
    requests_per_second: float = inf
    labels: Mapping[str, Sequence[bytes]] = field(default_factory=dict)
    """What was served for an order, the newest last, where the marketplace changed it."""

    def ask(self, sql: str, *values: object) -> list[Any]:
        """Ask the database in plain SQL."""
        return ask(self.state_dir, sql, *values)

    def listed(self) -> dict[str, Order]:
        """Return the orders with a usable id that the marketplace has listed by now."""
        now = self.world.clock.now()
        orders = self.world.orders(self.supplier)
        return {each.menzzo_order_id: each for each in orders if each.row_json is None and each.visible(now)}

    def stored(self) -> dict[str, sqlite3.Row]:
        """Return the rows of the orders."""
        return {row["menzzo_order_id"]: row for row in self.ask("SELECT * FROM orders")}

    def calls(self, kind: str) -> dict[str, sqlite3.Row]:
        """Return the calls of a kind, by order."""
        found = self.ask(f"SELECT menzzo_order_id, c.* FROM {CALLS_OF_ORDERS} WHERE kind = ?", kind)
        return {row["menzzo_order_id"]: row for row in found}

    def served(self, menzzo_order_id: str) -> Sequence[bytes]:
        """Return the labels that the marketplace served for an order."""
        order = self.world.order(self.supplier, menzzo_order_id)
        return self.labels.get(menzzo_order_id) or ([] if order is None else [order.pdf()])
