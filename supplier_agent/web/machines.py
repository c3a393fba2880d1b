"""The listener for machines: /healthz, /readyz and /metrics, away from people, with limits of its own."""

from contextlib import ExitStack

from starlette.applications import Starlette

from supplier_agent import state
from supplier_agent.clock import Clock
from supplier_agent.metrics.routes import Source, routes
from supplier_agent.settings import Settings
from supplier_agent.web.listener import Limits, Listener
from supplier_agent.web.peers import Ours

MOST_SOCKETS = 16
"""Prometheus holds one, a load balancer a few."""


class MachineServer:
    """Serves [metrics] listen, from the first `must_serve` to `stop`. `url` is where; empty: nowhere yet."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings, self._clock = settings, clock
        self._opened = ExitStack()
        self._listener: Listener | None = None
        self.url = ""

    def must_serve(self) -> None:
        """Listen, if that is not so already. Raises AgentError if it cannot be done now."""
        if self._listener is not None and self._listener.is_alive:
            return
        self.stop()
        address = self._settings.metrics.address
        assert address is not None  # noqa: S101 - it is only made where there is one
        with ExitStack() as opened:
            listener = Listener("metrics", address, "[metrics] listen")
            opened.callback(listener.close)
            source = Source(self._settings.state_dir / state.DATABASE, self._settings)
            opened.callback(source.close)
            ours = Ours(address, self._settings.web.origin)
            app = Starlette(routes=routes(source, self._settings, self._clock, ours.hold))
            listener.serve(app, Limits(MOST_SOCKETS, MOST_SOCKETS, lambda _address: None))
            self._listener, self.url, self._opened = listener, listener.url, opened.pop_all()

    def stop(self) -> None:
        """Listen no longer."""
        self._opened.close()
        self._listener, self.url = None, ""
