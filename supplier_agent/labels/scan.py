"""What a scan leads to: one of four answers. Pure: no clock, no database, no network.

1. typed.py reads the text. 2. barcodes.py finds the orders that it names (`Meaning`), each with its verdict and its parcels.
3. `next_step`: at one station the first scan shows an order, and the second scan of the same order marks it as shipped, unless
   the verdict forbids it: then the answer is red, whatever was scanned before.

An order of several parcels is marked when each of them was scanned. The scan that shows it counts one of them, so that each label
is scanned once.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import AwareDatetime, TypeAdapter, ValidationError

from supplier_agent.labels.progress import ONE, Parcels
from supplier_agent.labels.typed import Command
from supplier_agent.verdict import Act as May
from supplier_agent.verdict import Role, Stage, Verdict
from supplier_agent.verdict.codes import OF_SUPPLIER, STOPS, Blocker

MOST = 50
"""The maximum number of orders to choose from."""


class Way(StrEnum):
    """By what an order was found."""

    ORDER = "order"  # its menzzo_order_id
    LAST_PART = "last_part"  # the part after its last _
    INCREMENT = "increment"  # the customer's order number
    SKU = "sku"  # its product
    LABEL = "label"  # a code on the carrier's label


@dataclass(frozen=True)
class Match:
    """One order behind a scan: orders.id, what is true of it now, and by what it was found."""

    order: int
    verdict: Verdict
    ways: frozenset[Way] = frozenset()
    parcels: Parcels = ONE
    code: str = ""  # the code of its label that was scanned, as stored; empty: it was found by something else
    page: int | None = None  # the page of the label that this code names; None: it names no parcel


@dataclass(frozen=True)
class Meaning:
    """What a scan means: a command, or the orders that it names. With several, the page asks and never guesses."""

    command: Command | None = None
    matches: tuple[Match, ...] = ()
    layout: str | None = None  # the layout that was corrected; None: none
    more: bool = False  # there are more than MOST
    empty: bool = False  # nothing was scanned
    elsewhere: bool = False  # it names only orders that this person may not see


REPEAT_SECONDS = 0.7
"""A scanner may read a box twice, or two codes of one label: within this time, the same order is not a second scan.

A repeat does not extend the time: otherwise someone who scans fast would never mark an order.
"""
SHOWN_SECONDS = 900
"""An order that was shown longer ago is shown again first: another person may scan it now."""


class Sign(StrEnum):
    """The four answers."""

    DONE = "green"
    SHOWN = "blue"
    CHECK = "yellow"
    NO = "red"


class Say(StrEnum):
    """The reason: one sentence in each language of the page."""

    SHOWN = "shown"  # scan it again to ship
    SHOWN_REPORTED = "shown_reported"  # a problem was reported: look first
    MARKED = "marked"
    MARKED_REPORTED = "marked_reported"
    MARKED_WAITS = "marked_waits"  # marked; it is reported once it has what is missing
    REPEATED = "repeated"
    NOTHING_SCANNED = "nothing_scanned"
    UNKNOWN = "unknown"  # no order has this code
    NOT_YOURS = "not_yours"  # an order of another supplier, which this person may not see
    SEVERAL = "several"  # choose one
    OTHER_SHOWN = "other_shown"  # not the previous order, which is not marked
    PRODUCT_ONLY = "product_only"  # a product, not a box: scan the label, or press Ship
    ALREADY_MARKED = "already_marked"
    ALREADY_SHIPPED = "already_shipped"
    STOPPED = "stopped"  # it must not ship: every reason is named
    STOPPED_MARKED = "stopped_marked"  # the same, and it is marked as shipped already
    UNDOING = "undoing"
    NOTHING_TO_UNDO = "nothing_to_undo"
    PRINTING = "printing"
    NOTHING_TO_PRINT = "nothing_to_print"
    PROBLEM = "problem"
    NO_ORDER_FOR_PROBLEM = "no_order_for_problem"
    NEXT = "next"
    PARCEL = "parcel"  # one more of several
    PARCELS_ALL = "parcels_all"  # each was scanned: scan one again to ship
    PARCELS_SHOWN = "parcels_shown"  # scan each of them
    PARCEL_AGAIN = "parcel_again"  # this one was scanned before
    PARCEL_UNNAMED = "parcel_unnamed"  # the code does not say which parcel it is
    PARCELS_MISSING = "parcels_missing"  # not all were scanned: scan them, or confirm the number


class Act(StrEnum):
    """What is done with an order now."""

    SHOW = "show"
    SHIP = "ship"
    UNDO = "undo"
    PRINT = "print"
    PROBLEM = "problem"


@dataclass(frozen=True)
class Station:
    """What a station remembers between two scans."""

    shown: int | None = None  # orders.id on the screen: its next scan marks it; None: none
    shown_at: AwareDatetime | None = None  # None: none is shown
    refused: int | None = None  # on the screen, but no scan marks it: print and problem are about it; None: none
    flagged: int | None = None  # the last one marked here, for UNDO; None: none
    last: str = ""
    last_at: AwareDatetime | None = None  # None: nothing was scanned yet
    last_order: int | None = None  # the order that the last scan named; None: none, or several
    last_page: int | None = None  # the parcel that it named, as Match.page
    told_layout: bool = False  # the page has said that the scanner's layout is wrong

    def pack(self) -> dict[str, object]:
        """Return it as a JSON value."""
        packed: dict[str, object] = _PACKED.dump_python(self, mode="json")
        return packed

    @classmethod
    def unpack(cls, packed: Mapping[str, object]) -> "Station":
        """Return the value from `pack`; anything else is a station that remembers nothing."""
        with suppress(ValidationError):
            return _PACKED.validate_python(packed)
        return cls()


_PACKED = TypeAdapter(Station)


@dataclass(frozen=True)
class Step:
    """The answer to one scan. `station`: what the station remembers after `act` was done for the order `order`."""

    station: Station
    sign: Sign
    say: Say
    act: Act | None = None  # None: there is nothing to do
    order: int | None = None  # orders.id; None: it is about no order
    matches: tuple[Match, ...] = ()  # one: show it; several: choose from these
    left: int | None = None  # the order on the screen before, which is not marked; None: none
    tell_layout: str | None = None  # the corrected layout, said once; None: it is right, or was said
    ignored: bool = False  # a repeat: it is counted once, and nothing is done
    counts: str = ""  # the code of the parcel that is recorded as scanned; empty: none
    more: bool = False  # there are more matches than shown


_NAMES_THE_BOX = frozenset({Way.ORDER, Way.LAST_PART, Way.LABEL})
"""If found by one of these, one scan is enough, if the label fits. An order or a product of a customer may have several boxes."""


def next_step(station: Station, scanned: str, meaning: Meaning, now: datetime, *, one_scan: bool = False) -> Step:
    """Return what a scan leads to. `scanned`: the text as it arrived; `one_scan`: the first scan already marks the order."""
    only = meaning.matches[0] if len(meaning.matches) == 1 else None
    if is_repeat(station, scanned, only, now):
        return Step(station, Sign.SHOWN, Say.REPEATED, ignored=True)
    heard = hear(station, scanned, meaning, now)
    if meaning.empty:
        step = Step(heard, Sign.CHECK, Say.NOTHING_SCANNED)
    elif meaning.command is not None:
        step = _obey(heard, meaning.command, now)
    elif only is not None:
        step = _of_one(heard, only, now, one_scan=one_scan)
    elif meaning.matches:
        asks = cleared(heard)
        step = Step(asks, Sign.CHECK, Say.SEVERAL, matches=meaning.matches, more=meaning.more)
    else:  # no order is on the screen with this answer, so none may be marked by the next scan
        step = Step(cleared(heard), Sign.NO, Say.NOT_YOURS if meaning.elsewhere else Say.UNKNOWN)
    return replace(step, tell_layout=None if station.told_layout else meaning.layout)


def choose(station: Station, match: Match, now: datetime) -> Step:
    """Return what follows when a person chooses an order from a list: it is shown, as after a first scan."""
    return _show(replace(cleared(station), last="", last_order=None), match, now)


def press_ship(station: Station, match: Match, now: datetime) -> Step:
    """Return what follows when a person presses the button: the order is marked, as after a second scan."""
    if (refusal := _refuse(station, match)) is not None:
        return refusal
    if not match.parcels.is_complete:
        return Step(station, Sign.CHECK, Say.PARCELS_MISSING, matches=(match,))
    return _mark(replace(station, last="", last_order=match.order, last_page=None, last_at=now), match)


def hear(station: Station, scanned: str, meaning: Meaning, now: datetime) -> Station:
    """Return what a station remembers of a scan itself."""
    only = meaning.matches[0] if len(meaning.matches) == 1 else None
    order, page = (only.order, only.page) if only is not None else (None, None)
    told = station.told_layout or meaning.layout is not None
    return replace(station, last=scanned, last_at=now, last_order=order, last_page=page, told_layout=told)


def is_repeat(station: Station, scanned: str, only: Match | None, now: datetime) -> bool:
    """Tell whether a scan only repeats the last one."""
    if station.last_at is None or abs(now - station.last_at) >= timedelta(seconds=REPEAT_SECONDS):
        return False
    if scanned == station.last or only is None:
        return scanned == station.last
    is_other_parcel = None not in {only.page, station.last_page} and only.page != station.last_page
    return only.order == station.last_order and not (is_other_parcel and only.parcels.total > 1)


def _of_one(station: Station, match: Match, now: datetime, *, one_scan: bool) -> Step:
    refusal = _refuse(station, match)
    if refusal is not None:
        return refusal
    again = _on_screen(station, now) == match.order
    if again and match.ways == {Way.SKU}:
        return Step(station, Sign.CHECK, Say.PRODUCT_ONLY, matches=(match,))
    is_complete = match.parcels.plus(match.page).is_complete
    if is_complete and (
        again or (one_scan and match.ways & _NAMES_THE_BOX and not match.verdict.doubtful and not match.verdict.report)
    ):
        left = _on_screen(station, now)
        return replace(_mark(station, match), left=None if left == match.order else left)
    shown = _show(station, match, now)
    return shown if match.parcels.total == 1 else _count(shown, match, again=again, is_complete=is_complete)


def _count(shown: Step, match: Match, *, again: bool, is_complete: bool) -> Step:
    """Return the answer to a scan of an order of several parcels that is not marked by it.

    A label whose code was read is printed already. What it says is less important than another order that was left, or a report.
    """
    sign, say = shown.sign, shown.say
    if shown.left is not None or match.verdict.report:
        pass
    elif not is_complete:
        if match.page in match.parcels.scanned:
            sign, say = Sign.CHECK, Say.PARCEL_AGAIN
        elif match.page is not None:
            sign, say = Sign.SHOWN, Say.PARCEL
        elif again:
            sign, say = Sign.CHECK, Say.PARCEL_UNNAMED
    else:
        sign, say = Sign.SHOWN, Say.PARCELS_ALL
    act = None if again or match.page is not None else Act.SHOW
    return replace(shown, sign=sign, say=say, act=act, counts=_counts(match))


def _counts(match: Match) -> str:
    """Return the code that is recorded, if it is a parcel that was not scanned yet."""
    is_new = match.page is not None and match.page not in match.parcels.scanned
    return match.code if is_new and match.parcels.total > 1 else ""


def cleared(station: Station) -> Station:
    """Return what a station remembers without an order on its screen."""
    return replace(station, shown=None, shown_at=None, refused=None)


def of_screen(station: Station, order: int | None) -> Station:
    """Return what a station remembers while this order is on its screen: no other order may be marked by the next scan."""
    return station if order is not None and order in {station.shown, station.refused} else cleared(station)


def _on_screen(station: Station, now: datetime) -> int | None:
    if station.shown_at is None or abs(now - station.shown_at) > timedelta(seconds=SHOWN_SECONDS):
        return None
    return station.shown


def _refuse(station: Station, match: Match) -> Step | None:
    """Return the answer if the order may not be marked now; None if it may.

    1. A packer may mark it. 2. Something forbids to ship it: red, also if it is marked or reported already. 3. It is shipped.
    4. It is marked.
    """
    verdict = match.verdict
    if May.SHIP in verdict.may[Role.PACKER]:
        return None
    sign, say = Sign.CHECK, Say.ALREADY_SHIPPED if verdict.stage is Stage.SHIPPED else Say.ALREADY_MARKED
    if verdict.stops:
        sign, say = Sign.NO, Say.STOPPED_MARKED if May.UNSHIP in verdict.may[Role.PACKER] else Say.STOPPED
    return Step(replace(cleared(station), refused=match.order), sign, say, matches=(match,))


_HOLDS: Mapping[Say, frozenset[Say | None]] = {
    **dict.fromkeys((Say.SHOWN, Say.SHOWN_REPORTED, Say.OTHER_SHOWN, Say.PRODUCT_ONLY), frozenset({None})),
    **dict.fromkeys(
        (Say.PARCEL, Say.PARCELS_ALL, Say.PARCELS_SHOWN, Say.PARCEL_AGAIN, Say.PARCEL_UNNAMED), frozenset({None})
    ),
    Say.PARCELS_MISSING: frozenset({None}),
    **dict.fromkeys(
        (Say.MARKED, Say.MARKED_REPORTED, Say.MARKED_WAITS, Say.ALREADY_MARKED),
        frozenset({Say.ALREADY_MARKED, Say.ALREADY_SHIPPED}),
    ),
    **dict.fromkeys((Say.STOPPED, Say.STOPPED_MARKED), frozenset({Say.STOPPED, Say.STOPPED_MARKED})),
    Say.UNDOING: frozenset({None, Say.STOPPED}),
}
"""The answers that say how an order is, and what a scan of it finds as long as this is true. None: it may be marked."""


def is_true(say: str, verdict: Verdict) -> bool:
    """Tell whether an answer about an order is still true: it may have changed elsewhere since."""
    refusal = _refuse(Station(), Match(0, verdict))
    return say not in _HOLDS or (refusal.say if refusal is not None else None) in _HOLDS[Say(say)]


def missing(verdict: Verdict) -> tuple[Blocker, ...]:
    """Return what a marked order itself still waits for before it is reported: its label, for example."""
    return tuple(each for each in verdict.blockers if each not in STOPS | OF_SUPPLIER)


def _show(station: Station, match: Match, now: datetime) -> Step:
    refusal = _refuse(station, match)
    if refusal is not None:
        return refusal
    left = _on_screen(station, now)
    first = (
        Say.SHOWN if match.parcels.total == 1 else Say.PARCELS_ALL if match.parcels.is_complete else Say.PARCELS_SHOWN
    )
    sign, say = (Sign.CHECK, Say.SHOWN_REPORTED) if match.verdict.report else (Sign.SHOWN, first)
    if left not in {None, match.order}:
        sign, say = Sign.CHECK, Say.OTHER_SHOWN
    shows = replace(station, shown=match.order, shown_at=now, refused=None)
    return Step(shows, sign, say, Act.SHOW, match.order, (match,), left=left if say is Say.OTHER_SHOWN else None)


def _mark(station: Station, match: Match) -> Step:
    sign, say = (Sign.CHECK, Say.MARKED_REPORTED) if match.verdict.report else (Sign.DONE, Say.MARKED)
    if missing(match.verdict):
        sign, say = Sign.CHECK, Say.MARKED_WAITS
    marks = replace(cleared(station), flagged=match.order)
    return Step(marks, sign, say, Act.SHIP, match.order, (match,), counts=_counts(match))


def _obey(station: Station, command: Command, now: datetime) -> Step:
    if command is Command.NEXT:
        return Step(cleared(station), Sign.SHOWN, Say.NEXT)
    if command is Command.UNDO:
        if station.flagged is None:
            return Step(station, Sign.CHECK, Say.NOTHING_TO_UNDO)
        return Step(replace(cleared(station), flagged=None), Sign.CHECK, Say.UNDOING, Act.UNDO, station.flagged)
    order = _on_screen(station, now) or station.refused or station.flagged
    if command is Command.PRINT_AGAIN:
        if order is None:
            return Step(station, Sign.CHECK, Say.NOTHING_TO_PRINT)
        return Step(station, Sign.SHOWN, Say.PRINTING, Act.PRINT, order)
    if order is None:
        return Step(station, Sign.CHECK, Say.NO_ORDER_FOR_PROBLEM)
    # Something is wrong with it: a scan that follows shows it again, and does not mark it.
    return Step(replace(cleared(station), refused=order), Sign.CHECK, Say.PROBLEM, Act.PROBLEM, order)
