"""The warehouse page in `check`: its address, who can reach it and sign in, and its printers."""

import errno
import os
import socket
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

from sqlmodel import col, select

from supplier_agent import printing
from supplier_agent.base.errors import AgentError
from supplier_agent.check.report import Report
from supplier_agent.db import state_folder
from supplier_agent.db.store import is_there, open_store
from supplier_agent.db.tables import Person
from supplier_agent.settings import Settings, egress
from supplier_agent.settings.sections import Station, Web

LEAD = "lead"
ADD_A_LEAD = "supplier-agent person add NAME --role lead"
BEHIND_A_PROXY = (
    'listen on this machine alone ([web] listen = "127.0.0.1:8080"), with a proxy in front that speaks https: '
    "docs/how-to/page.md"
)
HARMLESS = ("-report", "-warning")
"""The ends of a printer's reasons that do not stop it (RFC 8011, 5.4.12)."""


def look(report: Report, settings: Settings, *, offline: bool) -> None:
    """Check the page, if it is on. offline: do not ask the printers."""
    web = settings.web
    if web.address is None:
        report.note("page: it is off", 'to turn it on: [web] listen = "127.0.0.1:8080", then restart the agent')
        return
    _address(report, web.address, settings.state_dir / state_folder.PAGE_LOCK)
    _reach(report, web)
    _people(report, settings)
    if not offline:
        _printers(report, settings)


def _address(report: Report, address: tuple[str, int], lock: Path) -> None:
    """Check that the page can listen, unless it already does."""
    host, port = address
    if state_folder.is_held(lock):
        report.good(f"page: it is served by {state_folder.holder(lock)}")
        return
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family) as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tried.bind((host, port))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            cure = "end that program, or choose another port in [web] listen"
            report.doubt(f"page: another program listens on port {port} of {host}", cure)
        else:
            why = os.strerror(error.errno) if error.errno else str(error)
            report.doubt(f"page: it cannot listen on {host}, port {port}: {why}", "correct [web] listen")
    else:
        report.good(f"page: port {port} of {host} is free")


def _reach(report: Report, web: Web) -> None:
    """Say who can reach the page, and whether PINs are encrypted on their way."""
    if not web.is_open:
        report.good(f"page: only this machine can reach it{f', and the proxy of {web.origin}' if web.origin else ''}")
    elif web.origin.startswith("https:"):
        report.note(
            f"page: besides {web.origin}, other machines can reach {web.listen} directly, without encryption",
            "let only the proxy connect to it, with a firewall",
        )
    else:
        report.doubt(
            f"page: other machines can reach {web.listen} without encryption: PINs can be read on the network",
            BEHIND_A_PROXY,
        )


def _people(report: Report, settings: Settings) -> None:
    """Check that someone can sign in, and that there is a lead."""
    database = settings.state_dir / state_folder.DATABASE
    present: list[Person] = []
    try:
        if is_there(database):
            with closing(open_store(database)) as store, store.read() as tx:
                present += tx.exec(select(Person).where(col(Person.left_at).is_(None)).order_by(col(Person.name)))
    except AgentError:
        return  # the database has its own finding
    if not present:
        report.doubt("people: nobody can sign in to the page yet", ADD_A_LEAD)
        return
    leads = [each.name for each in present if each.role == LEAD]
    if leads:
        report.good(f"people: {len(present)} can sign in to the page, {len(leads)} of them as lead")
    else:
        report.doubt("people: there is no lead, so nobody can decide about problems on the page", ADD_A_LEAD)
    locked_out = ", ".join(each.name for each in present if not each.pin_scrypt)
    if locked_out and not settings.web.proxy_header:
        what = f"people: no PIN, and no proxy that signs them in (web.proxy_header): {locked_out}"
        report.doubt(what, "supplier-agent person add NAME  # asks for a PIN")


def _printers(report: Report, settings: Settings) -> None:
    """Ask each printer how it is. Prints nothing."""
    by_address: dict[str, list[Station]] = {}
    for station in settings.web.stations:
        if station.printer and "@" not in urlsplit(station.printer).netloc:  # that is a finding of its own
            by_address.setdefault(station.printer, []).append(station)
    way_out = egress.of(settings)
    for address, stations in by_address.items():
        _printer(report, printing.look(address, egress=way_out), stations)


def _printer(report: Report, found: printing.Printer | printing.NotPrinted, stations: list[Station]) -> None:
    where = f"printer of {', '.join(each.name for each in stations)}"
    if isinstance(found, printing.NotPrinted):
        report.doubt(f"{where}: {found.why}", "turn it on, or correct its address in [web] stations")
        return
    reasons = [each for each in found.reasons if not each.endswith(HARMLESS)]
    if reasons or not found.accepting or found.state == "stopped":
        why = ", ".join(reasons) or ("it is stopped" if found.state == "stopped" else "it accepts no jobs")
        report.doubt(
            f"{where} ({found.name}) does not print: {why}", "look at its paper, cover and ribbon, or at its queue"
        )
        return
    report.good(f"{where}: {found.name}, {found.state}")
    for size in sorted({each.page_mm for each in stations if each.page_mm}):
        if found.media and printing.media_of(found, *size) is None:
            report.note(
                f"{where} ({found.name}) does not list paper of {size[0]} x {size[1]} mm",
                "print a test page on the page, under Problems, Team: its whole frame must be on the paper",
            )
