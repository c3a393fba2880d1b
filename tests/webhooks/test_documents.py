"""The receivers of the documents, run as they are written."""

import json
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from supplier_agent.base.clock import SystemClock
from supplier_agent.integrations.webhooks.receiver import Receiver
from supplier_agent.marketplace import Means, Verdict
from supplier_agent.marketplace.rate_limit import Pace
from supplier_agent.marketplace.wire import Wire
from tests.webhooks.conftest import SECRET
from tests.world.clocks import until

DOCS = Path(__file__).parents[2] / "docs"
OTHER = "whsec_" + "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
ORDER = {"menzzo_order_id": "15000012345_789", "sku": "SOFA", "quantity": 2, "price": "10.00"}


def program(page: str) -> str:
    (found,) = re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)
    return str(found)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        return int(one.getsockname()[1])


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


@contextmanager
def running(page: str, folder: Path, **env: str) -> Iterator[tuple[int, "subprocess.Popen[str]"]]:
    path, port = folder / "program.py", free_port()
    path.write_text(program(page))
    given = {**os.environ, "SECRET": SECRET, **env}
    with subprocess.Popen(
        [sys.executable, str(path), str(port)], env=given, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            until(lambda: listens(port), "the program does not listen")
            yield port, process
        finally:
            process.kill()


def send(port: int, event_id: str, type_: str, secret: str = SECRET) -> Verdict:
    clock = SystemClock()
    receiver = Receiver(
        f"http://127.0.0.1:{port}/", lambda: secret, Wire(clock, 20), Pace(clock, 1e6), clock, lambda _: None
    )
    said = {"schema": 1, "id": event_id, "type": type_, "timestamp": "2026-11-23T06:00:00Z", "data": ORDER}
    return receiver.post(event_id, json.dumps(said))


def test_the_receiver_of_the_how_to_verifies_and_takes_each_event_once(tmp_path: Path) -> None:
    with running("how-to/webhooks.md", tmp_path) as (port, process):
        assert send(port, "evt_1", "order.new").means is Means.CONFIRMED
        assert send(port, "evt_1", "order.new").means is Means.CONFIRMED
        assert send(port, "evt_2", "order.shipped").means is Means.CONFIRMED
        assert send(port, "evt_3", "order.shipped", OTHER).means is Means.TOKEN_REFUSED
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(2)]
    assert lines == ["order.new 15000012345_789\n", "order.shipped 15000012345_789\n"]


def test_the_recipe_passes_on_what_was_shipped_and_asks_for_it_again_if_that_fails(tmp_path: Path) -> None:
    heard: list[tuple[str, dict[str, object]]] = []
    statuses = [200, 500]

    class Crm(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            heard.append((self.headers["Authorization"], json.loads(body)))
            self.send_response(statuses.pop(0))
            self.end_headers()

        def log_message(self, *_args: object) -> None:
            """Print nothing."""

    crm = HTTPServer(("127.0.0.1", 0), Crm)
    threading.Thread(target=crm.serve_forever, daemon=True).start()
    target = f"http://127.0.0.1:{crm.server_address[1]}/"
    page = "explanation/why-no-payments-crm-analytics.md"
    with running(page, tmp_path, TARGET=target, KEY="k") as (port, _process):
        assert send(port, "evt_1", "order.new").means is Means.CONFIRMED
        assert send(port, "evt_2", "order.shipped").means is Means.CONFIRMED
        assert send(port, "evt_3", "order.shipped").means is Means.FAILED
        assert send(port, "evt_4", "order.shipped", OTHER).means is Means.TOKEN_REFUSED
    crm.shutdown()
    crm.server_close()
    what = {"event": "order_shipped", "id": "evt_2", "sku": "SOFA", "quantity": 2, "value": "10.00"}
    assert heard[0] == ("Bearer k", what)
    assert len(heard) == 2


@pytest.mark.parametrize("page", ["how-to/webhooks.md", "explanation/why-no-payments-crm-analytics.md"])
def test_a_program_stays_short(page: str) -> None:
    assert len(program(page).splitlines()) <= 40
