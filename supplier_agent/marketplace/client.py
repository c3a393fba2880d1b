"""One supplier's account at the marketplace: the four requests of its API, each with a value as its result.

Only reads are retried here, for a few seconds. The outbox decides when any other request is made again.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus

import httpx
from tenacity import RetryCallState, Retrying, retry_if_result, stop_after_attempt, wait_chain, wait_fixed

from supplier_agent.base.clock import Clock
from supplier_agent.base.errors import AgentError
from supplier_agent.marketplace import LabelBytes, Listing, Means, Verdict
from supplier_agent.marketplace.answers import in_words, read_verdict, verdict
from supplier_agent.marketplace.connections import Deadline
from supplier_agent.marketplace.links import BadLink, Target, allowed, follow
from supplier_agent.marketplace.listing import Rejected, Seen, Unreadable, parse_rows
from supplier_agent.marketplace.masking import Mask, in_prose
from supplier_agent.marketplace.rate_limit import Pace
from supplier_agent.marketplace.wire import Answer, Reply, TooLarge, Wire
from supplier_agent.reading.strategy import Query

MOST_DIGITS = 9
LONGEST = timedelta(days=3660)


def age_seconds(headers: Mapping[str, str]) -> int | None:
    """Return the seconds of the header `Age` (RFC 9111, 5.1); None if it is missing or unreadable."""
    text = headers.get("age", "").strip()
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= MOST_DIGITS else None


def ahead_seconds(headers: Mapping[str, str], now: datetime) -> int | None:
    """Return the server's clock minus ours, by the header `Date`; None if it is missing or unreadable.

    A cache keeps the `Date` at which it stored the answer, so the answer's age is added.
    """
    try:
        at = parsedate_to_datetime(headers.get("date", ""))
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    stored = timedelta(seconds=age_seconds(headers) or 0)
    ahead = (at if at.tzinfo else at.replace(tzinfo=UTC)) - now + stored
    return round(ahead.total_seconds()) if abs(ahead) < LONGEST else None


LISTING_BYTES = 16 << 20
ANSWER_BYTES = 1 << 20
READ_TRIES = 3
MOST_HOPS = 3
NOT_READY = {HTTPStatus.ACCEPTED, HTTPStatus.NO_CONTENT, HTTPStatus.NOT_FOUND, HTTPStatus.TOO_EARLY}
REDIRECTS = {301, 302, 303, 307, 308}
READ_AGAIN = {Means.NOT_SENT, Means.LOST, Means.FAILED}


@dataclass(frozen=True, eq=False)
class Marketplace:
    """One supplier's account. Every request waits for the supplier's rate limit.

    `token` is called before each request, so that a new token is used at once. `stopping` returns True to end the retries of a
    read. `heard` is called in the worker's thread, with the seconds that an answer took on the network.
    """

    supplier: str
    base_url: str
    token: Callable[[], str]
    wire: Wire
    pace: Pace
    max_label_bytes: int
    label_origins: Sequence[str]
    clock: Clock
    stopping: Callable[[], bool]
    heard: Callable[[float], None] = lambda _seconds: None
    mask: Mask | None = None  # of the listed entries; None: only their documented fields are kept

    def get_sales(self, query: Query) -> Listing | Verdict:
        """GET /api/{supplier}/get-sales: one page (API notes, 2 and 3).

        Documented: the parameters and the fields of a row. Not documented: page size, order, the end of the pages,
        errors. Tried up to three times, 1 s and 2 s apart, if no answer came or the server failed.
        """
        retrying = Retrying(
            sleep=self.clock.sleep,
            stop=lambda state: self.stopping() or stop_after_attempt(READ_TRIES)(state),
            wait=wait_chain(wait_fixed(1), wait_fixed(2)),
            retry=retry_if_result(_worth_reading_again),
            retry_error_callback=_last_result,
        )
        ending = retrying(self._read, query)
        return replace(ending, tries=retrying.statistics["attempt_number"])

    def post(self, endpoint: str, menzzo_order_id: str, fields: Mapping[str, object] | None = None) -> Verdict:
        """POST /api/{supplier}/{endpoint}, once: acknowledge-sale and ship-sale (API notes, 4 and 5).

        Documented: the body of these two, and `success` in the answer (by the sample code). Not documented: the rest of
        the answer, errors, and idempotency.
        """
        token = self._token()
        if isinstance(token, Verdict):
            return token
        headers = {
            "Authorization": f"Bearer {token}",
            "Accept": "application/json",
            "Content-Type": "application/json",
        }
        content = json.dumps({"menzzo_order_id": menzzo_order_id, **(fields or {})}).encode()
        reply = self._send("POST", self._endpoint(endpoint), headers, ANSWER_BYTES, content)
        return verdict(reply, menzzo_order_id, self.clock.now(), [token])

    def fetch_label(self, link: str) -> LabelBytes | Verdict:
        """GET the file to which `link_to_label` points (API notes, 6).

        Not documented: whether the token is needed, how long a link is valid, what the answer is before the label is ready.
        The token is sent to the marketplace's own origin only. Up to three redirects are followed, each checked like the link,
        with one deadline for all requests.
        """
        deadline = self.wire.deadline()
        step = allowed(link, self.base_url, self.label_origins)
        for tries in range(1, MOST_HOPS + 2):
            if isinstance(step, BadLink):
                return Verdict(Means.REFUSED, step.reason, tries=tries - 1)
            ending = self._hop(step, deadline)
            if not isinstance(ending, str):
                return replace(ending, tries=tries)
            step = follow(step.url, ending, self.base_url, self.label_origins)
        return Verdict(Means.REFUSED, f"the label's link redirects more than {MOST_HOPS} times", tries=MOST_HOPS + 1)

    def _hop(self, target: Target, deadline: Deadline) -> LabelBytes | Verdict | str:
        """Request a label once; return the ending, or the Location to follow."""
        token = self._token()
        if isinstance(token, Verdict):
            return token
        headers = {"Authorization": f"Bearer {token}"} if target.with_token else {}
        reply = self._send("GET", target.url, headers, self.max_label_bytes, deadline=deadline)
        if isinstance(reply, TooLarge):
            return Verdict(Means.REFUSED, f"the label is larger than max_label_bytes in [http] ({reply.limit_bytes})")
        found = read_verdict(reply, self.clock.now(), [token])
        if not isinstance(reply, Answer):
            return found
        if reply.status == HTTPStatus.OK:
            return LabelBytes(reply.body, target.url.path)
        if reply.status in REDIRECTS and "location" in reply.headers:
            return reply.headers["location"]
        # Without a token, a 403 is not about the token: file servers answer so for links that have expired or are not ready.
        unripe = found.means is Means.TOKEN_REFUSED and not target.with_token
        return replace(found, means=Means.NOT_FOUND) if unripe or reply.status in NOT_READY else found

    def _read(self, query: Query) -> Listing | Verdict:
        token = self._token()
        if isinstance(token, Verdict):
            return token
        url = self._endpoint("get-sales").copy_merge_params(tuple(query.params()))
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        reply = self._send("GET", url, headers, LISTING_BYTES)
        if not isinstance(reply, Answer) or reply.status != HTTPStatus.OK:
            return self._masked(read_verdict(reply, self.clock.now(), [token]))
        rows = parse_rows(reply.body, self.mask, [token])
        if isinstance(rows, Unreadable):
            told = self._masked(Verdict(Means.UNCLEAR, in_words(reply.body, [token]), reply.status))
            return replace(told, detail=f"{rows.reason}. The answer: {told.detail}")
        return Listing(
            rows,
            reply.status,
            _hash_of(reply.body, rows),
            age_seconds=age_seconds(reply.headers),
            ahead_seconds=ahead_seconds(reply.headers, self.clock.now()),
        )

    def _masked(self, failed: Verdict) -> Verdict:
        """Return how a read failed. Its answer may be a part of the list."""
        return failed if self.mask is None else replace(failed, detail=in_prose(self.mask, failed.detail))

    def _send(
        self,
        method: str,
        url: httpx.URL,
        headers: Mapping[str, str],
        limit_bytes: int,
        content: bytes | None = None,
        deadline: Deadline | None = None,
    ) -> Reply:
        return self.wire.exchange_in_turn(
            method,
            url,
            headers=headers,
            content=content,
            limit_bytes=limit_bytes,
            wait_turn=self.pace.wait_turn,
            heard=self.heard,
            deadline=deadline,
        )

    def _endpoint(self, name: str) -> httpx.URL:
        return httpx.URL(f"{self.base_url.rstrip('/')}/api/{self.supplier}/{name}")

    def _token(self) -> str | Verdict:
        """Return the token. If it cannot be read, nothing is sent, and the result is the same as for a refused token."""
        try:
            return self.token()
        except AgentError as error:
            return Verdict(Means.TOKEN_REFUSED, error.what)


def _hash_of(body: bytes, rows: Sequence[Seen | Rejected]) -> str:
    """Return the hash of an answer. If anything in it is masked, that of the masked entries.

    The hash of a short page would give away a telephone number in it to anyone who tries them all.
    """
    entries = [row.entry for row in rows if row.entry is not None]
    if any(entry.is_masked for entry in entries):
        body = "\n".join(entry.text for entry in entries).encode()
    return hashlib.sha256(body).hexdigest()


def _worth_reading_again(ending: Listing | Verdict) -> bool:
    return isinstance(ending, Verdict) and ending.means in READ_AGAIN and ending.retry_after_seconds is None


def _last_result(state: RetryCallState) -> Listing | Verdict:
    """Return the result of the last try. Without this, tenacity would raise an error."""
    assert state.outcome is not None  # noqa: S101 - tenacity calls this after a try
    ending: Listing | Verdict = state.outcome.result()
    return ending
