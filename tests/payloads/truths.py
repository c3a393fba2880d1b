"""What must hold of every list answer, whatever is in it: judged by a second reading that shares nothing with the first."""

import json
import re
from collections.abc import Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from supplier_agent.marketplace import Rejected, Seen
from supplier_agent.marketplace.listing import Unreadable, parse_rows

ID = re.compile(r"[0-9A-Za-z_-]{1,60}_[0-9]{1,19}")
PLAIN_NUMBER = re.compile(r"[0-9]{1,6}(\.[0-9]{1,2})?")
PLAIN_TEXT = re.compile(r"[!-~]{1,200}")
MISSING = (None, "")


class Written(str):
    """A number as it was written."""

    __slots__ = ()


def check(body: bytes) -> tuple[Seen | Rejected, ...] | Unreadable:
    """Read an answer and judge what came of it. AssertionError: a promise is broken."""
    found = parse_rows(body)
    told = _second_reading(body)
    if isinstance(found, Unreadable):
        assert found.reason.isprintable(), "a reason is printed"
        assert not isinstance(told, list), f"a list was not read: {found}"
        return found
    assert told is not None, "what is not JSON was read"
    for row in found:
        _sound(row)
    assert all(row.raw in body for row in found if isinstance(row, Rejected)), "what is kept is not what was listed"
    if isinstance(told, list):
        assert len(told) == len(found), "a row is missing or invented"
        for row, raw in zip(found, told, strict=True):
            _same(row, raw)
    return found


def _second_reading(body: bytes) -> Any:  # noqa: ANN401 - JSON
    """Return what the body says, numbers as written; None where it is no JSON at all."""
    try:
        text = body.decode("utf-8-sig", "surrogateescape")
        return json.loads(text, parse_int=Written, parse_float=Written, parse_constant=Written, strict=False)
    except (json.JSONDecodeError, RecursionError):
        return None


def _sound(row: Seen | Rejected) -> None:
    """Judge a row by itself: whatever was listed, this may go into the database, a path, a terminal."""
    if isinstance(row, Rejected):
        assert row.raw
        assert row.reason.isprintable()
        return
    assert ID.fullmatch(row.menzzo_order_id)
    assert f"{row.increment_id}_{row.sale_product_id}" == row.menzzo_order_id
    assert row.quantity is None or (type(row.quantity) is int and 1 <= row.quantity <= 10**6)
    assert row.price_cents is None or (type(row.price_cents) is int and 0 <= row.price_cents <= 10**11)
    assert row.order_date is None or type(row.order_date) is date
    for text in (row.sku, row.carrier, row.link_to_label, *row.problems):
        assert text is None or not re.search("[\x00-\x1f\x7f-\x9f\ud800-\udfff]", text), ascii(text)
        assert text is None or len(text) <= 2000


def _same(row: Seen | Rejected, raw: object) -> None:
    """Judge a row by what was listed in its place."""
    named = raw.get("menzzo_order_id") if isinstance(raw, dict) else None
    usable = isinstance(named, str) and not isinstance(named, Written) and ID.fullmatch(named) is not None
    assert isinstance(row, Seen) is usable, f"{named!a} became {row!a}"
    if isinstance(row, Rejected):
        return
    assert isinstance(raw, dict)
    assert row.menzzo_order_id == named
    for name, read in (("sku", row.sku), ("carrier", row.carrier), ("link_to_label", row.link_to_label)):
        listed = raw.get(name)
        if read is not None:
            same = Decimal(read) == Decimal(str(listed)) if isinstance(listed, Written) else read == str(listed).strip()
            assert same, f"{name} {listed!a} became {read!a}"
        elif isinstance(listed, str) and not isinstance(listed, Written):
            assert not PLAIN_TEXT.fullmatch(listed), f"{name} was lost"
    _same_number("quantity", row.quantity, raw.get("quantity"), whole=True)
    _same_number("price", row.price_cents, raw.get("price"), whole=False)
    if row.order_date is not None:
        assert row.order_date.isoformat() == str(raw["order_date"])[:10]
    for name, value in (("quantity", row.quantity), ("price", row.price_cents), ("order_date", row.order_date)):
        if value is None:
            assert any(problem.startswith(name) for problem in row.problems), f"{name} is gone without a word"
    for name, read in (("sku", row.sku), ("carrier", row.carrier), ("link_to_label", row.link_to_label)):
        if read is None and raw.get(name) not in MISSING and str(raw.get(name)).strip():
            assert any(problem.startswith(name) for problem in row.problems), f"{name} is gone without a word"


def _same_number(name: str, read: int | None, listed: object, *, whole: bool) -> None:
    if read is None:
        if isinstance(listed, Written) and PLAIN_NUMBER.fullmatch(listed):
            number = Decimal(listed)
            usable = not whole or 1 <= number == int(number)
            assert not usable, f"{name} {listed} was lost"
        return
    assert isinstance(listed, str), f"{name} {listed!a} became {read}"
    try:
        assert Decimal(listed.strip()) * (1 if whole else 100) == read, f"{name} {listed} became {read}"
    except InvalidOperation:
        raise AssertionError(f"{name} {listed!a} became {read}") from None


def judge(bodies: Sequence[bytes]) -> int:
    """Check many answers; return how many rows they held."""
    count = 0
    for body in bodies:
        try:
            found = check(body)
        except Exception as error:
            raise AssertionError(f"{type(error).__name__}: {error}, in the answer {body[:2000]!r}") from error
        count += 0 if isinstance(found, Unreadable) else len(found)
    return count
