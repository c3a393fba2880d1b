"""Coming and going: station, person and PIN, or the proxy's word; the language; the pulse by which a page knows that we live."""

from starlette.responses import RedirectResponse, Response

from supplier_agent.web import people
from supplier_agent.web.auth import begin
from supplier_agent.web.request import Visit
from supplier_agent.web.sentences import LANGUAGES, mark, words
from supplier_agent.web.view import bare, page

WRONG = mark("This PIN does not belong to this name.")
UNKNOWN = mark("%(name)s may not work here. A lead or your IT can change that: supplier-agent person add")
WAIT = mark("Too many wrong PINs. Try again in %(seconds)s s.")
NO_STATION = mark("Choose where you work.")


def door(visit: Visit, told: str = "", status: int = 200) -> Response:
    """Show who may sign in, and where."""
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
        stations=[station.name for station in visit.room.settings.web.benches],
        name=visit.field("name"),
        station=visit.field("station"),
        told=told,
    )


def enter(visit: Visit) -> Response:
    """Sign somebody in. The message for a wrong PIN and for a wrong name is the same."""
    room, say = visit.room, visit.words.say
    station = room.settings.web.station(visit.field("station"))
    if station is None:
        return door(visit, say(NO_STATION), 400)
    by_pin = not room.settings.web.proxy_header
    name = visit.field("name", people.LONGEST_NAME) if by_pin else visit.proxied
    with room.store.read() as tx:
        person = people.find(tx, name)
    who = f"{name} {person.added_at}" if person is not None else name  # a new PIN begins without wrong tries
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


def leave(visit: Visit) -> Response:
    """Sign out: here, and wherever else this person is signed in."""
    with visit.room.store.write() as tx:
        people.end_sessions(tx, visit.person.name)
    visit.session = None
    return RedirectResponse("/sign-in", 303)


def speak(visit: Visit) -> Response:
    """Change the language of this browser."""
    wanted = visit.field("lang")
    if wanted in LANGUAGES:
        visit.keep(language=wanted)
    back = visit.field("back")
    return RedirectResponse(back if back in {"/", "/list", "/problems", "/pick", "/hand-over", "/card"} else "/", 303)


def pulse(visit: Visit) -> Response:
    """Return the bar at the top, which says how things are; the browser asks for it every few seconds."""
    visit.path = visit.query.get("at", "/")
    with visit.room.store.read() as tx:
        return page(visit, tx, "pulse.html", answer=None)
