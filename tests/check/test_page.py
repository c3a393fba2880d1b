"""What `check` says of the warehouse page: its address, who can reach it, who can sign in, and each printer."""

import socket
import struct
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from supplier_agent.check import page
from supplier_agent.db.store import open_store
from supplier_agent.db.tables import Person
from supplier_agent.printing.ipp import Tag
from supplier_agent.settings import Settings
from tests.check.conftest import Found
from tests.printing.test_printer import answer, attribute, http, printer, sends

Configured = Callable[..., Settings]
ANY_PORT = "127.0.0.1:0"


def join(database: Path, *people: tuple[str, str, str]) -> None:
    with closing(open_store(database)) as store, store.write() as tx:
        for name, role, pin in people:
            tx.add(Person(name=name, role=role, pin_scrypt=pin, added_at=datetime(2026, 11, 23, tzinfo=UTC)))


def looked(found: Found, settings: Settings, *, offline: bool = True) -> Found:
    page.look(found.report, settings, offline=offline)
    return found


def about(found: Found, level: str, what: str) -> Sequence[str]:
    return [each for each in found.of(level) if each.startswith(what)]


def test_a_page_that_is_off_is_a_note(found: Found, settings: Configured) -> None:
    looked(found, settings()).only("note", "page: it is off", "[web] listen")


def test_a_page_in_order_has_nothing_to_fix(found: Found, settings: Configured, database: Path) -> None:
    join(database, ("Anna", "packer", "x:y"), ("Lea", "lead", "x:y"))
    looked(found, settings(web={"listen": ANY_PORT}))
    assert found.of("warning") + found.of("wrong") == []
    assert about(found, "ok", "people: 2 can sign in to the page, 1 of them as lead")


def test_a_port_that_another_program_holds_is_told(found: Found, settings: Configured) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        looked(found, settings(web={"listen": f"127.0.0.1:{port}"}))
    assert about(found, "warning", f"page: another program listens on port {port} of 127.0.0.1")


def test_an_address_that_this_machine_does_not_have_is_told(found: Found, settings: Configured) -> None:
    looked(found, settings(web={"listen": "192.0.2.1:8080"}))
    assert about(found, "warning", "page: it cannot listen on 192.0.2.1, port 8080: Cannot assign requested address")


@pytest.mark.parametrize(
    ("web", "level", "what"),
    [
        (
            {"listen": "0.0.0.0:0"},
            "warning",
            "page: other machines can reach 0.0.0.0:0 without encryption: PINs can be",
        ),
        (
            {"listen": "0.0.0.0:0", "origin": "https://desk"},
            "note",
            "page: besides https://desk, other machines can reach",
        ),
        (
            {"listen": ANY_PORT, "origin": "https://desk"},
            "ok",
            "page: only this machine can reach it, and the proxy of",
        ),
        ({"listen": ANY_PORT}, "ok", "page: only this machine can reach it\n"),
    ],
)
def test_pins_in_clear_are_told(found: Found, settings: Configured, web: dict[str, str], level: str, what: str) -> None:
    assert about(looked(found, settings(web=web)), level, what)


@pytest.mark.parametrize(
    ("people", "what"),
    [
        ((), "people: nobody can sign in to the page yet\nsupplier-agent person add NAME --role lead"),
        ((("Anna", "packer", "x:y"),), "people: there is no lead"),
        ((("Lea", "lead", ""),), "people: no PIN, and no proxy that signs them in (web.proxy_header): Lea"),
    ],
)
def test_people_who_are_missing_are_told(
    found: Found, settings: Configured, database: Path, people: tuple[tuple[str, str, str], ...], what: str
) -> None:
    join(database, *people)
    looked(found, settings(web={"listen": ANY_PORT})).only("warning", what)


def test_before_the_first_run_nobody_can_sign_in(found: Found, settings: Configured) -> None:
    looked(found, settings(web={"listen": ANY_PORT})).only("warning", "nobody can sign in")


def says(state: int, reason: bytes, paper: bytes = b"iso_a6_105x148mm", *, accepting: bytes = b"\1") -> bytes:
    """Return how a printer answers when it is asked how it is."""
    groups = b"\x04" + attribute(Tag.NAME, "printer-name", b"zebra")
    groups += attribute(Tag.ENUM, "printer-state", struct.pack(">i", state))
    groups += attribute(Tag.KEYWORD, "printer-state-reasons", reason)
    groups += attribute(Tag.BOOLEAN, "printer-is-accepting-jobs", accepting)
    return http(answer(0, groups + attribute(Tag.KEYWORD, "media-supported", paper)))


@pytest.mark.parametrize(
    ("told", "level", "what"),
    [
        (says(3, b"none", b"om_x_100x150mm"), "ok", "printer of Bench 1: zebra, idle"),
        (says(3, b"media-low-warning", b"om_x_100x150mm"), "ok", "printer of Bench 1: zebra, idle"),
        (
            says(5, b"media-empty"),
            "warning",
            "printer of Bench 1 (zebra) does not print: media-empty\nlook at its paper",
        ),
        (says(3, b"none", accepting=b"\0"), "warning", "printer of Bench 1 (zebra) does not print: it accepts no jobs"),
        (says(3, b"none"), "note", "printer of Bench 1 (zebra) does not list paper of 100 x 150 mm"),
    ],
)
def test_each_printer_says_how_it_is(
    found: Found, settings: Configured, database: Path, told: bytes, level: str, what: str
) -> None:
    join(database, ("Lea", "lead", "x:y"))
    with printer(sends(told)) as (uri, _):
        stations = [{"name": "Bench 1", "printer": uri, "page": "100x150"}]
        looked(found, settings(web={"listen": ANY_PORT, "stations": stations}), offline=False)
    assert about(found, level, what)
    assert len(found.of("warning")) == (level == "warning")


def test_a_printer_that_is_away_is_told_and_offline_it_is_not_asked(
    found: Found, settings: Configured, database: Path
) -> None:
    join(database, ("Lea", "lead", "x:y"))
    stations = [{"name": name, "printer": "ipp://127.0.0.1:9/printers/zebra"} for name in ("Bench 1", "Bench 2")]
    asked = settings(web={"listen": ANY_PORT, "stations": stations})
    assert looked(found, asked).of("warning") == []
    looked(found, asked, offline=False).only("warning", "printer of Bench 1, Bench 2: ", "[web] stations")
