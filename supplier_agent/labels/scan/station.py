"""One station: the first scan shows, the second scan of the same order ships; every scan gets one of four answers."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import AwareDatetime, TypeAdapter, ValidationError

from supplier_agent.labels.scan.text import Command, Condition, Match, Meaning, Way

REPEAT_SECONDS = 2
"""A scanner may read a box twice, or two codes of one label: what names the same order within this time is no second scan."""
SHOWN_SECONDS = 900
"""An order that was shown longer ago is shown again first: whoever scans it now may be somebody else."""


class Sign(StrEnum):
    """The four answers."""

    DONE = "green"
    SHOWN = "blue"
    CHECK = "yellow"
    NO = "red"


class Say(StrEnum):
    """Why: one sentence in each language of the page."""

    SHOWN = "shown"  # scan it again to ship
    MARKED = "marked"
    MARKED_WAITS = "marked_waits"  # marked; it goes once it has what is missing
    REPEATED = "repeated"
    NOTHING_SCANNED = "nothing_scanned"
    UNKNOWN = "unknown"  # no order has this code
    SEVERAL = "several"  # choose one
    OTHER_SHOWN = "other_shown"  # another than the one before, which is not marked
    PRODUCT_ONLY = "product_only"  # a product, not a box: scan the label, or press Ship
    ALREADY_MARKED = "already_marked"
    ALREADY_SHIPPED = "already_shipped"
    HELD = "held"
    CLOSED = "closed"
    VANISHED = "vanished"
    UNDOING = "undoing"
    NOTHING_TO_UNDO = "nothing_to_undo"
    PRINTING = "printing"
    NOTHING_TO_PRINT = "nothing_to_print"
    PROBLEM = "problem"
    NO_ORDER_FOR_PROBLEM = "no_order_for_problem"
    NEXT = "next"


class Act(StrEnum):
    """What is now to be done with an order."""

    SHOW = "show"
    SHIP = "ship"
    UNDO = "undo"
    PRINT = "print"
    PROBLEM = "problem"


@dataclass(frozen=True)
class Station:
    """What a station remembers between two scans."""

    shown: int | None = None  # orders.id on the screen: its next scan ships; None: none
    shown_at: AwareDatetime | None = None  # None: none is shown
    flagged: int | None = None  # the last one marked here, which UNDO takes back; None: none
    last: str = ""
    last_at: AwareDatetime | None = None  # None: nothing was scanned yet
    last_order: int | None = None  # the order that the last scan named; None: none, or several
    told_layout: bool = False  # it was said that the scanner's keyboard language is wrong

    def pack(self) -> dict[str, object]:
        """Return it as JSON has it."""
        packed: dict[str, object] = _PACKED.dump_python(self, mode="json")
        return packed

    @classmethod
    def unpack(cls, packed: Mapping[str, object]) -> "Station":
        """Return what `pack` made; whatever else it is given is a station that remembers nothing."""
        try:
            return _PACKED.validate_python(packed)
        except ValidationError:
            return cls()


_PACKED = TypeAdapter(Station)


@dataclass(frozen=True)
class Step:
    """The answer to one scan. `station` is what the station remembers, once `act` was done for the order `order`."""

    station: Station
    sign: Sign
    say: Say
    act: Act | None = None  # None: there is nothing to do
    order: int | None = None  # orders.id; None: it is about no order
    matches: tuple[Match, ...] = ()  # one: show it; several: choose from these
    left: int | None = None  # the order shown before, which is not marked; None: none
    tell_layout: str | None = None  # the keyboard that was repaired, said once; None: it is right, or was said
    ignored: bool = False  # a repeat: nothing is done, nothing sounds
    more: bool = False  # there are more matches than shown


_REFUSED: Mapping[Condition, tuple[Sign, Say]] = {
    Condition.FLAGGED: (Sign.CHECK, Say.ALREADY_MARKED),
    Condition.SHIPPED: (Sign.CHECK, Say.ALREADY_SHIPPED),
    Condition.HELD: (Sign.NO, Say.HELD),
    Condition.CLOSED: (Sign.NO, Say.CLOSED),
    Condition.VANISHED: (Sign.NO, Say.VANISHED),
}
_NAMES_THE_BOX = frozenset({Way.ORDER, Way.LAST_PART, Way.LABEL})
"""Found by one of these, one scan is enough. A customer's order may have more boxes, a product certainly has."""


def next_step(station: Station, scanned: str, meaning: Meaning, now: datetime, *, one_scan: bool = False) -> Step:
    """Return what a scan leads to. `scanned` is what arrived, word for word; `one_scan`: the first scan ships already."""
    only = meaning.matches[0] if len(meaning.matches) == 1 else None
    heard = replace(
        station,
        last=scanned,
        last_at=now,
        last_order=only.order if only is not None else None,
        told_layout=station.told_layout or meaning.layout is not None,
    )
    if _is_repeat(station, scanned, only, now):
        heard = replace(heard, told_layout=station.told_layout)
        return Step(heard, Sign.SHOWN, Say.REPEATED, matches=meaning.matches, ignored=True, more=meaning.more)
    if meaning.empty:
        step = Step(heard, Sign.CHECK, Say.NOTHING_SCANNED)
    elif meaning.command is not None:
        step = _obey(heard, meaning.command, now)
    elif only is not None:
        step = _of_one(heard, only, now, one_scan=one_scan)
    elif meaning.matches:
        asks = replace(heard, shown=None, shown_at=None)
        step = Step(asks, Sign.CHECK, Say.SEVERAL, matches=meaning.matches, more=meaning.more)
    else:
        step = Step(heard, Sign.NO, Say.UNKNOWN)
    return replace(step, tell_layout=None if station.told_layout else meaning.layout)


def choose(station: Station, match: Match, now: datetime) -> Step:
    """Return what follows when a person picks an order from a list: it is shown, as by a first scan."""
    return _show(replace(station, shown=None, shown_at=None, last="", last_order=None), match, now)


def press_ship(station: Station, match: Match, now: datetime) -> Step:
    """Return what follows when a person presses Ship: it is marked, as by a second scan."""
    return _refuse(station, match) or _mark(replace(station, last="", last_order=match.order, last_at=now), match)


def _is_repeat(station: Station, scanned: str, only: Match | None, now: datetime) -> bool:
    if station.last_at is None or abs(now - station.last_at) >= timedelta(seconds=REPEAT_SECONDS):
        return False
    return scanned == station.last or (only is not None and only.order == station.last_order)


def _of_one(station: Station, match: Match, now: datetime, *, one_scan: bool) -> Step:
    refusal = _refuse(station, match)
    if refusal is not None:
        return refusal
    again = _on_screen(station, now) == match.order
    if again and match.ways == {Way.SKU}:
        return Step(station, Sign.CHECK, Say.PRODUCT_ONLY, matches=(match,))
    if again or (one_scan and match.ways & _NAMES_THE_BOX):
        return _mark(station, match)
    return _show(station, match, now)


def _on_screen(station: Station, now: datetime) -> int | None:
    if station.shown_at is None or abs(now - station.shown_at) > timedelta(seconds=SHOWN_SECONDS):
        return None
    return station.shown


def _refuse(station: Station, match: Match) -> Step | None:
    if match.condition not in _REFUSED:
        return None
    sign, say = _REFUSED[match.condition]
    return Step(replace(station, shown=None, shown_at=None), sign, say, matches=(match,))


def _show(station: Station, match: Match, now: datetime) -> Step:
    refusal = _refuse(station, match)
    if refusal is not None:
        return refusal
    left = _on_screen(station, now)
    sign, say = (Sign.SHOWN, Say.SHOWN) if left in {None, match.order} else (Sign.CHECK, Say.OTHER_SHOWN)
    shows = replace(station, shown=match.order, shown_at=now)
    return Step(shows, sign, say, Act.SHOW, match.order, (match,), left=left if say is Say.OTHER_SHOWN else None)


def _mark(station: Station, match: Match) -> Step:
    sign, say = (Sign.CHECK, Say.MARKED_WAITS) if match.missing else (Sign.DONE, Say.MARKED)
    marks = replace(station, shown=None, shown_at=None, flagged=match.order)
    return Step(marks, sign, say, Act.SHIP, match.order, (match,))


def _obey(station: Station, command: Command, now: datetime) -> Step:
    if command is Command.NEXT:
        return Step(replace(station, shown=None, shown_at=None), Sign.SHOWN, Say.NEXT)
    if command is Command.UNDO:
        if station.flagged is None:
            return Step(station, Sign.CHECK, Say.NOTHING_TO_UNDO)
        takes_back = replace(station, shown=None, shown_at=None, flagged=None)
        return Step(takes_back, Sign.CHECK, Say.UNDOING, Act.UNDO, station.flagged)
    order = _on_screen(station, now) or station.flagged
    if command is Command.PRINT_AGAIN:
        if order is None:
            return Step(station, Sign.CHECK, Say.NOTHING_TO_PRINT)
        return Step(station, Sign.SHOWN, Say.PRINTING, Act.PRINT, order)
    if order is None:
        return Step(station, Sign.CHECK, Say.NO_ORDER_FOR_PROBLEM)
    return Step(station, Sign.CHECK, Say.PROBLEM, Act.PROBLEM, order)
