"""Restores a copy of the database. Nothing is shipped twice, and nothing that a person has undone since is shipped.

The ship ledger (`private/shipped.jsonl`) is never replaced by an older one: it knows the ship calls and decisions since the copy
was made. Every order that is marked in the copy and not known to be shipped is held until a person releases it.
"""

import secrets
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlmodel import Session

from supplier_agent.base.errors import AgentError, ConfigError, StateError
from supplier_agent.base.files import allow, as_owner_of, replace
from supplier_agent.db import backup_copy, state_folder
from supplier_agent.db.migrations import known
from supplier_agent.db.ship_ledger import Ledger
from supplier_agent.db.store import LockedError, Store, open_store
from supplier_agent.maintenance import rollback
from supplier_agent.maintenance.access import end_again, ended_in
from supplier_agent.maintenance.rollback import Held, Relation
from supplier_agent.order import RESTORED

SUFFIX = ".shipped.jsonl"
"""The copy of the ledger has the name of the database's copy, with this suffix."""
LEDGER_NAME = Path(state_folder.LEDGER).name


@dataclass(frozen=True)
class Restored:
    """The result. `aside`: the path of the previous database; None: there was none."""

    aside: Path | None
    learned: int  # orders whose ship calls this ledger did not know, and knows now
    held: tuple[Held, ...]  # marked orders that now wait for a person
    taken_back: tuple[tuple[str, str, str], ...]  # supplier, order, and the decision since the copy, oldest first
    ledger_lost: str  # why the ledger did not belong to this database; "": it did
    # Keys and people without access since the copy; None: the previous database is unreadable.
    ended: tuple[str, ...] | None = ()


def back_up(store: Store, state_dir: Path, target: Path) -> Path | None:
    """Copy the database, then the ledger next to it; return the copy of the ledger. None: nothing was ever shipped.

    In this order, so that the ledger's copy has everything that the database's copy has.
    """
    store.backup(target)
    ledger, ledger_copy = state_dir / state_folder.LEDGER, target.with_name(target.name + SUFFIX)
    try:
        content = ledger.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:  # only the agent may read it
        raise StateError(
            f"{target} is written, but the ship ledger {ledger} cannot be read: {error.strerror}",
            "run it as the agent's user, so that the copy is complete",
        ) from error
    try:
        with as_owner_of(target.parent):
            replace(ledger_copy, content)
    except OSError as error:
        raise StateError(
            f"{ledger_copy} could not be written: {error.strerror}", "free some space, or choose another folder"
        ) from error
    return ledger_copy


def put_back(copy: Path, state_dir: Path, now: datetime) -> Restored:
    """Make a copy the database of this state; the caller holds the instance lock. The previous database is kept next to it.

    Raises StateError if the copy is damaged, ConfigError if it is newer than this program.
    """
    schema = backup_copy.check(copy)
    if schema not in known():
        raise ConfigError(
            f"{copy} was written by a newer supplier-agent (schema {schema})", "install that version first"
        )
    database = state_dir / state_folder.DATABASE
    fresh = database.with_name(f"{database.name}.restoring")
    ledger_copy = _ledger_copy(copy)
    with closing(backup_copy.opened(copy)) as source:
        backup_copy.copy(source, fresh)
    # Root may read the copy anywhere; from here on it acts as the folder's owner, who then owns the new files.
    with as_owner_of(state_dir):
        return _put(database, fresh, ledger_copy, now)


def _put(database: Path, fresh: Path, ledger_copy: bytes, now: datetime) -> Restored:
    state_dir = database.parent
    allow(fresh, 0o660)
    for tail in ("-wal", "-shm"):  # left by an interrupted restore, or put there: it would be used with this copy
        fresh.with_name(fresh.name + tail).unlink(missing_ok=True)
    state_folder.adopt(state_dir / state_folder.PRIVATE, LEDGER_NAME)
    with closing(Ledger(state_dir / state_folder.LEDGER)) as ledger, closing(open_store(fresh, agent=True)) as store:
        _note_decisions(database, ledger)  # while the old database can still be read
        access = ended_in(database)
        with store.write() as tx:
            row, lost = rollback.installation(tx), _lost(tx, ledger)
            if lost or ledger.fault:
                ledger.begin(secrets.token_hex(8), now)
            learned = ledger.learn(ledger_copy)
            taken_back = rollback.since_the_copy(tx, ledger)
            held = rollback.hold(tx, ledger, RESTORED, now)
            ended = None if access is None else end_again(tx, access)
            rollback.bind(tx, row, ledger, now)
            epoch = row.epoch
        store.checkpoint()
        store.close()
        aside = _exchange(database, fresh, now)
        ledger.mark(epoch, now)
    told = tuple((each.supplier, each.order, rollback.in_words(each)) for each in taken_back.values())
    return Restored(aside, learned, held, told[::-1], lost, ended)


def _lost(tx: Session, ledger: Ledger) -> str:
    """Return why the ledger does not belong to this database; "": it does."""
    finding = rollback.judge(tx, ledger)
    return finding.why if finding.relation is Relation.LOST else ""


def rolled_back(state_dir: Path, now: datetime) -> Restored:
    """Hold marked orders, because a person says that the whole machine was reset; the caller holds the instance lock."""
    database, ledger_file = state_dir / state_folder.DATABASE, state_dir / state_folder.LEDGER
    with closing(open_store(database, agent=True)) as store, closing(Ledger(ledger_file)) as ledger:
        with store.write() as tx:
            row, lost = rollback.installation(tx), _lost(tx, ledger)
            held = rollback.hold(tx, ledger, RESTORED, now)
            if not lost:
                rollback.bind(tx, row, ledger, now)
            epoch = row.epoch
        if not lost:
            ledger.mark(epoch, now)
    return Restored(None, 0, held, (), lost)


def _note_decisions(database: Path, ledger: Ledger) -> None:
    """Copy decisions that were made while no agent ran to the ledger. Nothing is copied from an unreadable database."""
    if ledger.fault or not database.exists():
        return
    try:
        with closing(open_store(database)) as store:
            with store.read() as tx:
                if rollback.judge(tx, ledger).relation is not Relation.SAME:
                    return
                new = rollback.new_decisions(tx, rollback.installation(tx).last_decision)
            if new:
                ledger.decide(new)
    except LockedError:
        raise
    except AgentError:
        return


def _ledger_copy(copy: Path) -> bytes:
    """Return the copy of the ledger next to the copy of the database; empty if there is none."""
    ledger = copy.with_name(copy.name + SUFFIX)
    try:
        return ledger.read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise StateError(f"{ledger} cannot be read: {error.strerror}", "give this user the right to read it") from error


def _exchange(database: Path, fresh: Path, now: datetime) -> Path | None:
    """Replace the old database, whose files are kept together under another name."""
    aside = database.with_name(f"{database.stem}-before-restore-{now:%Y%m%dT%H%M%SZ}{database.suffix}")
    had_one = database.exists()
    try:
        for tail in ("-wal", "-shm", ""):  # a WAL that is left would be used with the new database
            old = database.with_name(database.name + tail)
            if old.exists():
                old.rename(aside.with_name(aside.name + tail))
        fresh.replace(database)
    except OSError as error:
        raise StateError(
            f"{fresh} could not be put in the place of {database}: {error.strerror}",
            "check the folder's rights, and run it again",
        ) from error
    for tail in ("-wal", "-shm"):
        fresh.with_name(fresh.name + tail).unlink(missing_ok=True)
    return aside if had_one else None
