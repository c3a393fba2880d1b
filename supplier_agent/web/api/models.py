"""The bodies of the API as pydantic models: what a program sends, and what it gets. The document is made of them."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from supplier_agent.actions import LONGEST_NOTE
from supplier_agent.verdict import Blocker, Stage
from supplier_agent.verdict.codes import Due
from supplier_agent.web.order_view import LONGEST


class Sent(BaseModel):
    """What a program sends: a key that is not known is an error, and no error repeats a value."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)


class Answered(BaseModel):
    """What a program gets. Later versions may add keys."""


def _shown(longest: int) -> Any:  # noqa: ANN401 - constraints
    # One character that is no blank for Python, for Rust's expressions (pydantic) and for JavaScript's (the document).
    return StringConstraints(min_length=1, max_length=longest, pattern=r"[^\s\x1c-\x1f\x85\ufeff]")


OrderId = Annotated[str, StringConstraints(min_length=1, max_length=200)]
SupplierName = Annotated[str, StringConstraints(min_length=1, max_length=60)]
_SUPPLIER = Field(default=None, description="Needed only if two suppliers have an order of this id.")


class Of(Sent):
    """An order whose supplier may be named."""

    supplier: SupplierName | None = _SUPPLIER


class Ship(Of):
    """It has left."""

    label_sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] | None = Field(
        default=None,
        description="The hash of the label on the parcel (its ETag). If the order has another label by now, the act is refused.",
    )


class Unship(Of):
    """It has not left: take the mark back."""


class Hold(Of):
    """Nothing is acknowledged or reported for it until it is released."""

    reason: Annotated[str, _shown(LONGEST)]


class Release(Of):
    """Release it from hold."""


class Note(Of):
    """A free note for its history."""

    text: Annotated[str, _shown(LONGEST_NOTE)]


class ShipOf(Ship):
    """As `Ship`, with the order."""

    order: OrderId


class UnshipOf(Unship):
    """As `Unship`, with the order."""

    order: OrderId


class HoldOf(Hold):
    """As `Hold`, with the order."""

    order: OrderId


class ReleaseOf(Release):
    """As `Release`, with the order."""

    order: OrderId


class NoteOf(Note):
    """As `Note`, with the order."""

    order: OrderId


class _Event(BaseModel):
    """A webhook: Standard Webhooks has its type, its time and its data. Other keys are ignored."""

    model_config = ConfigDict(hide_input_in_errors=True)
    timestamp: str | None = Field(default=None, description="Ignored: the header has the time that counts.")


class ShipEvent(_Event):
    """The webhook `order.ship`."""

    type: Literal["order.ship"]
    data: ShipOf


class UnshipEvent(_Event):
    """The webhook `order.unship`."""

    type: Literal["order.unship"]
    data: UnshipOf


class HoldEvent(_Event):
    """The webhook `order.hold`."""

    type: Literal["order.hold"]
    data: HoldOf


class ReleaseEvent(_Event):
    """The webhook `order.release`."""

    type: Literal["order.release"]
    data: ReleaseOf


class NoteEvent(_Event):
    """The webhook `order.note`."""

    type: Literal["order.note"]
    data: NoteOf


AnyEvent = Annotated[ShipEvent | UnshipEvent | HoldEvent | ReleaseEvent | NoteEvent, Field(discriminator="type")]


def _day(text: object) -> object:
    return date.fromisoformat(text) if isinstance(text, str) and len(text) == len("2026-11-21") else text


def _number(text: object) -> object:
    return int(text) if isinstance(text, str) and text.isascii() and text.isdecimal() and len(text) < 5 else text  # noqa: PLR2004 - far above the limit


def _switch(text: object) -> object:
    return {"true": True, "false": False}.get(str(text), text)


DEFAULT_LIMIT, HIGHEST_LIMIT = 50, 200


class Query(Sent):
    """Which orders: without `stage` and `all`, the open ones."""

    supplier: SupplierName | None = Field(default=None, description="Only of this supplier.")
    stage: Literal["shipped", "closed", "attention", "held", "flagged", "new", "acknowledged", "ready"] | None = Field(
        default=None, description="Only of this stage."
    )
    since: Annotated[date, BeforeValidator(_day)] | None = Field(
        default=None, description="Only orders of this day or later."
    )
    text: Annotated[str, StringConstraints(min_length=1, max_length=100)] | None = Field(
        default=None, description="Only with this text in an id, the sku, the carrier, or a code of the label."
    )
    all: Annotated[bool, BeforeValidator(_switch)] = Field(default=False, description="With shipped and closed orders.")
    limit: Annotated[int, Field(ge=1, le=HIGHEST_LIMIT), BeforeValidator(_number)] = Field(
        default=DEFAULT_LIMIT, description="How many at most."
    )
    cursor: Annotated[str, StringConstraints(min_length=1, max_length=100)] | None = Field(
        default=None, description="`next` of the page before, with the same other parameters."
    )


class Which(Sent):
    """Which supplier's order."""

    supplier: SupplierName | None = _SUPPLIER


class Summary(Answered):
    """One order, as `orders --json` prints it."""

    supplier: str | None
    menzzo_order_id: str
    increment_id: str | None
    sale_product_id: str | None
    sku: str | None
    quantity: int | None
    price: str | None = Field(description="Two decimals.")
    carrier: str | None
    order_date: date | None
    link_to_label: str | None
    stage: Stage
    first_seen_at: datetime | None
    acknowledged_at: datetime | None
    acknowledge_evidence: str | None
    label_path: str | None = Field(description="Below the state folder.")
    label_sha256: str | None
    shipped: bool = Field(description="Whether it is marked as shipped.")
    shipped_at: datetime | None = Field(description="When it was marked.")
    ship_confirmed_at: datetime | None = Field(description="When the ship call was settled as done.")
    ship_evidence: str | None
    override_by: str | None
    override_covers: str | None
    held_reason: str | None
    held_code: str | None
    closed_reason: str | None
    vanished_at: datetime | None
    blockers: list[Blocker] = Field(description="All that keep it from being reported.")
    ship_by: Due | None
    ship_by_at: datetime | None
    problem: str | None
    problem_codes: list[str]
    asked_at: datetime | None = Field(description="When Menzzo was last asked about its problems.")
    label_codes: list[str]
    tracking_number: str | None


class Attempt(Answered):
    """One try to make a call."""

    number: int
    started_at: datetime | None
    ended_at: datetime | None
    outcome: str | None
    http_status: int | None
    detail: str | None


class Call(Answered):
    """One call that was or will be made for the order."""

    kind: str
    state: str
    due_at: datetime | None
    detail: str | None
    attempts: list[Attempt]


class Happened(Answered):
    """One line of its history."""

    at: datetime | None
    who: str | None
    what: str | None
    detail: str | None


class Whole(Summary):
    """One order, as `order ID --json` prints it."""

    schema_: int = Field(alias="schema")
    calls: list[Call]
    history: list[Happened]
    may: list[str] = Field(description="What IT may do on the command line.")
    next: str = Field(description="What happens next, in one sentence.")
    next_code: str


class Page(Answered):
    """One page of orders."""

    orders: list[Summary]
    next: str | None = Field(description="The cursor of the next page; null: this is the last one.")


class Done(Answered):
    """What an act did, and the order after it."""

    said: str
    order: Summary


class Named(Answered):
    """One blocker."""

    code: Blocker
    sentence: str


class Failure(Answered):
    """A refusal (RFC 9457)."""

    type: str
    title: str
    status: int
    code: str = Field(description="A stable code.")
    detail: str
    blockers: list[Named] | None = Field(
        default=None, description="With status 409: all blockers of the order, not only those that refuse the act."
    )
