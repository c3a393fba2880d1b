"""The page of the vehicles: scan orders onto one over the afternoon. A scan here never marks; the departure does (departure.py)."""

from dataclasses import replace

from sqlmodel import Session
from starlette.responses import RedirectResponse, Response

from supplier_agent import actions, loads
from supplier_agent.db.tables import Order
from supplier_agent.db.warehouse import Load, Loaded
from supplier_agent.labels import scan
from supplier_agent.labels.scan import Match, Meaning, Way
from supplier_agent.labels.typed import Command
from supplier_agent.verdict import Act
from supplier_agent.web import answers, departure, order_view, sheets
from supplier_agent.web.answers import BLUE, GREEN, GREY, RED, YELLOW, Answer, Facts, page
from supplier_agent.web.order_view import Judged, judged, verdicts
from supplier_agent.web.request import Visit, row_id
from supplier_agent.web.scan_page import LONGEST_SCAN, age, counted_once, match_of, understood

DEPARTED = 10
"""How many of the last departures are listed."""
HOLDS = frozenset({"load_on", "load_parcel", "load_whole", "load_uncounted", "load_already", "load_parcel_again"})
"""Answers that are true as long as the order is on the vehicle and may leave."""


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
        found = departure.contents(tx, visit, load)
        answer, board, changed = _last(tx, visit, load), None, False
        if answer is not None and answer.order is not None and (shown := judged(tx, visit, [answer.order])):
            board = {"line": order_view.line(shown[0], visit), "truth": order_view.truth(shown[0], visit)}
            board["may"] = shown[0].verdict.may[visit.role]
            is_true = any(each.place.order_id == answer.order and not each.is_blocked for each in found.on_it)
            if answer.say in HOLDS and load.departed_at is None and not is_true:
                answer, changed = replace(answer, sign=RED if shown[0].verdict.stops else GREY), True
            elif answer.sign == GREEN and shown[0].verdict.report:
                notes = (*answer.notes, ("report_open", {"report": shown[0].verdict.report}))
                answer = replace(answer, sign=YELLOW, notes=notes)
            elif answer.sign == GREEN and shown[0].verdict.doubtful:
                answer = replace(answer, sign=YELLOW)
        day = load.departed_at.astimezone(visit.room.settings.timezone).date().isoformat() if load.departed_at else ""
        return page(
            visit,
            tx,
            "load.html",
            load=load,
            contents=found,
            carriers=sheets.by_carrier(tx, [each.each for each in reversed(found.left)]) if load.departed_at else (),
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
        meaning = understood(tx, visit, raw)
        memory = _memory(before)
        only = meaning.matches[0] if len(meaning.matches) == 1 else None
        is_last_here = before is not None and load is not None and before.facts.get("load") == load.id
        if is_last_here and before is not None and scan.is_repeat(memory, raw, only, at):
            return counted_once(visit, before, before.memory)
        heard = scan.hear(memory, raw, meaning, at).pack()
        layout = None if memory.told_layout else meaning.layout
        notes: tuple[tuple[str, Facts], ...] = ((f"layout_{layout}", {}),) if layout else ()
        if load is None:
            return Answer(RED, "load_choose", {"load": 0}, notes=notes, memory=heard)
        undo = before.order if is_last_here and before is not None and before.say in HOLDS else None
        answer = _answer(tx, visit, load, meaning, raw, undo)
        return replace(answer, notes=(*notes, *answer.notes), memory=heard)

    return _done(visit, answers.once(visit, act)[0])


def pressed(visit: Visit) -> Response:
    """Answer a button: begin to load, put on, take off, depart, recall."""

    def act(tx: Session, before: Answer | None) -> Answer:
        memory = _memory(before).pack()
        load, doing = _load(tx, visit), visit.field("act")
        if doing == "start":
            return replace(_started(tx, visit), memory=memory)
        if load is None:
            return Answer(RED, "load_choose", {"load": 0}, memory=memory)
        return replace(_pressed(tx, visit, load, doing), memory=memory)

    return _done(visit, answers.once(visit, act)[0])


def _pressed(tx: Session, visit: Visit, load: Load, doing: str) -> Answer:
    row = visit.number("row")
    match doing:
        case "depart":
            return departure.departs(tx, visit, load)
        case "put" if (match_ := match_of(tx, visit)) is not None:
            return _put(tx, visit, load, match_)
        case "remove":
            return departure.removed(tx, visit, load)
        case "off" if row is not None:
            return _taken_off(tx, visit, load, row)
        case "undo" if row is not None:
            return _undone(tx, visit, load, row)
        case "recall" if row is not None:
            return departure.recalled(tx, visit, load, row)
    return Answer(BLUE, "load_ready", departure.facts_of(load))


# -- loading -----------------------------------------------------------------------------------------------------------


def _started(tx: Session, visit: Visit) -> Answer:
    vehicle = " ".join(visit.field("vehicle", loads.LONGEST_NAME).split())
    if not vehicle:
        return Answer(YELLOW, "load_unnamed", {"load": 0})
    load = loads.start(tx, vehicle, visit.now, visit.person.name, visit.station.name)
    return Answer(BLUE, "load_ready", departure.facts_of(load))


def _answer(tx: Session, visit: Visit, load: Load, meaning: Meaning, raw: str, undo: int | None) -> Answer:
    """Return the answer to a scan that is not a repeat. undo: the order that the command UNDO takes off; None: there is none."""
    about = {**departure.facts_of(load), "code": " ".join(raw.split())[:60]}
    if meaning.command is Command.UNDO:
        return _taken_off(tx, visit, load, undo) if undo is not None else Answer(YELLOW, "nothing_to_undo", about)
    if meaning.command is not None:
        return Answer(YELLOW, "load_no_command", about)
    if not meaning.matches:
        found = (YELLOW, "nothing_scanned") if meaning.empty else (RED, "not_yours" if meaning.elsewhere else "unknown")
        return Answer(*found, about)
    only = meaning.matches[0]
    if len(meaning.matches) == 1 and only.ways != {Way.SKU}:
        return _put(tx, visit, load, only)
    say = "several" if len(meaning.matches) > 1 else "load_product"
    return Answer(YELLOW, say, about, matches=tuple(match.order for match in meaning.matches), more=meaning.more)


def _put(tx: Session, visit: Visit, load: Load, match: Match) -> Answer:
    """Put an order on the vehicle, if it may ship and is on no other."""
    (each,) = judged(tx, visit, [match.order])
    about = {**departure.facts_of(load), **each.facts}
    place = loads.place_of(tx, match.order)
    if load.departed_at is not None:
        return _after_departure(tx, load, match.order, about)
    if place is not None and place[1].id != load.id:
        return Answer(RED, "load_elsewhere", {**about, "other": place[1].vehicle}, order=match.order)
    if each.verdict.stops:
        return Answer(RED, "load_stopped", about, order=match.order)
    if place is None and Act.SHIP not in match.verdict.may[visit.role]:
        return _over(tx, each, about)
    who, at, label = visit.person.name, visit.station.name, each.cell("label_sha256")
    on_it = place[0] if place is not None else loads.put(tx, load, match.order, label, visit.now, who, at)
    is_new = place is None or on_it.label_sha256 != label
    if on_it.label_sha256 != label:
        loads.relabel(tx, load, on_it, label, visit.now, who, at)
        if not match.code:  # the old label may say the same
            return Answer(YELLOW, "load_on", about, order=match.order, notes=(("load_label_changed", {}),))
    if match.parcels.total > 1:
        return _look(_put_parcel(tx, visit, load, on_it, match, about), match)
    if not is_new:
        by = {"by": on_it.who, "at": on_it.at.isoformat()}
        return Answer(YELLOW, "load_already", about | by, order=match.order)
    return _look(Answer(GREEN, "load_on", about, order=match.order), match)


def _look(answer: Answer, match: Match) -> Answer:
    """Return an answer in yellow if the order waits for something of its own, its label for example."""
    waits = scan.missing(match.verdict)
    if answer.sign != GREEN or not waits:
        return answer
    return replace(answer, sign=YELLOW, notes=(("later", {"later": " ".join(waits)}),))


def _put_parcel(tx: Session, visit: Visit, load: Load, on_it: Loaded, match: Match, about: Facts) -> Answer:
    """Put a parcel of an order on the vehicle. Two scans of one code are never two parcels."""
    before = departure.on_vehicle(match.parcels, loads.pages_of(tx, load).get(on_it.id or 0))
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
    return Answer(RED, "load_over", {**about, **order_view.marked_facts(tx, each)}, order=each.order.id)


def _after_departure(tx: Session, load: Load, row: int, about: Facts) -> Answer:
    if load.departed_at is None or not any(each.order_id == row for each in departure.that_left(tx, load)):
        return Answer(RED, "load_departed", about, order=row)
    return Answer(BLUE, "load_left", {**about, "at": load.departed_at.isoformat()}, order=row)


def _taken_off(tx: Session, visit: Visit, load: Load, row: int) -> Answer:
    place = loads.place_of(tx, row)
    if place is None or place[1].id != load.id:
        return Answer(YELLOW, "nothing_to_undo", departure.facts_of(load), order=row)
    loads.take_off(tx, load, place[0], visit.now, visit.person.name, visit.station.name)
    (each,) = judged(tx, visit, [row])
    if each.order.shipped == 0:
        return Answer(YELLOW, "load_off", departure.facts_of(load), order=row)
    note = "load_marked" if each.order.ship_confirmed_at is None else "load_off_late"
    notes = ((note, {"orders": str(each.order.menzzo_order_id)}),)
    return Answer(RED, "load_off", departure.facts_of(load), order=row, notes=notes)


def _undone(tx: Session, visit: Visit, load: Load, row: int) -> Answer:
    """Undo the mark of an order that was taken off."""
    found = verdicts(tx, visit, [row])
    if row not in found or Act.UNSHIP not in found[row].may[visit.role]:
        return Answer(RED, "too_late", departure.facts_of(load), order=row)
    actions.unship(tx, tx.get_one(Order, row), visit.now, visit.person.name, station=visit.station.name)
    return Answer(YELLOW, "undoing", departure.facts_of(load), order=row)


# -- all of them -------------------------------------------------------------------------------------------------------


def _memory(before: Answer | None) -> scan.Station:
    """Return what the station remembers, without an order on its screen: here is none that a scan may mark."""
    return scan.cleared(scan.Station.unpack(dict(before.memory)) if before else scan.Station())


def _load(tx: Session, visit: Visit) -> Load | None:
    row = row_id(str(visit.parts.get("row", "")))
    return tx.get(Load, row) if row else None


def _last(tx: Session, visit: Visit, load: Load | None) -> Answer | None:
    """Return the last answer, if it is about this vehicle (None: about none of them), or says that nothing was changed."""
    answer = answers.last(tx, visit)
    is_ours = answer is not None and (answer.say == "refused" or answer.facts.get("load") == (load.id if load else 0))
    return answer if is_ours else None


def _done(visit: Visit, answer: Answer) -> Response:
    """Show the vehicle that the answer is about; of a refusal, the one that the form was about."""
    row = answer.facts.get("load", row_id(str(visit.parts.get("row", ""))))
    return RedirectResponse(f"/load/{row}" if row else "/load", 303)
