"""FedEx: Track API v1 (`POST /track/v1/trackingnumbers`), with OAuth client credentials.

Sources: developer.fedex.com, Track API (Track by Tracking Number: up to 30 numbers in one request), API Authorization, and the
guide to quotas and rate limits: 100,000 requests a day for each project by default, 1,400 in ten seconds, and a block of the
address after too many requests for access tokens. Both quotas answer 429; the daily one ends at 00:00 UTC. The request is a POST,
but it only reads, so it may be repeated.
"""

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from supplier_agent.integrations.carriers.protocol import (
    MOST_EVENTS,
    Request,
    by_code,
    event_code,
    last_of,
    object_of,
    objects,
)
from supplier_agent.integrations.reading import AnswerError, instant_of, parsed
from supplier_agent.marketplace.wire import Answer
from supplier_agent.reading.scans import LastScan
from supplier_agent.settings.tokens import JOINT

ANNOUNCED = frozenset({"OC", "CA", "IN"})
"""Types of events before FedEx has the parcel: information sent to FedEx (OC, IN), or the shipment cancelled (CA)."""
NOT_FOUND = "TRACKING.TRACKINGNUMBER.NOTFOUND"
"""The error of a number that FedEx does not know."""


class FedEx:
    """The requests of FedEx, and what its answers mean."""

    API = "FedEx Track API v1"
    LIMITS = "100,000 requests a day for each project by default, 1,400 in ten seconds"
    AT_ONCE = 30

    def ask(self, codes: Sequence[str], secret: str) -> Request:
        """Ask about up to 30 numbers, with their events."""
        numbers = [{"trackingNumberInfo": {"trackingNumber": code}} for code in codes]
        body = {"includeDetailedScans": True, "trackingInfo": numbers}
        headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/json", "X-locale": "en_US"}
        return Request("POST", "/track/v1/trackingnumbers", headers, json.dumps(body).encode())

    def read(self, answer: Answer, codes: Sequence[str]) -> tuple[LastScan, ...] | None:
        """Return the last scans. Used: trackingNumber, error.code, and eventType and date of scanEvents."""
        if answer.status != HTTPStatus.OK:
            return None
        output = object_of(object_of(parsed(answer), "output").get("output"), "output")
        found = {}
        for each in objects(output.get("completeTrackResults")):
            number = str(each.get("trackingNumber", "")).upper()
            found[number] = _of(number, objects(each.get("trackResults")))
        return by_code(codes, found)

    def sign_in(self, credentials: str) -> Request | None:
        """Return the request of the client-credentials grant, with key and secret in the form."""
        key, _, secret = credentials.partition(JOINT)
        form = urlencode({"grant_type": "client_credentials", "client_id": key, "client_secret": secret})
        return Request("POST", "/oauth/token", {"Content-Type": "application/x-www-form-urlencoded"}, form.encode())


def _of(number: str, results: Sequence[Mapping[str, Any]]) -> LastScan:
    if not results:
        raise AnswerError("a number has no trackResults")
    errors = [error.get("code") for each in results for error in objects([each.get("error")])]
    if NOT_FOUND in errors:
        return LastScan(number, is_known=False)
    if errors:
        raise AnswerError("FedEx reports an error about a number")
    events = [event for each in results for event in objects(each.get("scanEvents"))[:MOST_EVENTS]]
    kinds = [(instant_of(event.get("date")), event_code(event.get("eventType"))) for event in events]
    return last_of(number, [(at, kind) for at, kind in kinds if kind and kind not in ANNOUNCED])
