"""Who works on the page: names, roles and PINs. A PIN is kept as scrypt alone, and wrong tries make the next ones wait."""

import hashlib
import hmac
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from supplier_agent.errors import UsageError
from supplier_agent.tables import Person

PACKER, LEAD = "packer", "lead"
ROLES = (PACKER, LEAD)
SHORTEST_PIN, LONGEST_PIN = 4, 64
LONGEST_NAME = 40
SALT_BYTES = 16
COST, BLOCK, LANES = 2**14, 8, 1
"""scrypt's own parameters: about 50 ms and 16 MB for each try."""
NO_PIN = ""
"""Kept instead of a PIN for somebody who comes in through the proxy alone; it fits nothing."""
FREE_TRIES = 5
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 15.0, 900.0
MOST_REMEMBERED = 1000


def hashed(pin: str, salt: bytes) -> str:
    """Return what is kept of a PIN."""
    return f"{salt.hex()}:{_scrypt(pin, salt).hex()}"


def fits(pin: str, pin_scrypt: str) -> bool:
    """Tell whether this is the PIN, in the same time for a wrong one, and for somebody who has none."""
    salt, _, kept = pin_scrypt.partition(":")
    found = _scrypt(pin, bytes.fromhex(salt or "00" * SALT_BYTES))
    return hmac.compare_digest(found, bytes.fromhex(kept)) and bool(kept)


def _scrypt(pin: str, salt: bytes) -> bytes:
    return hashlib.scrypt(pin.encode(), salt=salt, n=COST, r=BLOCK, p=LANES, dklen=32)


def mark(person: Person) -> str:
    """Return what a cookie remembers of the PIN, so that a new PIN ends every session of the old one."""
    return hashlib.sha256(f"{person.pin_scrypt}|{person.added_at}".encode()).hexdigest()[:16]


def add(tx: Session, name: str, role: str, pin: str | None, salt: bytes, now: datetime) -> str:
    """Let somebody in; again sets role and PIN anew. None as PIN: through the proxy alone. Returns what was done."""
    name = checked_name(name)
    if role not in ROLES:
        raise UsageError(f"there is no role {role!r}", "say --role packer or --role lead")
    if pin is not None and not SHORTEST_PIN <= len(pin) <= LONGEST_PIN:
        raise UsageError(f"a PIN has {SHORTEST_PIN} to {LONGEST_PIN} signs", "choose another one")
    known = tx.get(Person, name)
    person = known or Person(name=name, role=role, pin_scrypt=NO_PIN, added_at=now)
    person.role, person.left_at, person.added_at = role, None, now
    person.pin_scrypt = NO_PIN if pin is None else hashed(pin, salt)
    tx.add(person)
    return f"{'changed' if known else 'added'}: {role}"


def checked_name(name: str) -> str:
    """Return the name without blanks around it. Raises UsageError for one that cannot be read on a page."""
    name = name.strip()
    if not name or not name.isprintable() or len(name) > LONGEST_NAME:
        raise UsageError("a name has 1 to 40 letters", 'for example: supplier-agent person add "Anna" --role packer')
    return name


def remove(tx: Session, name: str, now: datetime) -> str:
    """Let somebody in no longer; the history keeps the name."""
    person = tx.get(Person, name.strip())
    if person is None or person.left_at is not None:
        raise UsageError(f"nobody of that name works on the page: {name}", "supplier-agent person list")
    person.left_at = now
    tx.add(person)
    return "removed; whoever was signed in under that name is out"


def present(tx: Session) -> Sequence[Person]:
    """Return those who may work on the page, by name."""
    return tx.exec(select(Person).where(col(Person.left_at).is_(None)).order_by(col(Person.name))).all()


def find(tx: Session, name: str) -> Person | None:
    """Return somebody who may work on the page, or None."""
    person = tx.get(Person, name)
    return person if person is not None and person.left_at is None else None


@dataclass
class _Wrong:
    times: int = 0
    until: float = 0.0


class Tries:
    """Wrong PINs, by name and by address: after a few the next try waits, twice as long each time. Kept in memory."""

    def __init__(self) -> None:
        self._wrong: dict[str, _Wrong] = {}
        self._lock = threading.Lock()

    def wait_seconds(self, keys: Sequence[str], now: float) -> float:
        """Count a try; return 0 if it may be made, else for how long it may not. `now` is monotonic."""
        with self._lock:
            wait = max((self._wrong[key].until - now for key in keys if key in self._wrong), default=0.0)
            if wait > 0:
                return wait
            for key in keys:
                self._count(key, now)
            return 0.0

    def _count(self, key: str, now: float) -> None:
        """Count before the PIN is looked at, so that tries at one moment count each."""
        if key not in self._wrong and len(self._wrong) >= MOST_REMEMBERED:
            del self._wrong[min(self._wrong, key=lambda each: self._wrong[each].until)]
        wrong = self._wrong.setdefault(key, _Wrong())
        wrong.times += 1
        if wrong.times >= FREE_TRIES:
            wrong.until = now + min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2.0 ** (wrong.times - FREE_TRIES))

    def right(self, keys: Sequence[str]) -> None:
        """Forget what was wrong: the PIN was right."""
        with self._lock:
            for key in keys:
                self._wrong.pop(key, None)
