"""Rows e and i: commands as whole processes, against the imports that they cannot avoid, and with a long history."""

import socket
import statistics
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from functools import partial

from tests.bench.figure import Figure, Sizes, contest, ratios
from tests.bench.history import invented
from tests.bench.measure import family, resident, run, wait_for
from tests.bench.site import Site, folder, python, serving

UNAVOIDABLE = {
    "run --once": ("sqlmodel", "pydantic_settings", "structlog", "httpx", "httpcore", "tenacity", "typer"),
    "status": ("pydantic_settings", "sqlite3", "zoneinfo"),
    "--help": ("typer",),
}
"""The libraries that do the work of a command."""
REQUEST = "import http.client as c; h = c.HTTPConnection({!r}); h.request('GET', '/api/bench/get-sales'); h.getresponse().read()"
ANY = range(4)
"""Exit codes that only tell how the installation is."""
READS: dict[str, float | None] = {
    "status": 0.5,
    "orders": 0.5,
    "orders --stage ready": 0.5,
    "orders --search ARTICLE-001": 0.5,
    "order ID": 0.5,
    "coverage": 2.0,
    "alerts list": 0.5,
    "letter": 0.5,
    "marketplace": 0.5,
    "evidence 2026-01-01 --supplier bench": None,
    "articles list": 0.5,
    "person list": 0.5,
    "after-sales": 0.5,
    "businessonbot list": 0.5,
    "check --offline": None,
    "export orders": None,
    "run --once --dry-run": None,
    "run --once": None,
}
"""Every command that only reads, `run --once` with nothing new, and the seconds that each may take.

None: it reads everything, or asks the marketplace.
"""


def imports(sizes: Sizes) -> Iterator[Figure]:
    """Cost of a start.

    Against a process of the same Python that only imports the libraries that do the command's work; for `run --once`, with nothing
    new, it also makes the one request.
    """
    with folder() as here, serving(sizes.limit, orders=3) as server:
        site = Site(here, server.url, sizes)
        for _ in range(2):
            site.run("run", "--once")
            site.mark_all()
        contestants = {name: partial(site.run, *name.split(), codes=ANY) for name in UNAVOIDABLE}
        for name, modules in UNAVOIDABLE.items():
            request = REQUEST.format(server.url.partition("//")[2]) if name == "run --once" else ""
            words = python("-c", f"import {', '.join(modules)}; {request}")
            contestants[f"imports of {name}"] = partial(run, words, sizes.limit)
        found = contest(sizes.seed, sizes.starts, contestants)
    for name in UNAVOIDABLE:
        ours, floor = found[name], found[f"imports of {name}"]
        yield Figure("e", f"CPU, {name}", ratios(ours, floor, lambda c: c.cpu), "x imports", 1.25)
        yield Figure("e", f"wall time, {name}", ratios(ours, floor, lambda c: c.wall), "x imports")
        yield Figure("e", f"CPU, {name}", [c.cpu for c in ours], "s")
        yield Figure("e", f"peak memory, {name}", [c.rss for c in ours], "MB")


def large(sizes: Sizes) -> Iterator[Figure]:
    """Commands with a long history.

    Each command that only reads, as a whole process, on the largest database; and the metrics of a running daemon.

    The agent reads the whole ship ledger when it looks at an order for the first time, and remembers where the last line of each
    order begins. So `run --once` needs time and memory for each order that was ever shipped. What other commands need beyond
    `status` is the import of SQLAlchemy.
    """
    orders = sizes.history[-1]
    with folder() as here, serving(sizes.limit) as server:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = int(listener.getsockname()[1])
        site = invented(here / "large", server.url, sizes, orders, f'[metrics]\nlisten = "127.0.0.1:{port}"\n')
        this = str(site.sql("SELECT menzzo_order_id FROM orders LIMIT 1 OFFSET ?", orders // 2)[0][0])
        contestants = {name: partial(site.run, *name.replace("ID", this).split(), codes=ANY) for name in READS}
        for name, costs in contest(sizes.seed, sizes.few_rounds, contestants).items():
            title = f"{name}, {orders:,} orders"
            yield Figure("i", f"wall time, {title}", [c.wall for c in costs], "s", READS[name])
            yield Figure("i", f"CPU, {title}", [c.cpu for c in costs], "s")
            yield Figure("i", f"peak memory, {title}", [c.rss for c in costs], "MB", 100)
        scrapes = [_scrapes(site, port) for _ in range(sizes.few_rounds)]
    starts, firsts, later, peaks = zip(*scrapes, strict=True)
    yield Figure("i", f"wall time, start to /healthz, {orders:,} orders", starts, "s")
    yield Figure("i", f"wall time, first scrape, {orders:,} orders", firsts, "s", 2.0)
    yield Figure("i", f"wall time, later scrapes, {orders:,} orders", later, "s", 0.5)
    yield Figure("i", f"memory after them, the larger of daemon and page, {orders:,} orders", peaks, "MB")


def _scrapes(site: Site, port: int) -> tuple[float, float, float, float]:
    """Start a daemon; return the seconds until it answers, of the first scrape and of later ones, and its memory in MB."""
    began = time.monotonic()
    with site.daemon() as running:
        wait_for(lambda: _get(port, "healthz"), site.sizes.limit, "/healthz")
        start, first = time.monotonic() - began, _get(port, "metrics")
        later = statistics.median(_get(port, "metrics") for _ in range(5))
        peak = max(resident(pid) for pid in family(running.pid))
        running.stop()
    return start, first, later, peak


def _get(port: int, path: str) -> float:
    """Return the seconds that an answer took; 0 if nobody listens yet."""
    began = time.monotonic()
    with suppress(urllib.error.URLError, ConnectionError):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=120) as answer:
            answer.read()
        return time.monotonic() - began
    return 0.0
