"""A printer that fails: every way it can is a sentence with a code, within the deadline."""

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supplier_agent.printing import NotPrinted, Printed, Printer, ipp, look, parse_uri, print_pdf
from supplier_agent.printing.ipp import Group, Tag

PDF = b"%PDF-1.4 a label %%EOF"


def attribute(tag: int, name: str, value: bytes) -> bytes:
    return struct.pack(">BH", tag, len(name)) + name.encode() + struct.pack(">H", len(value)) + value


def answer(status: int = 0, groups: bytes = b"") -> bytes:
    return struct.pack(">BBHI", 2, 0, status, 1) + groups + b"\x03"


def http(body: bytes, status: str = "200 OK") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Type: application/ipp\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


JOB = b"\x02" + attribute(Tag.INTEGER, "job-id", struct.pack(">i", 77))


@contextmanager
def printer(says: Callable[[socket.socket], None]) -> Iterator[tuple[str, list[bytes]]]:
    """Be a printer that reads a request and then does what the test wants; yield its address and what it heard."""
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                request = b""
                while b"\r\n\r\n" not in request:
                    request += connection.recv(65536)
                head, _, body = request.partition(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
                while len(body) < length:
                    body += connection.recv(65536)
                heard.extend((head, body))
                try:
                    says(connection)
                except OSError:
                    return

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"ipp://127.0.0.1:{server.getsockname()[1]}/ipp/print", heard
    thread.join(10)


def sends(content: bytes) -> Callable[[socket.socket], None]:
    return lambda connection: connection.sendall(content)


def drips(content: bytes, at_once: bytes = b"") -> Callable[[socket.socket], None]:
    def say(connection: socket.socket) -> None:
        connection.sendall(at_once)
        for byte in content:
            connection.sendall(bytes([byte]))
            time.sleep(0.05)  # the printer's own slowness, not the test's

    return say


def test_what_is_asked_is_what_the_standard_says() -> None:
    with printer(sends(http(answer(0, JOB)))) as (uri, heard):
        assert print_pdf(uri, PDF, "label", "Ayşe", media="iso_a6_105x148mm") == Printed(77)
    head, body = heard
    assert head.startswith(b"POST /ipp/print HTTP/1.1\r\n")
    assert b"Content-Type: application/ipp" in head
    assert body.startswith(b"\x02\x00\x00\x02\x00\x00\x00\x01\x01")
    assert body.endswith(b"\x03" + PDF)
    asked = ipp.parse(body)
    assert list(asked.groups[Group.OPERATION])[:3] == [
        "attributes-charset",
        "attributes-natural-language",
        "printer-uri",
    ]
    assert asked.all(Group.OPERATION, "printer-uri") == [uri]
    assert asked.all(Group.OPERATION, "document-format") == ["application/pdf"]
    assert asked.all(Group.OPERATION, "requesting-user-name") == ["Ayşe"]
    assert asked.all(Group.JOB, "print-scaling") == ["none"]
    assert asked.all(Group.JOB, "media") == ["iso_a6_105x148mm"]


def test_what_the_printer_will_not_heed_is_told() -> None:
    ignored = b"\x05" + attribute(0x10, "print-scaling", b"")
    with printer(sends(http(answer(1, ignored + JOB)))) as (uri, _):
        assert print_pdf(uri, PDF, "label") == Printed(77, ("print-scaling",))


def test_how_a_printer_is_can_be_asked() -> None:
    says = b"\x04" + b"".join(
        (
            attribute(Tag.NAME, "printer-name", b"Bench 1"),
            attribute(Tag.ENUM, "printer-state", struct.pack(">i", 5)),
            attribute(Tag.KEYWORD, "printer-state-reasons", b"media-empty"),
            attribute(Tag.KEYWORD, "", b"cover-open"),
            attribute(Tag.BOOLEAN, "printer-is-accepting-jobs", b"\0"),
            attribute(Tag.COLLECTION, "media-col-default", b""),
            attribute(0x4A, "", b"media-supported"),
            attribute(Tag.KEYWORD, "", b"iso_a0_841x1189mm"),
            attribute(Tag.COLLECTION_END, "", b""),
            attribute(Tag.KEYWORD, "media-supported", b"custom_max_999x999mm"),
            attribute(Tag.KEYWORD, "", b"oe_4x6-label_4x6in"),
            attribute(Tag.KEYWORD, "", b"strange"),
            attribute(Tag.KEYWORD, "media-default", b"iso_a6_105x148mm"),
        )
    )
    with printer(sends(http(answer(0, says)))) as (uri, _):
        found = look(uri)
    assert isinstance(found, Printer)
    assert (found.name, found.state, found.accepting) == ("Bench 1", "stopped", False)
    assert found.reasons == ("media-empty", "cover-open")
    assert [(each.width_mm, each.height_mm) for each in found.media] == [(101.6, 152.4)]
    assert found.default is not None
    assert found.default.width_mm == 105
    assert "media-col-default" not in ipp.parse(answer(0, says)).groups[Group.PRINTER]


FAULTS: dict[str, tuple[Callable[[socket.socket], None], str]] = {
    "hangs up": (lambda connection: connection.close(), "unreachable"),
    "says nothing": (lambda connection: (connection.recv(1), None)[1], "timeout"),
    "drips its headers": (drips(http(answer(0, JOB))), "timeout"),
    "drips its body": (drips(http(b"x" * 40)[60:], at_once=http(b"x" * 40)[:60]), "timeout"),
    "is a web page": (sends(http(b"<html>router</html>")), "answer"),
    "is not HTTP": (sends(b"220 smtp ready\r\n"), "unreachable"),
    "wants a password": (sends(http(b"", "401 Unauthorized")), "refused"),
    "points elsewhere": (
        sends(b"HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1/\r\nContent-Length: 0\r\n\r\n"),
        "refused",
    ),
    "takes no PDF": (sends(http(answer(0x040A))), "format"),
    "accepts no jobs": (sends(http(answer(0x0506))), "stopped"),
    "fails in its own way": (sends(http(answer(0x0500))), "refused"),
    "aborts the job": (sends(http(answer(0, JOB + attribute(Tag.ENUM, "job-state", struct.pack(">i", 8))))), "refused"),
    "names no job": (sends(http(answer())), "answer"),
    "cuts its answer": (sends(http(answer(0, JOB)[:-9])), "answer"),
    "answers without end": (sends(http(b"\0" * 5_000_000)), "answer"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_printer_that_fails_is_a_sentence_in_time(name: str) -> None:
    says, code = FAULTS[name]
    began = time.monotonic()
    with printer(says) as (uri, _):
        found = print_pdf(uri, PDF, "label", seconds=0.5)
    assert isinstance(found, NotPrinted), found
    assert found.code == code
    assert found.why
    assert time.monotonic() - began < 5


def test_a_printer_that_is_not_there_is_a_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    for found in (print_pdf(f"ipp://127.0.0.1:{port}/x", PDF, "label"), look(f"ipp://127.0.0.1:{port}/x")):
        assert isinstance(found, NotPrinted)
        assert found.code == "unreachable"


def test_a_printer_that_takes_nothing_in_ends_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        found = print_pdf(f"ipp://127.0.0.1:{server.getsockname()[1]}/x", PDF + bytes(30_000_000), "label", seconds=0.5)
    assert isinstance(found, NotPrinted)
    assert found.code == "timeout"


def test_what_cannot_prove_who_it_is_gets_no_label() -> None:
    heard = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                heard.append(connection.recv(65536))
                connection.sendall(b"no TLS at all")

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        found = print_pdf(f"ipps://127.0.0.1:{server.getsockname()[1]}/x", PDF, "label", seconds=2)
        thread.join(10)
    assert isinstance(found, NotPrinted)
    assert found.code == "unreachable"
    assert PDF not in heard[0]


@pytest.mark.parametrize(
    ("given_uri", "uri"),
    [
        ("ipp://127.0.0.1/printers/zebra", "ipp://127.0.0.1/printers/zebra"),
        ("http://192.168.1.9:631", "ipp://192.168.1.9:631/ipp/print"),
        ("ipps://printer.local/ipp/print", "ipps://printer.local/ipp/print"),
        ("ipp://[::1]:631/x", "ipp://[::1]:631/x"),
    ],
)
def test_an_address_is_brought_into_one_form(given_uri: str, uri: str) -> None:
    assert parse_uri(given_uri) == uri


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "zebra",
        "ftp://h/x",
        "ipp:///x",
        "ipp://h:port/x",
        "ipp://me:secret@h/x",
        "ipp://h/x?y",
        "ipp://h/a b\r\nX: y",
    ],
)
def test_what_is_no_address_is_said_without_its_secrets(uri: str) -> None:
    found = print_pdf(uri, PDF, "label")
    assert isinstance(found, NotPrinted)
    assert found.code == "address"
    assert "secret" not in found.why


def test_a_title_breaks_nothing() -> None:
    with printer(sends(http(answer(0, JOB)))) as (uri, heard):
        assert print_pdf(uri, PDF, "x\r\n" + "é" * 500) == Printed(77)
    (title,) = ipp.parse(heard[1]).all(Group.OPERATION, "job-name")
    assert str(title).startswith("x  é")
    assert len(str(title).encode()) <= 255


@given(st.binary(max_size=300))
def test_whatever_answers_is_understood_or_refused(content: bytes) -> None:
    try:
        found = ipp.parse(content)
    except ValueError:
        return
    assert 0 <= found.status <= 0xFFFF


@given(st.binary(max_size=200))
def test_whatever_comes_after_a_good_beginning_is_understood_or_refused(content: bytes) -> None:
    try:
        ipp.parse(answer()[:8] + b"\x04" + content)
    except ValueError:
        return
