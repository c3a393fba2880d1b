"""One request: its data, its user (the signed cookie), its language, and the parts that all requests share."""

import gettext
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import get_args
from zoneinfo import ZoneInfo

from itsdangerous import BadSignature, URLSafeTimedSerializer
from sqlmodel import Session as Transaction

from supplier_agent.base.clock import Clock
from supplier_agent.base.errors import StateError
from supplier_agent.base.log import Log
from supplier_agent.db import state_folder
from supplier_agent.db.plain_sql import within
from supplier_agent.db.store import Store
from supplier_agent.printing import Printers
from supplier_agent.printing.papers import Press, Sizes
from supplier_agent.reports.orders import Judge
from supplier_agent.settings import Settings
from supplier_agent.settings.sections import Language, Station
from supplier_agent.verdict import Role
from supplier_agent.web.peers import Tries
from supplier_agent.web.people import LEAD
from supplier_agent.words import Words as Sentences

COOKIE, DEVICE_COOKIE = "desk", "device"
DEVICE_SECONDS = 400 * 86400
"""How long a browser remembers its device: the longest that browsers allow."""
KEY_FILE = "page.key"


@dataclass(frozen=True)
class Session:
    """The content of a cookie. `last`: the submission whose answer is on the screen."""

    who: str
    station: str
    mark: str  # of the PIN at sign-in
    seed: str  # for the token in its forms
    language: str = ""  # empty: the language of the station
    last: str = ""  # empty: nothing was done yet


@dataclass(frozen=True)
class Device:
    """What a browser remembers of its place, also after people have signed out."""

    station: str = ""  # empty: not chosen yet
    look: str = ""  # "light" or "dark"; empty: as the device itself is set
    text: str = ""  # "large"; empty: normal
    keyboard: str = ""  # "none": the scan field opens no keyboard on the screen; empty: it does


def read_key(state_dir: Path) -> str:
    """Return the secret key of this installation, created at the first start; only the agent may read it.

    A key that another user could have written is set aside; then everyone signs in again.
    """
    folder = state_dir / state_folder.PRIVATE
    path = folder / KEY_FILE
    try:
        state_folder.adopt(folder, KEY_FILE)
        key = state_folder.secret_key(folder, KEY_FILE)
    except OSError as error:
        raise StateError(
            f"the page's key {path} cannot be used: {error.strerror}", f"give it to the agent: {path}"
        ) from error
    if len(key) < state_folder.KEY_BYTES:
        raise StateError(f"the page's key {path} is too short", f"delete {path}; everyone then signs in again")
    return key


class Seal:
    """Signs and reads what cookies hold. `hours` is how long a session lasts."""

    def __init__(self, key: str, hours: int) -> None:
        self._session = URLSafeTimedSerializer(key, salt="supplier-agent page")
        self._device = URLSafeTimedSerializer(key, salt="supplier-agent device")
        self.seconds = hours * 3600

    def sign(self, kept: Session | Device) -> str:
        """Return the cookie's value."""
        serializer = self._session if isinstance(kept, Session) else self._device
        return serializer.dumps(list(asdict(kept).values()))

    def session(self, value: str) -> Session | None:
        """Return the session, or None if it has no valid signature or is too old."""
        try:
            return Session(*self._session.loads(value, max_age=self.seconds))
        except (BadSignature, TypeError):
            return None

    def device(self, value: str) -> Device:
        """Return what this browser remembers; nothing if it has no valid signature."""
        try:
            return Device(*self._device.loads(value, max_age=DEVICE_SECONDS))
        except (BadSignature, TypeError):
            return Device()


LOCALE = Path(__file__).with_name("locale")
DOMAIN = "page"
LANGUAGES: Mapping[Language, str] = {"fr": "Français", "en": "English", "tr": "Türkçe", "pl": "Polski"}
"""The name of each language in that language, in the order of the menu."""


def mark(sentence: str) -> str:
    """Mark a sentence for the catalogues; it is translated when it is shown."""
    return sentence


@dataclass(frozen=True)
class Words:
    """One language."""

    code: Language
    catalogue: gettext.NullTranslations

    def say(self, sentence: str, **facts: object) -> str:
        """Return a sentence with its facts, which it contains as %(name)s."""
        return self.catalogue.gettext(sentence) % facts


@cache
def words(code: str) -> Words:
    """Return a language; the sentences are written in English."""
    known: Language = next((each for each in get_args(Language) if each == code), "en")
    return Words(known, gettext.translation(DOMAIN, LOCALE, [known], fallback=known == "en"))


@dataclass(frozen=True)
class Room:
    """What all requests share. The page has its own store; the loop uses another one."""

    settings: Settings
    store: Store
    clock: Clock
    log: Log
    press: Press
    sizes: Sizes
    printers: Printers
    seal: Seal
    tries: Tries
    key: str


def room_for(room: Room, suppliers: frozenset[str]) -> Room:
    """Return the room in which there are only the orders of these suppliers."""
    known = {name: each for name, each in room.settings.suppliers.items() if name in suppliers}
    return replace(
        room, store=room.store.only(suppliers), settings=room.settings.model_copy(update={"suppliers": known})
    )


@dataclass(frozen=True)
class SignedIn:
    """Who is signed in."""

    name: str
    role: str
    suppliers: frozenset[str] | None = None  # None: sees the orders of all suppliers

    @property
    def leads(self) -> bool:
        """Tell whether this person is a lead, who may resolve, retry, hold and release."""
        return self.role == LEAD

    @property
    def manages(self) -> bool:
        """Tell whether this person may change who works here. A lead of some suppliers could grant themselves all."""
        return self.leads and self.suppliers is None


@dataclass
class Visit:
    """One request. A handler may replace `session` and `device`; auth.py returns them as cookies.

    In its `room` are only the orders and suppliers that this person may see, so that no handler can show others.
    """

    room: Room
    path: str
    query: Mapping[str, str]
    form: Mapping[str, Sequence[str]]
    parts: Mapping[str, object]  # from the path
    peer: str  # the client's address; "" behind a proxy that names none
    words: Words
    station: Station
    who: SignedIn | None = None  # None: nobody is signed in
    session: Session | None = None  # None: nobody is signed in
    device: Device = Device()
    token: str = ""
    proxied: str = ""  # the user that the proxy names
    now: datetime = field(init=False)
    whole: Room | None = None  # the room with all orders; None: this person sees them all
    _judge: Judge | None = None  # None: no order was judged yet

    def __post_init__(self) -> None:
        """Read the clock once, so that the whole answer uses the same time."""
        self.now = self.room.clock.now()

    @property
    def person(self) -> SignedIn:
        """Return who is signed in; auth.py has checked that."""
        assert self.who is not None  # noqa: S101 - see above
        return self.who

    def field(self, name: str, longest: int = 500) -> str:
        """Return a field of the form; "" if it is missing."""
        values = self.form.get(name, ())
        return values[0][:longest] if values else ""

    def number(self, name: str) -> int | None:
        """Return a field of the form that is a row id; None if it is not one."""
        return row_id(self.field(name))

    def keep(self, **changes: str) -> None:
        """Change what the cookie holds."""
        if self.session is not None:
            self.session = replace(self.session, **changes)

    @property
    def role(self) -> Role:
        """Return this person's role, as the verdict names it."""
        return Role.LEAD if self.person.leads else Role.PACKER

    @property
    def sentences(self) -> Sentences:
        """Return the sentences about orders, in this language and in the warehouse's time zone."""
        return Sentences(self.words.code, self.room.settings.timezone, self.now)

    def judge(self, tx: Transaction) -> Judge:
        """Return the judge of orders; it loads the suppliers once."""
        if self._judge is None:
            self._judge = Judge(within(tx), self.room.settings, self.now)
        return self._judge

    def midnight(self, days_ago: int = 0) -> datetime:
        """Return when the warehouse's day began, this many days ago."""
        zone: ZoneInfo = self.room.settings.timezone
        local = self.now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
        return (local - timedelta(days=days_ago)).astimezone(self.now.tzinfo)


def row_id(text: str) -> int | None:
    """Return the row id in a form or a URL; None if it cannot be one."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None  # noqa: PLR2004 - SQLite's integers
