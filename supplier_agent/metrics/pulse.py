"""Whether the agent is alive and its loop turns (healthz), and whether it can do its work (readyz): judged from outside.

Who asks is another process: what it looks at is the agent's lock, the mtime of its health.json, and the database.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from supplier_agent import lock, state
from supplier_agent.errors import AgentError
from supplier_agent.store import Store

HEARTBEAT = "health.json"
"""Touched by the loop; its mtime is the heartbeat."""
STILL_SECONDS = 60.0
"""The loop turns several times a second; a locked database holds one turn up for seconds. Longer than this, it hangs."""


@dataclass(frozen=True)
class Health:
    """One answer: whether it is well, and one line that says so."""

    ok: bool
    text: str

    @property
    def http_status(self) -> int:
        """200 or 503."""
        return 200 if self.ok else 503


def health_of(state_dir: Path, now: datetime) -> Health:
    """Tell whether an agent works on this state and its loop turns. Where it leaves no heartbeat, its lock is proof enough."""
    if not lock.is_held(state_dir / state.LOCK):
        return Health(ok=False, text="no agent works on this state")
    try:
        at = datetime.fromtimestamp((state_dir / HEARTBEAT).stat().st_mtime, UTC)
    except OSError:
        return Health(ok=True, text="alive")
    still = (now - at).total_seconds()
    if still > STILL_SECONDS:
        return Health(ok=False, text=f"the loop has not turned for {still:.0f} s")
    return Health(ok=True, text="alive; the loop turns")


def ready_of(opened: Callable[[], Store], state_dir: Path, now: datetime) -> Health:
    """Tell whether the work can be done: the loop turns, and the database answers."""
    alive = health_of(state_dir, now)
    if not alive.ok:
        return alive
    try:
        with opened().read() as tx:
            tx.connection().exec_driver_sql("SELECT 1 FROM orders LIMIT 1")
    except AgentError as error:
        return Health(ok=False, text=error.what)
    return Health(ok=True, text="ready")
