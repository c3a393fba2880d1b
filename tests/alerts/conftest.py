"""A state database, a clock of the test's own, and a service that takes alerts on a real socket."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from supplier_agent.alerts import Watch
from supplier_agent.base.log import Log
from supplier_agent.db import state_folder
from supplier_agent.db.store import Store
from supplier_agent.db.tables import Order
from supplier_agent.settings import Settings
from tests.world.databases import store_at
from tests.world.harness import MONDAY, ManualClock


class Service:
    """Takes messages as apprise's json:// sends them, and pings. `status` is what messages are answered with."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.pinged: list[str] = []
        self.status = 200
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if service.status < 400:
                    service.messages.append(json.loads(body))
                self.send_response(service.status)
                self.end_headers()

            def do_GET(self) -> None:
                service.pinged.append(self.path)
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_arguments: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    @property
    def url(self) -> str:
        """The address, with a password that nobody may see."""
        return f"json://someone:secret-word@127.0.0.1:{self._server.server_port}/alerts"

    @property
    def origin(self) -> str:
        """Where it can be pinged."""
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def bodies(self) -> list[str]:
        """The texts that arrived."""
        return [message["message"] for message in self.messages]

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def services() -> Iterator[Callable[[], Service]]:
    """Return what starts a service."""
    started: list[Service] = []

    def start() -> Service:
        started.append(Service())
        return started[-1]

    yield start
    for each in started:
        each.close()


@dataclass
class Post:
    """An installation whose watch looks when the test says so."""

    settings: Settings
    store: Store
    clock: ManualClock
    watch: Watch
    said: list[tuple[str, dict[str, object]]] = field(default_factory=list)

    def after(self, minutes: float, *, at_end_of_round: bool = False) -> None:
        """Let time pass, then look."""
        self.clock.sleep(60 * minutes)
        self.watch.look(at_end_of_round=at_end_of_round)

    def sql(self, statement: str, *values: object) -> list[Any]:
        """Write or read as staff do."""
        with self.store.write() as tx:
            result = tx.connection().exec_driver_sql(statement, values)
            return list(result.all()) if result.returns_rows else []

    def keep(self, number: int = 1, **facts: Any) -> None:  # noqa: ANN401 - any column
        """Store an order that was seen just now."""
        listed: dict[str, Any] = {"sku": "CHAIR", "quantity": 1, "first_seen_at": self.clock.now()}
        order = Order(
            supplier="notio",
            menzzo_order_id=f"15000000000_{number}",
            increment_id="15000000000",
            sale_product_id=str(number),
            **(listed | facts),
        )
        with self.store.write() as tx:
            tx.add(order)


@pytest.fixture
def installed(tmp_path: Path) -> Iterator[Callable[..., Post]]:
    """Return what makes an installation whose alerts go to these addresses."""
    opened: list[Store] = []

    def installed(*urls: object, suppliers: object = None, web: object = None, **alerts: object) -> Post:
        settings = Settings(
            state_dir=tmp_path,
            suppliers=suppliers or {"notio": {"token": "t"}},
            web=web or {},
            alerts={"urls": urls, "digest_at": "", "disk_free_bytes": 1} | alerts,
        )
        store = store_at(tmp_path / state_folder.DATABASE)
        opened.append(store)
        clock = ManualClock(MONDAY + timedelta(hours=3))
        said: list[tuple[str, dict[str, object]]] = []
        log = Log(None, lambda event, facts: said.append((event, facts)))
        with store.write() as tx:
            tx.connection().exec_driver_sql("INSERT INTO suppliers (name) VALUES ('notio')")
        return Post(settings, store, clock, Watch(lambda: settings, clock, log, where="here"), said)

    yield installed
    for each in opened:
        each.close()
