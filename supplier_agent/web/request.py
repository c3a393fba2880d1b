"""One visit: what is asked, by whom (the signed cookie), in which language, and the parts that all visits share."""

import gettext
import secrets
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
from supplier_agent.db import private
from supplier_agent.db.plain_sql import within
from supplier_agent.db.store import Store
from supplier_agent.printing.papers import Press, Sizes
from supplier_agent.reports.order_report import Judge
from supplier_agent.settings import Settings
from supplier_agent.settings.web import Language, Station
from supplier_agent.verdict import Role
from supplier_agent.web.peers import Tries
from supplier_agent.web.people import LEAD
from supplier_agent.words import Words as Sentences

COOKIE = "desk"
KEY_FILE = "page.key"
KEY_BYTES = 32


@dataclass(frozen=True)
class Session:
    """What a browser brings along. `last` is the submission whose answer stands on its screen."""

    who: str
    station: str
    mark: str  # of the PIN with which it began
    seed: str  # of the token in its forms
    language: str = ""  # empty: that of the station
    last: str = ""  # empty: nothing was done yet


def read_key(state_dir: Path) -> str:
    """Return the key of this installation, made at the first start; nobody but the agent may read it.

    One that somebody else could have put there is put aside, and everybody signs in again.
    """
    folder = state_dir / private.FOLDER
    path = folder / KEY_FILE
    try:
        private.take_in(folder, KEY_FILE)
        with private.opened(folder) as opened:
            if opened.look(KEY_FILE):
                opened.write(KEY_FILE, secrets.token_hex(KEY_BYTES).encode())
            key = opened.read(KEY_FILE).decode().strip()
    except OSError as error:
        raise StateError(
            f"the page's key {path} cannot be used: {error.strerror}", f"give it to the agent: {path}"
        ) from error
    if len(key) < KEY_BYTES:
        raise StateError(f"the page's key {path} is too short", f"delete {path}; everybody then signs in again")
    return key


class Seal:
    """Signs and reads sessions. `hours` is how long one lasts."""

    def __init__(self, key: str, hours: int) -> None:
        self._serializer = URLSafeTimedSerializer(key, salt="supplier-agent page")
        self.seconds = hours * 3600

    def sign(self, session: Session) -> str:
        """Return the cookie's value."""
        return self._serializer.dumps(list(asdict(session).values()))

    def read(self, value: str) -> Session | None:
        """Return the session, or None if it is not ours, or too old."""
        try:
            return Session(*self._serializer.loads(value, max_age=self.seconds))
        except (BadSignature, TypeError):
            return None


LOCALE = Path(__file__).with_name("locale")
DOMAIN = "page"
LANGUAGES: Mapping[Language, str] = {"fr": "Français", "en": "English", "tr": "Türkçe", "pl": "Polski"}
"""Each by its own name, in the order of the switch."""


def mark(sentence: str) -> str:
    """Mark a sentence for the catalogues; it is translated where it is shown."""
    return sentence


@dataclass(frozen=True)
class Words:
    """One language."""

    code: Language
    catalogue: gettext.NullTranslations

    def say(self, sentence: str, **facts: object) -> str:
        """Return a sentence with its facts. `sentence` has them as %(name)s."""
        return self.catalogue.gettext(sentence) % facts


@cache
def words(code: str) -> Words:
    """Return a language; English is what the sentences are written in."""
    known: Language = next((each for each in get_args(Language) if each == code), "en")
    return Words(known, gettext.translation(DOMAIN, LOCALE, [known], fallback=known == "en"))


@dataclass(frozen=True)
class Room:
    """What every visit shares. The store is the page's own: the loop's thread keeps the other one to itself."""

    settings: Settings
    store: Store
    clock: Clock
    log: Log
    press: Press
    sizes: Sizes
    seal: Seal
    tries: Tries
    key: str


@dataclass(frozen=True)
class Somebody:
    """Who is signed in."""

    name: str
    role: str

    @property
    def leads(self) -> bool:
        """Tell whether this person may resolve, retry, hold and release."""
        return self.role == LEAD


@dataclass
class Visit:
    """One request. A handler may replace `session`; the door sends it back as the cookie."""

    room: Room
    path: str
    query: Mapping[str, str]
    form: Mapping[str, Sequence[str]]
    parts: Mapping[str, object]  # of the path
    peer: str  # the address that asks; "" behind a proxy that names none
    words: Words
    station: Station
    who: Somebody | None = None  # None: nobody is signed in
    session: Session | None = None  # None: no station was chosen yet
    token: str = ""
    proxied: str = ""  # whom the proxy names
    now: datetime = field(init=False)
    _judge: Judge | None = None  # None: no order was judged yet

    def __post_init__(self) -> None:
        """Look at the clock once: all of one answer is of one moment."""
        self.now = self.room.clock.now()

    @property
    def person(self) -> Somebody:
        """Return who is signed in; the door lets nobody else through."""
        assert self.who is not None  # noqa: S101 - see above
        return self.who

    def field(self, name: str, longest: int = 500) -> str:
        """Return a field of the form, "" if it is not there."""
        values = self.form.get(name, ())
        return values[0][:longest] if values else ""

    def number(self, name: str) -> int | None:
        """Return a field of the form that is a row's id, None if it is none."""
        return row_id(self.field(name))

    def keep(self, **changes: str) -> None:
        """Change what the cookie holds."""
        if self.session is not None:
            self.session = replace(self.session, **changes)

    @property
    def role(self) -> Role:
        """Return what a verdict calls this person."""
        return Role.LEAD if self.person.leads else Role.PACKER

    @property
    def sentences(self) -> Sentences:
        """Return what says things about orders, in this language and by the warehouse's clock."""
        return Sentences(self.words.code, self.room.settings.timezone, self.now)

    def judge(self, tx: Transaction) -> Judge:
        """Return what judges orders; it loads the suppliers once."""
        if self._judge is None:
            self._judge = Judge(within(tx), self.room.settings, self.now)
        return self._judge

    def midnight(self, days_ago: int = 0) -> datetime:
        """Return when the warehouse's day began, so many days ago."""
        zone: ZoneInfo = self.room.settings.timezone
        local = self.now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
        return (local - timedelta(days=days_ago)).astimezone(self.now.tzinfo)


def row_id(text: str) -> int | None:
    """Return the row id that a form or an address names; None if it cannot be one."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None  # noqa: PLR2004 - SQLite's integers
