"""Who has no access any more: a restore brings back neither a revoked key nor a person who has left.

Only what was taken away since the copy was made is taken away again. What was given since is lost with the replaced database.
"""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from sqlmodel import Session, col, select

from supplier_agent.db.plain_sql import Look, look_at
from supplier_agent.db.programs import Key
from supplier_agent.db.tables import Person

KEYS = "SELECT key_sha256 AS what, revoked_at AS at FROM api_keys WHERE revoked_at IS NOT NULL"
PEOPLE = "SELECT name AS what, left_at AS at FROM people WHERE left_at IS NOT NULL"


@dataclass(frozen=True)
class Ended:
    """Whose access has ended in a database, and when: keys by their hash, people by name."""

    keys: Mapping[str, datetime] = field(default_factory=dict)
    people: Mapping[str, datetime] = field(default_factory=dict)


def ended_in(database: Path) -> Ended | None:
    """Return whose access has ended, by the database that is about to be replaced; None if it cannot be read."""
    if not database.exists():
        return Ended()
    try:
        with look_at(database) as look:
            return Ended(_rows(look, "api_keys", KEYS), _rows(look, "people", PEOPLE))
    except (sqlite3.Error, OSError, AttributeError, ValueError):  # damaged, or of a version that had other columns
        return None


def _rows(look: Look, table: str, sql: str) -> dict[str, datetime]:
    if look.first("SELECT 1 AS one FROM sqlite_master WHERE type = 'table' AND name = ?", table) is None:
        return {}
    return {row.what: row.at for row in look.rows(sql) if isinstance(row.what, str) and isinstance(row.at, datetime)}


def end_again(tx: Session, ended: Ended) -> tuple[str, ...]:
    """End it in the copy, too; return the names of those who had access by the copy."""
    again = []
    for key in tx.exec(select(Key).where(col(Key.revoked_at).is_(None)).order_by(col(Key.name))):
        if (at := ended.keys.get(key.key_sha256)) is not None:
            key.revoked_at = at
            tx.add(key)
            again.append(f"key {key.name}")
    for person in tx.exec(select(Person).where(col(Person.left_at).is_(None)).order_by(col(Person.name))):
        if (at := ended.people.get(person.name)) is not None:
            person.left_at, person.badge_sha256 = at, None
            tx.add(person)
            again.append(person.name)
    return tuple(again)
