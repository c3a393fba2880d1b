"""What an answer means. Pure: the table of the contract, read top to bottom, and the answer kept word for word."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx

from supplier_agent.marketplace.wire import Answer, Lost, NotSent, Reply, TooLarge

DETAIL_BYTES = 4096
READ_BYTES = 1 << 20  # of an answer that is shown; far more than is kept, so that the cut never shows half a secret
LONGEST_WAIT_SECONDS = 3600.0

# Control characters, and those that turn a line's direction or split it: a terminal or a log must not obey an answer.
_HOSTILE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]")


class Means(StrEnum):
    """What is known once a request ended."""

    CONFIRMED = "confirmed"  # the marketplace says that it is done
    UNVERIFIED = "unverified"  # accepted, without the documented `success`
    REFUSED = "refused"  # a person must look; the same request would be refused again
    NOT_FOUND = "not_found"
    TOKEN_REFUSED = "token_refused"  # noqa: S105 - a meaning
    TOO_MANY = "too_many"
    UNCLEAR = "unclear"  # an answer of which nothing follows
    FAILED = "failed"  # the server said that it failed; it may have done the work before
    LOST = "lost"  # sent, no whole answer
    NOT_SENT = "not_sent"
    TOO_LARGE = "too_large"  # reads only


@dataclass(frozen=True)
class Verdict:
    """The ending of a call. `detail` is the answer word for word, escaped, or our sentence where there is none.

    `http_status` is None where no answer came. `tries` counts the requests made for it.
    """

    means: Means
    detail: str
    http_status: int | None = None
    retry_after_seconds: float | None = None
    tries: int = 1


def verdict(reply: Reply, menzzo_order_id: str, now: datetime, secrets: Sequence[str] = ()) -> Verdict:
    """Judge the reply to acknowledge-sale or ship-sale for one order (contract.md, "What an answer means")."""
    return _judge(reply, now, secrets, lambda answer: _accepted(answer.body, menzzo_order_id))


def read_verdict(reply: Reply, now: datetime, secrets: Sequence[str] = ()) -> Verdict:
    """Judge the reply to a read that is not the 200 it should be."""
    found = _judge(reply, now, secrets, lambda _: Means.UNCLEAR)
    if isinstance(reply, TooLarge):
        return Verdict(Means.TOO_LARGE, found.detail)
    return found


def in_words(body: bytes, secrets: Sequence[str] = ()) -> str:
    """Return a body as text for people: secrets taken out, nothing that a terminal obeys, at most 4096 bytes."""
    text = body[:READ_BYTES].decode("utf-8", "backslashreplace")
    for secret in filter(None, secrets):
        for spelling in (secret, secret.replace("/", "\\/"), quote(secret, safe="")):
            text = text.replace(spelling, "[token]")
    text = _HOSTILE.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), text[:DETAIL_BYTES])
    return text.encode()[:DETAIL_BYTES].decode("utf-8", "ignore")


def _judge(reply: Reply, now: datetime, secrets: Sequence[str], accepted: Callable[[Answer], Means]) -> Verdict:
    match reply:
        case NotSent(reason):
            return Verdict(Means.NOT_SENT, reason)
        case Lost(reason):
            return Verdict(Means.LOST, reason)
        case TooLarge(limit_bytes):
            return Verdict(Means.UNCLEAR, f"the answer is longer than {limit_bytes} bytes")
        case Answer(status, headers, body):
            means = accepted(reply) if HTTPStatus(200) <= status < HTTPStatus(300) else _by_status(status)
            redirected = 300 <= status < 400  # noqa: PLR2004 - the class of redirects
            return Verdict(
                means,
                _redirect(headers) if redirected else in_words(body, secrets),
                status,
                retry_after(headers.get("retry-after"), now) if status in {429, 503} else None,
            )


def _by_status(status: int) -> Means:
    match status:
        case 401 | 403:
            return Means.TOKEN_REFUSED
        case 404:
            return Means.NOT_FOUND
        case 429:
            return Means.TOO_MANY
        case 408 | 425:  # the server had not read the request, or not dared to: no judgement on this order
            return Means.FAILED
        case _ if 300 <= status < 500:  # noqa: PLR2004 - redirects and client errors
            return Means.REFUSED
        case _ if 500 <= status < 600:  # noqa: PLR2004 - server errors
            return Means.FAILED
        case _:
            return Means.UNCLEAR


def _accepted(body: bytes, menzzo_order_id: str) -> Means:
    """Judge the body of a 2xx."""
    if not body.strip():
        return Means.UNVERIFIED
    try:
        told = json.loads(body.decode("utf-8-sig"), parse_constant=_refuse, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        return Means.UNCLEAR
    if not isinstance(told, dict):
        return Means.UNCLEAR
    wrong = told.get("success") is False or bool(told.get("error"))
    right = told.get("success") is True
    if wrong:
        return Means.UNCLEAR if right else Means.REFUSED
    if _names_another(told, menzzo_order_id):
        return Means.UNCLEAR
    if right:
        return Means.CONFIRMED
    return Means.UNCLEAR if "success" in told else Means.UNVERIFIED


def _names_another(told: Mapping[str, Any], menzzo_order_id: str) -> bool:
    """Whether the answer names an order, and it is not ours: then it answers another request."""
    for part in (told, told.get("data"), told.get("sale")):
        named = part.get("menzzo_order_id") if isinstance(part, dict) else None
        if named is not None and named != menzzo_order_id:
            return True
    return False


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build an object; one that says a thing twice says nothing."""
    told = dict(pairs)
    if len(told) < len(pairs):
        raise ValueError
    return told


def retry_after(value: str | None, now: datetime) -> float | None:
    """Return the seconds that Retry-After asks for (RFC 9110, 10.2.3), from 1 to 3600; None if it cannot be read."""
    if value is None:
        return None
    value = value.strip()
    if re.fullmatch(r"-?[0-9]+", value, re.ASCII):
        seconds = float(value)  # "inf" for thousands of digits; the clamp takes both
    else:
        try:
            at = parsedate_to_datetime(value)
            seconds = ((at if at.tzinfo else at.replace(tzinfo=UTC)) - now).total_seconds()
        except (ValueError, TypeError, IndexError, OverflowError):
            return None
    return min(max(seconds, 1.0), LONGEST_WAIT_SECONDS)


def _redirect(headers: Mapping[str, str]) -> str:
    """Say where a redirect pointed: the host alone, for the rest may hold a signature."""
    try:
        host = httpx.URL(headers.get("location", "")).raw_host.decode("ascii")
    except (httpx.InvalidURL, ValueError):
        host = ""
    return f"a redirect to {in_words(host.encode()) or 'the same host'}, which is never followed"
