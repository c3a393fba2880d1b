"""The clients that the agent is compared with: `python -m tests.bench.bare URL RATE [FOLDER [careful]]`.

RATE 0 is as fast as possible. Without a folder, the bare calls ("floor b"). With it ("floor c"), a database in WAL with
synchronous=FULL is committed for each batch, and a label is written to a temporary file, flushed and renamed. With "careful"
("floor d"), each request has its own connection; its intent is committed before it leaves, and its result when it is there.
Nothing is retried, explained or undone.
"""

import asyncio
import json
import os
import sqlite3
import sys
from pathlib import Path
from types import ModuleType

# httpcore looks for sniffio at each request. Nothing requires it any more, and without it all of sys.path is searched in vain,
# which costs a third of the time; so the floor is measured as if it were installed.
_found = ModuleType("sniffio")
_found.current_async_library = lambda: "asyncio"  # type: ignore[attr-defined]
sys.modules.setdefault("sniffio", _found)

import httpx  # noqa: E402

SUPPLIER = "bench"
IN_FLIGHT, IN_FLIGHT_AT_A_RATE = 8, 32
BATCH = 200
TABLE = "CREATE TABLE orders (id TEXT PRIMARY KEY, row TEXT, acknowledged INTEGER, label TEXT, shipped INTEGER, done INTEGER)"
INTENTS = "CREATE TABLE intents (id TEXT, url TEXT)"
NOTED = {
    "listed": "INSERT INTO orders (id, row) VALUES (?1, ?2)",
    "acknowledge-sale": "UPDATE orders SET acknowledged = 1 WHERE id = ?1 AND ?2 = ''",
    "label": "UPDATE orders SET label = ?2 WHERE id = ?1",
    "ship-sale": "UPDATE orders SET done = 1 WHERE id = ?1 AND ?2 = ''",
    "intent": "INSERT INTO intents VALUES (?1, ?2)",
}


class Books:
    """What is kept, in batches; nothing without a folder."""

    def __init__(self, folder: Path | None, batch: int) -> None:
        self.folder, self.batch, self.waiting = folder, batch, list[tuple[str, str, str]]()
        if folder is not None:
            self.database = sqlite3.connect(folder / "bare.db", isolation_level=None)
            for statement in ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", TABLE, INTENTS):
                self.database.execute(statement)

    def note(self, kind: str, this: str, value: str = "") -> None:
        self.waiting.append((kind, this, value))
        if len(self.waiting) >= self.batch:
            self.commit()

    def commit(self) -> None:
        if self.folder is not None and self.waiting:
            self.database.execute("BEGIN IMMEDIATE")
            for kind, *values in self.waiting:
                self.database.execute(NOTED[kind], values)
            self.database.execute("COMMIT")
        self.waiting.clear()

    def mark(self) -> None:
        self.commit()
        if self.folder is not None:
            self.database.execute("UPDATE orders SET shipped = 1")

    def keep_label(self, this: str, content: bytes) -> None:
        """Write a label so that the file is whole or not there."""
        if self.folder is not None:
            path = self.folder / f"{this}.pdf"
            with path.with_suffix(".part").open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            path.with_suffix(".part").rename(path)
        self.note("label", this, f"{this}.pdf")


class Bare:
    """One supplier's orders, from empty to shipped."""

    def __init__(self, client: httpx.AsyncClient, books: Books, rate: float) -> None:
        self.client, self.books, self.interval, self.free_at = client, books, 1 / rate if rate else 0.0, 0.0
        self.jobs: asyncio.Queue[tuple[str, str, str]] = asyncio.Queue()  # kind, order, link

    async def send(self, method: str, url: str, this: str = "") -> httpx.Response:
        """Make one request, in its turn by the rate."""
        if self.interval:
            now = asyncio.get_running_loop().time()
            self.free_at = max(now, self.free_at + self.interval)
            await asyncio.sleep(self.free_at - now)
        if self.books.batch == 1:
            self.books.note("intent", this, url)
        content = json.dumps({"menzzo_order_id": this}).encode() if this else None
        return (await self.client.request(method, url, content=content)).raise_for_status()

    async def pull(self) -> list[str]:
        """Read page after page until one is empty; each order's acknowledgement and label follow at once."""
        ids, page = list[str](), 1
        while rows := (await self.send("GET", f"/api/{SUPPLIER}/get-sales?page={page}")).json():
            for row in rows:
                ids.append(row["menzzo_order_id"])
                self.books.note("listed", ids[-1], json.dumps(row))
                self.jobs.put_nowait(("acknowledge-sale", ids[-1], ""))
                self.jobs.put_nowait(("label", ids[-1], row["link_to_label"]))
            page += 1
        return ids

    async def work(self) -> None:
        while True:
            kind, this, link = await self.jobs.get()
            if kind == "label":
                self.books.keep_label(this, (await self.send("GET", link)).content)
            elif (await self.send("POST", f"/api/{SUPPLIER}/{kind}", this)).json()["success"]:
                self.books.note(kind, this)
            self.jobs.task_done()

    async def run(self, in_flight: int) -> None:
        """Collect, acknowledge, label; when all of it is kept, mark and ship."""
        async with asyncio.TaskGroup() as group:  # so that a failing call ends the client
            workers = [group.create_task(self.work()) for _ in range(in_flight)]
            ids = await self.pull()
            await self.jobs.join()
            self.books.mark()
            for this in ids:
                self.jobs.put_nowait(("ship-sale", this, ""))
            await self.jobs.join()
            self.books.commit()
            for worker in workers:
                worker.cancel()


async def main(url: str, rate: float, folder: Path | None, *, careful: bool) -> None:
    in_flight = IN_FLIGHT_AT_A_RATE if rate else IN_FLIGHT
    limits = httpx.Limits(max_connections=in_flight, max_keepalive_connections=0 if careful else None)
    headers = {"Authorization": f"Bearer {SUPPLIER}", "Content-Type": "application/json"}
    async with httpx.AsyncClient(base_url=url, headers=headers, limits=limits, trust_env=False) as client:
        await Bare(client, Books(folder, 1 if careful else BATCH), rate).run(in_flight)


if __name__ == "__main__":
    where = Path(sys.argv[3]) if sys.argv[3:] else None
    asyncio.run(main(sys.argv[1], float(sys.argv[2]), where, careful="careful" in sys.argv[4:]))
