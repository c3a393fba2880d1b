"""What a carrier knows of parcels, whatever its API: by default, it has scanned every one of them an hour ago.

It names a consignee in every answer, as the carriers do, so that tests can prove that the name goes no further.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal, Protocol

from supplier_agent.base.clock import Clock
from supplier_agent.sandbox.faults import Answer, Request

CONSIGNEE: Mapping[str, str] = {
    "name": "Ottilie Wackernagel",
    "street": "17 Rue du Faubourg-Invente",
    "town": "Saint-Imaginaire",
    "signature": "U2lnbmVkQnlPdHRpbGll",
}
AGO = timedelta(hours=1)
State = Literal["scanned", "announced", "unknown"]


@dataclass(frozen=True)
class Scans:
    """How the carriers behave."""

    parcels: State = "scanned"
    """What they know of a parcel: they have scanned it, its sender has announced it, or nothing."""
    token_seconds: float = 3600.0
    """How long an access token lasts (UPS, FedEx)."""
    plain_404: bool = False
    """Whether an unknown code is answered by a 404 without JSON, as La Poste sometimes does."""


@dataclass
class Depot:
    """What one carrier knows. states: of single codes, before `semantics`."""

    clock: Clock
    semantics: Scans = field(default_factory=Scans)
    states: dict[str, State] = field(default_factory=dict)
    tokens: dict[str, datetime] = field(default_factory=dict)  # access tokens, and when each ends
    asked: list[tuple[str, ...]] = field(default_factory=list)  # the codes of each request

    def state(self, code: str) -> State:
        """Return what is known of a code."""
        return self.states.get(code, self.semantics.parcels)

    def scanned_at(self) -> datetime:
        """Return when everything was scanned."""
        return (self.clock.now() - AGO).astimezone(UTC)

    def grant(self) -> str:
        """Return a new access token."""
        token = f"token-{len(self.tokens) + 1}"
        self.tokens[token] = self.clock.now() + timedelta(seconds=self.semantics.token_seconds)
        return token

    def accepts(self, request: Request) -> bool:
        """Tell whether a request has an access token that has not ended."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        ends_at = self.tokens.get(token)
        return scheme == "Bearer" and ends_at is not None and self.clock.now() < ends_at


class StandIn(Protocol):
    """A carrier's API."""

    depot: Depot

    @property
    def credentials(self) -> str:
        """Its credentials, joined by a line break."""

    def answer(self, request: Request, path: str) -> Answer:
        """Answer one request. path: below the carrier's own."""
