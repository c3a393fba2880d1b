"""Lists and printed documents: orders to ship, pick list, hand-over list, card of commands, labels on screen and on paper.

A print is recorded when it is done. A printer never delays an answer: it gets its labels afterwards (printing/queue.py).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

from sqlmodel import Session, col, select
from starlette.responses import RedirectResponse, Response

from supplier_agent import actions, printing
from supplier_agent.db.tables import Event, Order
from supplier_agent.labels.folder import stored
from supplier_agent.printing import papers
from supplier_agent.printing.papers import Fault, Fit, paper
from supplier_agent.printing.queue import SETTLED_WITHIN
from supplier_agent.settings.sections import Station
from supplier_agent.web import answers, lists, problems_page, sales, sheets
from supplier_agent.web.answers import GREEN, YELLOW, Answer, Facts, page
from supplier_agent.web.lists import Search
from supplier_agent.web.order_view import in_history, judged, line, troubles, truth
from supplier_agent.web.request import Room, Visit, row_id
from supplier_agent.web.sheets import Batch
from supplier_agent.words.formats import and_more

BROWSER = "browser"
MOST_NAMED = 20
"""The maximum number of orders to name whose labels were not printed; the others are counted."""


def content_of(visit: Visit, order: Order) -> bytes | None:
    """Return the label as it was stored, or None if the file is missing or has changed."""
    return stored(visit.room.settings.state_dir, order.label_path, order.label_sha256)


def print_label(visit: Visit, row: int, *, by_itself: bool) -> None:
    """Print the label of an order, without waiting for the printer. `by_itself`: it is printed automatically."""
    with visit.room.store.read() as tx:
        order = tx.get(Order, row)
    if order is None:
        return
    content = content_of(visit, order)
    note = _refusal(visit, order, content, by_itself=by_itself)
    if note is None and content is not None and visit.station.printer:
        _send(visit, content, order.menzzo_order_id, [order])
        return
    with visit.room.store.write() as tx:
        if note is None:
            note = BROWSER, {"row": row}
            _printed_here(tx, visit, [order])
        answers.add_note(tx, visit.field("key"), *note)


def _refusal(visit: Visit, order: Order, content: bytes | None, *, by_itself: bool) -> tuple[str, Facts] | None:
    """Return why the label cannot be printed; None if it can."""
    if order.label_path is None:
        return "no_label", {}
    if content is None:
        return "label_damaged", {}
    if by_itself:
        page = paper(visit.room.sizes, order, visit.station)
        if page.fit is Fit.TOO_LARGE:
            return "too_large", {"label": page.label, "paper": page.paper}
    return None


def _printed_here(tx: Session, visit: Visit, orders: Sequence[Order]) -> None:
    """Record that the browser prints these labels."""
    for order in orders:
        actions.printed(tx, order, visit.now, visit.person.name, BROWSER, station=visit.station.name)


def _send(visit: Visit, content: bytes, title: str, orders: Sequence[Order]) -> None:
    """Give a PDF to the station's printer. A note of the answer says so, until it says what became of it."""
    media = printing.custom_media(visit.station.page_mm)
    sent = Sent(visit.room, visit.field("key"), visit.person.name, visit.station, orders)
    with visit.room.store.write() as tx:
        until = (visit.now + SETTLED_WITHIN).isoformat()
        answers.add_note(tx, sent.key, answers.BEGUN, {**sent.facts, "until": until})
    names = {order.id or 0: order.menzzo_order_id for order in orders}
    visit.room.printers.put(printing.Job(visit.station.printer, content, title, sent.who, media, names, sent.ended))


@dataclass(frozen=True)
class Sent:
    """Labels that a printer was given. key: of the answer. orders: as they were then, because that is what is printed."""

    room: Room
    key: str
    who: str
    station: Station
    orders: Sequence[Order]

    @property
    def facts(self) -> dict[str, str | int]:
        """Return the facts of the notes about it."""
        named = and_more([order.menzzo_order_id for order in self.orders], lists.MOST_NOT_PRINTED)
        return {"printer": printing.name_of(self.station.printer), "orders": named, "labels": len(self.orders)}

    def ended(self, ending: printing.Printed | printing.NotPrinted) -> None:
        """Record what became of it, in the history of each order and in the note of the answer."""
        facts, now, at = self.facts, self.room.clock.now(), self.station.name
        with self.room.store.write() as tx:
            if isinstance(ending, printing.NotPrinted):
                self.room.log.warning("label.not_printed", station=at, order=str(facts["orders"]), detail=ending.why)
                why = f"{facts['printer']}: {ending.code}"
                for order in self.orders:
                    actions.not_printed(tx, order, now, self.who, why, station=at)
                answers.add_note(
                    tx, self.key, "not_printed", {**facts, "printer_fault": ending.code}, instead_of=answers.BEGUN
                )
                return
            times = [
                actions.printed(tx, order, now, self.who, str(facts["printer"]), station=at) for order in self.orders
            ]
            say = "printed_many" if len(times) > 1 else "printed" if times[0] > 1 else "printed_first"
            answers.add_note(tx, self.key, say, {**facts, "times": times[0]}, instead_of=answers.BEGUN)
            if ending.ignored:
                answers.add_note(tx, self.key, "ignored", {})


ASK_ABOVE = 50
"""More labels than this are only printed after a second question."""


def search_of(visit: Visit) -> Search:
    """Return the search of the URL, or of the form."""
    given = visit.query or {name: visit.field(name) for name in ("q", "supplier", "carrier", "unprinted", "overdue")}
    text = given.get("q", "")[: lists.LONGEST_SEARCH]
    late = overdue(visit) if given.get("overdue") == "1" else None
    return Search(text, given.get("supplier", ""), given.get("carrier", ""), given.get("unprinted") == "1", late)


def overdue(visit: Visit) -> Mapping[str, datetime]:
    """Return the instant before which an overdue order was first seen, for each supplier with a ship-by clock."""
    settings = visit.room.settings
    found = {name: settings.overdue_before(name, visit.now) for name in settings.suppliers}
    return {name: at for name, at in found.items() if at is not None}


def address_of(path: str, search: Search, **more: str) -> str:
    """Return the address of a list with this search."""
    given = {"q": search.text, "supplier": search.supplier, "carrier": search.carrier}
    given |= {"unprinted": "1"} if search.unprinted else {}
    given |= ({"overdue": "1"} if search.overdue is not None else {}) | more
    return f"{path}?{urlencode({name: value for name, value in given.items() if value})}".removesuffix("?")


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
            most=sheets.MOST_LABELS,
            address=lambda path, **more: address_of(path, search, **more),
            answer=answers.last(tx, visit),
        )


def print_many(visit: Visit) -> Response:
    """Print labels in the order of the pick list: as one job on the station's printer, or as a PDF that the next page prints."""
    search, everything, how = search_of(visit), visit.field("all") == "1", visit.field("how")
    rows = _rows(visit.form.get("row", ()))
    if how == "pick":
        is_ticked = bool(rows) and not everything
        address = address_of("/pick", Search(), rows=_joined(rows)) if is_ticked else address_of("/pick", search)
        return RedirectResponse(address, 303)
    by_printer = how == "printer" and bool(visit.station.printer)
    with visit.room.store.read() as tx:
        batch = sheets.batch(tx, visit, search, None if everything else rows)
    asks = len(batch.orders) > ASK_ABOVE and visit.field("sure") != "1"
    checking = 0 if asks else sales.ask(visit, batch.orders)
    batch = batch if asks or checking else sheets.without_unchecked(visit, batch)
    bulk = None if asks or checking else _opened(visit, batch)
    total = max(batch.total, visit.number("of") or 0)  # of: as the question before said
    say, about = _outcome(batch, bulk, total, nothing="labels_none" if rows or everything else "labels_unticked")
    about = {**about, "how": "printer" if by_printer else "pdf"}
    say = "sales_asked" if checking else say

    def act(_tx: Session, before: Answer | None) -> Answer:
        is_fine = say == "labels_sent" and not (batch.left_out or batch.doubtful or batch.unchecked)
        memory = before.memory if before else {}
        return Answer(GREEN if is_fine else YELLOW, say, about, memory=memory, notes=tuple(_left_out(batch, bulk)))

    answer, now = answers.once(visit, act)
    if bulk is None or isinstance(bulk, Fault) or answer.facts.get("rows") != about["rows"]:
        return RedirectResponse(address_of("/list", search), 303)
    orders = _in_it(batch, bulk)
    if now and by_printer:
        _send(visit, bulk.content, f"{len(orders)} labels", orders)
    elif now:
        with visit.room.store.write() as tx:
            _printed_here(tx, visit, orders)
    return RedirectResponse(address_of("/list", search), 303)


def labels(visit: Visit) -> Response:
    """Return the labels of these orders as one PDF, in the order of the pick list; without those that may not be printed now."""
    with visit.room.store.read() as tx:
        batch = sheets.batch(tx, visit, Search(), _rows(visit.query.get("rows", "").split("-")))
    bulk = _opened(visit, sheets.without_unchecked(visit, batch, again=True))
    return Response(status_code=404) if isinstance(bulk, Fault) else pdf(bulk.content, "labels.pdf")


def _opened(visit: Visit, batch: Batch) -> papers.Bulk | Fault:
    paths = [each.order.label_path or "" for each in batch.orders]
    return visit.room.press.bulk(paths) if paths else Fault("")


def _in_it(batch: Batch, bulk: papers.Bulk) -> list[Order]:
    """Return the orders whose labels are in the PDF."""
    unread = {path for path, _ in bulk.left_out}
    return [each.order for each in batch.orders if each.order.label_path not in unread]


def _outcome(
    batch: Batch, bulk: papers.Bulk | Fault | None, total: int, nothing: str
) -> tuple[str, dict[str, str | int]]:
    """Return what a request for many labels leads to. bulk: None: it is asked once more."""
    if isinstance(bulk, Fault):
        return ("refused" if bulk.why else nothing), {"why": bulk.why}
    labels, rest = len(batch.orders), max(0, total - len(batch.orders))
    facts: dict[str, str | int] = {"total": total, "rest": rest, "case": "some" if rest else "all"}
    facts["rows"] = _joined(each.order.id for each in batch.orders)
    if bulk is None:
        return "labels_asked", facts | {"labels": labels}
    return "labels_sent", facts | {"labels": len(_in_it(batch, bulk))}


def _left_out(batch: Batch, bulk: papers.Bulk | Fault | None) -> list[tuple[str, Facts]]:
    """Return the notes that name what is not printed, by reason, and what is to be compared."""
    notes: list[tuple[str, Facts]] = [
        (say, {"orders": and_more(ids, MOST_NAMED)}) for say, ids in batch.left_out.items()
    ]
    if batch.doubtful:
        notes.append(("compare", {"orders": and_more(batch.doubtful, MOST_NAMED)}))
    if batch.unchecked:
        notes.append(("sales_unchecked", {"orders": and_more(batch.unchecked, MOST_NAMED)}))
    if isinstance(bulk, papers.Bulk) and bulk.left_out:
        notes.append(("left_out", {"number": len(bulk.left_out)}))
    return notes


def _rows(texts: Sequence[str]) -> list[int]:
    return [row for each in texts if (row := row_id(each)) is not None]


def _joined(rows: Iterable[int]) -> str:
    return "-".join(str(row) for row in rows)


MOST_DAYS_AGO = 31
PREVIEW_SECONDS = 3600
HISTORY = 200


def pick_list(visit: Visit) -> Response:
    """Show what to pick from the shelves, by article: for all orders, those of a search, or those that were ticked."""
    search, ticked = search_of(visit), _rows(visit.query.get("rows", "").split("-"))
    with visit.room.store.read() as tx:
        return page(
            visit,
            tx,
            "pick.html",
            picks=sheets.pick_list(tx, visit, search, ticked or None),
            search=search,
            ticked=len(ticked),
            carriers=lists.carriers(tx, search.supplier),
            suppliers=sorted(visit.room.settings.suppliers),
            answer=None,
        )


def hand_over(visit: Visit) -> Response:
    """Show the list that a carrier's driver signs: the orders that were marked as shipped on a day."""
    days = min(row_id(visit.query.get("days", "0")) or 0, MOST_DAYS_AGO)
    since = visit.midnight(days)
    until = visit.midnight(days - 1) if days else visit.now + timedelta(seconds=1)
    with visit.room.store.read() as tx:
        carriers, stay = sheets.hand_over(tx, visit, since, until)
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
            picture=sales.has_picture(tx, visit, each),
            truth=truth(each, visit),
            troubles=troubles(each, visit),
            may=each.verdict.may[visit.role],
            happened=[in_history(event, visit) for event in tx.exec(query)],
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
