"""Visits without a server: what a handler of the page is given, for tests that look at one rendering of one database."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from supplier_agent.base.log import Log
from supplier_agent.db.store import Store
from supplier_agent.printing import Printers
from supplier_agent.printing.papers import Press, Sizes
from supplier_agent.settings import Settings
from supplier_agent.settings.sections import Station
from supplier_agent.web.peers import Tries
from supplier_agent.web.request import Room, Seal, Session, SignedIn, Visit, words
from tests.scan.shelf import SETTINGS
from tests.world.clocks import HandClock

KEY = "0" * 64


def visit_of(
    store: Store,
    now: datetime,
    role: str = "packer",
    *,
    settings: Settings = SETTINGS,
    language: str = "en",
    parts: Mapping[str, object] | None = None,
    form: Mapping[str, Sequence[str]] | None = None,
    query: Mapping[str, str] | None = None,
    press: Press | None = None,
) -> Visit:
    """Return a visit of a person with this role, at a station without a printer. No label is ever opened."""
    clock = HandClock(start=now)
    press = press or Press(Path("/nowhere"), clock)
    seal = Seal(KEY, 12)
    log = Log(None, None)
    printers = Printers(clock, log, settings)
    room = Room(settings, store, clock, log, press, Sizes(press), printers, seal, Tries(None), KEY)
    name = {"packer": "Anna", "lead": "Lea"}[role]
    return Visit(
        room, "/", query or {}, form or {}, parts or {}, "127.0.0.1", words(language), Station(name="Bench 1"),
        who=SignedIn(name, role), session=Session(name, "Bench 1", "", "0" * 32), token="0" * 64,
    )  # fmt: skip
