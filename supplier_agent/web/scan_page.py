"""The screen at the bench: scan to show and print, scan again to mark as shipped, undo. No box is marked at two stations."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta

from sqlmodel import Session
from starlette.responses import JSONResponse, RedirectResponse, Response

from supplier_agent import actions
from supplier_agent.db.tables import Order
from supplier_agent.labels import barcodes, parcels, scan, typed
from supplier_agent.labels.scan import Match, Step
from supplier_agent.verdict import OF_SUPPLIER, Act, Report
from supplier_agent.web import answers, lists, order_view
from supplier_agent.web.answers import BLUE, GREEN, GREY, RED, YELLOW, Answer, page
from supplier_agent.web.documents import print_label
from supplier_agent.web.order_view import board, judged, verdicts
from supplier_agent.web.request import Visit

LONGEST_SCAN = 2000
MOST_PICTURE = 240_000
"""Characters of a picture that a camera sends."""
OLDEST = 8
"""How many orders are listed while none is on the screen."""
MOST_DROPPED, LONGEST_NOTE = 100, 120
OLDEST_SCAN = timedelta(days=1)
"""A scan that a browser has kept for longer than this counts as made now."""
MOST_BOXES = 12
"""More parcels than this are shown as a number alone."""
COMPARED = frozenset({scan.Say.SHOWN, scan.Say.PARCEL, scan.Say.PARCELS_SHOWN, scan.Say.PARCELS_ALL, scan.Say.MARKED})
"""The answers that are yellow if the label may be the wrong one, or a problem was reported meanwhile.

The others say nothing good of the order, or are yellow anyway.
"""
REPEATED: tuple[str, answers.Facts] = (scan.Say.REPEATED.value, {})
"""The note of a scan that was counted once."""


def show(visit: Visit) -> Response:
    """Show the scan field, the last answer and its order."""
    with visit.room.store.read() as tx:
        answer = answers.last(tx, visit)
        shown = board(tx, visit, answer.order) if answer and answer.order else None
        changed = False
        if answer and shown and not scan.is_true(answer.say, shown.verdict):
            answer, changed = replace(answer, sign=RED if shown.verdict.stops else GREY), True
        elif answer and shown and answer.say in COMPARED and (shown.verdict.doubtful or shown.verdict.report):
            answer = replace(answer, sign=YELLOW)
        choices = order_view.lines(tx, visit, answer.matches) if answer else ()
        oldest = () if shown or choices else lists.oldest(tx, visit, OLDEST)
        return page(
            visit,
            tx,
            "desk.html",
            answer=answer,
            board=shown,
            changed=changed,
            choices=choices,
            oldest=oldest,
            reports=order_view.OF_A_BOX,
            most_boxes=MOST_BOXES,
        )


def scanned(visit: Visit) -> Response:
    """Answer a scan."""
    raw = visit.field("code", LONGEST_SCAN)
    at = visit.now - age(visit)

    def act(tx: Session, before: Answer | None) -> Answer:
        step = scan.next_step(_memory(before), raw, understood(tx, visit, raw), at, one_scan=visit.station.one_scan)
        return take(tx, visit, before, step, raw)

    return _done(visit, *answers.once(visit, act))


def understood(tx: Session, visit: Visit, raw: str) -> scan.Meaning:
    """Return what a scan means, and for a person who is limited to suppliers, whether it names the order of another one."""
    meaning = barcodes.find(tx, typed.read(raw), lambda rows: verdicts(tx, visit, rows))
    if visit.whole is None or meaning != scan.Meaning():
        return meaning
    with visit.whole.store.read() as all_orders:
        return replace(meaning, elsewhere=barcodes.names_any(all_orders, typed.read(raw)))


def camera(visit: Visit) -> Response:
    """Return the codes in a picture of a phone's camera, for a browser that reads none itself. The picture is not kept."""
    return JSONResponse(visit.room.press.codes(visit.field("picture", MOST_PICTURE), visit.number("width") or 0))


def picked(visit: Visit) -> Response:
    """Show an order that was picked from a list."""

    def act(tx: Session, before: Answer | None) -> Answer:
        match = match_of(tx, visit)
        if match is None:
            return _unchanged(before, "not_open")
        return take(tx, visit, before, scan.choose(_memory(before), match, visit.now))

    return _done(visit, *answers.once(visit, act))


def pressed(visit: Visit) -> Response:
    """Answer a button: mark as shipped, undo, print, problem, next."""
    doing = visit.field("act")

    def act(tx: Session, before: Answer | None) -> Answer:
        match = match_of(tx, visit)
        match doing:
            case "next":
                return Answer(BLUE, "next", memory=scan.cleared(_memory(before)).pack())
            case "ship" if match is not None:
                return take(tx, visit, before, scan.press_ship(_memory(before), match, visit.now))
            case "parcels" if match is not None:
                return _confirmed(tx, visit, before, match)
            case "undo" if match is not None:
                return _taken_back(tx, visit, before, match.order)
            case "print" if match is not None:
                return replace(_still(before), sign=BLUE, say="printing", order=match.order, prints=match.order)
            case "problem" if match is not None:
                asks = replace(scan.cleared(_memory(before)), refused=match.order).pack()
                return Answer(YELLOW, "problem", order=match.order, problem=True, memory=asks)
            case "report" if match is not None:
                return _reported(tx, visit, before, match.order)
        return _unchanged(before, "not_open")

    return _done(visit, *answers.once(visit, act))


def dropped(visit: Visit) -> Response:
    """Note the scans of another person that were never recorded, and that this person deletes from the browser."""
    for each in visit.form.get("scan", ())[:MOST_DROPPED]:
        visit.room.log.warning(
            "scan.dropped", by=visit.person.name, station=visit.station.name, detail=each[:LONGEST_NOTE]
        )
    return Response(status_code=204)


def take(tx: Session, visit: Visit, before: Answer | None, step: Step, raw: str = "") -> Answer:
    """Do what a scan means, and return the answer."""
    if step.ignored:
        return counted_once(visit, before or Answer(YELLOW, step.say.value), step.station.pack())
    only = step.matches[0] if len(step.matches) == 1 else None
    several = tuple(match.order for match in step.matches) if only is None else ()
    facts = _facts(tx, visit, step, only, raw)
    answer = Answer(
        step.sign.value,
        step.say.value,
        facts,
        order=step.order or (only.order if only else step.station.shown),
        matches=several,
        more=step.more,
        notes=tuple(_notes(step, only, facts)),
        memory=step.station.pack(),
    )
    if step.order is None:
        return answer
    if step.counts:
        parcels.scanned(tx, step.order, step.counts, visit.now, visit.person.name, visit.station.name)
    match step.act:
        case scan.Act.SHIP:
            actions.ship(tx, _order(tx, step.order), visit.now, visit.person.name, station=visit.station.name)
        case scan.Act.UNDO:
            return _taken_back(tx, visit, before, step.order, answer)
        case scan.Act.PRINT:
            return replace(answer, prints=step.order)
        case scan.Act.PROBLEM:
            return replace(answer, problem=True)
        case scan.Act.SHOW if visit.station.print_on_scan:
            return replace(answer, prints=step.order)
    return replace(answer, prints=step.order) if _prints_at_once(visit, step) else answer


def _confirmed(tx: Session, visit: Visit, before: Answer | None, match: Match) -> Answer:
    """Mark an order whose parcels a person has counted: not fewer than were scanned, and not more than expected."""
    number = visit.number("number") or 0
    if not max(1, match.parcels.done) <= number <= match.parcels.total:
        return _unchanged(before, "not_open")
    counted = replace(match, parcels=match.parcels.confirmed(number))
    step = scan.press_ship(_memory(before), counted, visit.now)
    if step.act is scan.Act.SHIP:
        parcels.confirm(tx, match.order, number, visit.now, visit.person.name, visit.station.name)
    return take(tx, visit, before, step)


def counted_once(visit: Visit, before: Answer, memory: Mapping[str, object]) -> Answer:
    """Return the last answer for a scan that repeats it. What was done is not done again: nothing is printed.

    Its notes stay with the first answer, because what becomes of its label is written there.
    """
    first = before.repeats or (visit.session.last if visit.session else "")
    return replace(before, prints=None, repeats=first, notes=(REPEATED,), memory=memory)


def _prints_at_once(visit: Visit, step: Step) -> bool:
    """Tell whether a one-scan station prints with the scan that marks as shipped. Labels of several parcels are on them already."""
    is_alone = all(match.parcels.total == 1 for match in step.matches)
    return step.act is scan.Act.SHIP and visit.station.one_scan and visit.station.print_on_scan and is_alone


def _notes(step: Step, only: Match | None, facts: answers.Facts) -> Iterable[tuple[str, answers.Facts]]:
    """Yield further messages. An outage of the supplier is not the packer's fault, so the answer stays green."""
    if step.tell_layout:
        yield f"layout_{step.tell_layout}", {}
    if step.left is not None and step.act is scan.Act.SHIP:
        yield "left_behind", {"left": facts["left"]}
    if only is not None and step.say is scan.Say.MARKED and (later := OF_SUPPLIER.intersection(only.verdict.blockers)):
        yield "later", {"later": " ".join(each for each in only.verdict.blockers if each in later)}


def _facts(tx: Session, visit: Visit, step: Step, only: Match | None, raw: str) -> answers.Facts:
    facts: dict[str, str | int] = {"code": " ".join(raw.split())[:60]}
    if only is not None:
        (each,) = judged(tx, visit, [only.order])
        facts |= each.facts
        facts |= _of_parcels(step, only)
        facts["report"] = each.verdict.report
        facts |= order_view.marked_facts(tx, each)
    if step.left is not None:
        left = tx.get(Order, step.left)
        facts["left"] = left.menzzo_order_id if left else "?"
    return facts


def _of_parcels(step: Step, only: Match) -> answers.Facts:
    """Return how many parcels are scanned after this step, of how many."""
    after = only.parcels.plus(only.page if step.counts else None)
    case = {"case": "parcels"} if after.total > 1 else {}
    return {"done": after.done, "parcels": after.total, **case}


def _taken_back(tx: Session, visit: Visit, before: Answer | None, row: int, answer: Answer | None = None) -> Answer:
    order = _order(tx, row)
    if order.shipped == 0:
        return replace(_still(before), sign=YELLOW, say="nothing_to_undo", order=row)
    if Act.UNSHIP not in verdicts(tx, visit, [row])[row].may[visit.role]:
        return replace(_still(before), sign=RED, say="too_late", order=row)
    actions.unship(tx, order, visit.now, visit.person.name, station=visit.station.name)
    return answer or replace(_still(before), sign=YELLOW, say="undoing", order=row, memory=_cleared(before))


def _reported(tx: Session, visit: Visit, before: Answer | None, row: int) -> Answer:
    kind = next((each for each in order_view.OF_A_BOX if each == visit.field("kind")), Report.OTHER)
    order_view.report(tx, row, kind, visit.field("text"), visit.now, visit.person.name, visit.station.name)
    return replace(_still(before), sign=GREEN, say="reported", order=row, memory=_cleared(before))


def _still(before: Answer | None) -> Answer:
    """Return the order on the screen, without the last message about it."""
    kept = before or Answer(RED, "")
    return Answer(kept.sign, kept.say, order=kept.order, memory=kept.memory)


def _unchanged(before: Answer | None, say: str) -> Answer:
    return replace(_still(before), sign=RED, say=say)


def _memory(before: Answer | None) -> scan.Station:
    """Return what the station remembers. Whatever page the last answer came from, only an order on the screen can be marked.

    A scan onto a vehicle shows no order here, and a scan that follows it here is no repeat of it.
    """
    if before is None:
        return scan.Station()
    memory = scan.Station.unpack(dict(before.memory))
    return (
        scan.of_screen(memory, before.order)
        if "load" not in before.facts
        else replace(scan.cleared(memory), last_at=None)
    )


def _cleared(before: Answer | None) -> dict[str, object]:
    """Return the station's memory without the order on its screen, so that the next scan of it only shows it."""
    return replace(scan.cleared(_memory(before)), flagged=None).pack()


def match_of(tx: Session, visit: Visit) -> Match | None:
    """Return the order that a form is about; None if there is none."""
    row = visit.number("row")
    found = verdicts(tx, visit, [row]) if row is not None else {}
    if row is None or row not in found:
        return None
    return Match(row, found[row], parcels=parcels.of_orders(tx, [row])[row])


def _order(tx: Session, row: int) -> Order:
    return tx.get_one(Order, row)


def age(visit: Visit) -> timedelta:
    """Return how long the browser has kept a scan, by the browser's clock."""
    text = visit.field("age")
    age = timedelta(milliseconds=int(text)) if text.isascii() and text.isdecimal() and len(text) < 10 else timedelta(0)  # noqa: PLR2004 - eleven days
    return age if age < OLDEST_SCAN else timedelta(0)


def _done(visit: Visit, answer: Answer, now: bool) -> Response:  # noqa: FBT001 - as answers.once returns it
    if now and answer.prints is not None:
        print_label(visit, answer.prints, by_itself=visit.field("act") != "print" and answer.say != "printing")
    return RedirectResponse("/", 303)
