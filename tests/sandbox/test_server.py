"""The sandbox over real sockets: what a client sees of answers and of faults."""

import gzip
import io
import json
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable
from functools import partial
from http.client import HTTPConnection, IncompleteRead

import pytest
from pypdf import PdfReader

from supplier_agent.base.clock import SystemClock
from supplier_agent.base.errors import UsageError
from supplier_agent.sandbox import faults
from supplier_agent.sandbox.command import serve
from supplier_agent.sandbox.faults import Fault
from supplier_agent.sandbox.orders import Order
from supplier_agent.sandbox.server import Sandbox
from supplier_agent.sandbox.world import World
from tests.world.books import arrived

SHIP = (
    b"POST /api/asir-group/ship-sale HTTP/1.1\r\nHost: sandbox\r\nAuthorization: Bearer sandbox-asir-group\r\n"
    b'Content-Type: application/json\r\nContent-Length: 26\r\n\r\n{"menzzo_order_id": "8_1"}'
)
ONCE = SHIP.replace(b"Host:", b"Connection: close\r\nHost:")
HEADERS = {"Authorization": "Bearer sandbox-asir-group", "Content-Type": "application/json"}
DEADLINE = 3.0


def dial(sandbox: Sandbox) -> socket.socket:
    port = int(sandbox.url.rpartition(":")[2])
    return socket.create_connection(("127.0.0.1", port), timeout=DEADLINE)


def ship_raw(sandbox: Sandbox) -> bytes:
    """Send one ship-sale and return all that comes until the sandbox closes."""
    with dial(sandbox) as connection:
        connection.sendall(ONCE)
        return b"".join(iter(partial(connection.recv, 65_536), b""))


def has_ended(connection: socket.socket) -> bool:
    """Tell whether the other side is gone; one that had not been accepted yet is reset."""
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def shipped(world: World) -> int:
    order = world.order("asir-group", "8_1")
    assert order is not None
    return len(order.shipped_at)


def wait_for(happened: Callable[[], bool]) -> None:
    clock = SystemClock()
    ends_at = clock.monotonic() + DEADLINE
    while not happened():
        assert clock.monotonic() < ends_at
        clock.sleep(0.001)


def client(sandbox: Sandbox) -> HTTPConnection:
    return HTTPConnection(sandbox.url.removeprefix("http://"), timeout=DEADLINE)


def get(sandbox: Sandbox, target: str) -> tuple[int, bytes]:
    connection = client(sandbox)
    try:
        connection.request("GET", target, headers=HEADERS)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_an_order_goes_its_whole_way_over_one_connection(world: World, sandbox: Sandbox) -> None:
    connection = client(sandbox)

    def call(method: str, target: str, body: str | None = None) -> bytes:
        connection.request(method, target, body, HEADERS)
        answer = connection.getresponse()
        assert answer.status == 200
        return answer.read()

    row = json.loads(call("GET", "/api/asir-group/get-sales?page=1"))[0]
    asked = json.dumps({"menzzo_order_id": row["menzzo_order_id"]})
    assert json.loads(call("POST", "/api/asir-group/acknowledge-sale", asked)) == {"success": True}
    label = call("GET", row["link_to_label"].removeprefix(sandbox.url))
    assert len(PdfReader(io.BytesIO(label), strict=True).pages) == 1
    assert json.loads(call("POST", "/api/asir-group/ship-sale", asked)) == {"success": True}
    connection.close()
    assert shipped(world) == 1
    assert [line.status for line in world.requests(supplier="asir-group")] == [200] * 4


def test_a_head_is_answered_without_a_body(sandbox: Sandbox) -> None:
    with dial(sandbox) as connection:
        connection.sendall(b"HEAD /sandbox/truth HTTP/1.1\r\nHost: s\r\nConnection: close\r\n\r\n")
        answer = b"".join(iter(partial(connection.recv, 65_536), b""))
    assert answer.endswith(b"\r\n\r\n")


@pytest.mark.parametrize("applied", [False, True])
@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (faults.garbage, b"\x16\x03\x01 this is no HTTP \xff\x00\r\n\r\n"),
        (faults.half_head, b"HTTP/1.1 200 OK\r\n"),
        (faults.half_body, b'\r\n\r\n{"succes'),
        (faults.html, b"<h1>We will be back soon</h1>"),
        (faults.empty, b"Content-Length: 0\r\n"),
        (faults.two_lengths, b"Content-Length: 17\r\nContent-Length: 22\r\n"),
        (faults.extra_bytes, b'{"success": true}HTTP/1.1 200 OK\r\n'),
    ],
)
def test_a_fault_reaches_the_client_with_or_without_its_effect(
    world: World,
    sandbox: Sandbox,
    fault: Callable[..., Fault],
    expected: bytes,
    applied: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    world.faults.arm("ship-sale", fault(applied=applied))
    answer = ship_raw(sandbox)
    assert expected in answer
    assert shipped(world) == applied


@pytest.mark.parametrize("applied", [False, True])
def test_a_close_is_without_a_word(world: World, sandbox: Sandbox, applied: bool) -> None:  # noqa: FBT001 - as above
    world.faults.arm("ship-sale", faults.close(applied=applied))
    assert ship_raw(sandbox) == b""
    assert shipped(world) == applied


def test_half_a_head_is_cut_before_its_end(world: World, sandbox: Sandbox) -> None:
    world.faults.arm("ship-sale", faults.half_head(applied=False))
    assert b"\r\n\r\n" not in ship_raw(sandbox)


def test_half_a_body_is_shorter_than_announced_or_comes_without_a_length(world: World, sandbox: Sandbox) -> None:
    world.faults.arm("label", faults.half_body(applied=False))
    with pytest.raises(IncompleteRead):
        get(sandbox, "/api/files/labels/asir-group/8_1.pdf")
    world.faults.arm("label", faults.half_body(applied=False, measured=False))
    _, half = get(sandbox, "/api/files/labels/asir-group/8_1.pdf")
    assert half.startswith(b"%PDF-")
    assert b"%%EOF" not in half


def test_a_truncated_label_has_a_length_that_fits(world: World, sandbox: Sandbox) -> None:
    world.faults.arm("label", faults.truncated())
    status, half = get(sandbox, "/api/files/labels/asir-group/8_1.pdf")
    assert status == 200
    assert b"%%EOF" not in half


@pytest.mark.parametrize("applied", [False, True])
def test_a_reset_is_a_reset(world: World, sandbox: Sandbox, applied: bool) -> None:  # noqa: FBT001 - as above
    world.faults.arm("ship-sale", faults.reset(applied=applied))
    with pytest.raises(ConnectionResetError):
        ship_raw(sandbox)
    assert shipped(world) == applied


def test_connections_can_be_reset_before_anything_is_read(world: World, sandbox: Sandbox) -> None:
    world.faults.reset_connections(1)
    with pytest.raises((ConnectionResetError, BrokenPipeError)):
        ship_raw(sandbox)
    assert world.log == []
    assert b"200 OK" in ship_raw(sandbox)


def test_a_hang_says_nothing_until_the_client_leaves(world: World, sandbox: Sandbox) -> None:
    world.faults.arm("ship-sale", faults.hang(applied=True))
    with dial(sandbox) as connection:
        connection.sendall(SHIP)
        connection.settimeout(0.15)
        for _ in range(100):  # a busy machine takes its time until it hears the request
            with pytest.raises(TimeoutError):
                connection.recv(1)
            if shipped(world):
                break
    assert shipped(world) == 1
    assert world.log[0].status is None


def test_a_hang_can_end_by_itself_and_a_late_answer_comes(world: World, sandbox: Sandbox) -> None:
    world.faults.arm("ship-sale", faults.hang(0.1, applied=False))
    assert ship_raw(sandbox) == b""
    world.faults.arm("ship-sale", faults.late(0.1))
    asked_at = SystemClock().monotonic()
    assert ship_raw(sandbox).endswith(b'{"success": true}')
    assert SystemClock().monotonic() - asked_at >= 0.1


def test_head_and_body_can_drip(world: World, sandbox: Sandbox) -> None:
    for fault in (faults.drip_head(0.002), faults.drip_body(0.002)):
        world.faults.arm("acknowledge-sale", fault)
        with dial(sandbox) as connection:
            connection.sendall(ONCE.replace(b"ship", b"acknowledge", 1))
            pieces = list(iter(partial(connection.recv, 65_536), b""))
        assert b"".join(pieces).endswith(b'{"success": true}')
        assert len(pieces) > 3


def test_statuses_come_with_their_headers(world: World, sandbox: Sandbox) -> None:
    world.faults.arm("ship-sale", faults.status(429, headers=(("Retry-After", "7"),)))
    assert b"\r\nRetry-After: 7\r\n" in ship_raw(sandbox)
    world.faults.arm("ship-sale", faults.redirect("http://127.0.0.1:9/elsewhere"))
    answer = ship_raw(sandbox)
    assert answer.startswith(b"HTTP/1.1 307 ")
    assert b"\r\nLocation: http://127.0.0.1:9/elsewhere\r\n" in answer
    world.faults.arm("ship-sale", faults.says({"success": False, "error": "cancelled"}))
    assert ship_raw(sandbox).endswith(b'{"success": false, "error": "cancelled"}')
    assert shipped(world) == 0


def test_a_gzip_bomb_is_small_on_the_wire(world: World, sandbox: Sandbox) -> None:
    world.faults.arm("get-sales", faults.gzip_bomb(megabytes=4))
    status, body = get(sandbox, "/api/asir-group/get-sales")
    assert status == 200
    assert len(body) < 50_000
    assert len(gzip.decompress(body)) == 4 << 20


def test_extra_bytes_poison_the_next_answer_of_a_kept_connection(world: World, sandbox: Sandbox) -> None:
    world.faults.arm("acknowledge-sale", faults.extra_bytes())
    with dial(sandbox) as connection:
        connection.sendall(SHIP.replace(b"ship", b"acknowledge", 1))
        received = b""
        while received.count(b"HTTP/1.1") < 2:
            received += connection.recv(65_536)
        connection.sendall(SHIP.replace(b"8_1", b"7_7"))
        assert b" 404 " in connection.recv(65_536)


def test_a_body_that_does_not_come_in_full_has_no_effect(world: World, sandbox: Sandbox) -> None:
    with dial(sandbox) as connection:
        connection.sendall(SHIP[:-3])
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1) == b""
    assert shipped(world) == 0
    assert [line.is_complete for line in world.log] == [False]
    assert arrived(world) == [], "it is no ship call"


def test_a_burst_of_new_connections_is_served(sandbox: Sandbox) -> None:
    answers: list[int] = []

    def ask() -> None:
        answers.append(get(sandbox, "/api/asir-group/get-sales")[0])

    threads = [threading.Thread(target=ask) for _ in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [200] * 100


def test_the_log_notes_when_the_head_was_complete_and_not_the_body() -> None:
    clock = SystemClock()
    world = World(clock)
    world.add(Order("asir-group", "8_1", "SKU", 1, 100, "DPD", clock.now().date()))
    with Sandbox(world) as sandbox, dial(sandbox) as connection:
        connection.sendall(SHIP[:20])
        clock.sleep(0.05)
        head_sent_at = clock.monotonic()
        connection.sendall(SHIP[20:-26])
        clock.sleep(0.1)
        body_sent_at = clock.monotonic()
        connection.sendall(SHIP[-26:])
        assert b"200 OK" in connection.recv(65_536)
    assert head_sent_at <= world.log[0].monotonic < body_sent_at


def test_stopping_ends_every_answer_that_hangs_and_starting_again_keeps_the_port(world: World) -> None:
    sandbox = Sandbox(world).start()
    url = sandbox.url
    world.faults.arm("ship-sale", faults.hang(applied=False))
    with dial(sandbox) as hanging, dial(sandbox) as idle:
        hanging.sendall(SHIP)
        wait_for(lambda: bool(world.log))
        sandbox.stop()
        sandbox.stop()
        assert has_ended(hanging)
        assert has_ended(idle)
    with pytest.raises(OSError, match="refused"):
        dial(sandbox)
    with sandbox:
        assert sandbox.url == url
        assert get(sandbox, "/sandbox/truth")[0] == 200


def test_a_taken_port_is_explained_with_its_cure(sandbox: Sandbox) -> None:
    with pytest.raises(UsageError, match="--port 0"):
        serve(int(sandbox.url.rpartition(":")[2]), 1, print)
    with pytest.raises(UsageError, match="0-65535"):
        serve(65_536, 1, print)


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_the_command_serves_until_it_is_told_to_stop(ending: signal.Signals) -> None:
    program = "from supplier_agent.sandbox.command import serve; serve(0, 3, lambda text: print(text, flush=True))"
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        welcome = b""
        while b"Ctrl-C" not in welcome:
            line = process.stdout.readline()
            assert line, process.stderr.read()
            welcome += line
        url = next(word for word in welcome.decode().split() if word.startswith("http://"))
        with urllib.request.urlopen(f"{url}/sandbox/truth", timeout=DEADLINE) as answer:  # noqa: S310 - loopback
            truth = json.load(answer)
        process.send_signal(ending)
        rest = process.communicate(timeout=DEADLINE)
    assert process.returncode == 0
    assert rest == (b"", b"")
    assert [len(truth["suppliers"][supplier]["orders"]) for supplier in ("asir-group", "notio")] == [2, 1]
    assert b'token = "sandbox-asir-group"' in welcome
    assert b'token = "sandbox-notio"' in welcome
