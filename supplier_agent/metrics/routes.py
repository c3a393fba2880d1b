"""The three routes for machines: /metrics, /healthz, /readyz. They have their own listener, and are also served by the page."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from supplier_agent.base.clock import Clock
from supplier_agent.base.errors import AgentError, StateError
from supplier_agent.db.store import Store, open_store
from supplier_agent.metrics.exposition import Exposition, encoded
from supplier_agent.reports import heartbeat, status, vitals
from supplier_agent.settings import Settings


@dataclass(frozen=True)
class Health:
    """The result of a health check, with lines of text. They name no order, because the client has not signed in."""

    ok: bool
    text: str

    @property
    def http_status(self) -> int:
        """The HTTP status: 200 or 503."""
        return 200 if self.ok else 503


def health_of(state_dir: Path, clock: Clock) -> Health:
    """Check that this process answers, and that the agent, if it runs, has touched its heartbeat within a minute.

    It reads two small files and no database. An agent that is not running is not a failure here, but in `ready_of`.
    """
    signs = heartbeat.signs(state_dir, clock)
    if vitals.hangs(signs):
        return Health(ok=False, text=vitals.AGENT_HUNG)
    return Health(ok=True, text="alive" if signs.holder is not None else "alive; no agent runs")


def ready_of(settings: Settings, clock: Clock) -> Health:
    """Check that `status` has no problem. The lines are the codes of its problems."""
    try:
        told = status.tell(settings, clock)
    except AgentError:
        return Health(ok=False, text=vitals.DATABASE)
    if told.exit_code == 0:
        return Health(ok=True, text="ready")
    codes = sorted({f"{problem.code} {problem.supplier or ''}".rstrip() for problem in told.problems})
    return Health(ok=False, text="\n".join(codes))


NOT_OURS = PlainTextResponse("this address is not meant for that name (Host)\n", 421)


class Source:
    """The database for the routes of machines: opened at the first request, and again after it was replaced."""

    def __init__(self, database: Path, settings: Settings) -> None:
        self._database, self._settings = database, settings
        self._open: tuple[Store, Exposition] | None = None
        self._lock = threading.Lock()

    def now(self) -> tuple[Store, Exposition]:
        """Return the open database. Raises StateError if it cannot be opened."""
        with self._lock:
            if self._open is not None:
                try:
                    self._open[0].must_still_be_there()
                except StateError:
                    self._open[0].close()
                    self._open = None
            if self._open is None:
                store = open_store(self._database)
                self._open = store, Exposition(store, self._settings)
            return self._open

    def close(self) -> None:
        """Close it."""
        with self._lock:
            if self._open is not None:
                self._open[0].close()
            self._open = None


def routes(source: Source, settings: Settings, clock: Clock, is_ours: Callable[[str], bool]) -> list[Route]:
    """Return the routes. `is_ours` judges the Host header.

    Scrapes run in one thread, one at a time, and checks of the database in another; they do not delay each other. /healthz
    needs no thread and no database, so it always answers.
    """
    scrape, look = asyncio.Semaphore(1), asyncio.Semaphore(1)

    def figures(accepted: str) -> Response:
        try:
            body, headers = encoded(source.now()[1].at(clock.now(), heartbeat.signs_of(settings, clock)), accepted)
            return Response(body, headers=headers)
        except AgentError as error:
            return PlainTextResponse(f"{error.what}\n", 503)

    async def metrics(request: Request) -> Response:
        async with scrape:
            return await run_in_threadpool(figures, request.headers.get("accept-encoding", ""))

    async def healthz(_request: Request) -> Response:
        return _answer(health_of(settings.state_dir, clock))

    async def readyz(_request: Request) -> Response:
        async with look:
            return _answer(await run_in_threadpool(ready_of, settings, clock))

    def route(path: str, answer: Callable[[Request], Awaitable[Response]]) -> Route:
        async def guarded(request: Request) -> Response:
            return await answer(request) if is_ours(request.headers.get("host", "")) else NOT_OURS

        return Route(path, guarded)

    return [route("/metrics", metrics), route("/healthz", healthz), route("/readyz", readyz)]


def _answer(health: Health) -> Response:
    return PlainTextResponse(f"{health.text}\n", health.http_status)
