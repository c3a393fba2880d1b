"""Whether the process is alive and its loop turns (healthz), and whether it can do its work (readyz)."""

from dataclasses import dataclass

from supplier_agent.clock import Clock
from supplier_agent.errors import AgentError
from supplier_agent.store import Store

STILL_SECONDS = 60.0
"""The loop turns several times a second; a locked database holds one turn up for seconds. Longer than this, it hangs."""


class Beat:
    """The heartbeat of the loop: set by its thread, looked at by others."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._at = clock.monotonic()

    def beat(self) -> None:
        """Note that the loop has turned."""
        self._at = self._clock.monotonic()

    def age_seconds(self) -> float:
        """Return how long ago the loop last turned."""
        return self._clock.monotonic() - self._at


@dataclass(frozen=True)
class Health:
    """One answer: whether it is well, and one line that says so."""

    ok: bool
    text: str

    @property
    def http_status(self) -> int:
        """200 or 503."""
        return 200 if self.ok else 503


def health_of(beat: Beat | None) -> Health:
    """Tell whether the process is alive. `beat`: None where no loop runs in it; then an answer is proof enough."""
    if beat is None:
        return Health(ok=True, text="alive")
    if beat.age_seconds() > STILL_SECONDS:
        return Health(ok=False, text=f"the loop has not turned for {beat.age_seconds():.0f} s")
    return Health(ok=True, text="alive; the loop turns")


def ready_of(store: Store, beat: Beat | None) -> Health:
    """Tell whether the work can be done: the database answers, and the loop turns."""
    alive = health_of(beat)
    if not alive.ok:
        return alive
    try:
        store.must_still_be_there()
        with store.read() as tx:
            tx.connection().exec_driver_sql("SELECT 1 FROM orders LIMIT 1")
    except AgentError as error:
        return Health(ok=False, text=error.what)
    return Health(ok=True, text="ready")
