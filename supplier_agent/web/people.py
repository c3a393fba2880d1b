"""The people who work on the page: names, roles, PINs and badges. PINs and badges are stored only as hashes."""

import hashlib
import hmac
import re
import secrets
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlmodel import Session, col, select

from supplier_agent.base.errors import UsageError
from supplier_agent.db.tables import Person
from supplier_agent.labels import typed
from supplier_agent.web.keys import PROGRAM, WEBHOOK, hash_of

PACKER, LEAD = "packer", "lead"
ROLES = (PACKER, LEAD)
SHORTEST_PIN, LONGEST_PIN = 4, 64
LONGEST_NAME = 40
SALT_BYTES = 16
COST, BLOCK, LANES = 2**14, 8, 1
"""The parameters of scrypt: about 50 ms and 16 MB for each try."""
NO_PIN = ""
"""Stored instead of a PIN for a person who signs in only through the proxy; it matches nothing."""


def hashed(pin: str, salt: bytes) -> str:
    """Return the hash of a PIN."""
    return f"{salt.hex()}:{_scrypt(pin, salt).hex()}"


BADGE_PREFIX, BADGE_LETTERS, BADGE_LENGTH = "BDG", "BCDEFGHJKLNPRSTUVX", 20
"""No order and no article is called like this. Letters that all keyboards have in the same place; 20 of them are 83 bits."""
BADGE = rf"{BADGE_PREFIX}[{BADGE_LETTERS}]{{{BADGE_LENGTH}}}"
"""The code on a badge, for our own check and for the browser's."""


def badge_of(raw: str) -> str:
    """Return the code of a badge as it was scanned; "" if it is none."""
    readings = typed.read(raw).readings
    text = readings[0].text.upper() if readings else ""
    return text if re.fullmatch(BADGE, text) else ""


def give_badge(tx: Session, person: Person) -> str:
    """Give a person a new badge, in place of an older one, whose sessions end. Return its code, which is not stored."""
    code = BADGE_PREFIX + "".join(secrets.choice(BADGE_LETTERS) for _ in range(BADGE_LENGTH))
    person.badge_sha256 = hash_of(code)
    person.sessions_ended += 1
    tx.add(person)
    return code


def with_badge(tx: Session, code: str) -> Person | None:
    """Return who has the badge with this code, and may work on the page."""
    wanted = select(Person).where(Person.badge_sha256 == hash_of(code), col(Person.left_at).is_(None))
    return tx.exec(wanted).first()


def fits(pin: str, pin_scrypt: str) -> bool:
    """Tell whether this is the PIN. A wrong PIN, and a person without one, take the same time."""
    salt, _, kept = pin_scrypt.partition(":")
    found = _scrypt(pin, bytes.fromhex(salt or "00" * SALT_BYTES))
    return hmac.compare_digest(found, bytes.fromhex(kept)) and bool(kept)


def _scrypt(pin: str, salt: bytes) -> bytes:
    return hashlib.scrypt(pin.encode(), salt=salt, n=COST, r=BLOCK, p=LANES, dklen=32)


def mark(person: Person) -> str:
    """Return the value that a cookie stores of a person. A new PIN, other suppliers, or signing out ends every earlier session."""
    text = f"{person.pin_scrypt}|{person.added_at}|{person.sessions_ended}|{person.suppliers}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def end_sessions(tx: Session, name: str) -> None:
    """End every session of a person in every browser, so that a copied cookie becomes useless."""
    person = tx.get(Person, name)
    if person is not None:
        person.sessions_ended += 1
        tx.add(person)


FAULTS: Mapping[str, tuple[str, str]] = {
    "name_wrong": (
        "a name has 1 to 40 letters, and does not end like the name of a program",
        'for example: supplier-agent person add "Anna" --role packer',
    ),
    "name_taken": (
        "someone with this name already works here, in another spelling; the two could not be told apart",
        "supplier-agent person list",
    ),
    "role_wrong": ("there is no role of this name", "use --role packer or --role lead"),
    "pin_wrong": (f"a PIN has {SHORTEST_PIN} to {LONGEST_PIN} characters", "choose another one"),
}
"""Why a person cannot be added or changed: code, sentence and fix."""


def fault(tx: Session, name: str, role: str, pin: str | None) -> str:
    """Return the code of why this person cannot be added or changed; "" if nothing is wrong."""
    if not _is_name(name):
        return "name_wrong"
    if any(_spoken(each.name) == _spoken(name) and each.name != name.strip() for each in present(tx)):
        return "name_taken"
    if role not in ROLES:
        return "role_wrong"
    return "pin_wrong" if pin is not None and not SHORTEST_PIN <= len(pin) <= LONGEST_PIN else ""


def _spoken(name: str) -> str:
    """Return a name as people hear it: `Anna` and `anna` are the same."""
    return unicodedata.normalize("NFKC", name.strip()).casefold()


def add(
    tx: Session,
    name: str,
    role: str,
    pin: str | None,
    salt: bytes,
    now: datetime,
    suppliers: Collection[str] = (),
) -> str:
    """Add a person, or change all of role, PIN and suppliers. Return what was done.

    pin: None: only through the proxy. suppliers: whose orders this person sees; empty: all.
    """
    if code := fault(tx, name, role, pin):
        raise UsageError(*FAULTS[code])
    name = name.strip()
    known = tx.get(Person, name)
    person = known or Person(name=name, role=role, pin_scrypt=NO_PIN, added_at=now)
    person.role, person.left_at, person.added_at = role, None, now
    person.pin_scrypt = NO_PIN if pin is None else hashed(pin, salt)
    limit(person, suppliers)
    tx.add(person)
    return f"{'changed' if known else 'added'}: {role}" + (f", only {person.suppliers}" if person.suppliers else "")


def limit(person: Person, suppliers: Collection[str]) -> None:
    """Let a person see only the orders of these suppliers; none: of all."""
    person.suppliers = ",".join(sorted(set(suppliers))) or None


def suppliers_of(person: Person) -> frozenset[str] | None:
    """Return whose orders a person may see; None: those of all suppliers."""
    return None if person.suppliers is None else frozenset(person.suppliers.split(","))


def checked_name(name: str) -> str:
    """Return the name without surrounding blanks. Raises UsageError if it cannot be displayed."""
    if not _is_name(name):
        raise UsageError(*FAULTS["name_wrong"])
    return name.strip()


def _is_name(name: str) -> bool:
    is_a_program = name.strip().endswith((PROGRAM, WEBHOOK))  # in the history, it would look like one
    return 0 < len(name.strip()) <= LONGEST_NAME and name.strip().isprintable() and not is_a_program


def remove(tx: Session, name: str, now: datetime) -> str:
    """Remove a person; the history keeps the name."""
    person = tx.get(Person, name.strip())
    if person is None or person.left_at is not None:
        raise UsageError(f"nobody with this name works on the page: {name}", "supplier-agent person list")
    person.left_at, person.badge_sha256 = now, None
    tx.add(person)
    return "removed, and signed out in every browser"


def present(tx: Session) -> Sequence[Person]:
    """Return the people who may work on the page, by name."""
    return tx.exec(select(Person).where(col(Person.left_at).is_(None)).order_by(col(Person.name))).all()


def find(tx: Session, name: str) -> Person | None:
    """Return a person who may work on the page, or None."""
    person = tx.get(Person, name)
    return person if person is not None and person.left_at is None else None
