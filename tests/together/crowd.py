"""One marketplace, one state, and agents that are started on it all at once, again and again; then the books are compared."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from supplier_agent.sandbox.server import Sandbox
from tests.world.books import SUPPLIER
from tests.world.forks import Forks
from tests.world.installation import Installation, marketplace
from tests.world.invariants import the_evidence_is_whole

FLAGGED_AT_ONCE = 5
ARRIVING_AT_ONCE = 1
DONE, BUSY = 0, 75
LOCKS = ("held", "deleted", "none")


class Crowd(Installation):
    """A fork server, a marketplace that answers after some milliseconds, and a state folder of its own."""

    def __init__(self, forks: Forks, state_dir: Path, sandbox: Sandbox) -> None:
        retry = {"first_seconds": 0.02, "max_seconds": 0.1, "label_first_seconds": 0.02}
        super().__init__(state_dir, sandbox, requests_per_second=2000, retry=retry)
        self._forks = forks
        self.codes: Counter[int | None] = Counter()
        self.is_lockless = False  # agents have run at once, without the lock that keeps them apart

    def start(self, processes: int, lock: str) -> Sequence[int | None]:
        """Start so many agents at the same instant; return their exit codes."""
        return self._forks.run(self.settings, processes=processes, lock=lock)

    def rush(self, processes: int, lock: str) -> Sequence[int | None]:
        """Flag some orders, let some arrive, and start the agents on them."""
        self.flag(*self.unflagged()[:FLAGGED_AT_ONCE])
        for _ in range(ARRIVING_AT_ONCE):
            self.world.arrive(SUPPLIER)
        codes = self.start(processes, lock)
        self.codes.update(codes)
        self.is_lockless |= lock != "held"
        return codes

    def sent(self) -> list[str | None]:
        """Return the order of every ship call that has arrived."""
        return [line.menzzo_order_id for line in self.world.requests("ship-sale", SUPPLIER)]

    def wrong(self) -> list[str]:
        """Let one agent finish what is left, and return every promise that is broken.

        Without their lock, two agents write heads of the evidence at once: then that they contradict each other is rightly noticed.
        """
        last = self.start(1, "held")
        sent: Counter[str | None] = Counter(self.sent())
        found = [] if sent == Counter(self.flagged) else [f"sent {sent}, owed {self.flagged}"]
        found += [] if last == [DONE] else [f"the last, alone, ended with {last}"]
        broken = super().wrong()
        if self.is_lockless:
            broken = [each for each in broken if not each.startswith(the_evidence_is_whole.__name__)]
        return found + broken


@contextmanager
def gathered(folder: Path, starts: int) -> Iterator[Crowd]:
    """Open a place for so many rushes, where one agent has collected all orders in peace."""
    with marketplace(FLAGGED_AT_ONCE * (starts + 1)) as sandbox, Forks() as forks:
        crowd = Crowd(forks, folder / "state", sandbox)
        assert crowd.start(1, "held") == [DONE]
        yield crowd
