"""The page of the vehicles: scan orders onto one over the afternoon, let it depart, recall what did not leave.

A scan here never marks an order as shipped. The departure marks everything on the vehicle in one transaction, except what must not
ship: that is named, and stays.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlmodel import Session
from starlette.responses import RedirectResponse, Response

from supplier_agent import actions, loads
from supplier_agent.db.tables import Order
from supplier_agent.db.vehicles import Load, Loaded
from supplier_agent.labels import barcodes, parcels, scan, typed
from supplier_agent.labels.progress import Parcels
from supplier_agent.labels.scan import Match, Meaning, Way
from supplier_agent.labels.typed import Command
from supplier_agent.verdict import OF_SUPPLIER, Act, Blocker, Report
from supplier_agent.web import answers, order_view, sheets
from supplier_agent.web.answers import BLUE, GREEN, GREY, RED, YELLOW, Answer, Facts, page
from supplier_agent.web.order_view import Judged, Line, judged, verdicts
from supplier_agent.web.request import Visit, row_id
from supplier_agent.web.scan_page import LONGEST_SCAN, REPEATED, age
from supplier_agent.words.formats import and_more

DEPARTED = 10
"""How many of the last departures are listed."""
MOST_NAMED = 20
PARCELS = "parcels"
"""Why an order stayed at a departure, if nothing stopped it: not all of its parcels were on the vehicle."""
HOLDS = frozenset({"load_on", "load_parcel", "load_whole", "load_uncounted", "load_already", "load_parcel_again"})
"""Answers that are true as long as the order is on the vehicle and may leave."""


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
    def is_short(self) -> bool:
        """Whether it may leave, but not all of its parcels are on the vehicle."""
        return not self.stays and not self.parcels.is_complete


@dataclass(frozen=True)
class Contents:
    """What is on a vehicle, what left with it, what had to stay, and what was recalled. The last one first."""

    on_it: Sequence[Aboard]
    left: Sequence[Aboard]
    stayed: Sequence[Aboard]
    recalled: Sequence[Aboard]

    @property
    def pieces(self) -> int:
        """Return the number of pieces on the vehicle, as far as it is known."""
        return sum(aboard.each.cell("quantity") or 0 for aboard in self.on_it)

    @property
    def blocked(self) -> Sequence[Aboard]:
        """Return what is on the vehicle and must not leave."""
        return [aboard for aboard in self.on_it if aboard.stays]

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
        Aboard(
            place, each, order_view.line(each, visit), _on_vehicle(counted[place.order_id], pages.get(place.id or 0))
        )
        for place in places
        if (each := orders.get(place.order_id)) is not None
    ]
    return Contents(
        [each for each in found if each.place.left_at is None and each.place.removed_at is None],
        [each for each in found if each.place.left_at is not None and each.place.removed_at is None],
        [each for each in found if each.place.stayed_because is not None],
        [each for each in found if each.place.left_at is not None and each.place.removed_at is not None],
    )


def _on_vehicle(of_order: Parcels, pages: frozenset[int] | None) -> Parcels:
    """Return the parcels of an order that are on a vehicle. What was scanned at the bench may still be there."""
    return replace(of_order, scanned=pages or frozenset())


def vehicles(visit: Visit) -> Response:
    """Show the vehicles that are being loaded, and the last departures."""
    with visit.room.store.read() as tx:
        return page(
            visit,
            tx,
            "loads.html",
            loading=loads.open_loads(tx),
            departed=loads.departed_loads(tx, DEPARTED),
            answer=_last(tx, visit, None),
            longest=loads.LONGEST_NAME,
        )


def show(visit: Visit) -> Response:
    """Show one vehicle: what is on it, or what left with it, as the list that the driver signs."""
    with visit.room.store.read() as tx:
        load = _load(tx, visit)
        if load is None:
            return RedirectResponse("/load", 303)
        found = contents(tx, visit, load)
        answer, board, changed = _last(tx, visit, load), None, False
        if answer is not None and answer.order is not None and (shown := judged(tx, visit, [answer.order])):
            board = {"line": order_view.line(shown[0], visit), "truth": order_view.truth(shown[0], visit)}
            is_true = any(each.place.order_id == answer.order and not each.stays for each in found.on_it)
            if answer.say in HOLDS and load.departed_at is None and not is_true:
                answer, changed = replace(answer, sign=RED if shown[0].verdict.stops else GREY), True
        gone = [each for each in found.left if each.each.order.shipped == 1 or each.each.cell("ship_confirmed_at")]
        day = load.departed_at.astimezone(visit.room.settings.timezone).date().isoformat() if load.departed_at else ""
        return page(
            visit,
            tx,
            "load.html",
            load=load,
            contents=found,
            gone=gone,
            undone=[each for each in found.left if each not in gone],
            carriers=sheets.by_carrier(tx, [each.each for each in reversed(gone)]) if load.departed_at else (),
            day=day,
            answer=answer,
            board=board,
            changed=changed,
            choices=order_view.lines(tx, visit, answer.matches) if answer else (),
        )


def scanned(visit: Visit) -> Response:
    """Answer a scan: the order is put on the vehicle, or the reason why it is not."""
    raw, at = visit.field("code", LONGEST_SCAN), visit.now - age(visit)

    def act(tx: Session, before: Answer | None) -> Answer:
        load = _load(tx, visit)
        meaning = barcodes.find(tx, typed.read(raw), lambda rows: verdicts(tx, visit, rows))
        memory = scan.cleared(scan.Station.unpack(dict(before.memory)) if before else scan.Station())
        only = meaning.matches[0] if len(meaning.matches) == 1 else None
        is_last_here = before is not None and load is not None and before.facts.get("load") == load.id
        if is_last_here and before is not None and scan.is_repeat(memory, raw, only, at):
            notes = (*(note for note in before.notes if note != REPEATED), REPEATED)
            return replace(before, repeated=True, notes=notes)
        heard = scan.hear(memory, raw, meaning, at).pack()
        layout = None if memory.told_layout else meaning.layout
        notes = ((f"layout_{layout}", {}),) if layout else ()
        if load is None:
            return Answer(RED, "load_choose", {"load": 0}, notes=notes, memory=heard)
        undo = before.order if is_last_here and before is not None and before.say in HOLDS else None
        return replace(_answer(tx, visit, load, meaning, raw, undo), notes=notes, memory=heard)

    return _done(answers.once(visit, act)[0])


def pressed(visit: Visit) -> Response:
    """Answer a button: begin to load, put on, take off, depart, recall."""

    def act(tx: Session, before: Answer | None) -> Answer:
        memory = before.memory if before else {}
        load, doing = _load(tx, visit), visit.field("act")
        if doing == "start":
            return replace(_started(tx, visit), memory=memory)
        if load is None:
            return Answer(RED, "load_choose", {"load": 0}, memory=memory)
        return replace(_pressed(tx, visit, load, doing), memory=memory)

    return _done(answers.once(visit, act)[0])


def _pressed(tx: Session, visit: Visit, load: Load, doing: str) -> Answer:
    row = visit.number("row")
    match doing:
        case "depart":
            return _departs(tx, visit, load)
        case "put" if row is not None and (found := verdicts(tx, visit, [row])):
            return _put(tx, visit, load, Match(row, found[row]))
        case "off" if row is not None:
            return _taken_off(tx, visit, load, row)
        case "recall" if row is not None:
            return _recalled(tx, visit, load, row)
    return Answer(BLUE, "load_ready", _about(load))


# -- loading -----------------------------------------------------------------------------------------------------------


def _started(tx: Session, visit: Visit) -> Answer:
    vehicle = " ".join(visit.field("vehicle", loads.LONGEST_NAME).split())
    if not vehicle:
        return Answer(YELLOW, "load_unnamed", {"load": 0})
    load = loads.start(tx, vehicle, visit.now, visit.person.name, visit.station.name)
    return Answer(BLUE, "load_ready", _about(load))


def _answer(tx: Session, visit: Visit, load: Load, meaning: Meaning, raw: str, undo: int | None) -> Answer:
    """Return the answer to a scan that is not a repeat. undo: the order that the command UNDO takes off; None: there is none."""
    about = {**_about(load), "code": " ".join(raw.split())[:60]}
    if meaning.command is Command.UNDO:
        return _taken_off(tx, visit, load, undo) if undo is not None else Answer(YELLOW, "nothing_to_undo", about)
    if meaning.command is not None:
        return Answer(YELLOW, "load_no_command", about)
    if not meaning.matches:
        return Answer(*((YELLOW, "nothing_scanned") if meaning.empty else (RED, "unknown")), about)
    only = meaning.matches[0]
    if len(meaning.matches) == 1 and only.ways != {Way.SKU}:
        return _put(tx, visit, load, only)
    say = "several" if len(meaning.matches) > 1 else "load_product"
    return Answer(YELLOW, say, about, matches=tuple(match.order for match in meaning.matches), more=meaning.more)


def _put(tx: Session, visit: Visit, load: Load, match: Match) -> Answer:
    """Put an order on the vehicle, if it may ship and is on no other."""
    (each,) = judged(tx, visit, [match.order])
    about = {**_about(load), **each.facts}
    place = loads.place_of(tx, match.order)
    if load.departed_at is not None:
        return _after_departure(tx, load, match.order, about)
    if place is not None and place[1].id != load.id:
        return Answer(RED, "load_elsewhere", {**about, "other": place[1].vehicle}, order=match.order)
    if each.verdict.stops:
        return Answer(RED, "load_stopped", about, order=match.order)
    if place is None and Act.SHIP not in match.verdict.may[visit.role]:
        return _over(tx, each, about)
    who, at = visit.person.name, visit.station.name
    on_it = place[0] if place is not None else loads.put(tx, load, match.order, visit.now, who, at)
    if match.parcels.total > 1:
        return _put_parcel(tx, visit, load, on_it, match, about)
    if place is not None:
        by = {"by": on_it.who, "at": on_it.at.isoformat()}
        return Answer(YELLOW, "load_already", about | by, order=match.order)
    return Answer(GREEN, "load_on", about, order=match.order)


def _put_parcel(tx: Session, visit: Visit, load: Load, on_it: Loaded, match: Match, about: Facts) -> Answer:
    """Put a parcel of an order on the vehicle. Two scans of one code are never two parcels."""
    before = _on_vehicle(match.parcels, loads.pages_of(tx, load).get(on_it.id or 0))
    after = before.plus(match.page)
    told = {**about, "done": after.done, "total": after.total}
    if match.page is None:
        return Answer(YELLOW, "load_uncounted", told, order=match.order)
    if match.page in before.scanned:
        return Answer(YELLOW, "load_parcel_again", told, order=match.order)
    count = f"{after.done}/{after.total}"
    loads.put_parcel(tx, load, on_it, match.page, count, visit.now, visit.person.name, visit.station.name)
    return Answer(GREEN, "load_whole" if after.is_complete else "load_parcel", told, order=match.order)


def _over(tx: Session, each: Judged, about: Facts) -> Answer:
    """Return the answer to an order that is marked or shipped already."""
    marked, confirmed = order_view.marked_by(tx, each.order.id), each.cell("ship_confirmed_at")
    at = confirmed or (marked.at if marked is not None else None)
    by = {"by": order_view.where(marked) if marked is not None else "?", "at": at.isoformat() if at else ""}
    return Answer(RED, "load_over", {**about, **by}, order=each.order.id)


def _after_departure(tx: Session, load: Load, row: int, about: Facts) -> Answer:
    if load.departed_at is None or not any(each.order_id == row for each in _that_left(tx, load)):
        return Answer(RED, "load_departed", about, order=row)
    return Answer(BLUE, "load_left", {**about, "at": load.departed_at.isoformat()}, order=row)


def _that_left(tx: Session, load: Load) -> Sequence[Loaded]:
    return [each for each in loads.of_load(tx, load) if each.left_at is not None and each.removed_at is None]


def _taken_off(tx: Session, visit: Visit, load: Load, row: int) -> Answer:
    place = loads.place_of(tx, row)
    if place is None or place[1].id != load.id:
        return Answer(YELLOW, "nothing_to_undo", _about(load), order=row)
    loads.take_off(tx, load, place[0], visit.now, visit.person.name, visit.station.name)
    return Answer(YELLOW, "load_off", _about(load), order=row)


# -- the departure -----------------------------------------------------------------------------------------------------


def _departs(tx: Session, visit: Visit, load: Load) -> Answer:
    """Let the vehicle depart, after one question. Once it has departed, a press changes nothing and is answered the same."""
    found = contents(tx, visit, load)
    if load.departed_at is not None:
        return _departure(load, found)
    counted = {each.line.row: number for each in found.short if (number := _counted(visit, each))}
    stays = {each.line.row: (each.place, " ".join(each.each.verdict.stops)) for each in found.blocked}
    stays |= {each.line.row: (each.place, PARCELS) for each in found.short if each.line.row not in counted}
    leaves = {each.line.row: each.place for each in found.on_it if each.line.row not in stays}
    notes = tuple(_staying(found.blocked))
    if len(found.blocked) == len(found.on_it):
        return Answer(RED, "depart_nothing", _about(load), notes=notes)
    if visit.field("sure") != "yes" or not leaves:
        about = {**_about(load), "orders": len(leaves)}
        return Answer(YELLOW, "depart_sure", about, notes=(*notes, *_missing(found.short)))
    who, at = visit.person.name, visit.station.name
    for row, number in counted.items():
        parcels.confirm(tx, row, number, visit.now, who, at)
    loads.depart(tx, load, leaves, stays, visit.now, who, at)
    tx.flush()
    return _departure(load, contents(tx, visit, load))


def _counted(visit: Visit, each: Aboard) -> int:
    """Return how many parcels of an order the packer has counted on the vehicle; 0: it stays."""
    number = visit.number(f"parcels-{each.line.row}") or 0
    return number if number <= each.parcels.total else 0


def _departure(load: Load, found: Contents) -> Answer:
    """Return what became of a departure."""
    at = load.departed_at.isoformat() if load.departed_at else ""
    about = {**_about(load), "at": at, "by": load.departed_by or "?", "orders": len(found.left)}
    notes = [*_staying(found.stayed), *_reported_later(found.left)]
    return Answer(YELLOW if found.stayed else GREEN, "departed", about, notes=tuple(notes))


def _staying(stay: Iterable[Aboard]) -> Iterable[tuple[str, Facts]]:
    """Yield the notes that name what must not leave, by reason. The reason of a departure is the one that it had then."""
    by_reason: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for each in stay:
        facts = each.each.facts
        by_reason[each.place.stayed_because or facts["stops"], facts["held"], facts["closed"]].append(_named(each))
    for (stops, held, closed), ids in by_reason.items():
        facts = {"orders": and_more(ids, MOST_NAMED), "stops": stops, "held": held, "closed": closed}
        yield ("load_short" if stops == PARCELS else "load_stays"), facts


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


# -- after it ----------------------------------------------------------------------------------------------------------


def _recalled(tx: Session, visit: Visit, load: Load, row: int) -> Answer:
    """Recall an order that did not leave. Its mark is undone if its report was not sent yet, else a lead is told."""
    left = next((each for each in _that_left(tx, load) if each.order_id == row), None)
    may = verdicts(tx, visit, [row])[row].may[visit.role] if left is not None else frozenset()
    if left is None or not may & {Act.UNSHIP, Act.RECALL}:
        return Answer(YELLOW, "recall_not", _about(load), order=row)
    words = " ".join(visit.field("text").split())
    if not words:
        return Answer(YELLOW, "recall_why", _about(load), order=row, problem=True)
    order, who, at = tx.get_one(Order, row), visit.person.name, visit.station.name
    loads.recall(tx, load, left, visit.now, who, at)
    if Act.UNSHIP in may:
        actions.unship(tx, order, visit.now, who, station=at)
        return Answer(GREEN, "recall_undone", _about(load), order=row)
    order_view.report(tx, row, Report.NOT_LEFT, words, visit.now, who, at)
    return Answer(GREEN, "recalled", _about(load), order=row)


# -- all of them -------------------------------------------------------------------------------------------------------


def _load(tx: Session, visit: Visit) -> Load | None:
    row = row_id(str(visit.parts.get("row", "")))
    return tx.get(Load, row) if row else None


def _about(load: Load) -> dict[str, str | int]:
    return {"load": load.id or 0, "vehicle": load.vehicle}


def _last(tx: Session, visit: Visit, load: Load | None) -> Answer | None:
    """Return the last answer, if it is about this vehicle; None: about none of them."""
    answer = answers.last(tx, visit)
    return answer if answer is not None and answer.facts.get("load") == (load.id if load else 0) else None


def _done(answer: Answer) -> Response:
    return RedirectResponse(f"/load/{answer.facts['load']}" if answer.facts.get("load") else "/load", 303)
