"""The team page, for leads: who works here, with which PIN; the stations, with a test print; and the figures of the day."""

import secrets
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from sqlmodel import Session
from starlette.responses import RedirectResponse, Response

from supplier_agent import actions, printing
from supplier_agent.db.plain_sql import text, within
from supplier_agent.db.tables import Person
from supplier_agent.printing.papers import code_128
from supplier_agent.printing.queue import SETTLED_WITHIN
from supplier_agent.reports.facts import REPORTED
from supplier_agent.settings.sections import Station
from supplier_agent.web import answers, people
from supplier_agent.web.answers import BLUE, GREEN, RED, Answer, page
from supplier_agent.web.people import LEAD, PACKER
from supplier_agent.web.request import Visit

EVENTS_OF_A_DAY = 50_000
"""How many of the newest events are searched for those of today: there is no index on their time, and it must stay fast."""
POINTS_PER_MM = 72 / 25.4
SAID = frozenset({
    "person_added", "person_changed", "person_removed", "name_taken", "name_wrong", "pin_wrong", "last_lead", "nobody",
    "badge_made", "test_sent", "needs_lead", "needs_lead_of_all", "refused",
})  # fmt: skip
"""The answers of this page, by code."""


@dataclass(frozen=True)
class Member:
    """A person who works here. by_pin: whether a PIN is stored. suppliers: whose orders this person sees; empty: of all."""

    name: str
    role: str
    by_pin: bool
    suppliers: Sequence[str]


@dataclass(frozen=True)
class Figures:
    """What one person did today at one station."""

    who: str
    station: str  # "": not on the page
    marked: int
    undone: int
    printed: int
    reported: int


def team(visit: Visit) -> Response:
    """Show people, stations and the figures of the day. Only for leads."""
    if not visit.person.leads:
        return RedirectResponse("/", 303)
    with visit.room.store.read() as tx:
        answer = answers.last(tx, visit)
        return page(
            visit,
            tx,
            "team.html",
            members=[_member(each) for each in people.present(tx)],
            suppliers=sorted(visit.room.settings.suppliers),
            by_pin=not visit.room.settings.web.proxy_header,
            shortest=people.SHORTEST_PIN,
            longest=people.LONGEST_PIN,
            stations=[(each, _shown(each)) for each in visit.room.settings.web.benches],
            figures=figures(tx, visit),
            answer=answer if answer is not None and answer.say in SAID else None,
        )


def _member(person: Person) -> Member:
    by_pin = person.pin_scrypt != people.NO_PIN
    return Member(person.name, person.role, by_pin, sorted(people.suppliers_of(person) or ()))


def _shown(station: Station) -> str:
    """Return the address of a station's printer without a password; "" if it has none."""
    address = urlsplit(station.printer)
    return f"{address.hostname or ''}{address.path}"


def figures(tx: Session, visit: Visit) -> Sequence[Figures]:
    """Return what each person did today at each station."""
    rows = within(tx).rows(
        "SELECT who, coalesce(station, '') AS place, what, count(*) AS times FROM events"
        " WHERE id > (SELECT max(id) FROM events) - ? AND at >= ? GROUP BY who, place, what",
        EVENTS_OF_A_DAY, text(visit.midnight()),
    )  # fmt: skip
    done: dict[tuple[str, str], Counter[str]] = {}
    for row in rows:
        if row.what in {actions.FLAGGED, actions.UNDONE, actions.PRINTED, REPORTED}:
            done.setdefault((str(row.who), str(row.place)), Counter())[row.what] += row.times
    return [
        Figures(*key, each[actions.FLAGGED], each[actions.UNDONE], each[actions.PRINTED], each[REPORTED])
        for key, each in sorted(done.items())
    ]


def _add(tx: Session, visit: Visit, name: str) -> str:
    role, pin = visit.field("role"), _pin(visit)
    if people.find(tx, name) is not None:
        return "name_taken"
    fault = people.fault(tx, name, role, pin)
    if not fault:
        people.add(tx, name, role, pin, secrets.token_bytes(people.SALT_BYTES), visit.now, _wanted(visit))
    return fault or "person_added"


def _new_pin(tx: Session, visit: Visit, name: str) -> str:
    person, pin = people.find(tx, name), _pin(visit)
    if person is None:
        return "nobody"
    fault = people.fault(tx, name, person.role, pin)
    if not fault:
        only = people.suppliers_of(person) or ()
        people.add(tx, name, person.role, pin, secrets.token_bytes(people.SALT_BYTES), visit.now, only)
    return fault or "person_changed"


def _new_role(tx: Session, visit: Visit, name: str) -> str:
    person = people.find(tx, name)
    if person is None:
        return "nobody"
    role = LEAD if visit.field("role") == LEAD else PACKER
    if role != LEAD and _is_last_lead(tx, name):
        return "last_lead"
    person.role = role
    tx.add(person)
    return "person_changed"


def _limit(tx: Session, visit: Visit, name: str) -> str:
    person, wanted = people.find(tx, name), _wanted(visit)
    if person is None:
        return "nobody"
    if wanted and _is_last_lead(tx, name):
        return "last_lead"
    people.limit(person, wanted)
    tx.add(person)
    return "person_changed"


def _wanted(visit: Visit) -> frozenset[str]:
    """Return the suppliers that were ticked; none: all."""
    return frozenset(visit.form.get("supplier", ()))


def _remove(tx: Session, visit: Visit, name: str) -> str:
    if people.find(tx, name) is None:
        return "nobody"
    if _is_last_lead(tx, name):
        return "last_lead"
    people.remove(tx, name, visit.now)
    return "person_removed"


def _pin(visit: Visit) -> str | None:
    """Return the typed PIN; None where people sign in only through the proxy."""
    return None if visit.room.settings.web.proxy_header else visit.field("pin", people.LONGEST_PIN + 1)


def _is_last_lead(tx: Session, name: str) -> bool:
    """Tell whether nobody else could change the team: a lead of some suppliers cannot."""
    return [each.name for each in people.present(tx) if each.role == LEAD and each.suppliers is None] == [name]


def _new_badge(tx: Session, visit: Visit, name: str) -> tuple[str, str]:
    """Return the code of the answer, and the code of the badge."""
    person = people.find(tx, name)
    if person is None:
        return "nobody", ""
    badge = people.give_badge(tx, person)
    if name == visit.person.name:
        visit.keep(mark=people.mark(person))  # a lead who makes a badge for themselves stays signed in
    return "badge_made", badge


CHANGES: Mapping[str, Callable[[Session, Visit, str], str]] = {
    "add": _add, "pin": _new_pin, "role": _new_role, "suppliers": _limit, "remove": _remove,
}  # fmt: skip
"""What a lead can change about people; each returns the code of its answer."""
DONE = frozenset({"badge_made", "person_added", "person_changed", "person_removed"})


def managed(visit: Visit) -> Response:
    """Change who works here, or print a test page. A new badge is shown once, in the answer itself: its code is kept nowhere."""
    badge = ""
    change, name = CHANGES.get(visit.field("act")), visit.field("name", 200).strip()
    place = visit.room.settings.web.station(visit.field("station")) if visit.field("act") == "test" else None

    def do(tx: Session, before: Answer | None) -> Answer:
        memory = before.memory if before else {}
        if not visit.person.leads:
            return Answer(RED, "needs_lead", memory=memory)
        if place is not None and place.printer:
            until = (visit.now + SETTLED_WITHIN).isoformat()
            begun = (answers.BEGUN, {"printer": printing.name_of(place.printer), "until": until})
            return Answer(BLUE, "test_sent", {"name": place.name}, memory=memory, notes=(begun,))
        if not visit.person.manages:
            return Answer(RED, "needs_lead_of_all", memory=memory)
        nonlocal badge
        if visit.field("act") == "badge":
            say, badge = _new_badge(tx, visit, name)
        else:
            say = change(tx, visit, name) if change is not None else "nobody"
        return Answer(GREEN if say in DONE else RED, say, {"name": name[:40]}, memory=memory)

    answer, now = answers.once(visit, do)
    if now and answer.say in DONE:
        visit.room.log.info("person.changed", by=visit.person.name, name=name, what=visit.field("act"))
    if now and answer.say == "test_sent" and place is not None:
        _test(visit, place)
    if badge:
        with visit.room.store.read() as tx:
            return page(visit, tx, "badge.html", name=name, code=code_128(badge), answer=None)
    return RedirectResponse("/team" if visit.person.leads else "/", 303)


def _test(visit: Visit, station: Station) -> None:
    """Give a test page to the printer of a station, after the labels that wait there. The answer's note says what became of it."""
    room, key = visit.room, visit.field("key")

    def ended(ending: printing.Printed | printing.NotPrinted) -> None:
        facts = {"name": station.name, "printer": printing.name_of(station.printer)}
        say = "test_printed"
        if isinstance(ending, printing.NotPrinted):
            say, facts["printer_fault"] = "test_failed", ending.code
        with room.store.write() as tx:
            answers.add_note(tx, key, say, facts, instead_of=answers.BEGUN)

    content, media = test_page(station, visit.sentences.at(visit.now)), printing.custom_media(station.page_mm)
    room.printers.put(
        printing.Job(station.printer, content, f"test {station.name}", visit.person.name, media, {}, ended)
    )


def test_page(station: Station, at: str) -> bytes:
    """Return a PDF with a frame 3 mm inside the paper's edge, so that people see whether all of it is printed at its own size."""
    width, height = (each * POINTS_PER_MM for each in station.page_mm or (100, 150))
    edge = 3 * POINTS_PER_MM
    lines = (station.name, station.page and f"{station.page} mm", at, "supplier-agent")
    said = b"BT /F 14 Tf 18 TL %.1f %.1f Td " % (2 * edge, height - 2 * edge - 14)
    said += b" ".join(b"<%s> Tj T*" % line.encode("cp1252", "replace").hex().encode() for line in lines)
    frame = b"%.1f %.1f %.1f %.1f re S " % (edge, edge, width - 2 * edge, height - 2 * edge)
    content = frame + said + b" ET"
    bodies = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 %.2f %.2f] /Contents 4 0 R"
        b" /Resources << /Font << /F << /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >> >> >> >>"
        % (width, height),
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
    )
    document, offsets = b"%PDF-1.4\n", list[int]()
    for number, body in enumerate(bodies, 1):
        offsets.append(len(document))
        document += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    ending = b"xref\n0 5\n0000000000 65535 f \n%strailer\n<< /Size 5 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n"
    return document + ending % (table, len(document))
