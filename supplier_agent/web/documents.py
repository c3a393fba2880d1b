"""Lists and printed documents: orders to ship, pick list, hand-over list, card of commands, labels on screen and on paper.

Each print is counted. A printer that fails blocks nothing.
"""

import hashlib
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from sqlmodel import Session, col, select
from starlette.responses import RedirectResponse, Response

from supplier_agent import actions, printing
from supplier_agent.db.tables import Event, Order
from supplier_agent.printing import papers
from supplier_agent.printing.papers import Fault, Fit, paper
from supplier_agent.settings import egress
from supplier_agent.web import answers, lists, problems_page
from supplier_agent.web.answers import GREEN, YELLOW, Answer, Facts, page
from supplier_agent.web.lists import Search
from supplier_agent.web.order_view import by_whom, judged, line, troubles, truth
from supplier_agent.web.request import Visit, row_id
from supplier_agent.words.formats import and_more

BROWSER = "browser"


def content_of(visit: Visit, order: Order) -> bytes | None:
    """Return the label as it was stored, or None if the file is missing or has changed."""
    if order.label_path is None:
        return None
    try:
        content = (visit.room.settings.state_dir / Path(order.label_path)).read_bytes()
    except OSError:
        return None
    return content if hashlib.sha256(content).hexdigest() == order.label_sha256 else None


def print_label(visit: Visit, row: int, *, by_itself: bool) -> None:
    """Print the label of an order, and add the result to the current answer. `by_itself`: it is printed automatically."""
    with visit.room.store.read() as tx:
        order = tx.get(Order, row)
    if order is None:
        return
    say, facts = _printed(visit, order, by_itself=by_itself)
    with visit.room.store.write() as tx:
        if say in {"printed", BROWSER}:  # of the order as it was read above, because that is what is printed
            where = str(facts.get("printer", BROWSER))
            times = actions.printed(tx, order, visit.now, visit.person.name, where, station=visit.station.name)
            if say == "printed":
                say, facts = ("printed" if times > 1 else "printed_first"), dict(facts) | {"times": times}
        answers.add_note(visit, tx, say, facts)
        if facts.get("ignored"):
            answers.add_note(visit, tx, "ignored", {})


def _printed(visit: Visit, order: Order, *, by_itself: bool) -> tuple[str, Facts]:
    if order.label_path is None:
        return "no_label", {}
    content = content_of(visit, order)
    if content is None:
        return "label_damaged", {}
    if by_itself:
        page = paper(visit.room.sizes, order, visit.station)
        if page.fit is Fit.TOO_LARGE:
            return "too_large", {"label": page.label, "paper": page.paper}
    if not visit.station.printer:
        return BROWSER, {"row": order.id or 0}
    return send(visit, content, order.menzzo_order_id)


def send(visit: Visit, content: bytes, title: str) -> tuple[str, Facts]:
    """Send a PDF to the station's printer; return the messages."""
    own = visit.station.page_mm  # without it CUPS uses the queue's default size, and cuts off what does not fit
    media = printing.custom_media(*own).keyword if own else None
    way_out = egress.of(visit.room.settings)
    done = printing.print_pdf(visit.station.printer, content, title, visit.person.name, media=media, egress=way_out)
    name = visit.station.printer.rpartition("/")[2] or visit.station.printer
    if isinstance(done, printing.NotPrinted):
        visit.room.log.warning("label.not_printed", station=visit.station.name, order=title, detail=done.why)
        return "not_printed", {"printer_fault": done.code}
    return "printed", {"printer": name, "ignored": " ".join(done.ignored)}


MOST_DAYS_AGO = 31
PREVIEW_SECONDS = 3600
HISTORY = 200
MOST_NAMED = 20
"""The maximum number of orders to name whose labels were not printed; the others are counted."""


def search_of(visit: Visit) -> Search:
    """Return the search of the URL, or of the form."""
    given = visit.query or {name: visit.field(name) for name in ("q", "supplier", "carrier")}
    return Search(given.get("q", "")[: lists.LONGEST_SEARCH], given.get("supplier", ""), given.get("carrier", ""))


def to_ship(visit: Visit) -> Response:
    """Show the orders to ship."""
    search = search_of(visit)
    with visit.room.store.read() as tx:
        return page(
            visit,
            tx,
            "list.html",
            search=search,
            found=lists.to_ship(tx, visit, search, row_id(visit.query.get("page", "1")) or 1),
            carriers=lists.carriers(tx, search.supplier),
            suppliers=sorted(visit.room.settings.suppliers),
            answer=answers.last(tx, visit),
        )


def print_many(visit: Visit) -> Response:
    """Print labels in list order: as one job on the station's printer, or as one PDF for the browser."""
    rows = [row for each in visit.form.get("row", ()) if (row := row_id(each)) is not None]
    search, by_printer = search_of(visit), visit.field("how") == "printer" and bool(visit.station.printer)
    with visit.room.store.read() as tx:
        found = lists.with_label(tx, visit, search, None if visit.field("all") == "1" else rows)
    chosen = [each.order for each in found if each.may_print]
    stopped = [str(each.order.menzzo_order_id) for each in found if not each.may_print]
    bulk = visit.room.press.bulk([order.label_path or "" for order in chosen]) if chosen else Fault("")
    nothing = "labels_none" if rows or visit.field("all") == "1" else "labels_unticked"
    _answer, now = answers.once(visit, lambda _tx, before: _bulk_answer(bulk, len(chosen), stopped, nothing, before))
    if isinstance(bulk, Fault):
        return RedirectResponse("/list", 303)
    if now:
        where, note = BROWSER, None
        if by_printer:
            note = send(visit, bulk.content, f"{len(chosen)} labels")
            where = str(note[1].get("printer", ""))
        with visit.room.store.write() as tx:
            left_out = {path for path, _ in bulk.left_out}
            if note is None or note[0] == "printed":
                for order in chosen:
                    if order.label_path not in left_out:
                        actions.printed(tx, order, visit.now, visit.person.name, where, station=visit.station.name)
            else:
                answers.add_note(visit, tx, *note)
    return RedirectResponse("/list", 303) if by_printer else pdf(bulk.content, "labels.pdf")


def _bulk_answer(
    bulk: papers.Bulk | Fault, number: int, stopped: Sequence[str], nothing: str, before: Answer | None
) -> Answer:
    memory = before.memory if before else {}
    notes: list[tuple[str, Facts]] = (
        [("left_out_stopped", {"orders": and_more(stopped, MOST_NAMED)})] if stopped else []
    )
    if isinstance(bulk, Fault):
        say = "refused" if bulk.why else nothing
        return Answer(YELLOW, say, {"why": bulk.why}, memory=memory, notes=tuple(notes))
    if bulk.left_out:
        notes.append(("left_out", {"number": len(bulk.left_out)}))
    labels = {"labels": number - len(bulk.left_out)}
    return Answer(YELLOW if stopped else GREEN, "labels_sent", labels, memory=memory, notes=tuple(notes))


def pick_list(visit: Visit) -> Response:
    """Show what to pick from the shelves, by article."""
    supplier = visit.query.get("supplier", "")
    with visit.room.store.read() as tx:
        picks = lists.pick_list(tx, visit, supplier or None)
        return page(visit, tx, "pick.html", picks=picks, supplier=supplier, answer=None)


def hand_over(visit: Visit) -> Response:
    """Show the list that a carrier's driver signs: the orders that were marked as shipped on a day."""
    days = min(row_id(visit.query.get("days", "0")) or 0, MOST_DAYS_AGO)
    since = visit.midnight(days)
    until = visit.midnight(days - 1) if days else visit.now + timedelta(seconds=1)
    with visit.room.store.read() as tx:
        carriers, stay = lists.hand_over(tx, visit, since, until)
        day = since.astimezone(visit.room.settings.timezone).date()
        return page(
            visit, tx, "hand_over.html", carriers=carriers, stay=stay, day=day.isoformat(), days=days, answer=None
        )


def card(visit: Visit) -> Response:
    """Show the codes of the page's commands, to be printed and put on the bench."""
    with visit.room.store.read() as tx:
        return page(visit, tx, "card.html", codes=papers.card(), answer=None)


def code_image(visit: Visit) -> Response:
    """Return one code of the card."""
    name = str(visit.parts["name"])
    for code in papers.card():
        if code.command.name.lower() == name:
            return Response(code.svg, media_type="image/svg+xml", headers={"Cache-Control": "max-age=86400"})
    return Response(status_code=404)


def history(visit: Visit) -> Response:
    """Show the history of one order, newest first."""
    with visit.room.store.read() as tx:
        row = row_id(str(visit.parts["row"]))
        found = judged(tx, visit, [row] if row is not None else [], attempts=True)
        if not found:
            return RedirectResponse("/list", 303)
        (each,) = found
        query = select(Event).where(Event.order_id == row).order_by(col(Event.id).desc()).limit(HISTORY)
        return page(
            visit,
            tx,
            "order.html",
            line=line(each, visit),
            truth=truth(each, visit),
            troubles=troubles(each, visit),
            may=each.verdict.may[visit.role],
            happened=[(by_whom(event, visit), event.what, event.detail or "") for event in tx.exec(query)],
            answer=problems_page.last(tx, visit),
        )


def label(visit: Visit) -> Response:
    """Return a stored label, for the browser to show or print."""
    with visit.room.store.read() as tx:
        order = _order(tx, visit)
    content = content_of(visit, order) if order else None
    if order is None or content is None:
        return Response(status_code=404)
    return pdf(content, f"{order.menzzo_order_id}.pdf")


def preview(visit: Visit) -> Response:
    """Return a picture of a label."""
    with visit.room.store.read() as tx:
        order = _order(tx, visit)
    if order is None or order.label_path is None:
        return Response(status_code=404)
    made = visit.room.press.preview(order.label_path)
    if isinstance(made, Fault):
        return Response(status_code=404)
    return Response(made, media_type="image/png", headers={"Cache-Control": f"private, max-age={PREVIEW_SECONDS}"})


def pdf(content: bytes, name: str) -> Response:
    """Return a PDF for the browser to show. It comes from outside, so nothing in it may run."""
    return Response(
        content,
        media_type="application/pdf",
        headers={
            "Content-Disposition": f'inline; filename="{name}"',
            "Cache-Control": "private, no-store",
            "Content-Security-Policy": "frame-ancestors 'self'",  # the viewer is a page of the browser, with its own styles
        },
    )


def _order(tx: Session, visit: Visit) -> Order | None:
    row = row_id(str(visit.parts["row"]))
    return tx.get(Order, row) if row is not None else None
