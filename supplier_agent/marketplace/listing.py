"""Reads a get-sales answer: each row separately, so that one bad row or field never hides a good one. Pure."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

from supplier_agent.base.cells import is_usual
from supplier_agent.marketplace import entries
from supplier_agent.marketplace.masking import Mask

WRAPPERS = ("data", "sales", "items", "orders")
MOST_ROWS, MOST_VALUES = 50_000, 500_000
"""Far more than any page has. Parsed JSON can take a hundred times the memory of its text."""
MOST_PIECES = 1_000_000
MOST_MONEY = 10**9
LONGEST_TEXT = 200
LONGEST_LINK = 2000

ID = re.compile(r"\A([0-9A-Za-z_-]{1,60})_([0-9]{1,19})\Z", re.ASCII)
_NUMBER = re.compile(r"[+-]?[0-9]{1,20}(\.[0-9]{1,20})?", re.ASCII)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_GAPS = " \t\r\n,"
_CENT = Decimal("0.01")
_LONGEST_INT = 4300  # digits that Python converts; a longer number makes only its field unreadable


class Seen(NamedTuple):
    """One row of get-sales. A field that could not be read is None, and `problems` says why in plain sentences."""

    menzzo_order_id: str
    increment_id: str
    sale_product_id: str
    sku: str | None
    quantity: int | None
    price_cents: int | None
    carrier: str | None
    order_date: date | None
    link_to_label: str | None
    problems: tuple[str, ...]
    entry: entries.Entry | None = None  # all of its fields, masked; None: they are not kept


@dataclass(frozen=True)
class Rejected:
    """A row without a usable id. `raw`: its bytes as they were in the answer; if anything is masked, its masked text."""

    raw: bytes
    reason: str
    entry: entries.Entry | None = None  # as in Seen


@dataclass(frozen=True)
class Unreadable:
    """The answer is not a list of rows."""

    reason: str


def parse_rows(
    body: bytes, mask: Mask | None = None, secrets: Sequence[str] = ()
) -> tuple[Seen | Rejected, ...] | Unreadable:
    """Read the body of a 200 from get-sales (API notes, 3): a JSON array, one object per order.

    A byte that is not UTF-8 affects only its field, not the page. An object with the array under one of WRAPPERS is accepted,
    although that is not documented. mask: what is hidden in the entries; None: their other fields are not kept.
    """
    if body.count(b",") > MOST_VALUES:
        return Unreadable(f"the answer holds more than {MOST_VALUES} values; no page of orders does")
    text = body.decode("utf-8-sig", "surrogateescape")
    try:
        told = _parse(text)
    except json.JSONDecodeError as error:
        return Unreadable(f"the answer is not JSON: {error.msg} at character {error.pos}")
    except RecursionError:
        return Unreadable("the answer is nested too deeply to be read")
    rows = _unwrap(told)
    if isinstance(rows, Unreadable):
        return rows
    if len(rows) > MOST_ROWS:
        return Unreadable(f"the answer lists more than {MOST_ROWS} entries; no page of orders does")
    seen = tuple(_read(row) for row in rows)
    if any(isinstance(row, Rejected) for row in seen):
        seen = _word_for_word(text, seen)
    return seen if mask is None else tuple(_with_entry(*pair, mask, secrets) for pair in zip(seen, rows, strict=True))


def _with_entry(seen: Seen | Rejected, row: object, mask: Mask, secrets: Sequence[str]) -> Seen | Rejected:
    """Add the masked entry. What is said about a bad field is then said about the masked field."""
    if isinstance(seen, Seen):
        entry = entries.write(row, seen.menzzo_order_id, mask, secrets)
        if seen.problems and entry.is_masked:
            masked = _read(_parse(entry.text))
            seen = seen._replace(problems=masked.problems if isinstance(masked, Seen) else ("a field is not readable",))
        return seen._replace(entry=entry)
    entry = entries.write(row, "", mask, secrets)
    if not entry.is_masked:
        return replace(seen, entry=entry)
    masked = _read(_parse(entry.text))
    reason = masked.reason if isinstance(masked, Rejected) else "the entry has no usable id"
    return Rejected(entry.text.encode(), reason, entry)


@dataclass(frozen=True)
class _Odd:
    """NaN, Infinity, or a number too large to convert, as it was written."""

    written: str

    def __str__(self) -> str:
        return self.written


class _Doubled(dict[str, Any]):
    """An object in which a key occurs twice. The last value counts, as usual in JSON."""

    pairs: list[tuple[str, Any]]


def _parse(text: str) -> object:
    try:
        return json.loads(text, parse_float=Decimal, parse_constant=_Odd, object_pairs_hook=_build, strict=False)
    except json.JSONDecodeError:
        raise
    except (ValueError, ArithmeticError):  # a number is too long or too large for Python: parse again and check each
        return json.loads(
            text,
            parse_int=_careful_int,
            parse_float=_careful_decimal,
            parse_constant=_Odd,
            object_pairs_hook=_build,
            strict=False,
        )


def _build(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    built = dict(pairs)
    if len(built) == len(pairs):
        return built
    doubled = _Doubled(built)
    doubled.pairs = pairs
    return doubled


def _careful_int(digits: str) -> int | _Odd:
    return int(digits) if len(digits) < _LONGEST_INT else _Odd(digits)


def _careful_decimal(digits: str) -> Decimal | _Odd:
    try:
        return Decimal(digits)
    except ArithmeticError:
        return _Odd(digits)


def _unwrap(told: object) -> Sequence[object] | Unreadable:
    if isinstance(told, list):
        return told
    if not isinstance(told, dict):
        return Unreadable("the answer is neither a list nor an object")
    if told.get("error") or told.get("success", True) is not True:
        return Unreadable("the answer reports an error instead of a list")
    lists = [told[name] for name in WRAPPERS if isinstance(told.get(name), list)]
    return lists[0] if len(lists) == 1 else Unreadable("the answer is an object without one list of orders")


def _read(row: object) -> Seen | Rejected:
    if not isinstance(row, dict):
        return Rejected(b"", "the entry is not an object")
    named = row.get("menzzo_order_id")
    match = ID.match(named) if isinstance(named, str) else None
    if match is None:
        return Rejected(b"", f"menzzo_order_id is {_shown(named)}, not of the form increment_product")
    problems: list[str] = []
    if isinstance(row, _Doubled):
        problems.append("the entry gives a field twice; the last one counts")
    return Seen(
        menzzo_order_id=match[0],
        increment_id=match[1],
        sale_product_id=match[2],
        sku=_sku(row.get("sku"), problems),
        quantity=_quantity(row.get("quantity"), problems),
        price_cents=_price_cents(row.get("price"), problems),
        carrier=_text("carrier", row.get("carrier"), LONGEST_TEXT, problems),
        order_date=_order_date(row.get("order_date"), problems),
        link_to_label=_text("link_to_label", row.get("link_to_label"), LONGEST_LINK, problems),
        problems=tuple(problems),
    )


def _text(name: str, value: object, longest: int, problems: list[str]) -> str | None:
    """Read a text that may be missing."""
    if value is None or value == "":
        return None
    # isprintable is several times faster than the pattern, and stricter: a text that it accepts needs no second check
    if isinstance(value, str) and len(value) <= longest and (value.isprintable() or not _UNPRINTABLE.search(value)):
        return value.strip() or None
    problems.append(f"{name} is {_shown(value)}, not a text of at most {longest} printable characters")
    return None


def _sku(value: object, problems: list[str]) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    before = len(problems)
    sku = _text("sku", value, LONGEST_TEXT, problems)
    if sku is None and len(problems) == before:
        problems.append("sku is missing")
    return sku


def _number(value: object) -> int | Decimal | None:
    if type(value) is int or type(value) is Decimal:  # a bool is an int too, but not a number here
        return value
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        return Decimal(value.strip())
    return None


def _quantity(value: object, problems: list[str]) -> int | None:
    number = _number(value)
    if number is not None and 1 <= number <= MOST_PIECES and number == int(number):
        return int(number)
    if value is None:
        problems.append("quantity is missing")
    else:
        problems.append(f"quantity is {_shown(value)}, not a whole number from 1 to {MOST_PIECES}")
    return None


def _price_cents(value: object, problems: list[str]) -> int | None:
    number = _number(value)
    if value is None:
        problems.append("price is missing")
    elif number is None:
        problems.append(f"price is {_shown(value)}, not a number")
    elif not 0 <= number <= MOST_MONEY:
        problems.append(f"price is {_shown(value)}, not between 0 and {MOST_MONEY}")
    elif isinstance(number, int):
        return number * 100
    elif (rounded := number.quantize(_CENT)) != number:
        problems.append(f"price is {_shown(value)}, with more than two decimals")
    else:
        return int(rounded * 100)
    return None


def _order_date(value: object, problems: list[str]) -> date | None:
    day = _day(value) if isinstance(value, str) else None
    if day is None:
        problems.append("order_date is missing" if value is None else f"order_date is {_shown(value)}, not YYYY-MM-DD")
    return day


@lru_cache(maxsize=1024)  # a page has few days and many orders
def _day(text: str) -> date | None:
    """Read `YYYY-MM-DD`, or the day of an ISO time as written: the time zone is not documented (API notes, 9.5)."""
    if not _DAY.match(text):
        return None
    try:
        day = date.fromisoformat(text) if len(text) == len("YYYY-MM-DD") else datetime.fromisoformat(text).date()
    except ValueError:
        return None
    return day if is_usual(day) else None  # 9999-12-31 means "never", and no later day exists


def _word_for_word(text: str, rows: Sequence[Seen | Rejected]) -> tuple[Seen | Rejected, ...]:
    """Give each rejected row its original text, in a second pass that only few pages need."""
    decoder = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=_Odd, strict=False)
    found: list[Seen | Rejected] = []
    at = _list_begins(text, decoder) + 1
    for row in rows:
        start = _past(text, at, _GAPS)
        _, at = decoder.raw_decode(text, start)
        found.append(
            replace(row, raw=text[start:at].encode("utf-8", "surrogateescape")) if isinstance(row, Rejected) else row
        )
    return tuple(found)


def _list_begins(text: str, decoder: json.JSONDecoder) -> int:
    """Return where the list of rows starts: at the start of the text, or in an object, under its one wrapper with a list."""
    at = _past(text, 0, _GAPS)
    if text[at] == "[":
        return at
    lists: dict[str, int] = {}
    at = _past(text, at + 1, _GAPS)
    while text[at] != "}":
        key, at = decoder.raw_decode(text, at)
        begin = _past(text, at, _GAPS + ":")
        _, at = decoder.raw_decode(text, begin)
        lists.pop(key, None)  # if a key occurs twice, the second value counts
        if key in WRAPPERS and text[begin] == "[":
            lists[key] = begin
        at = _past(text, at, _GAPS)
    return next(iter(lists.values()))


def _past(text: str, at: int, skipped: str) -> int:
    while text[at] in skipped:
        at += 1
    return at


def _shown(value: object) -> str:
    """Return a value as JSON, safe to print and at most 40 characters long."""
    text = _json(value)
    return text if len(text) <= 40 else text[:39] + "…"  # noqa: PLR2004 - the line above says it


def _json(value: object) -> str:
    try:
        if isinstance(value, _Doubled):
            return "{" + ", ".join(f"{json.dumps(name)}: {_json(inner)}" for name, inner in value.pairs) + "}"
        return json.dumps(value, default=str)
    except RecursionError:
        return "(nested too deeply to be shown)"
