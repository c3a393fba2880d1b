"""The stand-in of DHL: Shipment Tracking - Unified, as far as the agent uses it. Sources: see integrations/carriers/dhl.py."""

from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit

from supplier_agent.sandbox.carriers.depot import CONSIGNEE, Depot
from supplier_agent.sandbox.faults import Answer, Request, json_answer

KEY = "dhl-sandbox"


class DhlDesk:
    """DHL."""

    def __init__(self, depot: Depot) -> None:
        self.depot = depot

    @property
    def credentials(self) -> str:
        """The key."""
        return KEY

    def answer(self, request: Request, path: str) -> Answer:
        """Answer GET /track/shipments?trackingNumber=CODE."""
        if request.headers.get("dhl-api-key") != KEY:
            return _problem(HTTPStatus.UNAUTHORIZED, "Unauthorized")
        code = parse_qs(urlsplit(request.target).query).get("trackingNumber", [""])[0]
        if request.method != "GET" or path != "/track/shipments" or not code:
            return _problem(HTTPStatus.BAD_REQUEST, "Bad Request")
        self.depot.asked.append((code,))
        state = self.depot.state(code)
        if state == "unknown":
            return _problem(HTTPStatus.NOT_FOUND, "No result found")
        at = self.depot.scanned_at().isoformat(timespec="seconds")
        events = [{"timestamp": at, "statusCode": "pre-transit", "status": "announced"}]
        if state == "scanned":
            events.insert(0, {"timestamp": at, "statusCode": "transit", "status": "picked up"})
        shipment = {
            "id": code,
            "service": "parcel-de",
            "destination": {"address": {"addressLocality": CONSIGNEE["town"], "streetAddress": CONSIGNEE["street"]}},
            "status": {**events[0], "description": f"for {CONSIGNEE['name']}"},
            "details": {
                "receiver": {"name": CONSIGNEE["name"]},
                "proofOfDelivery": {"signatureUrl": CONSIGNEE["signature"]},
            },
            "events": events,
        }
        return json_answer(HTTPStatus.OK, {"shipments": [shipment]})


def _problem(status: int, title: str) -> Answer:
    return json_answer(status, {"title": title, "status": int(status), "detail": f"for {CONSIGNEE['name']}"})
