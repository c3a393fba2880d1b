"""What a page is asked and by whom: one visit, and the parts that all visits share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from supplier_agent.base.clock import Clock
from supplier_agent.base.log import Log
from supplier_agent.db.store import Store
from supplier_agent.printing.papers import Press
from supplier_agent.settings import Settings
from supplier_agent.settings.web import Station
from supplier_agent.web.cookie import Seal, Session
from supplier_agent.web.people import LEAD
from supplier_agent.web.sentences import Words
from supplier_agent.web.sizes import Sizes
from supplier_agent.web.tries import Tries


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

    def clock_of(self, at: datetime) -> str:
        """Return an instant as the warehouse's clock has it: the day too unless it is today."""
        zone = self.room.settings.timezone
        local, today = at.astimezone(zone), self.now.astimezone(zone).date()
        return f"{local:%H:%M}" if local.date() == today else f"{local:%d.%m. %H:%M}"

    def midnight(self, days_ago: int = 0) -> datetime:
        """Return when the warehouse's day began, so many days ago."""
        zone: ZoneInfo = self.room.settings.timezone
        local = self.now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
        return (local - timedelta(days=days_ago)).astimezone(self.now.tzinfo)


def row_id(text: str) -> int | None:
    """Return the row id that a form or an address names; None if it cannot be one."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None  # noqa: PLR2004 - SQLite's integers
