"""The stand-in of UPS: Tracking API v1 with OAuth, as far as the agent uses it. Sources: see integrations/carriers/ups.py."""

import base64
from http import HTTPStatus

from supplier_agent.sandbox.carriers.depot import CONSIGNEE, Depot
from supplier_agent.sandbox.faults import Answer, Request, json_answer

CLIENT, SECRET = "ups-client", "ups-secret"
BASE = "/api/track/v1/details/"


class UpsDesk:
    """UPS."""

    def __init__(self, depot: Depot) -> None:
        self.depot = depot

    @property
    def credentials(self) -> str:
        """Client id and secret."""
        return f"{CLIENT}\n{SECRET}"

    def answer(self, request: Request, path: str) -> Answer:
        """Answer POST /security/v1/oauth/token and GET /api/track/v1/details/CODE."""
        if (request.method, path) == ("POST", "/security/v1/oauth/token"):
            expected = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
            if request.headers.get("authorization") != f"Basic {expected}":
                return _error(HTTPStatus.UNAUTHORIZED, "10401", "ClientId is Invalid")
            if request.body != b"grant_type=client_credentials":
                return _error(HTTPStatus.BAD_REQUEST, "10400", "Invalid/Missing grant_type")
            seconds = str(int(self.depot.semantics.token_seconds))
            grant = {"token_type": "Bearer", "access_token": self.depot.grant(), "expires_in": seconds}
            return json_answer(HTTPStatus.OK, {**grant, "status": "approved"})
        if not self.depot.accepts(request):
            return _error(HTTPStatus.UNAUTHORIZED, "250002", "Invalid Authentication Information.")
        if request.method != "GET" or not path.startswith(BASE):
            return _error(HTTPStatus.NOT_FOUND, "404", "")
        if not request.headers.get("transid") or not request.headers.get("transactionsrc"):
            return _error(HTTPStatus.BAD_REQUEST, "VE0001", "Missing transId or transactionSrc")
        return self._parcel(path.removeprefix(BASE))

    def _parcel(self, code: str) -> Answer:
        self.depot.asked.append((code,))
        state = self.depot.state(code)
        if state == "unknown":
            return _error(HTTPStatus.NOT_FOUND, "TV1002", "Tracking number not found")
        at = self.depot.scanned_at()
        when = {"date": f"{at:%Y%m%d}", "time": f"{at:%H%M%S}", "gmtDate": f"{at:%Y%m%d}", "gmtTime": f"{at:%H:%M:%S}"}
        place = {"location": {"address": {"city": CONSIGNEE["town"]}}}
        activity = [{**when, **place, "status": {"type": "M", "code": "MP", "description": "Label created"}}]
        if state == "scanned":
            activity.insert(0, {**when, **place, "status": {"type": "I", "code": "OR", "description": "Origin Scan"}})
        package = {
            "trackingNumber": code,
            "activity": activity,
            "packageAddress": [{"type": "DESTINATION", "name": CONSIGNEE["name"], "attentionName": CONSIGNEE["name"]}],
            "deliveryInformation": {
                "receivedBy": CONSIGNEE["name"],
                "signature": {"image": CONSIGNEE["signature"]},
            },
        }
        shipment = {"inquiryNumber": code, "package": [package]}
        return json_answer(HTTPStatus.OK, {"trackResponse": {"shipment": [shipment]}})


def _error(status: int, code: str, message: str) -> Answer:
    error = {"code": code, "message": message}
    return json_answer(status, {"response": {"errors": [error] if message else []}})
