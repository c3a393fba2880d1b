"""A database with a long history, and row f: what is asked all the time must not get slower with it."""

import json
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from sqlmodel import Session

from supplier_agent import outbox
from supplier_agent.db import state_folder
from supplier_agent.db.store import Store, open_store
from supplier_agent.reports import orders, status
from supplier_agent.sandbox.world import World
from supplier_agent.settings import Settings
from supplier_agent.suppliers import read_log, snapshot
from supplier_agent.tick.choose import LOOK_SECONDS
from tests.bench.figure import Figure, Sizes, contest, ratios, tell
from tests.bench.server import PLACEHOLDER, label
from tests.bench.site import SUPPLIER, Site, folder, serving
from tests.world.harness import ManualClock, settings_for
from tests.world.harness import Site as InThread

SUPPLIERS = (SUPPLIER, "other")
FILL = Path(__file__).with_name("history.sql")
SPAN = timedelta(days=360)
"""How long the history is: everything in it is still kept in full."""
KEEP = "[keep]\nlabels_days = 0\njournal_days = 0\n"
WITH_LABEL = "SELECT label_path, menzzo_order_id FROM orders WHERE label_path IS NOT NULL AND ship_confirmed_at IS NULL"
"""The files of finished orders are not made: nothing looks for them."""
DECIDED = """
SELECT at, orders.supplier, menzzo_order_id, events.id FROM events JOIN orders ON orders.id = order_id
 WHERE what = 'flagged as shipped' ORDER BY events.id"""


def invented(here: Path, url: str, sizes: Sizes, orders: int, more: str = "") -> Site:
    """Return a site with so many orders of the last year, in a state that an agent began."""
    here.mkdir()
    site = Site(here, url, sizes, suppliers=SUPPLIERS, more=KEEP + more)
    site.run("run", "--once")
    began, seconds = time.monotonic(), SPAN.total_seconds() / orders
    values = {
        "orders": orders,
        "open": min(orders, sizes.still_open),
        "seconds": seconds,
        "bytes": len(label(PLACEHOLDER)),
    }
    with site.opened() as database:
        triggers = database.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        database.execute("PRAGMA journal_mode = OFF")
        database.execute("BEGIN IMMEDIATE")
        for name, _ in triggers:  # they would look at each row
            database.execute(f"DROP TRIGGER {name}")
        for statement in FILL.read_text().split(";\n"):
            database.execute(statement, values)
        for _, sql in triggers:
            database.execute(sql)
        database.execute("COMMIT")
        database.execute("PRAGMA journal_mode = WAL")
        for path, this in database.execute(WITH_LABEL):
            file = site.database.parent / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(label(this))
        with (site.database.parent / state_folder.LEDGER).open("a") as ledger:
            for at, supplier, this, event in database.execute(DECIDED):
                who = {"at": at.replace(" ", "T") + "+00:00", "supplier": supplier, "order": this}
                decided = {"what": "flagged as shipped", "who": "Anna", "detail": None, "event": event}
                for fact in (decided, {"attempt": 1, "outcome": None}, {"attempt": 1, "outcome": "done"}):
                    ledger.write(json.dumps(who | fact) + "\n")
    tell(f"  {orders:,} orders invented in {time.monotonic() - began:.0f} s")
    return site


@dataclass(frozen=True)
class Open:
    """A database of some size, opened as the agent does, and an agent on it, in this thread and with a clock of its own."""

    site: Site
    store: Store
    settings: Settings
    agent: InThread
    clock: ManualClock

    @classmethod
    def on(cls, site: Site) -> "Open":
        """Open it, and let its agent do all that it does at its start."""
        clock = ManualClock(datetime.now(UTC))
        settings = settings_for(site.database.parent, *SUPPLIERS)
        world = World.with_orders(0, today=clock.now().date(), clock=clock, suppliers=SUPPLIERS)
        found = cls(site, open_store(site.database, agent=True), settings, InThread(settings, world, clock), clock)
        found.agent.start()
        for _ in range(5):
            found.turn()
        return found

    def close(self) -> None:
        self.agent.stop()
        self.store.close()

    def turn(self) -> None:
        """Let 30 seconds pass with nothing to do."""
        self.clock.sleep(LOOK_SECONDS)
        self.agent.turn()

    def turn_after_a_write(self) -> None:
        """Look at everything again, as after another program's write."""
        self.agent.agent.ctx.look_again()
        self.agent.turn()

    def ask(self, query: "Callable[[Session, Open], object]") -> None:
        """Ask in a transaction of its own, as every part of the program does."""
        with self.store.read() as tx:
            query(tx, self)


QUERIES: dict[str, Callable[[Session, Open], object]] = {
    "outbox.due": lambda tx, at: outbox.due(tx, SUPPLIER, "label", at.clock.now()),
    "outbox.next_due_at": lambda tx, at: outbox.next_due_at(tx, SUPPLIER, "label", at.clock.now()),
    "snapshot.look": lambda tx, _: snapshot.look(tx, SUPPLIER),
    "read_log.due": lambda tx, at: read_log.due(tx, SUPPLIER, at.settings, at.clock.now()),
    "status.counts": lambda tx, _: status.counts(tx, SUPPLIER),
    "status.evidence": lambda tx, _: status.evidence(tx, SUPPLIER, 0),
}
STEPS: dict[str, Callable[[Open], object]] = {
    **{name: partial(Open.ask, query=query) for name, query in QUERIES.items()},
    "orders.chosen, open": lambda at: orders.chosen(at.store, orders.Filter()),
    "orders.chosen, stage ready": lambda at: orders.chosen(at.store, orders.Filter(stage="ready", is_open=False)),
    "an idle turn": Open.turn,
    "a turn after another program's write": Open.turn_after_a_write,
}


def growth(sizes: Sizes) -> Iterator[Figure]:
    """With a long history.

    The processor time of what is asked all the time, on databases with more and more finished orders and equally many open ones. A
    turn is that of the whole loop.

    To count, SQLite reads one entry of an index for each order. A counter kept by triggers would cost a write for
    each order, and could differ from the table.
    """
    first, *others = sizes.history
    with folder() as here, serving(sizes.limit) as server, ExitStack() as stack:
        databases: dict[int, Open] = {}
        for orders in sizes.history:
            databases[orders] = Open.on(invented(here / f"{orders}", server.url, sizes, orders))
            stack.callback(databases[orders].close)
        measures: dict[str, Callable[[Open], float]] = {
            name: partial(_seconds, step, sizes) for name, step in STEPS.items()
        }
        measures["status"] = lambda at: at.site.run("status", codes=range(4)).cpu
        for name, measure in measures.items():
            contestants = {f"{name}, {size:,} orders": partial(measure, at) for size, at in databases.items()}
            small, *larger = contest(sizes.seed, sizes.rounds, contestants).values()
            yield Figure("f", f"{name}, {first:,} orders", [1000 * seconds for seconds in small], "ms")
            most = 2.0 if name.startswith("counts") else 1.5
            for orders, seconds in zip(others, larger, strict=True):
                grown = ratios(seconds, small, float)
                yield Figure("f", f"{name}, {orders:,} orders", grown, f"x {first:,} orders", most)


def _seconds(step: Callable[[Open], object], sizes: Sizes, at: Open) -> float:
    """Return the median processor seconds of a step, after one that is not counted."""
    taken = list[float]()
    for _ in range(sizes.repeats + 1):
        began = time.process_time()
        step(at)
        taken.append(time.process_time() - began)
    return statistics.median(taken[1:])
