"""The routes of the page and their handlers. Every change is a POST; a GET can be repeated."""

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from supplier_agent.base.clock import Clock
from supplier_agent.base.log import Log
from supplier_agent.db import state_folder
from supplier_agent.db.store import Store
from supplier_agent.metrics.routes import Source
from supplier_agent.metrics.routes import routes as routes_for_machines
from supplier_agent.printing import Printers
from supplier_agent.printing.papers import Press, Sizes
from supplier_agent.settings import Settings
from supplier_agent.settings.sections import Web
from supplier_agent.web import auth, documents, load_page, problems_page, sales, sav_page, scan_page, team
from supplier_agent.web.api.front import Front
from supplier_agent.web.auth import SIGN_IN, Door, Handler, OneByOne
from supplier_agent.web.peers import Ours, Tries
from supplier_agent.web.request import Room, Seal, read_key

STATIC = Path(__file__).with_name("static")

PAGES: Mapping[str, Handler] = {
    "/": scan_page.show,
    "/pulse": auth.pulse,
    "/list": documents.to_ship,
    "/pick": documents.pick_list,
    "/labels.pdf": documents.labels,
    "/load": load_page.vehicles,
    "/load/{row}": load_page.show,
    "/hand-over": documents.hand_over,
    "/card": documents.card,
    "/card/{name}.svg": documents.code_image,
    "/order/{row}": documents.history,
    "/label/{row}.pdf": documents.label,
    "/preview/{row}.png": documents.preview,
    "/picture/{row}": sales.picture,
    "/problems": problems_page.problems,
    "/team": team.team,
}
FORMS: Mapping[str, Handler] = {
    "/scan": scan_page.scanned,
    "/camera": scan_page.camera,
    "/pick-one": scan_page.picked,
    "/dropped": scan_page.dropped,
    "/act": scan_page.pressed,
    "/load/{row}": load_page.pressed,
    "/load/{row}/scan": load_page.scanned,
    "/decide": problems_page.decided,
    "/asked": problems_page.asked,
    "/sav": sav_page.opened,
    "/team": team.managed,
    "/print": documents.print_many,
    "/language": auth.speak,
    "/device": auth.adapt,
    "/sign-out": auth.leave,
}


POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "frame-src 'self'; form-action 'self'; frame-ancestors 'self'; base-uri 'none'"
)
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "same-origin",  # with no-referrer, browsers send the origin "null" with our own forms
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def headers(web: Web) -> Mapping[str, str]:
    """Return the headers of every answer. The camera may only be used over https, where it can scan."""
    camera = "(self)" if web.is_https else "()"
    return {**HEADERS, "Permissions-Policy": f"camera={camera}, geolocation=(), microphone=(), payment=(), usb=()"}


class Guarded:
    """Adds the security headers to every response."""

    def __init__(self, app: ASGIApp, headers: Mapping[str, str]) -> None:
        self._app, self._headers = app, headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, guarded)


def room_of(settings: Settings, store: Store, clock: Clock, log: Log, press: Press) -> Room:
    """Return what all requests share. Creates the key that signs cookies if there is none."""
    key = read_key(settings.state_dir)
    seal = Seal(key, settings.web.session_hours)
    tries = Tries(settings.state_dir / state_folder.PRIVATE)
    printers = Printers(clock, log, settings)
    return Room(settings, store, clock, log, press, Sizes(press), printers, seal, tries, key)


def make_app(room: Room, source: Source, closing: ExitStack) -> ASGIApp:
    """Return the page as an ASGI application, with the routes for machines, which read from their own `source`, and the API.

    `closing` closes what it opens, before the room.
    """
    settings = room.settings
    ours = Ours(settings.web.address, settings.web.origin)
    programs = Front(room, ours)
    closing.callback(programs.close)
    door, at_a_time = Door(room, ours), OneByOne()
    routes: list[Route | Mount] = [
        Route(SIGN_IN, door.open(auth.door, anyone=True)),
        Route(SIGN_IN, door.open(auth.enter, anyone=True, one_by_one=at_a_time), methods=["POST"]),
        Mount("/static", StaticFiles(directory=STATIC)),
        *routes_for_machines(source, settings, room.clock, ours.hold),
        programs.route,
    ]
    if any(
        each.businessonbot is not None and each.businessonbot.answer_requests for each in settings.suppliers.values()
    ):
        from supplier_agent.settings.businessonbot import PATH as BOT  # noqa: PLC0415 - as below
        from supplier_agent.web.bot import routes as bot  # noqa: PLC0415 - not imported while no bot is answered

        answers, flush = bot.make_bot(room, ours)
        closing.callback(flush)
        routes.append(Mount(BOT, answers))
    routes += [Route(path, door.open(handler)) for path, handler in PAGES.items()]
    routes += [Route(path, door.open(handler), methods=["POST"]) for path, handler in FORMS.items()]

    async def failed(_request: Request, error: Exception) -> Response:
        room.log.error("page.failed", detail=f"{type(error).__name__}: {error}"[:500])
        return PlainTextResponse("This went wrong here; it is in the agent's log. Nothing was recorded.\n", 500)

    return Guarded(Starlette(routes=routes, exception_handlers={500: failed}), headers(settings.web))
