"""One supplier's account at a carrier: the last scan of codes. No byte of an answer is kept as it came: it may name a person."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from http import HTTPStatus

from supplier_agent.base.clock import Clock
from supplier_agent.base.errors import AgentError
from supplier_agent.integrations.access_tokens import AccessTokens, Granted
from supplier_agent.integrations.carriers.dhl import Dhl
from supplier_agent.integrations.carriers.fedex import FedEx
from supplier_agent.integrations.carriers.laposte import LaPoste
from supplier_agent.integrations.carriers.oauth import read_grant
from supplier_agent.integrations.carriers.protocol import Carrier, Request
from supplier_agent.integrations.carriers.ups import Ups
from supplier_agent.integrations.reading import AnswerError
from supplier_agent.marketplace import Means, Verdict
from supplier_agent.marketplace.answers import bare_verdict
from supplier_agent.marketplace.connections import Deadline
from supplier_agent.marketplace.rate_limit import Pace
from supplier_agent.marketplace.wire import Answer, Reply, Wire
from supplier_agent.reading.scans import Asked, LastScan
from supplier_agent.settings import Settings
from supplier_agent.settings.carriers import DHL, FEDEX, LAPOSTE, UPS

ANSWER_BYTES = 1 << 20
MOST_REQUESTS = 10
"""How many requests one call makes; an order with more codes is asked about in several calls."""


def carrier_of(kind: str) -> Carrier:
    """Return the carrier of an account."""
    carriers: dict[str, type[Carrier]] = {LAPOSTE: LaPoste, DHL: Dhl, UPS: Ups, FEDEX: FedEx}
    return carriers[kind]()


@dataclass
class CarrierClient:
    """The tools of one call; all its requests share one deadline. `heard` gets the network seconds of each answer."""

    carrier: Carrier
    url: str
    credentials: Callable[[], str]
    wire: Wire
    pace: Pace
    clock: Clock
    tokens: AccessTokens
    heard: Callable[[float], None] = field(default=lambda _seconds: None)

    def for_call(self, heard: Callable[[float], None]) -> "CarrierClient":
        """Return a client with a deadline of its own. The access token is shared."""
        return replace(self, heard=heard)

    @cached_property
    def _deadline(self) -> Deadline:
        return self.wire.deadline()

    def last_scan(self, code: str) -> LastScan | Verdict:
        """Return the last scan of one code, or the verdict on the answer that failed."""
        found = self._ask((code,))
        return found if isinstance(found, Verdict) else found[0]

    def last_scans(self, codes: tuple[str, ...]) -> tuple[Asked, Verdict | None]:
        """Return the last scan of each code, in as few requests as the carrier allows.

        If one of them fails, those before it count, and its verdict is returned. After MOST_REQUESTS the rest is left for later.
        """
        found: list[LastScan] = []
        step = self.carrier.AT_ONCE
        for place in range(0, len(codes), step):
            if place // step >= MOST_REQUESTS:
                return Asked(tuple(found), whole=False), None
            answer = self._ask(codes[place : place + step])
            if isinstance(answer, Verdict):
                return Asked(tuple(found), whole=False), answer
            found += answer
        return Asked(tuple(found)), None

    def _ask(self, codes: tuple[str, ...]) -> tuple[LastScan, ...] | Verdict:
        """Ask once, with the credentials themselves or with an access token."""
        try:
            credentials = self.credentials()
        except AgentError as error:
            return Verdict(Means.TOKEN_REFUSED, error.what)
        sign_in = self.carrier.sign_in(credentials)
        if sign_in is None:
            return self._read(self._send(self.carrier.ask(codes, credentials)), codes)
        reply = self.tokens.send(
            credentials,
            lambda: self._granted(sign_in),
            lambda token: self._send(self.carrier.ask(codes, token)),
        )
        return reply if isinstance(reply, Verdict) else self._read(reply, codes)

    def _granted(self, sign_in: Request) -> Granted | Verdict:
        reply = self._send(sign_in)
        if isinstance(reply, Answer) and reply.status == HTTPStatus.OK:
            try:
                return read_grant(reply)
            except AnswerError as error:
                return Verdict(Means.UNCLEAR, f"no access token: {error}", reply.status)
        found = bare_verdict(reply, self.clock.now())
        if found.means is Means.REFUSED:  # RFC 6749, 5.2: wrong credentials may be 400, too
            found = replace(found, means=Means.TOKEN_REFUSED)
        return replace(found, detail=f"no access token: {found.detail}")

    def _send(self, request: Request) -> Reply:
        return self.wire.exchange_in_turn(
            request.method,
            f"{self.url}{request.target}",
            headers={"Accept": "application/json", **request.headers},
            content=request.content,
            limit_bytes=ANSWER_BYTES,
            wait_turn=self.pace.wait_turn,
            heard=self.heard,
            deadline=self._deadline,
        )

    def _read(self, reply: Reply, codes: tuple[str, ...]) -> tuple[LastScan, ...] | Verdict:
        if isinstance(reply, Answer):
            try:
                found = self.carrier.read(reply, codes)
            except AnswerError as error:
                is_404 = reply.status == HTTPStatus.NOT_FOUND  # perhaps a wrong address: nothing is said of the code
                return Verdict(Means.NOT_FOUND if is_404 else Means.UNCLEAR, str(error), reply.status)
            if found is not None:
                return found
        return bare_verdict(reply, self.clock.now())


def make_client(
    settings: Settings, supplier: str, kind: str, wire: Wire, clock: Clock, credentials: Callable[[], str]
) -> CarrierClient:
    """Return the client of a supplier's account. Raises ValueError if it does not ask this carrier."""
    keys = settings.carrier_of(supplier, kind)
    if keys is None:
        raise ValueError(f"{supplier} does not ask {kind}")
    pace = Pace(clock, keys.requests_per_second)
    return CarrierClient(carrier_of(kind), keys.url, credentials, wire, pace, clock, AccessTokens(clock))
