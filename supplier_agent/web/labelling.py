"""Printing a label: from the disk, to the station's printer or by the browser, counted. A printer that fails stops nothing."""

import hashlib
from pathlib import Path

from supplier_agent import actions, printing
from supplier_agent.db.tables import Order
from supplier_agent.printing.papers import Fit
from supplier_agent.settings import egress
from supplier_agent.web import answers
from supplier_agent.web.answers import Facts
from supplier_agent.web.request import Visit
from supplier_agent.web.sizes import paper

BROWSER = "browser"


def content_of(visit: Visit, order: Order) -> bytes | None:
    """Return the label as it was stored, or None if it is not there, or is no longer what was stored."""
    if order.label_path is None:
        return None
    try:
        content = (visit.room.settings.state_dir / Path(order.label_path)).read_bytes()
    except OSError:
        return None
    return content if hashlib.sha256(content).hexdigest() == order.label_sha256 else None


def print_label(visit: Visit, row: int, *, by_itself: bool) -> None:
    """Print the label of an order, and say in the present answer how that went. `by_itself`: nobody asked for this very one."""
    with visit.room.store.read() as tx:
        order = tx.get(Order, row)
    if order is None:
        return
    say, facts = _printed(visit, order, by_itself=by_itself)
    with visit.room.store.write() as tx:
        order = tx.get(Order, row)
        if order is not None and say in {"printed", BROWSER}:
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
    """Send a PDF to the station's printer; return what there is to say."""
    own = visit.station.page_mm  # without it CUPS takes the queue's default, and cuts off what does not fit
    media = printing.custom_media(*own).keyword if own else None
    way_out = egress.of(visit.room.settings)
    done = printing.print_pdf(visit.station.printer, content, title, visit.person.name, media=media, egress=way_out)
    name = visit.station.printer.rpartition("/")[2] or visit.station.printer
    if isinstance(done, printing.NotPrinted):
        visit.room.log.warning("label.not_printed", station=visit.station.name, order=title, detail=done.why)
        return "not_printed", {"fault": done.code}
    return "printed", {"printer": name, "ignored": " ".join(done.ignored)}
