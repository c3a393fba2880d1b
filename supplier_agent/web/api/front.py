"""The address of the API, /api/v1. While there is neither a key nor a hook, it is as unknown as any other, and nothing is imported.

Whether there is a key is looked up again for each request until there is one, so that `key add` needs no restart.
"""

import re
import threading
from collections.abc import Callable

from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse
from starlette.routing import Mount
from starlette.types import ASGIApp, Receive, Scope, Send

from supplier_agent.db.store import LockedError
from supplier_agent.web import keys
from supplier_agent.web.peers import Ours
from supplier_agent.web.request import Room

PATH = "/api/v1"


class Front:
    """Serves the API once it is on. The process closes it before it closes the database."""

    def __init__(self, room: Room, ours: Ours) -> None:
        self._room, self._ours = room, ours
        self._lock = threading.Lock()
        self._app: ASGIApp | None = None  # None: it is off, or nobody has asked yet
        self._close: Callable[[], None] | None = None  # None: as above

    @property
    def route(self) -> Mount:
        """Its place among the routes of the page."""
        mount = Mount(PATH, self)
        # A line break in an id is answered here, too.
        mount.path_regex = re.compile(mount.path_regex.pattern, re.DOTALL)
        return mount

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            app = self._app if self._app is not None else await run_in_threadpool(self._opened)
        except LockedError:
            app = PlainTextResponse("the database is busy: try again\n", 503, {"Retry-After": "1"})
        await (app or PlainTextResponse("Not Found", 404))(scope, receive, send)

    def close(self) -> None:
        """Write what is not written yet."""
        if self._close is not None:
            self._close()

    def _opened(self) -> ASGIApp | None:
        """Return the application; None while the API is off."""
        if not self._is_on():
            return None
        with self._lock:
            if self._app is None:
                from supplier_agent.web.api.routes import make_api  # noqa: PLC0415 - costs nothing while the API is off

                self._app, self._close = make_api(self._room, self._ours)
            return self._app

    def _is_on(self) -> bool:
        if self._room.settings.hooks:
            return True
        with self._room.store.read() as tx:
            return keys.is_there_one(tx)
