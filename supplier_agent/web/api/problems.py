"""Refusals of the API, as one body of application/problem+json (RFC 9457). Programs read `code`, people read `detail`."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from starlette.responses import Response

from supplier_agent.verdict import Blocker
from supplier_agent.words import say

PROBLEM = "application/problem+json"
TYPE = "urn:supplier-agent:"
TITLES: Mapping[str, tuple[int, str]] = {
    "key_missing": (401, "A key is needed"),
    "key_wrong": (401, "The key is not valid"),
    "signature_wrong": (401, "The webhook cannot be verified"),
    "right_missing": (403, "The key lacks this right"),
    "no_such_address": (404, "There is nothing at this address"),
    "no_such_order": (404, "There is no such order"),
    "no_label": (404, "There is no label"),
    "method_wrong": (405, "This address has other methods"),
    "too_slow": (408, "The body did not arrive in time"),
    "blocked": (409, "The order is blocked"),
    "too_late": (409, "It is too late"),
    "needs_a_person": (409, "A person must decide"),
    "two_suppliers": (409, "Two suppliers have this order"),
    "body_too_large": (413, "The body is too large"),
    "content_type_wrong": (415, "JSON is expected"),
    "wrong_host": (421, "This host name is not served here"),
    "content_wrong": (422, "The request is not valid"),
    "idempotency_key_reused": (422, "The Idempotency-Key belongs to another request"),
    "too_many_requests": (429, "Too many requests"),
    "internal_error": (500, "This went wrong here"),
    "busy": (503, "Try again"),
}
"""Every code, with its status and title. They are public."""
CLOSE: Mapping[str, str] = MappingProxyType({"Connection": "close"})
"""The header of a refusal after which the rest of the body is not read."""


@dataclass(frozen=True)
class Problem:
    """One refusal. blockers: all of the order, for a refused act. retry_after: in seconds; None: not sent."""

    code: str
    detail: str
    blockers: tuple[str, ...] = ()
    retry_after: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def status(self) -> int:
        """Its HTTP status."""
        return TITLES[self.code][0]

    def as_json(self) -> dict[str, object]:
        """Return its body. A refused act lists its blockers, even if there are none."""
        found: dict[str, object] = {
            "type": f"{TYPE}{self.code}",
            "title": TITLES[self.code][1],
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
        }
        if self.status == TITLES["blocked"][0]:
            found["blockers"] = [{"code": each, "sentence": say(f"blocker.{each}")} for each in self.blockers]
        return found

    def response(self) -> Response:
        """Return the answer."""
        headers = dict(self.headers)
        if self.retry_after is not None:
            headers["Retry-After"] = str(self.retry_after)
        return answer(self.as_json(), self.status, media_type=PROBLEM, headers=headers)


class Refused(Exception):  # noqa: N818 - not an error of ours
    """The request is refused with this problem."""

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        retry_after: int | None = None,
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        super().__init__(detail)
        self.problem = Problem(code, detail, retry_after=retry_after, headers=headers)


def blocked(blockers: Iterable[Blocker | str], code: str = "blocked", detail: str = "") -> Problem:
    """Return the problem of a refused act. detail: "": the sentences of its blockers."""
    codes = tuple(str(each) for each in blockers)
    return Problem(code, detail or "; ".join(say(f"blocker.{each}") for each in codes), codes)


def answer(
    body: object, status: int = 200, *, media_type: str = "application/json", headers: Mapping[str, str] | None = None
) -> Response:
    """Return JSON that no cache keeps."""
    content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    return Response(content, status, {"Cache-Control": "no-store", **(headers or {})}, media_type=media_type)
