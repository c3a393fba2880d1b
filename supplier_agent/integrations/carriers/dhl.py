"""DHL, every division: Shipment Tracking - Unified (`GET /track/shipments`), as of version 1.5.

Sources: developer.dhl.com, Shipment Tracking - Unified: user guide, and the definition of `shipments`, `status.statusCode`
(pre-transit, transit, delivered, failure, unknown) and the problem document of a 404. The first service level has 250 calls a day
and one call in five seconds; the day begins at 00:00 UTC. 429 says that one of them is used up, without saying when it ends.
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from supplier_agent.integrations.carriers.protocol import MOST_EVENTS, Request, event_code, last_of, object_of, objects
from supplier_agent.integrations.reading import AnswerError, instant_of, parsed
from supplier_agent.marketplace.wire import Answer
from supplier_agent.reading.scans import LastScan

SCANNED = frozenset({"transit", "delivered", "failure"})
"""The status codes of events with which DHL has, or had, the parcel. `pre-transit` is the sender's announcement."""


class Dhl:
    """The requests of DHL, and what its answers mean."""

    API = "DHL Shipment Tracking - Unified 1.5"
    LIMITS = "250 calls a day and one in five seconds at the first service level; more is granted on request"
    AT_ONCE = 1

    def ask(self, codes: Sequence[str], secret: str) -> Request:
        """Ask about one code, with the key in DHL-API-Key."""
        return Request("GET", f"/track/shipments?{urlencode({'trackingNumber': codes[0]})}", {"DHL-API-Key": secret})

    def read(self, answer: Answer, codes: Sequence[str]) -> tuple[LastScan, ...] | None:
        """Return the last scan. Used: shipments[].status and .events[], of which statusCode and timestamp."""
        if answer.status == HTTPStatus.NOT_FOUND:
            body = object_of(parsed(answer), "problem")
            if body.get("status") != HTTPStatus.NOT_FOUND or not isinstance(body.get("title"), str):
                raise AnswerError("HTTP 404, but not the documented one for an unknown code")
            return (LastScan(codes[0], is_known=False),)
        if answer.status != HTTPStatus.OK:
            return None
        shipments = objects(object_of(parsed(answer), "shipments").get("shipments"))
        if not shipments:
            raise AnswerError("the answer has no shipments")
        events = [event for each in shipments for event in _events(each)]
        return (last_of(codes[0], events),)

    def sign_in(self, credentials: str) -> Request | None:  # noqa: ARG002 - as in Carrier
        """Return that the key itself is sent."""
        return None


def _events(shipment: Mapping[str, Any]) -> list[tuple[Any, Any]]:
    status = shipment.get("status")
    every = [*objects(shipment.get("events"))[:MOST_EVENTS], *objects([status])]
    if not every:
        raise AnswerError("a shipment has neither a status nor events")
    return [
        (instant_of(each.get("timestamp")), event_code(each.get("statusCode")))
        for each in every
        if each.get("statusCode") in SCANNED
    ]
