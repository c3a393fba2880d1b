"""Strangers at the door of the real program: thousands of sockets, a hundred PINs at once, odd bytes. The agent does not notice."""

import contextlib
import http.client
import random
import re
import resource
import socket
import statistics
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pytest

from supplier_agent.base.clock import SystemClock
from supplier_agent.db.store import open_store
from supplier_agent.reports.vitals import STOPPED
from supplier_agent.sandbox.semantics import Semantics
from supplier_agent.sandbox.server import Sandbox
from supplier_agent.sandbox.world import World
from supplier_agent.web import people
from tests.e2e.installation import Site
from tests.web.stage import BENCH, PIN, SALT, Stage, browsing
from tests.web.test_process import report, serving
from tests.world.clocks import until

pytestmark = pytest.mark.slow

CONFIGURATION = (
    "requests_per_second = 50\n[schedule]\npoll_seconds = 1\noff_hours_poll_seconds = 1\n[ship]\nundo_seconds = 0\n"
    '[web]\nlisten = "127.0.0.1:0"\n[metrics]\nlisten = "127.0.0.1:0"\n'
)
MOST_MEMORY_KB = 300 * 1024
MOST_LOG_BYTES = 1024 * 1024


@dataclass
class Shop:
    """An agent at work with its page, whose log is read all the time."""

    site: Site
    page: int  # the port
    metrics: int
    pid: int
    log: list[str]

    def healthz(self) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.metrics, timeout=10)
        connection.request("GET", "/healthz")
        status = connection.getresponse().status
        connection.close()
        return status

    def memory_kb(self) -> int:
        found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{self.pid}/status").read_text())
        assert found
        return int(found[1])

    def longest_gap_seconds(self, since: str) -> float:
        """Return the longest time between two readings of a supplier since then."""
        gaps = self.site.sql(
            "SELECT max(gap) FROM (SELECT (julianday(started_at) - julianday(lag(started_at) OVER "
            f"(PARTITION BY supplier ORDER BY id))) * 86400 AS gap FROM runs WHERE started_at > '{since}')"
        )
        return float(gaps[0][0])

    def ship_seconds(self) -> float:
        """Mark an order as staff do; return how long it takes until it is confirmed."""
        row = self.site.sql(
            "SELECT id FROM orders WHERE shipped = 0 AND label_path IS NOT NULL AND acknowledged_at IS NOT NULL LIMIT 1"
        )[0][0]
        began = time.monotonic()
        self.site.sql(f"UPDATE orders SET shipped = 1 WHERE id = {row}")
        until(lambda: self.site.sql(f"SELECT ship_confirmed_at FROM orders WHERE id = {row}")[0][0])
        return time.monotonic() - began


def _read(stream: IO[str], into: list[str]) -> None:
    into.extend(iter(stream.readline, ""))


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    clock = SystemClock()
    world = World.with_orders(24, today=clock.now().date(), days=1, clock=clock)
    with Sandbox(world, Semantics(cache_seconds={})) as sandbox:
        site = Site(tmp_path, sandbox)
        site.configure(CONFIGURATION)
        agent = site.start()  # with the few descriptors that a service has
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
        log: list[str] = []
        reader = threading.Thread(target=_read, args=(agent.stderr, log))
        reader.start()
        found = serving(site)
        store = open_store(site.database)
        with store.write() as tx:
            people.add(tx, "Anna", people.PACKER, PIN, SALT, clock.now())
        store.close()
        ready = "SELECT count(*) FROM orders WHERE label_path IS NOT NULL AND acknowledged_at IS NOT NULL"
        until(lambda: site.sql(ready)[0][0] >= 20)
        page, metrics = (int(found[each].rpartition(":")[2]) for each in ("url", "metrics_url"))
        yield Shop(site, page, metrics, found["pid"], log)
        assert agent.poll() is None
        agent.terminate()
        agent.wait(30)
        reader.join()
        assert agent.stderr is not None
        agent.stderr.close()
        assert report(site)["phase"] == STOPPED
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.slow
def test_two_thousand_idle_connections(shop: Shop) -> None:
    before = statistics.median(shop.ship_seconds() for _ in range(5))
    since = shop.site.sql("SELECT strftime('%Y-%m-%d %H:%M:%f', 'now')")[0][0]
    with contextlib.ExitStack() as opened:
        for number in range(2000):
            port = shop.page if number % 4 else shop.metrics
            connection = socket.socket()
            opened.enter_context(connection)
            with contextlib.suppress(OSError):
                connection.settimeout(5)
                connection.bind((f"127.0.0.{2 + number % 24}", 0))
                connection.connect(("127.0.0.1", port))
        assert shop.healthz() == 200
        with browsing(f"http://127.0.0.1:{shop.page}") as anna:
            anna.sign_in("Anna", "Page")
            assert anna.status == 200
            assert "PIN" not in anna.html
        during = statistics.median(shop.ship_seconds() for _ in range(5))
        descriptors = len(list(Path(f"/proc/{shop.pid}/fd").iterdir()))
    assert during < before * 2 + 0.5
    assert shop.longest_gap_seconds(since) < 5  # polls are due every second
    assert descriptors < 250
    assert shop.memory_kb() < MOST_MEMORY_KB
    assert sum(map(len, shop.log)) < MOST_LOG_BYTES


def test_a_hundred_and_twenty_sign_ins_at_once(shop: Shop) -> None:
    before = statistics.median(shop.ship_seconds() for _ in range(5))
    since = shop.site.sql("SELECT strftime('%Y-%m-%d %H:%M:%f', 'now')")[0][0]
    body = f"name=Anna&station=Page&pin={'x' * 60}"

    def sign_in(number: int) -> int:
        where = f"127.0.0.1:{shop.page}"
        try:
            connection = http.client.HTTPConnection(where, timeout=60, source_address=(f"127.0.0.{2 + number % 24}", 0))
            form = {"Origin": f"http://{where}", "Content-Type": "application/x-www-form-urlencoded"}
            connection.request("POST", "/sign-in", body.replace("Anna", f"Person {number}"), form)
            status = connection.getresponse().status
            connection.close()
        except (OSError, http.client.HTTPException):
            return 0  # no seat
        return status

    with ThreadPoolExecutor(120) as crowd:
        said = [crowd.submit(sign_in, number) for number in range(120)]
        during = statistics.median(shop.ship_seconds() for _ in range(5))
        assert shop.healthz() == 200
        answers = [each.result() for each in said]
    assert set(answers) <= {0, 403, 429, 503}
    assert answers.count(403) >= 40
    assert during < before * 2 + 0.5
    assert shop.longest_gap_seconds(since) < 5
    assert shop.memory_kb() < MOST_MEMORY_KB
    assert sum(map(len, shop.log)) < MOST_LOG_BYTES
    with browsing(f"http://127.0.0.1:{shop.page}") as anna:
        anna.sign_in("Anna", "Page")
        assert "PIN" not in anna.html


# -- odd bytes ---------------------------------------------------------------------------------------------------------

ODD = (
    b"[", b"]", b"[::1", b"\xe9", b"%", b"%ff", b"%00", b"\xff\xfe", b"%ed%a0%80", b"\xf0\x9f\x93\xa6", b"..", b"%2e%2e", b"'",
    b'"', b"<", b"{{7*7}}", b"%s", b"=", b"&&", b";", b"9" * 400, b"-1", b"1e9", b"@", b":", b"::", b":99999999", b"a" * 3000,
)  # fmt: skip
PATHS = (
    b"/",
    b"/sign-in",
    b"/list",
    b"/pulse",
    b"/order/%s",
    b"/label/%s.pdf",
    b"/static/%s",
    b"/card/%s.svg",
    b"/metrics",
)
HEADERS = (
    *(
        b"Host",
        b"Cookie",
        b"Origin",
        b"Content-Type",
        b"X-Forwarded-For",
        b"Accept-Language",
        b"Sec-Fetch-Site",
        b"Referer",
    ),
    *(
        b"X-Remote-User",
        b"Content-Length",
        b"Transfer-Encoding",
        b"Expect",
        b"Connection",
        b"Upgrade",
        b"Range",
        b"If-None-Match",
    ),
)
FIELDS = (
    *(b"token", b"name", b"station", b"pin", b"lang", b"code", b"row", b"act"),
    *(b"key", b"age", b"back", b"kind", b"text", b"row[]"),
)
FORMS = (b"/sign-in", b"/scan", b"/act", b"/decide", b"/print", b"/language", b"/pick-one", b"/sign-out")


def _asked(port: int, request: bytes) -> int:
    """Send bytes; return the status, 0 if the connection was just closed."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(request)
        connection.settimeout(2)  # some announce a body that never comes
        said = b""
        with contextlib.suppress(ConnectionError, TimeoutError):
            while b"\r\n" not in said and (chunk := connection.recv(65_536)):
                said += chunk
    found = re.match(rb"HTTP/1\.1 (\d+)", said)
    return int(found[1]) if found else 0


def test_odd_bytes_anywhere_are_refused_without_an_error(stage: Stage) -> None:
    port = int(stage.url.rpartition(":")[2])
    with browsing(stage.url) as browser:
        browser.sign_in("Anna", BENCH)
        cookie = b"Cookie: desk=" + browser.client.cookies["desk"].encode() + b"\r\n"
        token = browser.token().encode()
    ours, dice, failed = stage.url.encode(), random.Random(7), []

    def post(path: bytes, body: bytes, signed_in: bytes) -> bytes:
        head = b"POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nOrigin: %s\r\n" % (path, port, ours)
        form = b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n" % len(body)
        return head + form + signed_in + b"\r\n" + body

    requests = [b"GET / HTTP/1.1\r\n%s: %s\r\n\r\n" % (name, odd) for name in HEADERS for odd in ODD]
    requests += [
        b"GET /sign-in HTTP/1.1\r\nHost: 127.0.0.1\r\n%s: %s\r\n\r\n" % (name, odd) for name in HEADERS for odd in ODD
    ]
    for odd in ODD:
        requests += [b"GET %s?q=%s&page=%s&%s HTTP/1.1\r\nHost: 127.0.0.1\r\n%s\r\n" % (
            path.replace(b"%s", odd), odd, odd, odd, cookie) for path in PATHS]  # fmt: skip
    for path in FORMS:
        for field in FIELDS:
            for odd in dice.sample(ODD, 4):
                body = b"token=%s&key=%032x&%s=%s" % (token, dice.getrandbits(128), field, odd)
                requests.append(post(path, body, cookie))
                requests.append(post(path, body.replace(b"token=" + token, b"token=" + odd), cookie))
    for request in requests:
        status = _asked(port, request)
        if status >= 500:
            failed.append((status, request))
    assert not failed
    assert not [event for event, _ in stage.heard if event == "page.failed"]


def test_the_two_that_were_seen_are_refused(stage: Stage) -> None:
    port = int(stage.url.rpartition(":")[2])
    assert _asked(port, b"GET / HTTP/1.1\r\nHost: [\r\n\r\n") == 421
    with browsing(stage.url) as browser:
        browser.sign_in("Anna", BENCH)
        browser.post("/act", act="ship", row="1", token="é")
        assert browser.status == 403


def test_a_flood_of_errors_is_a_few_lines() -> None:
    from supplier_agent.web.process import AT_ONCE, RationedLog  # noqa: PLC0415
    from tests.web.stage import MovableClock  # noqa: PLC0415

    said: list[str] = []

    class Logger:
        def error(self, event: str, **facts: object) -> None:
            said.append(f"{event} {facts}")

    clock = MovableClock()
    log = RationedLog(Logger(), clock)  # type: ignore[arg-type]  # what is asked of a logger here
    for number in range(10_000):
        log.error("page.failed", detail=number)
    assert len(said) == AT_ONCE
    clock.ahead += type(clock.ahead)(seconds=61)
    log.error("page.failed", detail="again")
    assert said[-1] == f"page.failed {{'detail': 'again', 'unsaid': {10_000 - AT_ONCE}}}"
