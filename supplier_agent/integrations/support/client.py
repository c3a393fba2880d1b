"""One supplier's account at the support API: three reads and one write, each with a value as its result.

The token is that of the customer service: it could read every customer of the marketplace. So there is no request by e-mail, and no
byte of an answer is kept as it came: a verdict on an answer has our own words only.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import TypeVar
from urllib.parse import quote, urlencode

from supplier_agent.base.clock import Clock
from supplier_agent.base.errors import AgentError
from supplier_agent.integrations.support import answers
from supplier_agent.marketplace import Means, Verdict
from supplier_agent.marketplace.answers import bare_verdict
from supplier_agent.marketplace.client import age_seconds
from supplier_agent.marketplace.links import BadLink, allowed
from supplier_agent.marketplace.rate_limit import Pace
from supplier_agent.marketplace.support import CasesFound, Picture, ProductFound, SaleFound
from supplier_agent.marketplace.wire import Answer, Reply, Wire

ANSWER_BYTES = 1 << 20
KINDS: Sequence[tuple[bytes, str]] = (
    (b"\xff\xd8\xff", "jpg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"GIF8", "gif"),
)
"""The first bytes of the pictures that are kept. An SVG is not one of them: it is a program."""
WEBP = (b"RIFF", b"WEBP")
T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Support:
    """One supplier's account. Every request waits for the account's own rate, and has the total deadline of [http].

    `heard` is called in the worker's thread, with the seconds that an answer took on the network.
    """

    base_url: str
    token: Callable[[], str]
    wire: Wire
    pace: Pace
    clock: Clock
    picture_origins: Sequence[str] = ()
    max_picture_bytes: int = ANSWER_BYTES
    heard: Callable[[float], None] = lambda _seconds: None

    def sale(self, increment_id: str) -> SaleFound | Verdict:
        """GET /api/sale/details/{incrementId}: the sale of an order.

        Documented: the path, the header X-API-Token, an example of the answer, 401 and 404. Not documented: the status words,
        other errors, how old an answer may be. The header `Age`, if there is one, is subtracted.
        """
        asked_at = self.clock.now()
        reply = self._get(f"/api/sale/details/{quote(increment_id, safe='')}")
        if isinstance(reply, Answer) and reply.status == HTTPStatus.NOT_FOUND:
            return SaleFound(asked_at, found=False)
        as_of = asked_at - timedelta(seconds=age_seconds(reply.headers) or 0 if isinstance(reply, Answer) else 0)
        return self._read(reply, lambda body: answers.sale(body, increment_id, as_of))

    def product(self, sku: str) -> ProductFound | Verdict:
        """GET /api/product/{sku}. The path is in the document's sample code only."""
        reply = self._get(f"/api/product/{quote(sku, safe='')}")
        if isinstance(reply, Answer) and reply.status == HTTPStatus.NOT_FOUND:
            return ProductFound()
        return self._read(reply, answers.product)

    def cases(self, increment_id: str, sale_product_id: str) -> CasesFound | Verdict:
        """GET /api/customer/sav-status by order and line: documented is either an e-mail or the order; only the order is asked."""
        query = {"increment_id": increment_id, "sale_product_id": sale_product_id}
        reply = self._get(f"/api/customer/sav-status?{urlencode(query)}")
        if isinstance(reply, Answer) and reply.status == HTTPStatus.NOT_FOUND:
            return CasesFound()
        return self._read(reply, answers.cases)

    def open_case(self, body: str) -> tuple[Verdict, str | None]:
        """POST /api/sav, once. Documented: three fields of the body. Not documented: the answer.

        A 2xx that denies is a refusal; one that neither affirms nor denies is accepted, unverified.
        """
        headers = {"Content-Type": "application/json"}
        reply = self._send("POST", "/api/sav", headers, body.encode())
        if not isinstance(reply, Answer):
            return self._failed(reply), None
        if not HTTPStatus(200) <= reply.status < HTTPStatus(300):
            return self._failed(reply), None
        yes, sav_id = answers.opened(reply.body)
        if yes is False:
            return Verdict(Means.REFUSED, "the answer says that no case was opened", reply.status), None
        named = f"case {sav_id}" if sav_id else "the answer names no case"
        return Verdict(Means.CONFIRMED if yes else Means.UNVERIFIED, named, reply.status), sav_id

    def picture(self, address: str) -> Picture | Verdict:
        """GET a picture, without the token, from the API's own origin or one of `picture_origins`. No redirect is followed."""
        target = allowed(address, self.base_url, self.picture_origins)
        if isinstance(target, BadLink):
            return Verdict(Means.REFUSED, "the picture is not at an allowed origin (picture_origins)")
        reply = self._exchange("GET", str(target.url), {}, None, self.max_picture_bytes)
        if not isinstance(reply, Answer) or reply.status != HTTPStatus.OK:
            return self._failed(reply)
        suffix = next((name for begin, name in KINDS if reply.body.startswith(begin)), None)
        if suffix is None and (reply.body[:4], reply.body[8:12]) == WEBP:
            suffix = "webp"
        if suffix is None:
            return Verdict(Means.UNCLEAR, "the file is no picture (JPEG, PNG, GIF or WebP)", reply.status)
        return Picture(reply.body, suffix)

    def _get(self, target: str) -> Reply | Verdict:
        return self._send("GET", target, {})

    def _send(
        self, method: str, target: str, headers: Mapping[str, str], content: bytes | None = None
    ) -> Reply | Verdict:
        """Send a request with the token. If that cannot be read, nothing is sent, as for a refused token."""
        try:
            token = self.token()
        except AgentError as error:
            return Verdict(Means.TOKEN_REFUSED, error.what)
        address = f"{self.base_url.rstrip('/')}{target}"
        headers = {"X-API-Token": token, "Accept": "application/json", **headers}
        return self._exchange(method, address, headers, content, ANSWER_BYTES)

    def _exchange(
        self, method: str, address: str, headers: Mapping[str, str], content: bytes | None, limit_bytes: int
    ) -> Reply:
        return self.wire.exchange_in_turn(
            method,
            address,
            headers=headers,
            content=content,
            limit_bytes=limit_bytes,
            wait_turn=self.pace.wait_turn,
            heard=self.heard,
        )

    def _read(self, reply: Reply | Verdict, parse: Callable[[bytes], T | None]) -> T | Verdict:
        if isinstance(reply, Answer) and reply.status == HTTPStatus.OK:
            found = parse(reply.body)
            if found is not None:
                return found
            return Verdict(Means.UNCLEAR, "the answer is not as documented", reply.status)
        return self._failed(reply)

    def _failed(self, reply: Reply | Verdict) -> Verdict:
        """Return the verdict on an answer that is no success, without a byte of its body: it may name a customer."""
        return reply if isinstance(reply, Verdict) else bare_verdict(reply, self.clock.now())
