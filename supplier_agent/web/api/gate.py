"""One request of a program, from its first byte to its answer: host, key, rate, right, body and errors.

Cookies play no part. The key is verified before the body is read. Work in threads has a limit of its own, so that programs never
take the threads or all connections of the page.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from anyio import CapacityLimiter, to_thread
from pydantic import BaseModel, TypeAdapter, ValidationError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from supplier_agent.base.errors import AgentError
from supplier_agent.db.store import LockedError
from supplier_agent.web import keys, peers
from supplier_agent.web.api.problems import CLOSE, Refused
from supplier_agent.web.api.usage import Usage
from supplier_agent.web.keys import Caller
from supplier_agent.web.peers import Ours
from supplier_agent.web.request import Room, room_for

MOST_AT_ONCE = 16
"""How many requests are answered at once, of the 100 connections of the page; the others are told to try again."""
MOST_OF_ONE = 8
MOST_UNVERIFIED = 8
"""How many webhooks are read at once: who sends one is known only after its body, and programs with a key need places, too."""
THREADS = 4
BURST, PER_SECOND = 200.0, 20.0
"""How many requests a program may make at once, and then each second: far above what a warehouse needs, far below what hurts."""
MOST_BYTES = 64 * 1024
BODY_SECONDS = 10.0
A_KEY = "a key"
"""The name under which the wrong keys and signatures of an address are counted, with the page's wrong PINs."""

T = TypeVar("T")


@dataclass(frozen=True)
class Asking:
    """One verified request. In its `room` are only the orders that the program may see, so that no handler can show others."""

    room: Room
    caller: Caller
    now: datetime
    parts: Mapping[str, str]  # from the path
    sent: BaseModel  # query or body
    once: str = ""  # the key under which it is done once; "": none was given


Handler = Callable[[Asking], Response]


@dataclass
class Rate:
    """How many requests a program may still make. Only the thread of the event loop uses it."""

    left: float = BURST
    at: float = 0.0  # monotonic
    busy: int = 0  # how many are being answered

    def wait_seconds(self, now: float) -> float:
        """Count a request; return 0 if it is allowed, else the seconds to wait."""
        self.left, self.at = min(BURST, self.left + max(0.0, now - self.at) * PER_SECOND), now
        if self.left < 1:
            return (1 - self.left) / PER_SECOND
        self.left -= 1
        return 0.0


@dataclass
class Gate:
    """What all requests of programs share."""

    room: Room
    ours: Ours
    usage: Usage
    threads: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(THREADS))
    _busy: int = 0
    _unverified: int = 0
    _rates: dict[str, Rate] = field(default_factory=dict)  # by program: as many as there are keys and hooks
    _rooms: dict[frozenset[str], Room] = field(default_factory=dict)

    async def answer(self, request: Request, handle: Callable[[Request, "Known"], Awaitable[Response]]) -> Response:
        """Return the answer of `handle`, or the problem of why there is none. Every answer is counted."""
        known = Known(self)
        try:
            with self._place():
                if not self.ours.hold(request.headers.get("host", "")):
                    raise Refused("wrong_host", "set web.origin in the configuration of supplier-agent to this address")  # noqa: TRY301 - as every refusal
                response = await handle(request, known)
        except Refused as refused:
            response = refused.problem.response()
        except ClientDisconnect:
            response = Response(status_code=400)  # nobody reads it
        except LockedError:
            response = Refused("busy", "the database is locked, or its disk is full", retry_after=1).problem.response()
        except AgentError as error:
            self.room.log.error("api.failed", detail=error.what, by=known.who)  # noqa: TRY400 - it is no bug of ours
            response = Refused("busy", "the database or a file cannot be used", retry_after=10).problem.response()
        except Exception as error:  # noqa: BLE001 - a program gets a problem, whatever went wrong
            what = type(error).__name__  # its text may contain what was sent
            self.room.log.error("api.failed", detail=what, by=known.who)  # noqa: TRY400 - as above
            response = Refused("internal_error", "nothing was recorded").problem.response()
        finally:
            known.leave()
        self.usage.count(known.who, response.status_code)
        return response

    @contextmanager
    def _place(self) -> Iterator[None]:
        if self._busy >= MOST_AT_ONCE:
            raise Refused("busy", "too many requests are being answered", retry_after=1, headers=CLOSE)
        self._busy += 1
        try:
            yield
        finally:
            self._busy -= 1

    @contextmanager
    def unverified(self) -> Iterator[None]:
        """Take one of the places for bodies of senders who are not known yet. Raises Refused if all are taken."""
        if self._unverified >= MOST_UNVERIFIED:
            raise Refused("busy", "too many webhooks are being sent", retry_after=1, headers=CLOSE)
        self._unverified += 1
        try:
            yield
        finally:
            self._unverified -= 1

    async def thread(self, work: Callable[[], T]) -> T:
        """Run blocking work in one of the API's own threads."""
        return await to_thread.run_sync(work, limiter=self.threads)

    def rate_of(self, who: str) -> Rate:
        """Return the rate of a program."""
        return self._rates.setdefault(who, Rate(at=self.room.clock.monotonic()))

    def room_of(self, caller: Caller) -> Room:
        """Return the room with what this program may see."""
        if caller.suppliers is None:
            return self.room
        if caller.suppliers not in self._rooms:
            self._rooms[caller.suppliers] = room_for(self.room, caller.suppliers)
        return self._rooms[caller.suppliers]

    async def by_key(self, request: Request) -> Caller:
        """Return the program that a request comes from. Raises Refused if its key is missing or wrong.

        A valid key never waits because of wrong keys that others sent; a wrong key waits as a wrong PIN does.
        """
        kind, _, key = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or not key.strip():
            raise Refused(
                "key_missing",
                "send the header Authorization: Bearer KEY",
                headers={"WWW-Authenticate": 'Bearer realm="supplier-agent"'},
            )
        caller = await self.thread(lambda: self._with_key(key.strip()))
        if caller is None:
            refused = await self.wrong(
                request,
                Refused(
                    "key_wrong",
                    "it was revoked, or never given",
                    headers={"WWW-Authenticate": 'Bearer error="invalid_token"'},
                ),
            )
            self.room.log.warning("key.refused", peer=self.peer(request), why=refused.problem.code)
            raise refused
        return caller

    def _with_key(self, key: str) -> Caller | None:
        self.room.store.must_still_be_there()
        with self.room.store.read() as tx:
            found = keys.find(tx, key)
        return keys.of_key(found) if found is not None else None

    async def wrong(self, request: Request, refused: Refused) -> Refused:
        """Count a wrong key or signature of an address; return the refusal: this one, or that the next must wait."""
        peer = self.peer(request)
        wait = await self.thread(lambda: self.room.tries.wait_seconds(A_KEY, peer, self.room.clock.now(), known=False))
        if wait > 0:
            seconds = int(wait) + 1
            return Refused("too_many_requests", "too many wrong keys came from this address", retry_after=seconds)
        return refused

    def peer(self, request: Request) -> str:
        """Return the address of the program; "" behind a proxy that names none."""
        address = request.client.host if request.client else ""
        return peers.behind(self.room.settings.web, address, request.headers.getlist("x-forwarded-for"))


@dataclass
class Known:
    """What is known of the program while its request is answered."""

    gate: Gate
    who: str = keys.UNKNOWN
    _rate: Rate | None = None  # None: its requests are not counted yet

    def is_(self, caller: Caller) -> Caller:
        """Note who asks. Raises Refused if this program asks too often, or too much at once."""
        self.who = caller.who
        rate = self.gate.rate_of(caller.who)
        wait = rate.wait_seconds(self.gate.room.clock.monotonic())
        if wait > 0 or rate.busy >= MOST_OF_ONE:
            raise Refused("too_many_requests", "this program asks too often", retry_after=int(wait) + 1)
        rate.busy += 1
        self._rate = rate
        return caller

    def leave(self) -> None:
        """Note that the answer is ready."""
        if self._rate is not None:
            self._rate.busy -= 1
            self._rate = None


def must(caller: Caller, right: str) -> None:
    """Raise Refused if a program lacks this right; "": reading, which every program may."""
    if right and right not in caller.may:
        raise Refused("right_missing", f"this key may not {right}")


async def body_of(request: Request) -> bytes:
    """Return the body. Raises Refused if it is no JSON by its name, too large, or too slow."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Refused("content_type_wrong", "send Content-Type: application/json")
    length = request.headers.get("content-length", "")
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            if length.isdecimal() and len(length) < 19 and int(length) > MOST_BYTES:  # noqa: PLR2004 - a number of bytes
                raise Refused("body_too_large", f"at most {MOST_BYTES} bytes", headers=CLOSE)
            async for chunk in request.stream():
                body += chunk
                if len(body) > MOST_BYTES:
                    raise Refused("body_too_large", f"at most {MOST_BYTES} bytes", headers=CLOSE)
    except TimeoutError:
        raise Refused("too_slow", f"it must arrive within {BODY_SECONDS:g} seconds", headers=CLOSE) from None
    return bytes(body)


def read_json(body: bytes, kind: TypeAdapter[T]) -> T:
    """Return what a body says. Raises Refused; the detail names keys, never values."""
    try:
        return kind.validate_json(body or b"{}")
    except ValidationError as error:
        raise _not_valid(error) from None


def read_query(pairs: Sequence[tuple[str, str]], kind: TypeAdapter[T]) -> T:
    """Return what a query says. Raises Refused, also for a name given twice."""
    if len({name for name, _ in pairs}) < len(pairs):
        raise Refused("content_wrong", "a parameter is given twice")
    try:
        return kind.validate_python(dict(pairs))
    except ValidationError as error:
        raise _not_valid(error) from None


MOST_FAULTS = 5


def _not_valid(error: ValidationError) -> Refused:
    found = error.errors(include_input=False, include_url=False, include_context=False)
    told = [f"{'.'.join(map(_place, each['loc'])) or 'the body'}: {each['msg']}" for each in found[:MOST_FAULTS]]
    return Refused("content_wrong", "; ".join(told))


def _place(part: int | str) -> str:
    """Return a part of a place. An unknown key is what the program sent, so it is cut short and quoted."""
    text = str(part)
    return text if text.isidentifier() and len(text) <= 30 else json.dumps(text[:30])  # noqa: PLR2004 - longer than ours
