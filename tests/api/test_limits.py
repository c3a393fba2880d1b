"""Programs that send too much, too slowly or too often, with real sockets. The page is served all the same."""

import json
import socket
from contextlib import ExitStack
from typing import Any

import httpx
import pytest

from supplier_agent.web.api import gate
from tests.api.programs import API, Program
from tests.web.stage import Stage

ID = "15000010001_111"


def head(stage: Stage, key: str, *lines: str) -> bytes:
    """Return the head of a request that adds a note."""
    host = stage.url.removeprefix("http://")
    first = (f"POST {API}/orders/{ID}/note HTTP/1.1", f"Host: {host}", f"Authorization: {key}")
    return "\r\n".join([*first, "Content-Type: application/json", *lines, "", ""]).encode()


def connected(stage: Stage, opened: ExitStack) -> socket.socket:
    host, _, port = stage.url.removeprefix("http://").partition(":")
    return opened.enter_context(socket.create_connection((host, int(port)), timeout=60))


def answer_of(connection: socket.socket) -> tuple[int, dict[str, Any]]:
    """Read until the other side closes; return the status and the body."""
    read = b""
    while chunk := connection.recv(65536):
        read += chunk
    top, _, body = read.partition(b"\r\n\r\n")
    return int(top.split()[1]), json.loads(body)


def test_a_huge_body_is_refused_before_it_is_read(stage: Stage, wms: Program) -> None:
    row, key = stage.order(ID), wms.client.headers["authorization"]
    with ExitStack() as opened:
        named = connected(stage, opened)
        named.sendall(head(stage, key, "Content-Length: 10000000000"))
        assert answer_of(named)[0] == 413
        chunked = connected(stage, opened)
        chunk = b"1000\r\n" + b" " * 4096 + b"\r\n"
        chunked.sendall(head(stage, key, "Transfer-Encoding: chunked") + chunk * 17)
        assert answer_of(chunked)[1]["code"] == "body_too_large"
    assert stage.history(row) == []


@pytest.mark.slow  # it waits as long as the API does
def test_a_slow_body_is_given_up(stage: Stage, wms: Program) -> None:
    stage.order(ID)
    with ExitStack() as opened:
        slow = connected(stage, opened)
        slow.sendall(head(stage, wms.client.headers["authorization"], "Content-Length: 20") + b'{"te')
        status, said = answer_of(slow)
    assert (status, said["code"]) == (408, "too_slow")


def test_what_is_no_json_is_refused(stage: Stage, wms: Program) -> None:
    row = stage.order(ID)
    kind = {"Content-Type": "application/json"}
    for body in (
        b"{",
        b"[]",
        b"null",
        b"\xff",
        b'{"text": NaN}',
        b'{"text": "\\ud800"}',
        b"[" * 60_000,
        b'{"text":' * 8000,
    ):
        answer = wms.client.post(f"{API}/orders/{ID}/note", content=body, headers=kind)
        assert (answer.status_code, answer.json()["code"]) == (422, "content_wrong"), body[:20]
    for wrong in ("text/plain", "application/x-www-form-urlencoded", ""):
        answer = wms.client.post(f"{API}/orders/{ID}/note", content=b"{}", headers={"Content-Type": wrong})
        assert answer.status_code == 415
    assert stage.history(row) == []


def test_a_program_that_asks_too_often_must_wait() -> None:
    rate = gate.Rate(at=0.0)
    assert [rate.wait_seconds(0.0) for _ in range(int(gate.BURST))] == [0.0] * int(gate.BURST)
    assert 0 < rate.wait_seconds(0.0) <= 1 / gate.PER_SECOND
    assert rate.wait_seconds(1.0) == 0.0


def test_slow_programs_leave_the_page_its_connections(stage: Stage, wms: Program) -> None:
    stage.order(ID)
    key = wms.client.headers["authorization"]
    begun = head(stage, key, "Content-Length: 20", "Expect: 100-continue")
    with ExitStack() as opened:
        waiting = [connected(stage, opened) for _ in range(gate.MOST_OF_ONE)]
        for each in waiting:
            each.sendall(begun)
            assert each.recv(1000).startswith(b"HTTP/1.1 100")  # it has its place, and its body is awaited
        refused = wms.get("/orders")
        assert (refused.status_code, refused.json()["code"]) == (429, "too_many_requests")
        assert refused.headers["retry-after"] == "1"
        assert httpx.get(f"{stage.url}/sign-in", timeout=20).status_code == 200
        assert httpx.get(f"{stage.url}/healthz", timeout=20).status_code == 200
        many = [connected(stage, opened) for _ in range(150)]  # more than the page has
        assert len(many) == 150
        assert httpx.get(f"{stage.url}/sign-in", timeout=20).status_code == 200
