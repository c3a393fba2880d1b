"""Row h: many suppliers in one process, busy and idle, with TLS, and with slow ones among them."""

import statistics
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from tests.bench.figure import Figure, Sizes, contest
from tests.bench.measure import resident, wait_for
from tests.bench.server import SLOW
from tests.bench.site import Site, folder, serving

ANSWER_SECONDS, RATE = 0.2, 1.0


@dataclass(frozen=True)
class Scene:
    """How many suppliers, and how they are."""

    suppliers: int
    busy: bool = True
    tls: bool = False
    slow: int = 0
    labels: bool = True  # False: none to fetch, and no PDF to check

    def __str__(self) -> str:
        words = [f"{self.suppliers} supplier{'s' * (self.suppliers > 1)}", "busy" if self.busy else "idle"]
        words += ["TLS"] * self.tls + [f"{self.slow} of them slow"] * bool(self.slow)
        return ", ".join(words + ["no labels"] * (not self.labels))


@dataclass(frozen=True)
class Seen:
    """What was seen of a scene within its window."""

    median: float  # seconds for each request of the median supplier, of those that are not slow, times the rate
    slowest: float  # the same of the slowest of them
    own: float  # cores used by the agent's process
    others: float  # cores used by its other processes
    memory: float  # MB
    server: float  # cores


def many(sizes: Sizes) -> Iterator[Figure]:
    """Many suppliers in one process.

    Each may make one request a second; answers come after 0.2 s, those of slow suppliers after half of the time that is watched.
    A delay is the time for each request of a supplier that is not slow. The agent's process is shown apart from those that check
    PDFs.

    All decisions are made by one thread, so one core sets how many requests a process makes: the CPU of an order above, divided by
    three. If that is not enough for your suppliers, let several agents serve them, each with its own state folder.
    """
    most, slow = sizes.suppliers[-1], [max(1, int(share * sizes.suppliers[-1])) for share in sizes.slow]
    scenes = [Scene(number) for number in sizes.suppliers]
    scenes += [Scene(most, labels=False), Scene(most, tls=True), *(Scene(most, slow=number) for number in slow)]
    scenes += [Scene(most, tls=True, slow=slow[-1]), *(Scene(number, busy=False) for number in sizes.suppliers)]
    contestants = {f"{scene}": partial(watch, sizes, scene) for scene in scenes}
    for name, seen in contest(sizes.seed, sizes.few_rounds, contestants).items():
        busy = "busy" in name
        if busy:
            yield Figure("h", f"delay of the median, {name}", [s.median for s in seen], "x the rate", 1.1)
            yield Figure(
                "h", f"delay of the slowest, {name}", [s.slowest / s.median for s in seen], "x the median", 1.1
            )
            yield Figure("h", f"processes that check PDFs, {name}", [s.others for s in seen], "cores")
            yield Figure("h", f"the server, {name}", [s.server for s in seen], "cores")
        yield Figure("h", f"the agent's process, {name}", [s.own for s in seen], "cores", None if busy else 0.02)
        yield Figure("h", f"memory, {name}", [s.memory for s in seen], "MB", 110)


def watch(sizes: Sizes, scene: Scene) -> Seen:
    """Run a daemon on a scene, and watch it for a window after every supplier was read once."""
    names = [f"s{number:03}" for number in range(scene.suppliers - scene.slow)]
    slow = [f"{SLOW}{number:03}" for number in range(scene.slow)]
    orders = 2 * sizes.window + 30 if scene.busy else 0  # more than can be done
    times = {"seconds": ANSWER_SECONDS, "slow_seconds": sizes.window / 2}
    seen: set[str] = set()
    with folder() as here:
        certificate = here / "certificate.pem" if scene.tls else None
        more = f'[http]\nca_file = "{certificate}"\n' if certificate else ""
        with serving(sizes.limit, certificate, orders=orders, links=scene.labels, **times) as server:
            site = Site(here, server.url, sizes, names + slow, RATE, more)

            def all_read() -> bool:
                seen.update(supplier for _, supplier, _, _ in server.report()["log"])
                return seen >= {*names}

            with site.daemon() as running:
                wait_for(all_read, sizes.limit, f"{scene}: each supplier is read once", 0.2)
                time.sleep(sizes.settle)
                before, began, used = server.report()["cpu"], time.monotonic(), running.cpu()
                time.sleep(sizes.window)
                seconds, after, told = time.monotonic() - began, running.cpu(), server.report()
                memory = resident(running.pid)
                running.stop()
    counts = Counter(supplier for _, supplier, _, _ in told["log"])
    delays = [RATE * seconds / max(counts[name], 0.5) for name in names]
    own, others = ((late - early) / seconds for early, late in zip(used, after, strict=True))
    return Seen(statistics.median(delays), max(delays), own, others, memory, (told["cpu"] - before) / seconds)
