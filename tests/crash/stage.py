"""The stage of every crash test: a marketplace of its own, a fork server that runs cycles, and one state folder."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from supplier_agent.sandbox.server import Sandbox
from tests.world.books import SUPPLIER, ask
from tests.world.clocks import AheadClock
from tests.world.forks import Forks, flag
from tests.world.installation import Installation, marketplace

WORKERS = 2


@dataclass(frozen=True)
class History:
    """What came of a series of deaths: the steps at which processes died, what is wrong, how the flagged orders ended."""

    kills: tuple[int, ...]
    died_at: tuple[str, ...]
    wrong: tuple[str, ...]
    endings: tuple[str, ...]
    steps: int


class Stage(Installation):
    """A marketplace with some orders, of which some get flagged, and one state folder."""

    def __init__(self, forks: Forks, folder: Path, sandbox: Sandbox) -> None:
        retry = {"first_seconds": 0.05, "once_patience_seconds": 5}
        super().__init__(folder / "state", sandbox, requests_per_second=10000, retry=retry)
        self._forks, self._trace = forks, folder / "trace"
        self.ahead = 0.0
        """How many seconds the next cycles are ahead of the machine's clock."""
        self.will_be_flagged(*self.unflagged()[:2])

    def cycle(self, kill_at: int = 0, kill_after: float | None = None) -> tuple[int | None, list[str]]:
        """Run a cycle that dies at that step, or after so many seconds; return its exit code and the steps that it came to."""
        self._trace.unlink(missing_ok=True)
        death = {"kill_at": kill_at} if kill_after is None else {"kill_after": kill_after}
        task = {"flag": self.flagged, "trace": str(self._trace), "ahead": self.ahead, **death}
        (code,) = self._forks.run(self.settings, **task)
        return code, self._trace.read_text().splitlines() if self._trace.exists() else []

    def history(self, *kills: int) -> History:
        """Die at these steps, one process after the other, flag what is there, and let one more process work in peace."""
        died_at = []
        for kill_at in kills:
            code, steps = self.cycle(kill_at)
            if code is None:
                died_at.append(steps[-1])
            self.note_doubt()
            if self.there_is_a_state():
                flag(self.database, *self.flagged)
        wrong, endings, steps = self.rest()
        return History(kills, tuple(died_at), tuple(wrong), tuple(endings), len(steps))

    def rest(self) -> tuple[list[str], list[str], list[str]]:
        """Let one process work in peace; return what is wrong then, how the ship calls ended, and its steps."""
        left_behind = self.state_dir / "labels" / SUPPLIER / ".1_1.part"  # of an order that is not asked for again
        left_behind.parent.mkdir(parents=True, exist_ok=True)
        left_behind.write_bytes(b"%PDF-")
        code, steps = self.cycle()
        wrong = self.wrong()
        states = ask(self.state_dir, "SELECT state FROM calls WHERE kind = 'ship' ORDER BY order_id")
        endings = [row["state"] for row in states]
        if code != (1 if "unknown" in endings else 0):
            wrong.append(f"the clean run ended with {code}")
        if ask(self.state_dir, "SELECT 1 FROM runs WHERE ended_at IS NULL"):
            wrong.append("a run is still open")
        return wrong, endings, steps

    def work(self, dice: random.Random) -> None:
        """Let the people at other sides do something."""

    def others(self) -> Counter[str]:
        """Return how much there is at other sides, by its name."""
        return Counter()


Make = Callable[[Forks, Path, Sandbox], Stage]


@contextmanager
def stage(forks: Forks, folder: Path, orders: int = 3, make: Make = Stage) -> Iterator[Stage]:
    """Raise a new marketplace and a new state folder. make: which installation."""
    folder.mkdir()
    with marketplace(orders, AheadClock()) as sandbox:
        yield make(forks, folder, sandbox)


def in_parallel(
    folder: Path, tasks: list[tuple[int, ...]], workers: int = WORKERS, orders: int = 3, make: Make = Stage
) -> list[History]:
    """Live through every series of deaths, each on a stage of its own."""

    def work(number: int) -> list[History]:
        found = []
        with Forks() as forks:
            for kills in tasks[number::workers]:
                with stage(forks, folder / "-".join(map(str, kills)), orders, make) as new:
                    found.append(new.history(*kills))
        return found

    with ThreadPoolExecutor(workers) as pool:
        return [history for part in pool.map(work, range(workers)) for history in part]


def steps_in_peace(folder: Path, orders: int = 3, make: Make = Stage) -> list[str]:
    """Return the steps of a cycle in which nothing goes wrong."""
    with Forks() as forks, stage(forks, folder / "peace", orders, make) as peace:
        code, steps = peace.cycle()
        assert code == 0
        assert not peace.wrong()
        return steps


def report(histories: list[History]) -> str:
    """Return the broken promises, with what reproduces each."""
    return "\n".join(f"kill at {h.kills} ({' | '.join(h.died_at)}): {'; '.join(h.wrong)}" for h in histories if h.wrong)
