"""The stand-in of La Poste: Suivi v2, as far as the agent uses it. Sources: see integrations/carriers/laposte.py."""

from http import HTTPStatus
from typing import Any

from supplier_agent.sandbox.carriers.depot import CONSIGNEE, Depot
from supplier_agent.sandbox.faults import Answer, Request, json_answer

KEY = "okapi-sandbox"
BASE = "/suivi/v2/idships/"
MOST, SHORTEST, LONGEST = 10, 11, 15


class LaPosteDesk:
    """La Poste."""

    def __init__(self, depot: Depot) -> None:
        self.depot = depot

    @property
    def credentials(self) -> str:
        """The key."""
        return KEY

    def answer(self, request: Request, path: str) -> Answer:
        """Answer GET /suivi/v2/idships/CODE[,CODE…]."""
        if request.headers.get("x-okapi-key") != KEY:
            return json_answer(HTTPStatus.UNAUTHORIZED, {"code": "UNAUTHORIZED", "message": "unknown X-Okapi-Key"})
        if request.method != "GET" or not path.startswith(BASE):
            return json_answer(HTTPStatus.NOT_FOUND, {"code": "RESOURCE_NOT_FOUND", "message": "no such resource"})
        codes = tuple(path.removeprefix(BASE).split(","))
        self.depot.asked.append(codes)
        if len(codes) > MOST:
            return json_answer(HTTPStatus.BAD_REQUEST, {"code": "BAD_REQUEST", "message": "at most 10 idships"})
        items = [self._item(code) for code in codes]
        if len(items) > 1:
            return json_answer(HTTPStatus.MULTI_STATUS, items)
        status = items[0]["returnCode"]
        if status == HTTPStatus.NOT_FOUND and self.depot.semantics.plain_404:
            return Answer(HTTPStatus.NOT_FOUND, b"<html>404 Not Found</html>", (("Content-Type", "text/html"),))
        return json_answer(status, items[0])

    def _item(self, code: str) -> dict[str, Any]:
        head = {"lang": "en_GB", "scope": "open", "idShip": code}
        if not SHORTEST <= len(code) <= LONGEST:
            return {"returnCode": 400, "returnMessage": "This number has not the form of one", **head}
        state = self.depot.state(code)
        if state == "unknown":
            return {"returnCode": 404, "returnMessage": "This number is not known", **head}
        events = [{"order": 1, "code": "DR1", "label": f"Announced for {CONSIGNEE['name']}", "date": self._date()}]
        if state == "scanned":
            events.insert(0, {"order": 2, "code": "PC1", "label": "Taken over", "date": self._date()})
        shipment = {
            "idShip": code,
            "product": "colissimo",
            "isFinal": False,
            "event": events,
            "contextData": {"removalPoint": CONSIGNEE, "arrivalCountry": "FR"},
            "timeline": [],
        }
        return {"returnCode": 200, **head, "shipment": shipment}

    def _date(self) -> str:
        return self.depot.scanned_at().isoformat(timespec="seconds")
