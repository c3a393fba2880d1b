"""The keys of programs that use the HTTP API: added, listed and revoked. A key is stored only as a hash.

`key add` writes here, and the API reads it at each request, so a change applies at once. The API is served as soon as there is a
key, or a hook in the configuration; until then its address is as unknown as any other.
"""

import hashlib
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import get_args

from sqlmodel import Session, col, func, select

from supplier_agent.base.errors import UsageError
from supplier_agent.db.programs import Asked, Key
from supplier_agent.settings.hooks import Hook, Right, parse_program

RIGHTS: tuple[str, ...] = get_args(Right)
"""What a program may do besides reading."""
PREFIX = "sak_"
"""What every key begins with, so that tools which search for leaked secrets know it."""
KEY_BYTES = 32
PROGRAM, WEBHOOK = " (program)", " (webhook)"
"""How the names of programs end in the history. No person may be called like this."""
UNKNOWN = "unknown"
"""Who asked without a valid key or signature."""


@dataclass(frozen=True)
class Caller:
    """A program whose key or signature was verified. who: its name in the history. suppliers: None: it sees all orders."""

    who: str
    may: frozenset[str]
    suppliers: frozenset[str] | None


def of_key(key: Key) -> Caller:
    """Return the program of a key."""
    return Caller(f"{key.name}{PROGRAM}", frozenset(_listed(key.may)), _only(_listed(key.suppliers or "")))


def of_hook(hook: Hook) -> Caller:
    """Return the program that sends the webhooks of a hook."""
    return Caller(f"{hook.name}{WEBHOOK}", frozenset(hook.may), _only(hook.suppliers))


def _listed(text: str) -> list[str]:
    return text.split(",") if text else []


def _only(suppliers: Collection[str]) -> frozenset[str] | None:
    return frozenset(suppliers) or None


def is_there_one(tx: Session) -> bool:
    """Tell whether any key is valid."""
    return tx.exec(select(Key.id).where(col(Key.revoked_at).is_(None)).limit(1)).first() is not None


def find(tx: Session, key: str) -> Key | None:
    """Return the valid key with this text; None if there is none. Only hashes are compared."""
    found = tx.exec(select(Key).where(Key.key_sha256 == hash_of(key))).first()
    return found if found is not None and found.revoked_at is None else None


def add(
    tx: Session, name: str, may: Collection[str], suppliers: Collection[str], now: datetime, by: str
) -> tuple[str, str]:
    """Add a key; return its text, which is not stored, and what was done. suppliers: whose orders it sees; empty: all.

    Raises UsageError for a name, a right or a second valid key of the name.
    """
    try:
        name = parse_program(name)
    except ValueError as error:
        raise UsageError(
            f"the name of a program {error}", "for example: supplier-agent key add wms --may ship"
        ) from None
    if unknown := sorted(set(may) - set(RIGHTS)):
        raise UsageError(f"there is no right {unknown[0]}", f"use some of: {','.join(RIGHTS)}; every key may read")
    if tx.exec(select(Key.id).where(Key.name == name, col(Key.revoked_at).is_(None))).first() is not None:
        raise UsageError(
            f"there is already a key {name}",
            f"to replace it: supplier-agent key revoke {name}, then add it again; or add a key of another name first",
        )
    text = PREFIX + secrets.token_urlsafe(KEY_BYTES)
    rights, only = ",".join(each for each in RIGHTS if each in may), ",".join(sorted(set(suppliers)))
    tx.add(Key(name=name, key_sha256=hash_of(text), may=rights, added_at=now, added_by=by, suppliers=only or None))
    return text, f"added: may read{f',{rights}' if rights else ''}" + (f", only {only}" if only else "")


def revoke(tx: Session, name: str, now: datetime) -> str:
    """Revoke a key; the history keeps its name. Raises UsageError if there is none."""
    key = tx.exec(select(Key).where(Key.name == name.strip(), col(Key.revoked_at).is_(None))).first()
    if key is None:
        raise UsageError(f"there is no key {name.strip()}", "supplier-agent key list")
    key.revoked_at = now
    tx.add(key)
    return "revoked: its next request is refused"


@dataclass(frozen=True)
class Listed:
    """A valid key, and when it was last used (None: not yet)."""

    name: str
    may: Sequence[str]
    suppliers: Sequence[str]  # empty: those of all
    added_at: datetime
    added_by: str
    last_used_at: datetime | None


def valid(tx: Session) -> list[Listed]:
    """Return the valid keys, by name. The last use is up to a minute old; a use of an earlier key of the name does not count."""
    rows = tx.exec(select(Asked.program, func.max(Asked.last_at)).group_by(Asked.program)).all()
    used = dict(rows)
    keys = tx.exec(select(Key).where(col(Key.revoked_at).is_(None)).order_by(col(Key.name))).all()
    return [
        Listed(
            key.name,
            _listed(key.may),
            _listed(key.suppliers or ""),
            key.added_at,
            key.added_by,
            _since(used.get(f"{key.name}{PROGRAM}"), key.added_at),
        )
        for key in keys
    ]


def _since(last: datetime | None, added: datetime) -> datetime | None:
    return last if last is not None and last >= added else None


def hash_of(code: str) -> str:
    """Return the hash of a key or of the code on a badge: it is random, so nothing slower is needed."""
    return hashlib.sha256(code.encode("utf-8", "replace")).hexdigest()
