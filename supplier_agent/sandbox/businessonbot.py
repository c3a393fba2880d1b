"""The stand-in of BusinessOnBot: POST /businessonbot/fulfillments-events-create. It takes what its document specifies, and no more.

It tells no customer: it keeps the messages. It shares no code with the agent, so that the two can agree through HTTP alone.
"""

import hmac
import json
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Literal

from supplier_agent.sandbox.faults import Answer, Request, json_answer

ENDPOINT = "businessonbot"
PATH = f"/{ENDPOINT}/fulfillments-events-create"
STATUSES = frozenset({"Delivered", "In-transit", "Returned", "Dispatched"})
NEEDED = ("delivery_id", "id", "fulfillment_id", "status", "delivered_at")


@dataclass(frozen=True)
class BotSemantics:
    """How it behaves where its document leaves it open."""

    failures: Literal["status", "body"] = "status"
    """Whether a failure comes with its HTTP status, or only in the body of a 200."""
    repeats: Literal["taken", "refused"] = "taken"
    """What happens to a message that arrives again: the customer is told again, or it is refused."""


@dataclass
class BusinessOnBot:
    """What it has received. messages: as they came, each time that a customer was told."""

    key: str = "sandbox-guest"
    semantics: BotSemantics = BotSemantics()
    messages: list[dict[str, Any]] = field(default_factory=list)

    def answer(self, request: Request, path: str, *, applies: bool) -> Answer:
        """Answer a request. applies: the customer is told."""
        if path != PATH or request.method != "POST":
            return Answer(HTTPStatus.NOT_FOUND, b"<html>Cannot find this</html>", (("Content-Type", "text/html"),))
        given = request.headers.get("x-guest-id", "")
        if not hmac.compare_digest(given.encode(), self.key.encode()):
            return self._failure(HTTPStatus.UNAUTHORIZED, "Unauthorized!!")
        try:
            said = json.loads(request.body or b"")
        except (ValueError, RecursionError):
            said = None
        if not _is_documented(said):
            return self._failure(HTTPStatus.BAD_REQUEST, "Bad payload!!")
        again = any(each["delivery_id"] == said["delivery_id"] for each in self.messages)
        if again and self.semantics.repeats == "refused":
            return self._failure(HTTPStatus.BAD_REQUEST, "Bad payload!!")
        if applies:
            self.messages.append(said)
        return json_answer(HTTPStatus.OK, {"status": "success", "statusCode": 200})

    def _failure(self, status: HTTPStatus, error: str) -> Answer:
        by_http = status if self.semantics.failures == "status" else HTTPStatus.OK
        return json_answer(by_http, {"status": "failure", "statusCode": int(status), "error": error})


def _is_documented(said: object) -> bool:
    """Tell whether a body has the documented fields, all texts, and no other."""
    if not isinstance(said, dict) or not set(NEEDED) <= said.keys() <= {*NEEDED, "id_alias"}:
        return False
    return all(isinstance(each, str) and each for each in said.values()) and said["status"] in STATUSES
