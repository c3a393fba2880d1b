"""What must hold after any crash and one clean run: the state on the disk, compared with what the marketplace really knows."""

import hashlib
import json
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

from supplier_agent.db.state_folder import LEDGER
from supplier_agent.db.triggers import TRIGGERS
from supplier_agent.sandbox.world import World

SUPPLIER = "notio"
CALLS_OF_ORDERS = "calls c JOIN orders o ON o.id = c.order_id"


def rows(state_dir: Path, query: str) -> list[sqlite3.Row]:
    """Ask the database in plain SQL, as staff do."""
    with closing(sqlite3.connect(state_dir / "agent.db")) as connection:
        connection.row_factory = sqlite3.Row
        return connection.execute(query).fetchall()


def in_doubt(state_dir: Path) -> set[str]:
    """Return the orders of which, after a death, nobody on this side can know whether ship-sale was taken in.

    The call was claimed, and no outcome of that attempt has reached the ship ledger.
    """
    query = f"SELECT menzzo_order_id, attempts FROM {CALLS_OF_ORDERS} WHERE kind = 'ship' AND state = 'sending'"
    claimed = {(row["menzzo_order_id"], row["attempts"]) for row in rows(state_dir, query)}
    return {this for this, _ in claimed - _outcomes(state_dir / LEDGER)}


def _outcomes(ledger: Path) -> set[tuple[str, int]]:
    found = set()
    for line in ledger.read_text().splitlines() if ledger.exists() else ():
        try:
            fact = json.loads(line)
        except ValueError:
            continue  # torn
        if fact.get("outcome") is not None:
            found.add((fact["order"], fact["attempt"]))
    return found


def violations(state_dir: Path, world: World, flagged: list[str], doubtful: set[str]) -> list[str]:
    """Return every promise that is broken, in a few words. `doubtful` are the orders that a death left in doubt."""
    wrong = _unsound(state_dir)
    stored = {row["menzzo_order_id"]: row for row in rows(state_dir, "SELECT * FROM orders")}
    ships = {
        row["menzzo_order_id"]: row
        for row in rows(
            state_dir,
            "SELECT o.menzzo_order_id, c.* FROM calls c JOIN orders o ON o.id = c.order_id WHERE kind = 'ship'",
        )
    }
    for order in world.orders(SUPPLIER):
        this, row = order.menzzo_order_id, stored.get(order.menzzo_order_id)
        if row is None:
            wrong.append(f"{this} is lost")
            continue
        if not order.acknowledged_at or row["acknowledged_at"] is None:
            wrong.append(f"{this} was not acknowledged")
        wrong += _label(state_dir, this, row, order.pdf())
        ship = ships.get(this)
        sent = len(world.requests("ship-sale", SUPPLIER, this))
        if sent > 1 or len(order.shipped_at) > 1:
            wrong.append(f"{this} was shipped {sent} times")
        if this not in flagged and (sent or ship is not None):
            wrong.append(f"{this} was shipped unasked")
        if row["ship_confirmed_at"] is not None and not order.shipped_at:
            wrong.append(f"{this} is called shipped, but is not")
        if this in flagged:
            wrong += _ending(this, row, ship, doubtful=this in doubtful)
    return wrong + _unexplained(state_dir, world)


def _ending(this: str, row: sqlite3.Row, ship: sqlite3.Row | None, *, doubtful: bool) -> list[str]:
    """Check that a flagged order ended confirmed; or unknown, if and only if a death left it in doubt."""
    state, expected = None if ship is None else ship["state"], "unknown" if doubtful else "done"
    if state == expected and (row["ship_confirmed_at"] is None) == doubtful:
        return []
    return [f"{this} is flagged, and its ship call is {state}, not {expected}; confirmed: {row['ship_confirmed_at']}"]


def _label(state_dir: Path, this: str, row: sqlite3.Row, pdf: bytes) -> list[str]:
    if row["label_path"] is None:
        return [f"{this} has no label"]
    content = (state_dir / row["label_path"]).read_bytes()
    whole = content == pdf and row["label_sha256"] == hashlib.sha256(pdf).hexdigest() and row["label_bytes"] == len(pdf)
    return [] if whole else [f"the label of {this} is not whole"]


def _unsound(state_dir: Path) -> list[str]:
    wrong = [f"integrity: {row[0]}" for row in rows(state_dir, "PRAGMA integrity_check") if row[0] != "ok"]
    wrong += [f"foreign key: {tuple(row)}" for row in rows(state_dir, "PRAGMA foreign_key_check")]
    triggers = {row[0] for row in rows(state_dir, "SELECT name FROM sqlite_master WHERE type = 'trigger'")}
    if triggers != set(TRIGGERS):
        wrong.append(f"triggers: {sorted(triggers)}")
    wrong += [f"left over: {path.name}" for path in (state_dir / "labels").rglob("*") if path.name.endswith(".part")]
    stuck = rows(state_dir, "SELECT kind, state FROM calls WHERE state NOT IN ('done', 'unknown')")
    return wrong + [f"{row['kind']} is {row['state']}" for row in stuck]


def _unexplained(state_dir: Path, world: World) -> list[str]:
    """Return what arrived at the marketplace and does not stand in the journal. A read's line is written with its answer."""
    made = Counter(
        (row["kind"], row["menzzo_order_id"])
        for row in rows(
            state_dir,
            f"SELECT c.kind, o.menzzo_order_id FROM {CALLS_OF_ORDERS} JOIN attempts a ON a.call_id = c.id",
        )
    )
    arrived = Counter(
        (line.endpoint.removesuffix("-sale"), line.menzzo_order_id)
        for line in world.requests(supplier=SUPPLIER)
        if line.endpoint in {"acknowledge-sale", "ship-sale", "label"}
        and (
            line.menzzo_order_id is not None or line.effect is not None
        )  # cut in two by a death, a request names no order
    )
    return [
        f"{kind} of {this} arrived {n} times, the journal has {made[kind, this]}"
        for (kind, this), n in arrived.items()
        if n > made[kind, this]
    ]
