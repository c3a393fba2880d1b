"""The stand-in of FedEx: Track API v1 with OAuth, as far as the agent uses it. Sources: see integrations/carriers/fedex.py."""

import json
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

from supplier_agent.sandbox.carriers.depot import CONSIGNEE, Depot
from supplier_agent.sandbox.faults import Answer, Request, json_answer

KEY, SECRET = "fedex-key", "fedex-secret"
MOST = 30


class FedExDesk:
    """FedEx."""

    def __init__(self, depot: Depot) -> None:
        self.depot = depot

    @property
    def credentials(self) -> str:
        """API key and secret key."""
        return f"{KEY}\n{SECRET}"

    def answer(self, request: Request, path: str) -> Answer:
        """Answer POST /oauth/token and POST /track/v1/trackingnumbers."""
        if request.method != "POST":
            return _error(HTTPStatus.METHOD_NOT_ALLOWED, "METHOD.NOT.ALLOWED")
        if path == "/oauth/token":
            form = dict(parse_qsl((request.body or b"").decode()))
            if form != {"grant_type": "client_credentials", "client_id": KEY, "client_secret": SECRET}:
                return _error(HTTPStatus.UNAUTHORIZED, "NOT.AUTHORIZED.ERROR")
            seconds = int(self.depot.semantics.token_seconds)
            grant = {"access_token": self.depot.grant(), "token_type": "bearer", "expires_in": seconds, "scope": "CXS"}
            return json_answer(HTTPStatus.OK, grant)
        if not self.depot.accepts(request):
            return _error(HTTPStatus.UNAUTHORIZED, "NOT.AUTHORIZED.ERROR")
        if path != "/track/v1/trackingnumbers":
            return _error(HTTPStatus.NOT_FOUND, "NOT.FOUND.ERROR")
        try:
            asked = json.loads(request.body or b"")["trackingInfo"]
            codes = tuple(each["trackingNumberInfo"]["trackingNumber"] for each in asked)
        except (ValueError, KeyError, TypeError):
            return _error(HTTPStatus.BAD_REQUEST, "TRACKING.REQUEST.INVALID")
        if not 1 <= len(codes) <= MOST:
            return _error(HTTPStatus.BAD_REQUEST, "TRACKING.DATA.NOTUNIQUE")
        self.depot.asked.append(codes)
        results = [{"trackingNumber": code, "trackResults": [self._result(code)]} for code in codes]
        return json_answer(HTTPStatus.OK, {"transactionId": "0", "output": {"completeTrackResults": results}})

    def _result(self, code: str) -> dict[str, Any]:
        state = self.depot.state(code)
        if state == "unknown":
            return {"error": {"code": "TRACKING.TRACKINGNUMBER.NOTFOUND", "message": "cannot be found"}}
        at = self.depot.scanned_at().isoformat(timespec="seconds")
        place = {"scanLocation": {"city": CONSIGNEE["town"], "streetLines": [CONSIGNEE["street"]]}}
        events = [{"date": at, "eventType": "OC", "eventDescription": "Shipment information sent to FedEx", **place}]
        if state == "scanned":
            events.insert(0, {"date": at, "eventType": "PU", "eventDescription": "Picked up", **place})
        return {
            "trackingNumberInfo": {"trackingNumber": code},
            "scanEvents": events,
            "recipientInformation": {"contact": {"personName": CONSIGNEE["name"]}},
            "deliveryDetails": {"receivedByName": CONSIGNEE["name"], "signedByName": CONSIGNEE["name"]},
        }


def _error(status: int, code: str) -> Answer:
    return json_answer(status, {"transactionId": "0", "errors": [{"code": code, "message": CONSIGNEE["name"]}]})
