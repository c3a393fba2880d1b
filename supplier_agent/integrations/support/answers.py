"""Reads the answers of the support API. Pure. What they say about a customer ends here.

Only named fields are read, and only as short words of known form. A value that repeats anything of the `customer` part is dropped,
whichever field it is in. The document shows each answer by one example; an earlier version spells some keys differently.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from supplier_agent.marketplace.support import Case, CasesFound, ProductFound, SaleFound, SoldLine

LONGEST_NAME = 200
LONGEST_ADDRESS = 1000
MOST_LINES, MOST_CASES, MOST_DEPTH = 200, 100, 20
LEAST_PRIVATE = 3
"""Shorter values of a customer, like a title, are too common to compare with."""

_WORD = re.compile(r"[\w][\w -]{0,39}")
_CODE = re.compile(r"[0-9A-Za-z][0-9A-Za-z ._/-]{0,63}", re.ASCII)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_PERSONAL = {
    "customer",
    "client",
    "billing",
    "shipping",
    "address",
    "addresses",
    "email",
    "firstname",
    "lastname",
    "phone",
}


class Answer:
    """One answer of the API: an object that does not deny. `private`: what it says about a customer, in lower case."""

    def __init__(self, body: Mapping[str, Any]) -> None:
        self.body = body
        self.private = {text.casefold() for text in _private(body) if len(text) >= LEAST_PRIVATE}

    def word(self, value: object) -> str | None:
        """Return a status or a type, in lower case; None if it is no word."""
        text = str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""
        return self._open(text.casefold()) if _WORD.fullmatch(text) else None

    def code(self, value: object) -> str | None:
        """Return a tracking number, an SKU or an id; None if it is none."""
        text = str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""
        return self._open(text) if _CODE.fullmatch(text) else None

    def name(self, value: object) -> str | None:
        """Return the name of an article, on one line; None if it is none."""
        text = " ".join(value.split())[:LONGEST_NAME] if isinstance(value, str) else ""
        return self._open(text) if text.isprintable() else None

    def _open(self, text: str) -> str | None:
        folded = text.casefold()
        return None if not text or any(_repeats(folded, each) for each in self.private) else text


def _repeats(text: str, private: str) -> bool:
    """Tell whether a text repeats a customer's value: as whole words, so that "Sing" does not hide "processing"."""
    if "@" in private:
        return private in text
    return re.search(rf"(?<!\w){re.escape(private)}(?!\w)", text) is not None


def _private(value: object, depth: int = 0, *, within: bool = False) -> Iterator[str]:
    """Yield every text of the parts that are about a customer."""
    if depth > MOST_DEPTH:
        return
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from _private(each, depth + 1, within=within or str(key).casefold() in _PERSONAL)
    elif isinstance(value, list):
        for each in value:
            yield from _private(each, depth + 1, within=within)
    elif within and isinstance(value, str) and value.strip():
        yield value.strip()


def read(body: bytes) -> Answer | None:
    """Return the answer; None if it is no object, or says that it failed."""
    try:
        found = json.loads(body.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or found.get("success") not in (True, 1, "true", "success"):
        return None
    return Answer(found)


def sale(body: bytes, increment_id: str, as_of: datetime) -> SaleFound | None:
    """Return the sale of GET /api/sale/details/{incrementId}; None if the answer is unclear or about another sale.

    Used: data.incrementId, data.status, and sku, tracking and carrier of data.products.
    """
    answer = read(body)
    data = answer.body.get("data") if answer is not None else None
    if answer is None or not isinstance(data, dict):
        return None
    named = data.get("incrementId", data.get("increment_id"))
    if named is not None and str(named) != increment_id:
        return None
    lines = []
    for each in _objects(data.get("products"))[:MOST_LINES]:
        sku = answer.code(each.get("sku"))
        if sku is not None:
            lines.append(SoldLine(sku, answer.code(each.get("tracking")), answer.name(each.get("carrier"))))
    return SaleFound(as_of, answer.word(data.get("status")), tuple(lines))


def product(body: bytes) -> ProductFound | None:
    """Return the product of GET /api/product/{sku}. Used: product.name and the first of product.images."""
    answer = read(body)
    found = answer.body.get("product") if answer is not None else None
    if answer is None or not isinstance(found, dict):
        return None
    images = found.get("images")
    first = images[0] if isinstance(images, list) and images else None
    usable = isinstance(first, str) and len(first) <= LONGEST_ADDRESS
    return ProductFound(answer.name(found.get("name")), first if usable else None)


def cases(body: bytes, sku: str | None = None) -> CasesFound | None:
    """Return the cases of GET /api/customer/sav-status, in either spelling of the document. Used: id, type, status and day.

    sku: only cases that name this article, or none; None: all.
    """
    answer = read(body)
    if answer is None:
        return None
    records = answer.body.get("sav_records", answer.body.get("savRecords"))
    if records is None and answer.body.get("hasSav", answer.body.get("has_sav")) in (False, 0):
        return CasesFound()
    if not isinstance(records, list):
        return None
    found = {}
    for each in _objects(records)[:MOST_CASES]:
        skus = {line.get("sku") for line in _objects(each.get("products"))} - {None}
        sav_id = answer.code(each.get("id", each.get("savId")))
        if sav_id is None or (sku is not None and skus and sku not in skus):
            continue
        day = each.get("created_at", each.get("createdAt"))
        found[sav_id] = Case(
            sav_id,
            answer.word(each.get("complaint_type", each.get("complaintType"))),
            answer.word(each.get("statusLabel", each.get("status_label", each.get("status")))),
            day[:10] if isinstance(day, str) and _DAY.match(day) else None,
        )
    return CasesFound(tuple(found.values()))


def opened(body: bytes) -> tuple[bool | None, str | None]:
    """Return whether the answer to POST /api/sav affirms (None: unclear), and the id of the case. The document has no example."""
    try:
        found = json.loads(body.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return None, None
    if not isinstance(found, dict):
        return None, None
    success = found.get("success")
    if success in (False, 0, "false", "0"):
        return False, None
    answer, data = Answer(found), found.get("data")
    inner: Mapping[str, Any] = data if isinstance(data, dict) else {}
    ids = (each.get(key) for each in (found, inner) for key in ("sav_id", "savId", "id"))
    sav_id = next((code for each in ids if (code := answer.code(each)) is not None), None)
    return (True if success in (True, 1, "true", "success") else None), sav_id


def _objects(value: object) -> list[dict[str, Any]]:
    items: Iterable[object] = value if isinstance(value, list) else ()
    return [each for each in items if isinstance(each, dict)]
