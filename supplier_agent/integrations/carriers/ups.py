"""UPS: Tracking API v1 (`GET /api/track/v1/details/{inquiryNumber}`), with OAuth client credentials.

Sources: UPS's own OpenAPI documents (github.com/UPS-API/api-documentation: Tracking.yaml, OAuthClientCredentials.yaml) for paths,
headers, fields and statuses; the appendix at developer.ups.com for the activity types (M: shipment information received). UPS
publishes no figures for its rate limits; 429 is honoured. A number without data is 404 with `response.errors`, or 200 with a
warning.
"""

import base64
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from supplier_agent.integrations.carriers.protocol import MOST_EVENTS, Request, event_code, last_of, object_of, objects
from supplier_agent.integrations.reading import AnswerError, parsed
from supplier_agent.marketplace.wire import Answer
from supplier_agent.reading.scans import LastScan
from supplier_agent.settings.tokens import JOINT

ANNOUNCED = frozenset({"M", "MV"})
"""The types of activities before UPS has the parcel: a manifest from the sender, and its withdrawal."""
NO_DATA = "TW0001"
"""The warning of a shipment that UPS knows nothing about."""
SOURCE = "supplier-agent"


class Ups:
    """The requests of UPS, and what its answers mean."""

    API = "UPS Tracking API v1"
    LIMITS = "UPS publishes no figures"
    AT_ONCE = 1

    def ask(self, codes: Sequence[str], secret: str) -> Request:
        """Ask about one number, without signature, photo and proof of delivery, which name the consignee."""
        headers = {"Authorization": f"Bearer {secret}", "transId": secrets.token_hex(16), "transactionSrc": SOURCE}
        return Request(
            "GET", f"/api/track/v1/details/{quote(codes[0], safe='')}?locale=en_US&returnSignature=false", headers
        )

    def read(self, answer: Answer, codes: Sequence[str]) -> tuple[LastScan, ...] | None:
        """Return the last scan. Used: type, code, date and time (GMT, if given) of package[].activity[]."""
        if answer.status == HTTPStatus.NOT_FOUND:
            response = object_of(object_of(parsed(answer), "response").get("response"), "response")
            if not objects(response.get("errors")):
                raise AnswerError("HTTP 404, but not the documented one for an unknown number")
            return (LastScan(codes[0], is_known=False),)
        if answer.status != HTTPStatus.OK:
            return None
        tracked = object_of(object_of(parsed(answer), "trackResponse").get("trackResponse"), "trackResponse")
        shipments = objects(tracked.get("shipment"))
        if not shipments:
            raise AnswerError("the answer has no shipment")
        packages = [package for each in shipments for package in objects(each.get("package"))]
        warnings = [warning.get("code") for each in shipments for warning in objects(each.get("warnings"))]
        if not packages:
            if NO_DATA not in warnings:
                raise AnswerError("the answer has no package")
            return (LastScan(codes[0], is_known=False),)
        mine = [each for each in packages if str(each.get("trackingNumber", "")).upper() == codes[0]] or packages[:1]
        activities = [activity for each in mine for activity in objects(each.get("activity"))[:MOST_EVENTS]]
        return (last_of(codes[0], [_event(each) for each in activities if _is_scan(each)]),)

    def sign_in(self, credentials: str) -> Request | None:
        """Return the request of the client-credentials grant, with id and secret as HTTP Basic."""
        client, _, secret = credentials.partition(JOINT)
        basic = base64.b64encode(f"{client}:{secret}".encode()).decode()
        headers = {"Authorization": f"Basic {basic}", "Content-Type": "application/x-www-form-urlencoded"}
        return Request("POST", "/security/v1/oauth/token", headers, b"grant_type=client_credentials")


def _status(activity: Mapping[str, Any]) -> Mapping[str, Any]:
    status = activity.get("status")
    return status if isinstance(status, dict) else {}


def _is_scan(activity: Mapping[str, Any]) -> bool:
    kind = _status(activity).get("type")
    return isinstance(kind, str) and kind != "" and kind not in ANNOUNCED


def _event(activity: Mapping[str, Any]) -> tuple[datetime | None, str | None]:
    given = (activity.get("gmtDate") or activity.get("date"), activity.get("gmtTime") or activity.get("time"))
    digits = "".join(each for part in given for each in str(part or "") if each.isascii() and each.isdecimal())
    try:
        at = datetime.strptime(digits, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        at = None
    return at, event_code(_status(activity).get("code"))
