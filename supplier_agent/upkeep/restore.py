"""Putting a copy of the database back, so that nothing is shipped twice.

The ship ledger beside the database is never replaced by an older one: it knows what was shipped since the copy was made. Where
it is lost too, nobody here knows that, so whatever was flagged in the copy is held until a person has asked Menzzo.
"""

import json
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlmodel import Session, col, select

from supplier_agent import copies, state
from supplier_agent.errors import ConfigError, StateError
from supplier_agent.ledger import Ledger
from supplier_agent.migrations import known
from supplier_agent.outbox import DONE
from supplier_agent.store import Store, open_store
from supplier_agent.tables import Call, Event, Order
from supplier_agent.trusted import allow, as_owner_of, replace

SUFFIX = ".shipped.jsonl"
"""A copy of the ledger stands beside the copy of the database, under its name and this."""
HELD = (
    "restored from a copy without the ship ledger: it may have been shipped since. Ask Menzzo, then close or release it"
)


@dataclass(frozen=True)
class Restored:
    """What was done. `aside`: where the database lies that was there before; None: there was none."""

    aside: Path | None
    learned: int  # ship calls that the ledger here did not know of, and now knows
    held: tuple[str, ...]  # flagged orders that wait for a person, as the ledger was lost


def back_up(store: Store, state_dir: Path, target: Path) -> Path | None:
    """Copy the database, and then the ledger beside it; return the copy of the ledger. None: nothing was ever shipped.

    In this order, so that the ledger knows all that the database knows.
    """
    store.backup(target)
    ledger, beside = state_dir / state.LEDGER, target.with_name(target.name + SUFFIX)
    try:
        content = ledger.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:  # it is the agent's alone
        raise StateError(
            f"{target} is written, but the ship ledger {ledger} cannot be read: {error.strerror}",
            "run it as the agent's user, so that the copy is complete",
        ) from error
    try:
        with as_owner_of(target.parent):
            replace(beside, content)
    except OSError as error:
        raise StateError(
            f"{beside} could not be written: {error.strerror}", "free some space, or choose another folder"
        ) from error
    return beside


def put_back(copy: Path, state_dir: Path, now: datetime) -> Restored:
    """Make a copy the database of this state; the caller holds the instance lock. What was there before is kept beside it.

    Raises StateError if the copy is damaged, ConfigError if it is newer than this program.
    """
    schema = copies.check(copy)
    if schema not in known():
        raise ConfigError(
            f"{copy} was written by a newer supplier-agent (schema {schema})", "install that version first"
        )
    database = state_dir / state.DATABASE
    fresh = database.with_name(f"{database.name}.restoring")
    ledger_beside = _beside(copy)
    with closing(copies.opened(copy)) as source:
        copies.copy(source, fresh)
    # Root may read the copy wherever it is; from here on it is the folder's owner, and so is what it makes.
    with as_owner_of(state_dir):
        return _put(database, fresh, ledger_beside, now)


def _put(database: Path, fresh: Path, ledger_beside: bytes, now: datetime) -> Restored:
    state_dir = database.parent
    allow(fresh, 0o660)
    for tail in ("-wal", "-shm"):  # of a restore that was cut short, or put there: it would be taken for this one's own
        fresh.with_name(fresh.name + tail).unlink(missing_ok=True)
    had_ledger = _holds_something(state_dir / state.LEDGER)
    store = open_store(fresh, agent=True)
    ledger = Ledger(state_dir / state.LEDGER)
    try:
        with store.write() as tx:
            trusted = had_ledger and _knows_all(tx, ledger)
            learned = _learn(ledger, ledger_beside)
            held = () if trusted else _hold(tx, ledger, now)
        store.checkpoint()
    finally:
        store.close()
        ledger.close()
    return Restored(_exchange(database, fresh, now), learned, held)


def _holds_something(path: Path) -> bool:
    try:
        return path.stat().st_size > 0
    except FileNotFoundError:
        return False


def _knows_all(tx: Session, ledger: Ledger) -> bool:
    """Tell whether the ledger here goes on from this database: one that was begun anew elsewhere does not."""
    query = select(Order.supplier, Order.menzzo_order_id, Call.attempts).join(Call)
    query = query.where(Call.kind == "ship", Call.attempts > 0)
    return all(
        (entry := ledger.last(supplier, order)) is not None and entry.attempt >= attempts
        for supplier, order, attempts in tx.exec(query)
    )


def _beside(copy: Path) -> bytes:
    """Return the copy of the ledger that belongs to a copy of the database; empty if there is none."""
    path = copy.with_name(copy.name + SUFFIX)
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise StateError(f"{path} cannot be read: {error.strerror}", "give this user the right to read it") from error


def _learn(ledger: Ledger, copy: bytes) -> int:
    """Add to the ledger what the copy knows beyond it; never less than it knew."""
    learned: set[tuple[str, str]] = set()
    for line in copy.split(b"\n"):
        try:
            fact = json.loads(line)
            supplier, order, attempt, outcome = fact["supplier"], fact["order"], int(fact["attempt"]), fact["outcome"]
            at = datetime.fromisoformat(fact["at"])
        except (ValueError, KeyError, TypeError):
            continue  # the torn end of a copy
        mine = ledger.last(supplier, order)
        if (
            mine is None
            or attempt > mine.attempt
            or (attempt == mine.attempt and mine.outcome is None and outcome is not None)
        ):
            ledger.write(supplier, order, attempt, outcome, at)
            learned.add((supplier, order))
    return len(learned)


def _hold(tx: Session, ledger: Ledger, now: datetime) -> tuple[str, ...]:
    """Hold every order that would be reported as shipped by itself: it may have been, after the copy was made."""
    query = select(Order).where(Order.shipped == 1, col(Order.ship_confirmed_at).is_(None))
    query = query.where(col(Order.closed_reason).is_(None), col(Order.held_reason).is_(None))
    held = []
    for order in tx.exec(query.order_by(col(Order.id))):
        entry = ledger.last(order.supplier, order.menzzo_order_id)
        if entry is not None and entry.outcome == DONE:
            continue  # the ledger's word is enough
        assert order.id is not None  # noqa: S101 - a stored order has one
        order.held_reason, order.planned_at = HELD, None
        tx.add(order)
        tx.add(Event(order_id=order.id, at=now, who="agent", what="held", detail=HELD))
        held.append(order.menzzo_order_id)
    return tuple(held)


def _exchange(database: Path, fresh: Path, now: datetime) -> Path | None:
    """Put the new database in the place of the old one, whose files are kept together under another name."""
    aside = database.with_name(f"{database.stem}-before-restore-{now:%Y%m%dT%H%M%SZ}{database.suffix}")
    had_one = database.exists()
    try:
        for tail in ("-wal", "-shm", ""):  # a WAL that stayed behind would be taken for the new database's own
            old = database.with_name(database.name + tail)
            if old.exists():
                old.rename(aside.with_name(aside.name + tail))
        fresh.replace(database)
    except OSError as error:
        raise StateError(
            f"{fresh} could not be put in the place of {database}: {error.strerror}",
            "look at the folder's rights, and do it again",
        ) from error
    for tail in ("-wal", "-shm"):
        fresh.with_name(fresh.name + tail).unlink(missing_ok=True)
    return aside if had_one else None
