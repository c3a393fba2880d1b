"""What is on a vehicle, its departure, and what is recalled after it.

A departure marks everything on the vehicle in one transaction. What must not ship, or is not complete, is named and stays.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlmodel import Session

from supplier_agent import actions, loads
from supplier_agent.db.tables import Order
from supplier_agent.db.warehouse import Load, Loaded
from supplier_agent.labels import parcels, scan
from supplier_agent.labels.progress import Parcels
from supplier_agent.verdict import OF_SUPPLIER, Act, Blocker, Report
from supplier_agent.web import order_view, sheets
from supplier_agent.web.answers import BLUE, GREEN, RED, YELLOW, Answer, Facts
from supplier_agent.web.order_view import Judged, Line, judged, verdicts
from supplier_agent.web.request import Visit
from supplier_agent.words.formats import and_more

MOST_NAMED = 20
PARCELS, LABEL = "parcels", "label"
"""Why an order stayed at a departure, if nothing stopped it: parcels were missing, or it was loaded with an old label."""
NOTES = {PARCELS: "load_short", LABEL: "load_relabelled"}


@dataclass(frozen=True)
class Aboard:
    """An order that is, or was, on the vehicle. line: as lists show it. parcels: those that were scanned onto this vehicle."""

    place: Loaded
    each: Judged
    line: Line
    parcels: Parcels

    @property
    def stays(self) -> bool:
        """Whether it must not leave."""
        return sheets.must_stay(self.each)

    @property
    def is_marked(self) -> bool:
        """Whether it is marked, or reported as shipped."""
        return self.each.order.shipped == 1 or self.each.cell("ship_confirmed_at") is not None

    @property
    def was_marked(self) -> bool:
        """Whether it was marked elsewhere, before this departure."""
        at, until = self.each.cell("shipped_at"), self.place.left_at or self.place.removed_at
        return self.is_marked and at is not None and (until is None or at < until)

    @property
    def is_relabelled(self) -> bool:
        """Whether it may leave, but its label is not the one with which it was loaded."""
        is_same = self.place.label_sha256 == self.each.cell("label_sha256")
        return not self.stays and not self.is_marked and not is_same

    @property
    def is_blocked(self) -> bool:
        """Whether it stays at a departure, whatever the packer counts."""
        return self.stays or self.is_relabelled

    @property
    def is_short(self) -> bool:
        """Whether it may leave, but not all of its parcels are on the vehicle. What the bench has marked is complete there."""
        return not self.is_blocked and not self.is_marked and not self.parcels.is_complete

    @property
    def why(self) -> str:
        """Why it stays: codes with blanks. After a departure, the reason that it had then."""
        return self.place.stayed_because or " ".join(self.each.verdict.stops) or LABEL


@dataclass(frozen=True)
class Contents:
    """What is on a vehicle, what left with it, what had to stay, and what was recalled or undone after it. The last one first."""

    on_it: Sequence[Aboard]
    left: Sequence[Aboard]
    stayed: Sequence[Aboard]
    recalled: Sequence[Aboard]
    undone: Sequence[Aboard]

    @property
    def pieces(self) -> int:
        """Return the number of pieces on the vehicle, as far as it is known."""
        return sum(aboard.each.cell("quantity") or 0 for aboard in self.on_it)

    @property
    def blocked(self) -> Sequence[Aboard]:
        """Return what is on the vehicle and must not leave."""
        return [aboard for aboard in self.on_it if aboard.is_blocked]

    @property
    def short(self) -> Sequence[Aboard]:
        """Return what is on the vehicle, but not with all of its parcels."""
        return [aboard for aboard in self.on_it if aboard.is_short]


def contents(tx: Session, visit: Visit, load: Load) -> Contents:
    """Return the orders of a vehicle, with their verdicts."""
    places = loads.of_load(tx, load)
    rows = list({place.order_id for place in places})
    orders, counted = {each.order.id: each for each in judged(tx, visit, rows)}, parcels.of_orders(tx, rows)
    pages = loads.pages_of(tx, load)
    found = [
        Aboard(place, each, order_view.line(each, visit), on_vehicle(counted[place.order_id], pages.get(place.id or 0)))
        for place in places
        if (each := orders.get(place.order_id)) is not None
    ]
    gone = [each for each in found if each.place.left_at is not None and each.place.removed_at is not None]
    return Contents(
        [each for each in found if each.place.left_at is None and each.place.removed_at is None],
        [each for each in found if each.place.left_at is not None and each.place.removed_at is None],
        [each for each in found if each.place.stayed_because is not None],
        [each for each in gone if each.place.removed_by is not None],
        [each for each in gone if each.place.removed_by is None],
    )


def on_vehicle(of_order: Parcels, pages: frozenset[int] | None) -> Parcels:
    """Return the parcels of an order that are on a vehicle. What was scanned at the bench may still be there."""
    return replace(of_order, scanned=pages or frozenset())


def facts_of(load: Load) -> dict[str, str | int]:
    """Return what every answer about a vehicle names."""
    return {"load": load.id or 0, "vehicle": load.vehicle}


def that_left(tx: Session, load: Load) -> Sequence[Loaded]:
    """Return what left with a vehicle, and was not recalled."""
    return [each for each in loads.of_load(tx, load) if each.left_at is not None and each.removed_at is None]


# -- the departure -----------------------------------------------------------------------------------------------------


def departs(tx: Session, visit: Visit, load: Load) -> Answer:
    """Let the vehicle depart, after one question. Once it has departed, a press changes nothing and is answered the same."""
    found = contents(tx, visit, load)
    if load.departed_at is not None:
        return _departure(load, found)
    if _has_more(visit, load, found):
        return Answer(RED, "depart_hidden", facts_of(load))
    counted = {each.line.row: number for each in found.short if (number := _counted(visit, each))}
    stays = {each.line.row: (each.place, each.why) for each in found.blocked}
    stays |= {each.line.row: (each.place, PARCELS) for each in found.short if each.line.row not in counted}
    leaves = {each.line.row: each.place for each in found.on_it if each.line.row not in stays}
    notes = (*_staying(found.blocked), *_still_marked(found.blocked))
    if len(found.blocked) == len(found.on_it):
        return Answer(RED, "depart_nothing", facts_of(load), notes=notes)
    if visit.field("sure") != "yes" or not leaves:
        about = {**facts_of(load), "orders": len(leaves)}
        look = _to_look_at(load, [each for each in found.on_it if not each.is_blocked])
        return Answer(YELLOW, "depart_sure", about, notes=(*notes, *_missing(found.short), *look))
    who, at = visit.person.name, visit.station.name
    for row, number in counted.items():
        parcels.confirm(tx, row, number, visit.now, who, at)
    loads.depart(tx, load, leaves, stays, visit.now, who, at)
    tx.flush()
    return _departure(load, contents(tx, visit, load))


def _has_more(visit: Visit, load: Load, found: Contents) -> bool:
    """Tell whether orders are on the vehicle that this person may not see. They would leave with it, and nobody would mark them."""
    if visit.whole is None:
        return False
    with visit.whole.store.read() as all_orders:
        return loads.number_on(all_orders, load) != len(found.on_it)


def _counted(visit: Visit, each: Aboard) -> int:
    """Return how many parcels of an order the packer has counted on the vehicle, at least those scanned; 0: it stays."""
    number = visit.number(f"parcels-{each.line.row}") or 0
    return number if each.parcels.done <= number <= each.parcels.total else 0


def _departure(load: Load, found: Contents) -> Answer:
    """Return what became of a departure."""
    at = load.departed_at.isoformat() if load.departed_at else ""
    about = {**facts_of(load), "at": at, "by": load.departed_by or "?", "orders": len(found.left)}
    marked, look = tuple(_still_marked(found.stayed)), tuple(_to_look_at(load, found.left))
    notes = (*_staying(found.stayed), *marked, *look, *_reported_later(found.left))
    return Answer(RED if marked else YELLOW if found.stayed or look else GREEN, "departed", about, notes=notes)


def _staying(stay: Iterable[Aboard]) -> Iterable[tuple[str, Facts]]:
    """Yield the notes that name what must not leave, by reason."""
    by_reason: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for each in stay:
        now = each.each.facts
        by_reason[each.why, now["held"], now["closed"]].append(_named(each))
    for (stops, held, closed), ids in by_reason.items():
        facts = {"orders": and_more(ids, MOST_NAMED), "stops": stops, "held": held, "closed": closed}
        yield NOTES.get(stops, "load_stays"), facts


def _still_marked(stay: Iterable[Aboard]) -> Iterable[tuple[str, Facts]]:
    """Yield the note that names what must stay, but was marked before, and is reported all the same."""
    marked = [_named(each) for each in stay if each.was_marked]
    if marked:
        yield "load_marked", {"orders": and_more(marked, MOST_NAMED)}


def _to_look_at(load: Load, leave: Sequence[Aboard]) -> Iterable[tuple[str, Facts]]:
    """Yield the notes that name what may leave, but only after a look: by what is the matter."""
    found: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for each in leave:
        verdict = each.each.verdict
        if verdict.report:
            found["load_reported", "report", verdict.report].append(_named(each))
        if verdict.doubtful:
            found["compare", "", ""].append(_named(each))
        if waits := scan.missing(verdict):
            found["load_waits", "later", " ".join(waits)].append(_named(each))
        if each.was_marked and each.parcels.done < each.parcels.total > 1:
            found["load_marked_short", "vehicle", load.vehicle].append(_named(each))
    for (say, name, value), ids in found.items():
        yield say, {"orders": and_more(ids, MOST_NAMED), name: value}


def _missing(short: Sequence[Aboard]) -> Iterable[tuple[str, Facts]]:
    """Yield the note that names the orders whose parcels are not all on the vehicle."""
    if short:
        yield "load_missing", {"orders": and_more([_named(each) for each in short], MOST_NAMED)}


def _named(each: Aboard) -> str:
    return each.line.id if each.parcels.total == 1 else f"{each.line.id} ({each.parcels.done}/{each.parcels.total})"


def _reported_later(left: Collection[Aboard]) -> Iterable[tuple[str, Facts]]:
    """Yield what delays the reports of a supplier: this is not the driver's affair, and the vehicle may go."""
    late: Mapping[Blocker, None] = {
        each: None for aboard in left for each in aboard.each.verdict.blockers if each in OF_SUPPLIER
    }
    if late:
        yield "later", {"later": " ".join(late)}


def removed(tx: Session, visit: Visit, load: Load) -> Answer:
    """Remove a vehicle that was begun by mistake. It is listed no more; while orders are on it, nothing is done."""
    found = contents(tx, visit, load)
    if load.departed_at is not None or found.on_it or _has_more(visit, load, found):
        return Answer(YELLOW, "load_not_empty", facts_of(load))
    loads.close(tx, load, visit.now, visit.person.name)
    return Answer(BLUE, "load_removed", {**facts_of(load), "load": 0})


# -- after it ----------------------------------------------------------------------------------------------------------


def recalled(tx: Session, visit: Visit, load: Load, row: int) -> Answer:
    """Recall an order that did not leave. Its mark is undone if its report was not sent yet, else a lead is told."""
    left = next((each for each in that_left(tx, load) if each.order_id == row), None)
    may = verdicts(tx, visit, [row])[row].may[visit.role] if left is not None else frozenset()
    if left is None or not may & {Act.UNSHIP, Act.RECALL}:
        return Answer(YELLOW, "recall_not", facts_of(load), order=row)
    words = " ".join(visit.field("text").split())
    if not words:
        return Answer(YELLOW, "recall_why", facts_of(load), order=row, problem=True)
    order, who, at = tx.get_one(Order, row), visit.person.name, visit.station.name
    loads.recall(tx, load, left, visit.now, who, at)
    if Act.UNSHIP in may:
        actions.unship(tx, order, visit.now, who, station=at)
        return Answer(GREEN, "recall_undone", facts_of(load), order=row)
    order_view.report(tx, row, Report.NOT_LEFT, words, visit.now, who, at)
    return Answer(GREEN, "recalled", facts_of(load), order=row)
