"""La Poste, Colissimo and Chronopost: Suivi v2 (`GET /suivi/v2/idships/{idships}`).

Sources: La Poste's own OpenAPI document of Suivi v2 (developer.laposte.fr, "Suivi", version 2: up to ten codes in one request,
status 200 for one code and 207 for several, whose items each have a `returnCode`), and its table of event codes. Not documented:
how 429 and an invalid key look; then the status alone counts. Some answers 404 to an unknown code have no JSON; they do not count
as an answer.
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from supplier_agent.integrations.carriers.protocol import MOST_EVENTS, Request, by_code, event_code, last_of, objects
from supplier_agent.integrations.reading import AnswerError, instant_of, parsed
from supplier_agent.marketplace.wire import Answer
from supplier_agent.reading.scans import LastScan

ANNOUNCED = frozenset({"DR1", "DR2"})
"""Events before La Poste has the parcel: the sender has announced it (DR1), or its preparation has a problem (DR2)."""
KNOWN, UNKNOWN = frozenset({200, 207}), frozenset({400, 404})
"""`returnCode`: the code is known; it has not the form of a code (400), or La Poste does not know it (404)."""
STATUSES = frozenset({HTTPStatus.OK, HTTPStatus.MULTI_STATUS, HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND})


class LaPoste:
    """The requests of La Poste, and what its answers mean."""

    API = "La Poste Suivi v2"
    LIMITS = "10 calls a second for each key"
    AT_ONCE = 10

    def ask(self, codes: Sequence[str], secret: str) -> Request:
        """Ask about up to ten codes, with the key in X-Okapi-Key."""
        listed = ",".join(quote(code, safe="") for code in codes)
        return Request("GET", f"/suivi/v2/idships/{listed}?lang=en_GB", {"X-Okapi-Key": secret})

    def read(self, answer: Answer, codes: Sequence[str]) -> tuple[LastScan, ...] | None:
        """Return the last scans. Used: returnCode, idShip, and code and date of shipment.event."""
        if answer.status not in STATUSES:
            return None
        body = parsed(answer)
        items = objects(body) or objects([body])
        found = dict(map(_item, items)) if len(codes) > 1 else {codes[0]: _item(items[0])[1]} if items else {}
        return by_code(codes, {code: _of(code, each) for code, each in found.items()})

    def sign_in(self, credentials: str) -> Request | None:  # noqa: ARG002 - as in Carrier
        """Return that the key itself is sent."""
        return None


def _item(item: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """Return the code that an item is about, and the item."""
    shipment = item.get("shipment")
    inner = shipment.get("idShip") if isinstance(shipment, dict) else None
    return str(item.get("idShip") or inner or "").upper(), item


def _of(code: str, item: Mapping[str, Any]) -> LastScan:
    returned = item.get("returnCode")
    if returned in UNKNOWN:
        return LastScan(code, is_known=False)
    shipment = item.get("shipment")
    if returned not in KNOWN or not isinstance(shipment, dict):
        raise AnswerError("an answer about a code has neither a shipment nor a usable returnCode")
    events = [(instant_of(each.get("date")), event_code(each.get("code"))) for each in objects(shipment.get("event"))]
    return last_of(code, [(at, name) for at, name in events[:MOST_EVENTS] if name and name not in ANNOUNCED])
