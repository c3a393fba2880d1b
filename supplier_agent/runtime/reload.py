"""A new configuration while the agent runs: read on SIGHUP, then rejected with a reason, or adopted once nothing is in flight.

A bad configuration changes nothing: the previous one stays in use. The rejection is stored in the database for `status`.
"""

from collections.abc import Callable, Mapping

from supplier_agent.agent import Agent
from supplier_agent.base.clock import Clock
from supplier_agent.base.errors import AgentError, ConfigError
from supplier_agent.base.process import Hangup
from supplier_agent.db.store import is_ours
from supplier_agent.db.tables import Chore
from supplier_agent.marketplace.wire import Wire
from supplier_agent.reports.vitals import CONFIGURATION, CORRECT_IT, RESTART, Trouble
from supplier_agent.runtime.wiring import reassemble, usable, wire_of
from supplier_agent.settings import Settings

CHORE = "configuration"
"""The row of the table `chores` that has the last rejection and its time."""
DRAIN_SECONDS = 60.0
"""How long to wait for the requests in flight; each has a shorter deadline."""


class Reload:
    """Switches an agent to a new configuration. `load` reads it, and raises ConfigError if it cannot be used."""

    def __init__(
        self,
        agent: Agent,
        env: Mapping[str, str],
        hangup: Hangup,
        load: Callable[[], Settings],
        make_wire: Callable[[Settings, Clock], Wire] = wire_of,
    ) -> None:
        self._agent, self._env, self._hangup, self._load, self._make_wire = agent, env, hangup, load, make_wire
        self.refused: Trouble | None = None  # None: the last configuration was adopted
        self._waits: Settings | None = None  # None: no configuration waits for the requests in flight
        self._until = 0.0

    @property
    def is_asked(self) -> bool:
        """Tell whether a reload was requested (SIGHUP)."""
        return self._hangup.event.is_set()

    @property
    def is_under_way(self) -> bool:
        """Tell whether a new configuration waits until nothing is in flight. Until then nothing new is sent."""
        return self._waits is not None

    def start(self) -> None:
        """Clear the rejection of an earlier process: this process has read its configuration at startup."""
        self._note(None)

    def begin(self) -> bool:
        """Read the configuration; return whether it can be used. `finish` adopts it."""
        self._hangup.event.clear()
        try:
            settings = self._load()
            usable(settings, self._env)
        except AgentError as error:
            self._refuse(error)
            return False
        self._waits, self._agent.holding = settings, True
        self._until = self._agent.ctx.clock.monotonic() + DRAIN_SECONDS
        return True

    def finish(self) -> bool:
        """Adopt the new configuration if nothing is in flight any more; return whether this reload is over."""
        agent, settings = self._agent, self._waits
        if settings is None:
            return True
        if agent.ctx.in_flight():
            if agent.ctx.clock.monotonic() < self._until:
                return False
            self._end()
            self._refuse(
                ConfigError("a request in flight does not end; the previous configuration stays in use", "reload again")
            )
            return True
        try:
            self._note(None)
            waits = reassemble(agent, settings, self._env, self._make_wire(settings, agent.ctx.clock))
        except Exception as error:
            if not is_ours(error):
                raise  # the database is locked: the next turn tries again
            agent.ctx.log.fault("internal.error", "reload", error)
            self._end()
            self._refuse(ConfigError(f"an internal error ({type(error).__name__}) kept it from being used", RESTART))
            return True
        self.refused = None
        self._end()
        agent.ctx.log.info("configuration.adopted", suppliers=", ".join(agent.accounts))
        for key in waits:
            agent.ctx.log.warning("configuration.postponed", key=key, cure="restart the agent to apply it")
        return True

    def _end(self) -> None:
        self._waits, self._agent.holding = None, False
        self._agent.ctx.look_again()

    def _refuse(self, error: AgentError) -> None:
        said = "; ".join(line.strip() for line in error.what.splitlines()).replace(":; ", ": ")  # one line of a log
        self._agent.ctx.log.error(
            "configuration.refused", detail=said, cure=error.cure, note="the previous configuration stays in use"
        )
        self.refused = Trouble(
            CONFIGURATION, f"a new configuration was refused; still using the previous one: {said}", CORRECT_IT
        )
        self._note(said)

    def _note(self, refused: str | None) -> None:
        now = self._agent.ctx.clock.now()
        with self._agent.ctx.store.write() as tx:
            row = tx.get(Chore, CHORE)
            if refused is not None:
                row = row or Chore(name=CHORE, done_at=now)
                row.done_at, row.detail = now, refused
                tx.add(row)
            elif row is not None:
                tx.delete(row)
