"""The three addresses for machines: /metrics, /healthz, /readyz. Whoever serves the page puts them before its own."""

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from supplier_agent.clock import Clock
from supplier_agent.errors import AgentError
from supplier_agent.metrics.exposition import Exposition, encoded
from supplier_agent.metrics.pulse import Health, health_of, ready_of
from supplier_agent.settings import Settings
from supplier_agent.store import Store


def routes(store: Store, settings: Settings, clock: Clock) -> list[Route]:
    """Return the routes. Their handlers are plain functions, which Starlette runs in threads: a scrape holds up no page."""
    figures = Exposition(store, settings)

    def metrics(request: Request) -> Response:
        try:
            body, headers = encoded(figures.at(clock.now()), request.headers.get("accept-encoding", ""))
            return Response(body, headers=headers)
        except AgentError as error:
            return PlainTextResponse(f"{error.what}\n", 503)

    def healthz(_request: Request) -> Response:
        return _answer(health_of(settings.state_dir, clock))

    def readyz(_request: Request) -> Response:
        return _answer(ready_of(settings, clock))

    return [Route("/metrics", metrics), Route("/healthz", healthz), Route("/readyz", readyz)]


def _answer(health: Health) -> Response:
    return PlainTextResponse(f"{health.text}\n", health.http_status)
