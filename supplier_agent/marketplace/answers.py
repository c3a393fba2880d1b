"""Interprets answers, as docs/reference/public-contract.md describes. Pure. The answer is kept word for word."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx

from supplier_agent.marketplace import Means, Verdict
from supplier_agent.marketplace.wire import Answer, Lost, NotSent, Reply, TooLarge

DETAIL_BYTES = 4096
READ_BYTES = 1 << 20  # of an answer that is shown; far more than is kept, so that cutting never leaves half a secret
LONGEST_WAIT_SECONDS = 3600.0

AFFIRMS = (True, "true", "success")  # and 1, which equals true
DENIES = (False, "false", "0")  # and 0
FAILURES = {"error", "failure", "failed"}
_ORDER_ID = re.compile(r"[0-9]+_[0-9]+", re.ASCII)

# Control characters, and characters that change a line's direction or split it. An answer must not control a terminal or a log.
_HOSTILE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]")


def verdict(
    reply: Reply, menzzo_order_id: str, now: datetime, secrets: Sequence[str] = (), *, always_success: bool = False
) -> Verdict:
    """Judge the reply to acknowledge-sale or ship-sale for one order (public contract, "What an answer means").

    `always_success`: this supplier's answers always have `success`, so an answer without it is unclear.
    """
    return _judge(
        reply, now, secrets, lambda answer: _accepted(answer.body, menzzo_order_id, always_success=always_success)
    )


def plain_verdict(reply: Reply, now: datetime, secrets: Sequence[str] = ()) -> Verdict:
    """Judge the reply of a receiver that is not the marketplace: any 2xx means that the call arrived, whatever the body says."""
    return _judge(reply, now, secrets, lambda _: Means.CONFIRMED)


def read_verdict(reply: Reply, now: datetime, secrets: Sequence[str] = ()) -> Verdict:
    """Judge the reply to a read, if it is not a 200."""
    found = _judge(reply, now, secrets, lambda _: Means.UNCLEAR)
    if isinstance(reply, TooLarge):
        return Verdict(Means.TOO_LARGE, found.detail)
    return found


def bare_verdict(reply: Reply, now: datetime) -> Verdict:
    """Judge a reply that is no success, without a byte of its body: it may name a customer. A 2xx is unclear."""
    found = plain_verdict(replace(reply, body=b"") if isinstance(reply, Answer) else reply, now)
    if found.means is Means.CONFIRMED:
        return Verdict(Means.UNCLEAR, f"HTTP {found.http_status}", found.http_status)
    return found if found.detail else replace(found, detail=f"HTTP {found.http_status}")


def in_words(body: bytes, secrets: Sequence[str] = ()) -> str:
    """Return a body as text for people: without secrets or control characters, at most 4096 bytes."""
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
            if means is Means.REDIRECTED:
                host = redirect_host(headers)
                return Verdict(means, f"a redirect to {host}, which is never followed", status, redirected_to=host)
            wait = retry_after(headers.get("retry-after"), now) if status in {429, 503} else None
            return Verdict(means, in_words(body, secrets), status, wait)


def _by_status(status: int) -> Means:
    match status:
        case 401 | 403:
            return Means.TOKEN_REFUSED
        case 404:
            return Means.NOT_FOUND
        case 429:
            return Means.TOO_MANY
        case 408 | 425:  # the server did not read or did not accept the request, which is not about this order
            return Means.FAILED
        case _ if 300 <= status < 400:  # noqa: PLR2004 - redirects
            return Means.REDIRECTED
        case _ if 400 <= status < 500:  # noqa: PLR2004 - client errors
            return Means.REFUSED
        case _ if 500 <= status < 600:  # noqa: PLR2004 - server errors
            return Means.FAILED
        case _:
            return Means.UNCLEAR


def _accepted(body: bytes, menzzo_order_id: str, *, always_success: bool) -> Means:
    """Judge the body of a 2xx, by the first rule that applies.

    1. Empty: unverified.
    2. Not a JSON object, a key given twice, or about another order: unclear.
    3. `success` is neither a yes nor a no: unclear.
    4. It denies: refused; but unclear if it also affirms, or if only a deeper part of it denies.
    5. It affirms: confirmed. Otherwise: unverified.
    """
    without_a_word = Means.UNCLEAR if always_success else Means.UNVERIFIED
    if not body.strip():
        return without_a_word
    try:
        said = json.loads(body.decode("utf-8-sig"), parse_constant=_refuse, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        return Means.UNCLEAR
    if not isinstance(said, dict) or _names_another(said, menzzo_order_id):
        return Means.UNCLEAR
    affirms, denies = said.get("success") in AFFIRMS, _denies(said)
    if "success" in said and not affirms and said["success"] not in DENIES:
        return Means.UNCLEAR
    if denies:
        return Means.UNCLEAR if affirms else Means.REFUSED
    if _denies_deeper(said):
        return Means.UNCLEAR
    return Means.CONFIRMED if affirms else without_a_word


def _denies(said: Mapping[str, Any]) -> bool:
    return (
        ("success" in said and said["success"] in DENIES)
        or bool(said.get("error"))
        or bool(said.get("errors"))
        or (isinstance(said.get("status"), str) and said["status"].strip().casefold() in FAILURES)
        or any(_is_error_code(said.get(name)) for name in ("code", "statusCode"))
    )


def _is_error_code(value: object) -> bool:
    """Tell whether a value is an HTTP status that denies, as a number or as text."""
    if isinstance(value, str) and re.fullmatch(r"\s*[45][0-9]{2}\s*", value, re.ASCII):
        value = int(value)
    return isinstance(value, int | float) and 400 <= value < 600  # noqa: PLR2004 - client and server errors


def _denies_deeper(said: Mapping[str, Any]) -> bool:
    """Tell whether a part of the answer denies although its top level does not. Then the answer is unclear."""
    return any(isinstance(part, dict) and part is not said and _denies(part) for part in _parts(said))


def _parts(said: object) -> Iterator[object]:
    """Yield every value of the answer, at any depth: objects, arrays, their keys and values. Without recursion."""
    waiting = [said]
    while waiting:
        part = waiting.pop()
        yield part
        if isinstance(part, dict):
            waiting += part  # the keys
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part


def _names_another(said: Mapping[str, Any], menzzo_order_id: str) -> bool:
    """Tell whether the answer is about another order. With our id in it, other lines of the same customer's order do not count."""
    own = re.compile(rf"(?<![0-9A-Za-z_-]){re.escape(menzzo_order_id)}(?![0-9A-Za-z_-])", re.ASCII)
    parts = list(_parts(said))
    named_too = any(isinstance(part, str) and own.search(part) for part in parts)
    siblings = menzzo_order_id.rpartition("_")[0] + "_"
    for part in parts:
        if not isinstance(part, dict):
            continue
        for named in _under(part, ("menzzo_order_id",)):
            if named != menzzo_order_id and not (named_too and named.startswith(siblings)):
                return True
        if not named_too and any(_ORDER_ID.fullmatch(named) for named in _under(part, ("id", "order_id", "order"))):
            return True
    return False


def _under(part: Mapping[str, Any], names: Sequence[str]) -> Iterator[str]:
    """Yield the ids that an object has under these keys, alone or in an array, as text."""
    for name in names:
        value = part.get(name)
        for each in value if isinstance(value, list) else (value,):
            if each and isinstance(each, str | int | float):  # null, "" and false name nothing
                yield str(each)


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build an object. Raises ValueError if a key occurs twice."""
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


def redirect_host(headers: Mapping[str, str]) -> str:
    """Return the host of a redirect; the rest may contain a signature."""
    try:
        host = httpx.URL(headers.get("location", "")).raw_host.decode("ascii")
    except (httpx.InvalidURL, ValueError):
        host = ""
    return in_words(host.encode()) or "the same host"
