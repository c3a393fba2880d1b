"""Signed webhooks, as Standard Webhooks describes them: an HMAC of id, time and body proves who sent it, and when."""

import base64
import binascii
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from supplier_agent.base.standard_webhooks import VERSION, signature
from supplier_agent.web.api.problems import Refused

TOLERANCE = timedelta(minutes=5)
LONGEST_ID = 200
MOST_SIGNATURES = 10


def fault(headers: Mapping[str, str], body: bytes, secrets: Sequence[bytes], now: datetime) -> str:
    """Return why a webhook is not accepted, as a code; "" if one of the secrets signed it within five minutes of now.

    Codes: header_missing, id_wrong, time_wrong, too_old, too_new, signature_wrong. Takes the same time for every signature.
    """
    name, at = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    signed = headers.get("webhook-signature", "")
    if not (name and at and signed):
        return "header_missing"
    if len(name) > LONGEST_ID or not (name.isascii() and name.isprintable()):
        return "id_wrong"
    if not (at.isascii() and at.isdecimal() and len(at) <= 12):  # noqa: PLR2004 - seconds of the next 30000 years
        return "time_wrong"
    age = now.timestamp() - int(at)
    if abs(age) > TOLERANCE.total_seconds():
        return "too_old" if age > 0 else "too_new"
    given = [_decoded(each) for each in signed.split()[:MOST_SIGNATURES]]
    right = [signature(secret, name, at, body) for secret in secrets]
    matches = [hmac.compare_digest(each, expected) for each in given for expected in right]
    return "" if any(matches) else "signature_wrong"


def _decoded(text: str) -> bytes:
    """Return the bytes of a signature; of another version or another text, none."""
    version, _, encoded = text.partition(",")
    try:
        return base64.b64decode(encoded, validate=True) if version == VERSION else b""
    except (binascii.Error, ValueError):
        return b""


WHY: Mapping[str, str] = {
    "header_missing": "send webhook-id, webhook-timestamp and webhook-signature",
    "id_wrong": "webhook-id has up to 200 visible ASCII characters",
    "time_wrong": "webhook-timestamp is the Unix time in seconds",
    "too_old": "it was signed more than five minutes ago",
    "too_new": "it was signed more than five minutes ahead of our clock",
    "signature_wrong": "its signature fits none of our secrets",
}


def refusal(code: str) -> Refused:
    """Return the refusal of a webhook."""
    return Refused("signature_wrong", WHY[code])
