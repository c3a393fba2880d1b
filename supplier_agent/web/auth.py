"""Access: the checks of every request (cookie, proxy, a form's origin, token and size), and the sign-in page.

Also what belongs to no single page: the language, what a device remembers, signing out, and the pulse that shows a browser that
the page is served.
"""

import asyncio
import hashlib
import hmac
import re
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qsl, urlencode

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from supplier_agent.base.errors import AgentError
from supplier_agent.db.store import LockedError
from supplier_agent.settings.sections import Station
from supplier_agent.web import peers, people
from supplier_agent.web.answers import bare, page, trouble
from supplier_agent.web.peers import Ours
from supplier_agent.web.request import (
    COOKIE,
    DEVICE_COOKIE,
    DEVICE_SECONDS,
    LANGUAGES,
    Room,
    Session,
    SignedIn,
    Visit,
    mark,
    room_for,
    words,
)

MOST_BYTES = 256 * 1024
"""The maximum size of a form: five thousand ticked orders are 60 kB."""
MOST_FIELDS = 10_000
MOST_WAITING = 40
"""The maximum number of sign-ins in the queue: the last one waits two seconds. Other sockets stay free for signed-in users."""
FORM = "application/x-www-form-urlencoded"
SIGN_IN = "/sign-in"


Handler = Callable[[Visit], Response]
Endpoint = Callable[[Request], Awaitable[Response]]


class Refused(Exception):  # noqa: N818 - not an error of ours
    """The request is refused; `why` is meant for the person who made it."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status, self.why = status, why


class OneByOne:
    """A queue for expensive work: one at a time, with a limited number waiting."""

    def __init__(self) -> None:
        self._turn, self._waiting = asyncio.Semaphore(1), 0

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a turn. Raises Refused if too many are waiting."""
        if self._waiting >= MOST_WAITING:
            raise Refused(503, "too many people are signing in: try again")
        self._waiting += 1
        try:
            async with self._turn:
                yield
        finally:
            self._waiting -= 1


@dataclass(frozen=True)
class Door:
    """Checks requests. `ours` knows the names of this host."""

    room: Room
    ours: Ours
    _rooms: dict[frozenset[str], Room] = field(default_factory=dict)  # by the suppliers whose orders are in it

    def open(self, handler: Handler, *, anyone: bool = False, one_by_one: OneByOne | None = None) -> Endpoint:
        """Return the endpoint of a handler, which runs in a thread. `anyone`: signed in or not.

        `one_by_one`: expensive requests (a PIN: 16 MB and 50 ms) wait here for their turn, without using a thread.
        """

        async def endpoint(request: Request) -> Response:
            try:
                form = await _form(request) if request.method == "POST" else {}
                async with one_by_one.turn() if one_by_one is not None else nullcontext():
                    return await run_in_threadpool(self._answer, request, form, handler, anyone=anyone)
            except ClientDisconnect:
                return Response(status_code=400)
            except Refused as refused:
                return PlainTextResponse(refused.why, refused.status)

        return endpoint

    def _answer(
        self, request: Request, form: Mapping[str, Sequence[str]], handler: Handler, *, anyone: bool
    ) -> Response:
        self._must_be_our_address(request)
        visit = self._visit(request, form)
        if request.method == "POST":
            self._must_come_from_our_page(request, visit, anyone=anyone)
        if visit.who is None and not anyone:
            station = visit.query.get("station", "")  # a kiosk may name it in its start address
            return RedirectResponse(f"{SIGN_IN}?{urlencode({'station': station})}" if station else SIGN_IN, 303)
        session, device = visit.session, visit.device
        try:
            self.room.store.must_still_be_there()
            response = enter(visit) if self._changes_the_person(visit) else handler(visit)
        except LockedError as error:  # nothing was recorded: the page keeps the form, and says so
            response = trouble(visit, error, 503)
        except AgentError as error:
            response = trouble(visit, error, 409)
        if visit.session != session:
            signed = None if visit.session is None else self.room.seal.sign(visit.session)
            self._set_cookie(response, COOKIE, signed, self.room.seal.seconds)
        if visit.device != device:
            self._set_cookie(response, DEVICE_COOKIE, self.room.seal.sign(visit.device), DEVICE_SECONDS)
        return response

    def _changes_the_person(self, visit: Visit) -> bool:
        """Tell whether a badge was scanned: it may come with any form, and its code must be kept nowhere."""
        return visit.who is not None and not visit.room.settings.web.proxy_header and bool(badge_in(visit))

    def _visit(self, request: Request, form: Mapping[str, Sequence[str]]) -> Visit:
        room, web = self.room, self.room.settings.web
        session = room.seal.session(request.cookies.get(COOKIE, ""))
        device = room.seal.device(request.cookies.get(DEVICE_COOKIE, ""))
        peer = request.client.host if request.client else ""
        trusted = bool(web.proxy_header) and peer in web.proxies
        proxied = request.headers.get(web.proxy_header, "").strip() if trusted else ""
        station = web.station(session.station) if session else None
        if station is None:
            session = None
        who = self._who(session, proxied, by_pin=not web.proxy_header)
        station = station or web.station(request.query_params.get("station", device.station))
        language = (session.language if session else "") or (station.language if station else None) or web.language
        limited = self._room_of(who)
        return Visit(
            limited,
            request.url.path,
            dict(request.query_params),
            form,
            request.path_params,
            peers.behind(web, peer, request.headers.getlist("x-forwarded-for")),
            words(language),
            station or Station(name="-"),
            who=who,
            session=session if who else None,
            device=device,
            token=self._token(session) if session else "",
            proxied=proxied,
            whole=None if limited is room else room,
        )

    def _who(self, session: Session | None, proxied: str, *, by_pin: bool) -> SignedIn | None:
        """Return who is signed in. People, roles and PINs are read from the database each time, so a change applies at once."""
        if session is None or (not by_pin and session.who != proxied):
            return None
        with self.room.store.read() as tx:
            person = people.find(tx, session.who)
        if person is None or people.mark(person) != session.mark:
            return None
        return SignedIn(person.name, person.role, people.suppliers_of(person))

    def _room_of(self, who: SignedIn | None) -> Room:
        """Return the room with what this person may see. Every handler gets it, so that a new one cannot forget the limit."""
        if who is None or who.suppliers is None:
            return self.room
        if who.suppliers not in self._rooms:
            self._rooms[who.suppliers] = room_for(self.room, who.suppliers)
        return self._rooms[who.suppliers]

    def _token(self, session: Session) -> str:
        return hmac.new(self.room.key.encode(), f"form {session.seed}".encode(), hashlib.sha256).hexdigest()

    def _must_be_our_address(self, request: Request) -> None:
        """Refuse a host name that is not ours but points to this machine (DNS rebinding)."""
        host = request.headers.get("host", "")
        if not self.ours.hold(host):
            raise Refused(
                421, f"this page is not served as {host[:80]!r}: set web.origin in the configuration of supplier-agent"
            )

    def _must_come_from_our_page(self, request: Request, visit: Visit, *, anyone: bool) -> None:
        """Refuse a form of a foreign page (CSRF): browsers send its origin, and only our own page knows the token."""
        origin, site = request.headers.get("origin", ""), request.headers.get("sec-fetch-site", "same-origin")
        ours = {f"http://{request.headers.get('host', '')}", self.room.settings.web.origin}
        if not origin or origin not in ours or site != "same-origin":
            raise Refused(403, "this form does not come from our own page (web.origin names the page's address)")
        if (
            not anyone
            and visit.who is not None
            and not hmac.compare_digest(visit.field("token").encode(), visit.token.encode())
        ):
            raise Refused(403, "this form is too old: load the page again")

    def _set_cookie(self, response: Response, name: str, value: str | None, seconds: int) -> None:
        if value is None:
            response.delete_cookie(name)
            return
        response.set_cookie(
            name,
            value,
            max_age=seconds,
            httponly=True,
            samesite="strict",
            secure=self.room.settings.web.is_https,
        )


def begin(visit: Visit, person_name: str, mark: str, station: str) -> None:
    """Sign a person in at a station, which this browser then remembers; the chosen language stays."""
    language = visit.session.language if visit.session else ""
    visit.session = Session(person_name, station, mark, secrets.token_hex(16), language)
    visit.device = replace(visit.device, station=station)


async def _form(request: Request) -> Mapping[str, Sequence[str]]:
    """Read a form, with a size limit. Only the simplest encoding is accepted, because forms contain no files."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise Refused(415, "a form is expected")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES:
            raise Refused(413, "the form is too large")
    try:
        pairs = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        raise Refused(413, "the form has too many fields") from None
    form: dict[str, list[str]] = {}
    for name, value in pairs:
        form.setdefault(name, []).append(value)
    return form


WRONG = mark("This PIN does not belong to this name.")
WRONG_BADGE = mark("This badge is not valid. Sign in with your PIN, and ask a lead for a new badge.")
UNKNOWN = mark("%(name)s may not work here. A lead or your IT can change that: supplier-agent person add")
WAIT = mark("Too many wrong PINs or badges. Try again in %(seconds)s s.")
NO_STATION = mark("Choose a station.")
NO_NAME = mark("Choose a name.")


def door(visit: Visit, told: str = "", status: int = 200) -> Response:
    """Show who may sign in, and where. No name is chosen in advance: the next person is often another one."""
    wanted = visit.query.get("lang", "") or visit.field("lang")
    if wanted in LANGUAGES:
        visit.words = words(wanted)
    with visit.room.store.read() as tx:
        names = [person.name for person in people.present(tx)]
    return bare(
        visit,
        "sign_in.html",
        status,
        names=names,
        stations=[each.name for each in visit.room.settings.web.benches],
        name=visit.field("name"),
        station=_place(visit),
        told=told,
    )


def _place(visit: Visit) -> str:
    """Return the station of this browser: named in the address or the form, else remembered; "" if it is to be chosen."""
    web = visit.room.settings.web
    if len(web.benches) == 1:
        return web.benches[0].name
    named = visit.query.get("station", visit.field("station") or visit.device.station)
    station = web.station(named)
    return station.name if station else ""


def enter(visit: Visit) -> Response:
    """Sign a person in, by PIN or badge. A wrong PIN and a wrong name get the same message."""
    room, say = visit.room, visit.words.say
    station = room.settings.web.station(visit.field("station") or (visit.session.station if visit.session else ""))
    if station is None:
        return door(visit, say(NO_STATION), 400)
    by_pin = not room.settings.web.proxy_header
    if by_pin and (badge := badge_in(visit)):
        return _by_badge(visit, station, badge)
    name = visit.field("name", people.LONGEST_NAME) if by_pin else visit.proxied
    if by_pin and not name:
        return door(visit, say(NO_NAME), 400)
    with room.store.read() as tx:
        person = people.find(tx, name)
    who = f"{name} {person.added_at}" if person is not None else name  # a new PIN starts without wrong tries
    if by_pin:
        wait = room.tries.wait_seconds(who, visit.peer, visit.now, known=person is not None)
        if wait > 0:
            return door(visit, say(WAIT, seconds=int(wait) + 1), 429)
        right = people.fits(visit.field("pin"), person.pin_scrypt if person else people.NO_PIN)
        if not right or person is None:
            room.log.warning("pin.refused", station=station.name, peer=visit.peer)
            return door(visit, say(WRONG), 403)
        room.tries.right(who, visit.peer, visit.now)
    if person is None:
        return door(visit, say(UNKNOWN, name=name or "?"), 403)
    begin(visit, person.name, people.mark(person), station.name)
    chosen = visit.field("lang")
    if chosen in LANGUAGES:
        visit.keep(language=chosen)
    return RedirectResponse("/", 303)


BADGE = "a badge"
"""The name under which wrong badges of an address are counted: a badge says who it is only if it is right."""


def badge_in(visit: Visit) -> str:
    """Return the code of the badge in a form, in whatever field it was scanned; "" if there is none."""
    scanned = (people.badge_of(visit.field(each)) for each in ("badge", "pin", "code"))
    return next((code for code in scanned if code), "")


def _by_badge(visit: Visit, station: Station, code: str) -> Response:
    room, say = visit.room, visit.words.say
    wait = room.tries.wait_seconds(BADGE, visit.peer, visit.now, known=False)
    if wait > 0:
        return door(visit, say(WAIT, seconds=int(wait) + 1), 429)
    with room.store.read() as tx:
        person = people.with_badge(tx, code)
    if person is None:
        room.log.warning("pin.refused", station=station.name, peer=visit.peer)
        return door(visit, say(WRONG_BADGE), 403)
    room.tries.right(BADGE, visit.peer, visit.now)
    begin(visit, person.name, people.mark(person), station.name)
    return RedirectResponse("/", 303)


def leave(visit: Visit) -> Response:
    """Sign out, in every browser in which this person is signed in."""
    with visit.room.store.write() as tx:
        people.end_sessions(tx, visit.person.name)
    visit.session = None
    return RedirectResponse(SIGN_IN, 303)


def speak(visit: Visit) -> Response:
    """Change the language of this browser."""
    wanted = visit.field("lang")
    if wanted in LANGUAGES:
        visit.keep(language=wanted)
    return _back(visit)


SWITCHES: Mapping[str, Sequence[str]] = {"look": ("", "light", "dark"), "text": ("", "large"), "keyboard": ("", "none")}
"""What a person may switch on a device, and its values. The first one is what a new device has."""


def adapt(visit: Visit) -> Response:
    """Change what this browser remembers: its colours, the size of its text, and whether the scan field opens a keyboard."""
    wanted = {name: visit.field(name) for name in SWITCHES if name in visit.form}
    visit.device = replace(visit.device, **{name: value for name, value in wanted.items() if value in SWITCHES[name]})
    return _back(visit)


_OWN_PATH = re.compile(r"\A(/[a-z0-9-]+)+\Z")


def _back(visit: Visit) -> Response:
    """Return to the page on which a form was sent."""
    back = visit.field("back")
    return RedirectResponse(back if _OWN_PATH.match(back) else "/", 303)


def pulse(visit: Visit) -> Response:
    """Return the status bar at the top; the browser requests it every few seconds."""
    visit.path = visit.query.get("at", "/")
    with visit.room.store.read() as tx:
        return page(visit, tx, "pulse.html", answer=None)
