"""Whether the agent is alive (healthz), and whether all is well (readyz): judged from outside, by what it leaves in its folder.

So the answer is the same from the page's process, which has no agent in it, and from the agent's own, whose loop may hang.
"""

from dataclasses import dataclass
from pathlib import Path

from supplier_agent import heartbeat, known, status, vitals
from supplier_agent.clock import Clock
from supplier_agent.errors import AgentError
from supplier_agent.settings import Settings


@dataclass(frozen=True)
class Health:
    """One answer: whether it is well, and lines that say so. They name no order: who asks has not signed in."""

    ok: bool
    text: str

    @property
    def http_status(self) -> int:
        """200 or 503."""
        return 200 if self.ok else 503


def health_of(state_dir: Path, clock: Clock) -> Health:
    """Tell whether this process answers, and the agent, if one runs, has touched its heartbeat within a minute.

    Reads two small files and no database. Where no agent runs, none hangs: that it should run is for `ready_of` to say.
    """
    signs = heartbeat.signs(state_dir, clock)
    if vitals.hangs(signs):
        return Health(ok=False, text=vitals.AGENT_HUNG)
    return Health(ok=True, text="alive" if signs.holder is not None else "alive; no agent runs")


def ready_of(settings: Settings, clock: Clock) -> Health:
    """Tell whether all is well: `status` by another way, with the codes of its problems, one a line."""
    try:
        told = status.tell(known.of(settings), clock)
    except AgentError:
        return Health(ok=False, text=vitals.DATABASE)
    if told.exit_code == 0:
        return Health(ok=True, text="ready")
    codes = sorted({f"{problem.code} {problem.supplier}".rstrip() for problem in told.problems})
    return Health(ok=False, text="\n".join(codes))
