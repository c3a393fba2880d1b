"""How fast the page answers, with an empty and with a full database: `python -m tests.web.benchmark [ORDERS] [OPEN]`.

The figures are those of the real server, one request after another: p50 and p95 in milliseconds, and the processor's time
for one (client's share included), which a busy machine does not spoil. A scan is two requests: the form, and the page after it.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from sqlmodel import insert

from supplier_agent.db.tables import Call, Event, Order
from tests.web.stage import SUPPLIER, Browser, Stage, browsing, staged

ROUNDS, WARM = 60, 2
SKUS = 400
LIMIT_MS = 50.0


@dataclass(frozen=True)
class Figure:
    """What a page cost."""

    name: str
    milliseconds: list[float]
    processor: float  # milliseconds for one

    def at(self, share: float) -> float:
        return sorted(self.milliseconds)[min(len(self.milliseconds) - 1, int(len(self.milliseconds) * share))]


def fill(stage: Stage, orders: int, still_open: int) -> None:
    """Write orders as they come over years: all but the newest are shipped and confirmed."""
    now, first = stage.clock.now(), date(2023, 1, 2)
    rows, calls, events = [], [], []
    for number in range(orders):
        is_open, increment = number >= orders - still_open, 15_000_000_000 + number // 2
        at = now - timedelta(minutes=orders - number)
        rows.append(
            {
                "id": number + 1,
                "supplier": (SUPPLIER, "asir-group")[number % 2],
                "menzzo_order_id": f"{increment}_{number}",
                "increment_id": str(increment),
                "sale_product_id": str(number),
                "sku": f"ARTICLE-{number % SKUS:03}",
                "quantity": 1,
                "carrier": ("GEODIS", "DPD", "CHRONOPOST", "GLS")[number % 4],
                "order_date": first + timedelta(days=number * 1400 // max(orders, 1)),
                "first_seen_at": at,
                "acknowledged_at": at,
                "label_path": f"labels/{SUPPLIER}/{increment}_{number}.pdf",
                "label_sha256": "0" * 64,
                "shipped": 0 if is_open else 1,
                "shipped_at": None if is_open else at,
                "ship_confirmed_at": None if is_open else at,
                "planned_at": at,
            }
        )
        done = {"order_id": number + 1, "supplier": SUPPLIER, "state": "done", "owed_at": at}
        calls += [
            done | {"kind": kind}
            for kind in (("acknowledge", "label") if is_open else ("acknowledge", "label", "ship"))
        ]
        events.append({"order_id": number + 1, "at": at, "who": "Anna", "what": "label printed"})
    with stage.store.write() as tx:
        for table, values in ((Order, rows), (Call, calls), (Event, events)):
            for start in range(0, len(values), 20_000):
                tx.execute(insert(table), values[start : start + 20_000])


def measure(browser: Browser, orders: int) -> list[Figure]:
    """Ask for every page, each several times; scans are of ever other orders."""
    numbers = iter(range(orders - 1, 0, -1))

    def scan() -> None:
        number = next(numbers, 1)
        browser.scan(f"{15_000_000_000 + number // 2}_{number}")

    def leave() -> None:
        row = browser.html.partition('name="row" value="')[2].partition('"')[0] or "0"
        browser.act("ship", int(row))

    pages: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
        "scan field": (browser.nothing, lambda: browser.get("/")),
        "pulse": (browser.nothing, lambda: browser.client.get("/pulse")),
        "a scan": (browser.nothing, scan),
        "mark as shipped": (scan, leave),
        "scan of an article": (browser.nothing, lambda: browser.scan("ARTICLE-001")),
        "scan of nothing known": (browser.nothing, lambda: browser.scan("4006381333931")),
        "to ship": (browser.nothing, lambda: browser.get("/list")),
        "to ship, last page": (browser.nothing, lambda: browser.get("/list?page=1000000")),
        "search": (browser.nothing, lambda: browser.get("/list?q=cle-00&carrier=DPD")),
        "problems": (browser.nothing, lambda: browser.get("/problems")),
        "history": (browser.nothing, lambda: browser.get(f"/order/{max(1, orders // 2)}")),
    }
    return [_measure(name, prepare, ask) for name, (prepare, ask) in pages.items()]


def _measure(name: str, prepare: Callable[[], object], ask: Callable[[], object]) -> Figure:
    taken, processor = [], 0.0
    for round_number in range(ROUNDS + WARM):
        prepare()
        began, used = time.perf_counter(), time.process_time()
        ask()
        if round_number >= WARM:
            taken.append((time.perf_counter() - began) * 1000)
            processor += (time.process_time() - used) * 1000
    return Figure(name, taken, processor / ROUNDS)


def measured(orders: int, still_open: int) -> list[Figure]:
    """Return the figures for a database of that size."""
    with tempfile.TemporaryDirectory() as folder, staged(Path(folder)) as stage, browsing(stage.url) as browser:
        fill(stage, orders, still_open)
        browser.sign_in("Anna")
        return measure(browser, orders)


def main(orders: int, still_open: int) -> int:
    empty, full = measured(0, 0), measured(orders, still_open)
    tell = sys.stdout.write
    tell(f"{'milliseconds':24}{'empty database':>24}{f'{orders:,} orders, {still_open:,} open':>34}\n")
    tell(f"{'':24}{'p50':>8}{'p95':>8}{'cpu':>8}{'p50':>18}{'p95':>8}{'cpu':>8}\n")
    for one, other in zip(empty, full, strict=True):
        left = f"{one.at(0.5):8.1f}{one.at(0.95):8.1f}{one.processor:8.1f}"
        tell(f"{one.name:24}{left}{other.at(0.5):18.1f}{other.at(0.95):8.1f}{other.processor:8.1f}\n")
    worst = max(full, key=lambda figure: figure.at(0.95))
    tell(f"slowest p95: {worst.at(0.95):.1f} ms ({worst.name}); the limit is {LIMIT_MS:g} ms\n")
    return int(worst.at(0.95) > LIMIT_MS)


if __name__ == "__main__":
    given = [int(each) for each in sys.argv[1:]]
    sys.exit(main(*(given or [100_000, 5_000])))
