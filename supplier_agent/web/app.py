"""Which address is answered by whom. Whatever changes something is a POST; whatever is a GET may be asked twice."""

from collections.abc import Mapping
from pathlib import Path

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from supplier_agent.clock import Clock
from supplier_agent.labels.papers import Press
from supplier_agent.log import Log
from supplier_agent.metrics.routes import routes as routes_for_machines
from supplier_agent.settings import Settings
from supplier_agent.store import Store
from supplier_agent.web import cookie, desk, front, office, sheets
from supplier_agent.web.door import HEADERS, SIGN_IN, Door, Handler
from supplier_agent.web.people import Tries
from supplier_agent.web.sizes import Sizes
from supplier_agent.web.view import trouble
from supplier_agent.web.visit import Room

STATIC = Path(__file__).with_name("static")

PAGES: Mapping[str, Handler] = {
    "/": desk.show,
    "/pulse": front.pulse,
    "/list": sheets.to_ship,
    "/pick": sheets.pick_list,
    "/hand-over": sheets.hand_over,
    "/card": sheets.card,
    "/card/{name}.svg": sheets.code_image,
    "/order/{row}": sheets.history,
    "/label/{row}.pdf": sheets.label,
    "/preview/{row}.png": sheets.preview,
    "/problems": office.problems,
}
FORMS: Mapping[str, Handler] = {
    "/scan": desk.scanned,
    "/pick-one": desk.picked,
    "/act": desk.pressed,
    "/decide": office.decided,
    "/print": sheets.print_many,
    "/language": front.speak,
    "/sign-out": front.leave,
}


class Guarded:
    """Puts the headers that keep a page to itself on every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, guarded)


def room_of(settings: Settings, store: Store, clock: Clock, log: Log, press: Press) -> Room:
    """Return what all visits share. Makes the key of the cookies if there is none."""
    key = cookie.read_key(settings.state_dir)
    seal = cookie.Seal(key, settings.web.session_hours)
    return Room(settings, store, clock, log, press, Sizes(press), seal, Tries(), key)


def make_app(room: Room) -> ASGIApp:
    """Return the page as an ASGI application, with the addresses for machines."""
    door = Door(room, trouble)
    routes: list[Route | Mount] = [
        Route(SIGN_IN, door.open(front.door, anyone=True)),
        Route(SIGN_IN, door.open(front.enter, anyone=True), methods=["POST"]),
        Mount("/static", StaticFiles(directory=STATIC)),
        *routes_for_machines(room.store, room.settings, room.clock),
    ]
    routes += [Route(path, door.open(handler)) for path, handler in PAGES.items()]
    routes += [Route(path, door.open(handler), methods=["POST"]) for path, handler in FORMS.items()]

    async def failed(_request: Request, error: Exception) -> Response:
        room.log.error("page.failed", detail=f"{type(error).__name__}: {error}"[:500])
        return PlainTextResponse("This went wrong here; it is in the agent's log. Nothing was recorded.\n", 500)

    return Guarded(Starlette(routes=routes, exception_handlers={500: failed}))
