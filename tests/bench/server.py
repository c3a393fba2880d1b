"""A marketplace that costs almost nothing: `python -m tests.bench.server OPTIONS`, in a process of its own; the options are JSON.

It answers as the sandbox does (exclusive cursor, pages, labels as PDFs), but checks nothing: no tokens, no errors, no effects.
So it is never what is measured; it says what it cost. Its first line is its port.
"""

import asyncio
import json
import ssl
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from urllib.parse import parse_qsl, urlsplit

from supplier_agent.sandbox.orders import draw

SLOW = "slow"
"""Suppliers whose names start so are answered late."""
PLACEHOLDER = "15000000000_1000000"


@cache
def _drawn() -> bytes:
    return draw(PLACEHOLDER, "SOFA-OSLO-3P-GREY", 1, "GEODIS")


def label(menzzo_order_id: str) -> bytes:
    """Return a whole PDF with this id. It is drawn once, because ids are of one length; the barcode stays the same."""
    return _drawn().replace(PLACEHOLDER.encode(), menzzo_order_id.encode())


@dataclass
class Market:
    """All suppliers with their orders, and every request that came."""

    orders: int = 0  # of each supplier
    page_size: int = 50
    seconds: float = 0.0  # until an answer comes
    slow_seconds: float = 0.0  # the same, of slow suppliers
    links: bool = True  # False: no label is linked yet
    tls: tuple[str, str] | None = None  # certificate and key
    limit: float = 60.0  # seconds until the process ends
    origin: str = ""
    today: str = field(default_factory=lambda: datetime.now(UTC).date().isoformat())
    ids: dict[str, list[str]] = field(default_factory=dict)
    rows: dict[str, bytes] = field(default_factory=dict)
    log: list[tuple[float, str, str, str]] = field(default_factory=list)  # moment, supplier, kind, order

    def of(self, supplier: str) -> list[str]:
        """Return the supplier's ids, oldest first; its orders are made when it is first asked for them."""
        if supplier not in self.ids:
            first = len(self.rows)
            self.ids[supplier] = [f"{15_000_000_000 + n}_{1_000_000 + n}" for n in range(first, first + self.orders)]
            self.rows |= {this: self.row(supplier, this) for this in self.ids[supplier]}
        return self.ids[supplier]

    def row(self, supplier: str, this: str) -> bytes:
        """Return one entry of the list."""
        link = f"{self.origin}/api/files/labels/{supplier}/{this}.pdf" if self.links else None
        told = {"menzzo_order_id": this, "sku": f"ARTICLE-{this[-3:]}", "quantity": 1, "price": 249.5}
        return json.dumps(told | {"link_to_label": link, "order_date": self.today, "carrier": "GEODIS"}).encode()

    def list(self, supplier: str, asked: dict[str, str]) -> bytes:
        """Return one page of get-sales."""
        found = self.of(supplier)
        if not asked.get("date_from", self.today) <= self.today <= asked.get("date_to", self.today):
            return b"[]"
        if asked.get("last_menzzo_order_number") in self.rows:
            found = found[found.index(asked["last_menzzo_order_number"]) + 1 :]
        first = (int(asked.get("page", "1")) - 1) * self.page_size
        return b"[" + b",".join(self.rows[each] for each in found[first : first + self.page_size]) + b"]"

    def answer(self, target: str, body: bytes) -> tuple[bytes, float]:
        """Return the body of an answer, and the seconds that it takes."""
        at, parts = time.monotonic(), urlsplit(target)
        this = ""
        match parts.path.split("/"):
            case ["", "report"]:
                return self.report(), 0.0
            case ["", "api", "files", "labels", supplier, file]:
                kind, this = "label", file.removesuffix(".pdf")
                content = label(this)
            case ["", "api", supplier, "get-sales" as kind]:
                content = self.list(supplier, dict(parse_qsl(parts.query)))
            case ["", "api", supplier, kind]:
                content, this = b'{"success": true}', json.loads(body)["menzzo_order_id"]
            case _:
                raise ValueError(target)
        self.log.append((at, supplier, kind, this))
        return content, self.slow_seconds if supplier.startswith(SLOW) else self.seconds

    def report(self) -> bytes:
        """Return the requests since the last report, their number by kind, and the processor seconds so far."""
        told = {"cpu": time.process_time(), "log": self.log, "kinds": Counter(kind for _, _, kind, _ in self.log)}
        self.log = []
        return json.dumps(told).encode()

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection, one after another."""
        closes = False
        while not closes:
            try:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
            except (asyncio.IncompleteReadError, ConnectionError):
                break
            content, seconds = self.answer(head[0].split(" ")[1], body)
            if seconds:
                await asyncio.sleep(seconds)
            closes = headers.get("connection", "").lower() == "close"
            state = b"close" if closes else b"keep-alive"
            writer.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/%b\r\nContent-Length: %d\r\nConnection: %b\r\n\r\n%b"
                % (b"pdf" if content.startswith(b"%PDF") else b"json", len(content), state, content)
            )
        writer.close()


async def serve(market: Market) -> None:
    """Listen on loopback until the process is ended, or the limit is over."""
    context = None
    if market.tls is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*market.tls)
    server = await asyncio.start_server(market.converse, "127.0.0.1", 0, ssl=context, backlog=1000)
    port = server.sockets[0].getsockname()[1]
    market.origin = f"http{'s' if context else ''}://127.0.0.1:{port}"
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    await asyncio.sleep(market.limit)


if __name__ == "__main__":
    asyncio.run(serve(Market(**json.loads(sys.argv[1]))))
