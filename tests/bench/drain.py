"""Rows a to d: orders from empty to shipped, at full speed and at a limited rate; the requests that it takes; the way of a mark."""

import random
import re
import shutil
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tests.bench.figure import Figure, Sizes, contest, ratios
from tests.bench.measure import Cost, run
from tests.bench.profile import PARTS, RECORDS, shares
from tests.bench.site import CONFIRMED, LABELLED, Site, folder, python, serving

PAGE = 50
RATE, ANSWER_SECONDS = 10.0, 0.2
"""One request a second with answers of two seconds, ten times faster."""
GRACE_SECONDS = 0.01
"""How much longer the way to the server may be for one request than for another."""
STRACE = ("strace", "-f", "-qq", "-e", "trace=fsync,fdatasync", "-o")


@dataclass(frozen=True)
class Drained:
    """What it cost to bring all orders from empty to shipped."""

    cost: Cost
    report: dict[str, Any]  # of the server
    fsyncs: int = 0

    @property
    def moments(self) -> list[float]:
        """When each request came, in seconds."""
        return sorted(at for at, *_ in self.report["log"])

    def share(self) -> float:
        """Return the share of the permitted rate, from the first request to the last, in percent."""
        moments = self.moments
        return 100 * (len(moments) - 1) / max(moments[-1] - moments[0], 1e-9) / RATE

    def busiest(self) -> int:
        """Return the most requests within one second."""
        moments, most, first = self.moments, 0, 0
        for last, at in enumerate(moments):
            while at - moments[first] >= 1 - GRACE_SECONDS:
                first += 1
            most = max(most, last - first + 1)
        return most


def once(sizes: Sizes, orders: int, *, traced: bool = False) -> Drained:
    """Run `run --once` twice: collect, acknowledge and label; then, after all were marked, ship."""
    with folder() as here, serving(sizes.limit, orders=orders) as server:
        site, cost, traces = Site(here, server.url, sizes), Cost(0, 0, 0, 0, 0), [here / "first", here / "second"]
        for trace in traces:
            cost += site.run("run", "--once", before=(*STRACE, str(trace)) if traced else ())
            site.mark_all()
        if (found := site.count(CONFIRMED)) != orders:
            raise RuntimeError(f"{found} of {orders} orders were shipped")
        return Drained(cost, server.report(), sum(map(_fsyncs, traces)))


def daemon(sizes: Sizes, orders: int, rate: float = 0.0) -> Drained:
    """Run the daemon until all is shipped; all orders are marked as soon as the last one has its label."""
    with folder() as here, serving(sizes.limit, orders=orders, seconds=ANSWER_SECONDS if rate else 0) as server:
        site = Site(here, server.url, sizes, rate=rate)
        with site.daemon() as running:
            site.wait_for(LABELLED, orders)
            site.mark_all()
            site.wait_for(CONFIRMED, orders)
            return Drained(running.stop(), server.report())


def bare(
    sizes: Sizes, orders: int, rate: float = 0.0, *, keeps: bool = True, careful: bool = False, traced: bool = False
) -> Drained:
    """Run the bare client, with durable commits in batches, or keeping nothing, or with two of the agent's promises."""
    with folder() as here, serving(sizes.limit, orders=orders, seconds=ANSWER_SECONDS if rate else 0) as server:
        words = python(
            "-m",
            "tests.bench.bare",
            server.url,
            str(rate),
            *([str(here)] if keeps else []),
            *(["careful"] if careful else []),
        )
        cost = run([*STRACE, str(here / "trace"), *words] if traced else words, sizes.limit)
        return Drained(cost, server.report(), _fsyncs(here / "trace"))


def profile(sizes: Sizes, orders: int) -> dict[str, float]:
    """Do as `once` does, and return the share of each part in the processor time, in percent."""
    with folder() as here, serving(sizes.limit, orders=orders) as server:
        site, files = Site(here, server.url, sizes), [here / "first", here / "second"]
        for file in files:
            site.run("run", "--once", before=(*RECORDS, str(file), "--"))
            site.mark_all()
        return shares(files)


def _fsyncs(trace: Path) -> int:
    """Count the calls in a trace; one that another thread interrupts has two lines. 0 without a trace."""
    return len(re.findall(r"\bf(?:data)?sync\(", trace.read_text())) if trace.exists() else 0


def full_speed(sizes: Sizes) -> Iterator[Figure]:
    """Orders drained, rate limit off.

    From an empty state to all orders shipped: collected, acknowledged, labelled, marked, shipped. `run --once` runs twice, before
    and after the marks; the daemon runs once. Floor c is a bare client with 8 calls in flight that commits (WAL, synchronous=FULL)
    in batches of 200 and flushes each label; after a crash it would repeat up to 200 calls. Floor b keeps nothing. Floor d is floor
    c with two of the agent's promises: no two requests share a connection, so that a late answer is never taken for another's, and
    every intent and every result is committed by itself, before its request leaves. CPU is that of all processes, also of those
    that check PDFs; peak memory is that of the largest. The last lines say where the CPU of `run --once` goes, without that of
    checking PDFs (sampled by py-spy, if the machine has it).

    Why this is more than the goal: for each call, the agent looks up whether the order still needs it, writes the intent, settles
    the answer, plans the order again and logs it. Most of that time is spent in SQLAlchemy, which the floors do not use, and in a
    connection for each request. Less of it means statements by hand instead of one rule over typed rows. Of the flushes of an
    order, two are those of its label: the file, and the folder.
    """
    walls, peaks = list[float](), list[float]()
    for orders in sizes.drained:
        found = contest(
            sizes.seed,
            sizes.rounds if orders == sizes.drained[0] else sizes.few_rounds,
            {
                "run --once": partial(once, sizes, orders),
                "daemon": partial(daemon, sizes, orders),
                "floor c": partial(bare, sizes, orders),
                "floor b": partial(bare, sizes, orders, keeps=False),
                "floor d": partial(bare, sizes, orders, careful=True),
            },
        )
        for name, ours in found.items():
            yield from _compared(f"{orders:,} orders, {name}", ours, found["floor c"], name)
        cpu = [d.report["cpu"] for d in found["run --once"]]
        yield Figure("a", f"CPU, {orders:,} orders, the server (run --once)", cpu, "s")
        walls.append(statistics.median(d.cost.wall for d in found["run --once"]))
        peaks.append(statistics.median(d.cost.rss for d in found["run --once"]))
    small, large = sizes.drained[0], sizes.drained[-1]
    title = f"from {small:,} to {large:,} orders, run --once"
    yield Figure("a", f"growth of wall time, {title}", [walls[-1] / walls[0]], "x", 1.05 * large / small)
    yield Figure("a", f"growth of peak memory, {title}", [peaks[-1] - peaks[0]], "MB")
    lacks = "" if shutil.which("strace") else "there is no strace on this machine"
    for name, client, most in (("run --once", once, 3.0), ("floor c", bare, None)):
        fsyncs = [] if lacks else [client(sizes, small, traced=True).fsyncs / small]
        yield Figure("a", f"fsyncs of an order, {name}", fsyncs, "", most, note=lacks)
    lacks = "" if shutil.which(RECORDS[0]) else "there is no py-spy on this machine"
    used = {} if lacks else profile(sizes, small)
    for name in PARTS:
        title = f"where the CPU goes, {small:,} orders, run --once: {name}"
        yield Figure("a", title, [] if lacks else [used[name]], "%", note=lacks)


def _compared(title: str, ours: Sequence[Drained], floor: Sequence[Drained], name: str) -> Iterator[Figure]:
    yield Figure("a", f"wall time, {title}", [d.cost.wall for d in ours], "s")
    yield Figure("a", f"CPU, {title}", [d.cost.cpu for d in ours], "s")
    yield Figure("a", f"peak memory, {title}", [d.cost.rss for d in ours], "MB")
    if name == "floor c":
        return
    most = None if name.startswith("floor") else 2.0
    yield Figure("a", f"wall time, {title}", ratios(ours, floor, lambda d: d.cost.wall), "x floor c", most)
    yield Figure("a", f"CPU, {title}", ratios(ours, floor, lambda d: d.cost.cpu), "x floor c", most)
    if most:
        alone = ratios(ours, floor, lambda d: d.cost.cpu - d.cost.children)
        yield Figure("a", f"CPU without PDF checks, {title}", alone, "x floor c")


def paced(sizes: Sizes) -> Iterator[Figure]:
    """Share of the permitted rate.

    One request a second with answers after 2 s, both ten times faster: 10 a second, 0.2 s. From the first request to the last, as
    the server saw them. All orders are marked when the last label is there.

    A request never leaves earlier than one interval after the last one, so a thread that wakes up late is not made up for. At ten
    times the real rate, such a delay weighs ten times as much.
    """
    contestants = {
        "daemon": lambda: daemon(sizes, sizes.paced, RATE),
        "floor c": lambda: bare(sizes, sizes.paced, RATE),
    }
    found = contest(sizes.seed, sizes.rounds, contestants)
    for name, ours in found.items():
        yield Figure("b", f"share of the permitted rate, {name}", [d.share() for d in ours], "%")
    share = ratios(found["daemon"], found["floor c"], Drained.share)
    yield Figure("b", "share of the permitted rate, daemon", share, "x floor c", least=0.98)
    yield Figure("b", "requests in the busiest second, daemon", [d.busiest() for d in found["daemon"]], "", RATE)


def requests(sizes: Sizes) -> Iterator[Figure]:
    """How many requests are made.

    The least possible is three for each order, one for each page and one that finds nothing more; one when nothing is new.
    """
    orders, kinds = sizes.drained[0], list[dict[str, int]]()
    with folder() as here, serving(sizes.limit, orders=orders) as server:
        site = Site(here, server.url, sizes)
        for _ in range(3):
            site.run("run", "--once")
            site.mark_all()
            kinds.append(server.report()["kinds"])
    pages = -(-orders // PAGE)
    for kind, least in {
        "acknowledge-sale": orders,
        "label": orders,
        "ship-sale": orders,
        "get-sales": pages + 1,
    }.items():
        made = kinds[0].get(kind, 0) + kinds[1].get(kind, 0) - (kind == "get-sales")  # the second run reads once, too
        yield Figure("c", f"{kind}, {orders:,} orders, more than the least ({least:,})", [made - least], "", 0)
    yield Figure("c", "requests of run --once with nothing new", [sum(kinds[2].values())], "", 1)


def latency(sizes: Sizes) -> Iterator[Figure]:
    """From a mark to ship-sale.

    The daemon is idle, the undo window is 0, the rate limit off. From the commit of an `UPDATE` in another process to the arrival
    at the server. The pauses between marks are random.
    """
    dice, marked = random.Random(sizes.seed), dict[str, float]()
    with folder() as here, serving(sizes.limit, orders=sizes.marks) as server:
        site = Site(here, server.url, sizes)
        with site.daemon() as running:
            site.wait_for(LABELLED, sizes.marks)
            for (this,) in site.sql("SELECT menzzo_order_id FROM orders"):
                time.sleep(dice.uniform(0.1, 0.5))
                site.sql("UPDATE orders SET shipped = 1 WHERE menzzo_order_id = ?", this)
                marked[this] = time.monotonic()
            site.wait_for(CONFIRMED, sizes.marks)
            running.stop()
        came = {this: at for at, _, kind, this in server.report()["log"] if kind == "ship-sale"}
    waits = sorted(max(0.0, came[this] - at) for this, at in marked.items())
    yield Figure("d", "from a mark to ship-sale, median", waits, "s", 0.3)
    yield Figure("d", "from a mark to ship-sale, 99 of 100", [waits[int(0.99 * (len(waits) - 1))]], "s", 2.0)
