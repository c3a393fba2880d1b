"""How the simulated marketplace behaves where the documentation is silent (API notes, 9): a switch for each open question."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from types import MappingProxyType
from typing import Literal, TypeAlias
from zlib import crc32

from supplier_agent.sandbox.faults import Answer, json_answer

Success: TypeAlias = Literal[
    "success_true", "empty", "no_content", "no_success_key", "one", "text_true", "text", "created", "mixed"
]
_CACHE_SECONDS: Mapping[str, float] = MappingProxyType({"asir-group": 1800.0})
DOCUMENTED_FIELDS = ("menzzo_order_id", "sku", "quantity", "price", "link_to_label", "order_date", "carrier")
"""The fields of a row (API notes, 3), in their order."""


@dataclass(frozen=True)
class Semantics:
    """One reading of the documentation. The defaults are the simplest."""

    page_size: int = 50
    cursor: Literal["exclusive", "inclusive", "ignored", "refused_when_unknown", "always_refused"] = "exclusive"
    """Rows after the cursor; from it on; all rows; 400 for an unknown id; 400 for any."""
    cursor_compares: Literal["number", "text", "increment", "date"] = "number"
    """Both numbers of the id; the id as text; its first number alone; the order's date."""
    cursor_in_cache_key: bool = False
    """The cursor is not in the documented key of the cache (API notes, 8)."""
    order: Literal["oldest", "newest", "shuffled", "by_date", "newest_ties_shuffled"] = "oldest"
    """By the numbers in the id; shuffled: the same order at every call; by date, then number; newest day first, in any order."""
    page: Literal["honoured", "ignored_beside_cursor", "ignored"] = "honoured"
    """An ignored page is answered like page 1."""
    past_end: Literal["empty", "object", "repeat_last", "repeat_first", "not_found"] = "empty"
    """The content of a page after the last; object: `{}`. Page 1 of an empty list is always empty."""
    acknowledged: Literal["stay", "vanish"] = "stay"
    """Whether get-sales still lists an acknowledged order."""
    acknowledged_seconds: float = 0
    """How long after its acknowledgement it vanishes."""
    shipped: Literal["stay", "vanish"] = "stay"
    shipped_seconds: float = 0
    cancelled: Literal["stay", "vanish"] = "stay"
    cancelled_seconds: float = 86400
    list_days: int = 0
    """Only orders of the last days are listed; 0: all."""
    late_days: int = 0
    """One order in five is listed late, at most this many days after its date."""
    date_to_inclusive: bool = True
    cache_seconds: Mapping[str, float] = field(default_factory=lambda: _CACHE_SECONDS)
    """By supplier; one that is not named is answered fresh."""
    order_number_for: frozenset[str] = frozenset({"asir-group"})
    """The suppliers whose get-sales knows `order_number`; for others it is ignored."""
    fields: Literal["documented", "more", "sometimes_more", "fewer", "cut"] = "documented"
    """`notes` in every row; in one of three; no `carrier`; texts of at most eight characters."""
    success: Success = "success_true"
    """How acknowledge-sale and ship-sale say yes; the examples are blank (API notes, 9.8). mixed: one of four ways."""
    acknowledge_success: Success | Literal["same"] = "same"
    """The same for acknowledge-sale alone."""
    repeat_acknowledge: Literal["accepted", "not_found"] = "accepted"
    repeat_ship: Literal["accepted", "not_found"] = "not_found"
    """Not found: it may have been processed already (API notes, 7). Accepted: it takes effect a second time."""
    labels_need_token: bool = True
    label_before_ready: Literal["not_found", "empty", "html", "no_link"] = "not_found"
    """no_link: the row's link is null until the label is ready, and its address is not found."""
    answer_seconds: float = 0
    """How long each answer takes, besides the network."""


_SUCCESS: Mapping[str, Answer] = {
    "success_true": json_answer(HTTPStatus.OK, {"success": True}),
    "empty": Answer(HTTPStatus.OK),
    "no_content": Answer(HTTPStatus.NO_CONTENT),
    "no_success_key": json_answer(HTTPStatus.OK, {"message": "The order was updated"}),
    "one": json_answer(HTTPStatus.OK, {"success": 1}),
    "text_true": json_answer(HTTPStatus.OK, {"success": "true"}),
    "text": Answer(HTTPStatus.OK, b"The order was updated", (("Content-Type", "text/plain"),)),
    "created": json_answer(HTTPStatus.CREATED, {"success": True}),
}
_MIXED = ("success_true", "empty", "no_content", "no_success_key")


def said_yes(semantics: Semantics, endpoint: str, menzzo_order_id: str) -> Answer:
    """Return how an endpoint says yes for an order."""
    chosen: str = semantics.success
    if endpoint == "acknowledge-sale" and semantics.acknowledge_success != "same":
        chosen = semantics.acknowledge_success
    return _SUCCESS[_MIXED[dice(menzzo_order_id) % len(_MIXED)] if chosen == "mixed" else chosen]


def dice(menzzo_order_id: str) -> int:
    """Return a number that looks random, and is always the same for an order."""
    return crc32(menzzo_order_id.encode())


ROWS: Mapping[str, Callable[[dict[str, object]], dict[str, object]]] = {
    "documented": lambda row: row,
    "more": lambda row: {**row, "notes": "Third floor"},
    "sometimes_more": lambda row: (
        {**row, "notes": "Third floor"} if dice(str(row["menzzo_order_id"])) % 3 == 0 else row
    ),
    "fewer": lambda row: {name: value for name, value in row.items() if name != "carrier"},
    "cut": lambda row: {**row, "sku": str(row["sku"])[:8], "carrier": str(row["carrier"])[:8]},
}
"""What `fields` makes of a row."""
