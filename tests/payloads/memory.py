"""What the worst answers cost in memory: each is taken in by a process of its own, whose peak is then compared."""

import gzip
import os
import resource
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache

from supplier_agent.base.clock import SystemClock
from supplier_agent.marketplace import Means, Verdict
from supplier_agent.marketplace.client import Marketplace
from supplier_agent.marketplace.listing import MOST_ROWS, MOST_VALUES, parse_rows
from supplier_agent.marketplace.rate_limit import Pace
from supplier_agent.marketplace.wire import Wire
from supplier_agent.reading.strategy import Query
from tests.marketplace.raw_server import Peer, RawServer, answer, whole

MB = 1 << 20
LABEL_CAP = 10 * MB
MOST_GROWTH_MB = 100
"""A fifth of the 512 MB that the unit grants."""
LIMIT_MB = 1024
"""Beyond it the process is ended by its own limit: a machine that runs tests must not swap."""

ODD_ROW = b'{"menzzo_order_id":"1_1","sku":5,"quantity":-1,"price":"x","order_date":7,"carrier":[],"link_to_label":{}}'

Take = Callable[[], None]


def marketplace(url: str) -> Marketplace:
    """Return an account that asks once."""
    clock = SystemClock()
    wire, pace = Wire(clock, 20), Pace(clock, 1e9)
    return Marketplace("notio", url, lambda: "token", wire, pace, LABEL_CAP, (), clock, lambda: True)


@lru_cache
def bomb(megabytes: int) -> bytes:
    """Return a gzip of so many megabytes of blanks, made without having them in memory."""
    packer = zlib.compressobj(1, wbits=16 + zlib.MAX_WBITS)
    return b"".join([*(packer.compress(b" " * MB) for _ in range(megabytes)), packer.flush()])


def flood(megabytes: int) -> Callable[[Peer], None]:
    """Announce and send so many megabytes."""

    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (megabytes * MB))
        for _ in range(megabytes):
            peer.send(b"%" * MB)

    return script


def listed(script: Callable[[Peer], None]) -> Take:
    """Ask that server for a list."""

    def take() -> None:
        with RawServer(script) as server:
            found = marketplace(server.url).get_sales(Query())
        assert isinstance(found, Verdict), "nobody should have read that"
        assert found.means in {Means.TOO_LARGE, Means.UNCLEAR}, found

    return take


def labelled(script: Callable[[Peer], None]) -> Take:
    """Ask that server for a label."""

    def take() -> None:
        with RawServer(script) as server:
            found = marketplace(server.url).fetch_label("/label.pdf")
        assert isinstance(found, Verdict)
        assert found.means is Means.REFUSED, found

    return take


def read(body: bytes) -> Take:
    """Read that list, however it ends."""

    def take() -> None:
        parse_rows(body)

    return take


def many(entry: bytes, count: int) -> bytes:
    """Return a list of so many equal entries."""
    return b"[" + b",".join([entry] * count) + b"]"


def packed(body: bytes) -> bytes:
    """Return a packed answer."""
    return whole(body, b"Content-Encoding: gzip")


SHAPES: Mapping[str, Callable[[], Take]] = {
    "a gzip bomb of 150 MB as a list": lambda: listed(answer(packed(bomb(150)))),
    "a gzip of 12 MB of blanks": lambda: listed(answer(packed(bomb(12)))),
    "a list of 150 MB": lambda: listed(flood(150)),
    "a label of 150 MB": lambda: labelled(flood(150)),
    "a gzip bomb of 150 MB as a label": lambda: labelled(answer(packed(bomb(150)))),
    "nested 100,000 deep": lambda: read(b"[" * 100_000 + b"]" * 100_000),
    "objects nested 100,000 deep": lambda: read(b'{"data":' * 100_000),
    "5,000-digit integers": lambda: read(b"[" + b",".join([b"9" * 5000] * 1000) + b"]"),
    "a number of 4 MB": lambda: read(b"[" + b"9" * (4 * MB) + b"]"),
    "2 million zeros": lambda: read(many(b"0", 2_000_000)),
    "as many zeros as are read": lambda: read(many(b"0", MOST_VALUES)),
    "2 million empty objects": lambda: read(many(b"{}", 2_000_000)),
    "as many empty objects as are read": lambda: read(many(b"{}", MOST_VALUES)),
    "as many small objects as are read": lambda: read(many(b'{"":0}', MOST_VALUES)),
    "as many empty lists as are read": lambda: read(many(b"[]", MOST_VALUES)),
    "one key a hundred thousand times": lambda: read(b"[{" + b'"a":0,' * 100_000 + b'"a":1}]'),
    "as many entries as are stored, each without an id": lambda: read(many(b'{"a":[1,2,3]}', MOST_ROWS)),
    "as many entries as are stored, each odd": lambda: read(many(ODD_ROW, MOST_ROWS)),
    "a list packed again and again": lambda: listed(answer(packed(gzip.compress(bomb(150))))),
}


@contextmanager
def _limited() -> Iterator[None]:
    before = _peak_mb()
    resource.setrlimit(resource.RLIMIT_AS, ((before + LIMIT_MB) * MB * 2, resource.RLIM_INFINITY))
    yield


def _peak_mb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def growth_mb(shape: Callable[[], Take]) -> int:
    """Return by how many MB the peak of a fresh process grows over the answer; -1 if it did not end well."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        grown = -1
        try:
            take = shape()
            with _limited():
                before = _peak_mb()
                take()
                grown = _peak_mb() - before
        finally:
            os.write(writer, str(grown).encode())
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as answered:
        said = answered.read()
    os.waitpid(child, 0)
    return int(said or -1)


def measure() -> dict[str, int]:
    """Return the growth of every shape in MB. For a process with one thread: it forks."""
    bomb(150)  # once, not in every process
    return {name: growth_mb(shape) for name, shape in SHAPES.items()}
