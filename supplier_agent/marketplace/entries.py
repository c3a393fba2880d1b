"""Writes a listed entry with all of its fields as one text, masked: what is kept of it. Pure.

The text is JSON with sorted keys and without spaces. Numbers are as the marketplace wrote them. The same entry has the same text.
"""

import hashlib
from collections.abc import Sequence
from decimal import Decimal
from json.encoder import encode_basestring_ascii as quoted
from operator import itemgetter
from typing import NamedTuple

from supplier_agent.marketplace.masking import HIDDEN, MOST_NAMES, SHORTEST_PHONE, Field, How, Mask, may_be_address

LONGEST_ENTRY = 64_000
MOST_DEPTH = 20


class Entry(NamedTuple):
    """A listed entry, masked. menzzo_order_id: "" if it has none that can be used. names: its fields, those within with a dot."""

    menzzo_order_id: str
    text: str
    sha256: str  # of the text
    names: frozenset[str]
    is_masked: bool


def write(row: object, menzzo_order_id: str, mask: Mask, secrets: Sequence[str] = ()) -> Entry:
    """Return an entry as it is kept. row: as it was parsed, with numbers that str() writes as they were."""
    writer = _Writer(mask, menzzo_order_id)
    text = writer.write(row, Field())
    for secret in secrets:
        if secret and secret in text:
            text, writer.is_masked = text.replace(secret, HIDDEN), True
    if len(text) > LONGEST_ENTRY:
        digest = hashlib.sha256(text.encode()).hexdigest()
        text = (
            f'{{"menzzo_order_id":{quoted(menzzo_order_id)},"not kept":"{len(text)} characters","sha256":"{digest}"}}'
        )
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Entry(menzzo_order_id, text, digest, frozenset(writer.names), writer.is_masked)


class _Writer:
    def __init__(self, mask: Mask, about: str) -> None:
        self._mask, self._about = mask, about
        self.names: set[str] = set()
        self.is_masked = False

    def write(self, value: object, field: Field, depth: int = 0) -> str:
        """Return the value of a field as JSON."""
        if isinstance(value, str) and field.how is not How.HIDDEN:
            return quoted(value if field.how is How.SHOWN else self._text(value, field))
        if value is None:
            return "null"
        if value is True or value is False:
            return "true" if value else "false"
        if depth > MOST_DEPTH:
            return '"(nested too deeply)"'
        if isinstance(value, dict):
            return self._object(value, field, depth + 1)
        if isinstance(value, list):
            return f"[{','.join([self.write(each, field, depth + 1) for each in value])}]"
        if field.how is How.HIDDEN and value != "":
            self.is_masked = True
            return quoted(self._mask.value(str(value), f"{self._about} {field.name}"))
        return str(value) if isinstance(value, int | Decimal) else quoted(str(value))

    def _object(self, value: dict[str, object], around: Field, depth: int) -> str:
        known = self._mask.fields(around, tuple(value))
        if len(self.names) < MOST_NAMES:
            self.names.update(known.names)
        self.is_masked = self.is_masked or known.is_masked
        pairs = getattr(value, "pairs", None)  # a key that occurs twice is written twice
        if pairs is not None:
            by_key = {field.key: field for field in known.ordered}
            written = [self._pair(by_key[key], each, depth) for key, each in sorted(pairs, key=itemgetter(0))]
        else:
            written = [self._pair(field, value[field.key], depth) for field in known.ordered]
        return f"{{{','.join(written)}}}"

    def _pair(self, field: Field, value: object, depth: int) -> str:
        if type(value) is str and field.is_code and field.how is How.JUDGED and not may_be_address(value):
            return f"{field.quoted}:{quoted(value)}"  # most values: they cost next to nothing
        if field.how is How.SECRET and value:
            self.is_masked = True
            return f"{field.quoted}:{quoted(HIDDEN)}"
        return f"{field.quoted}:{self.write(value, field, depth)}"

    def _text(self, text: str, field: Field) -> str:
        if not may_be_address(text) and (field.is_code or len(text) < SHORTEST_PHONE):
            return text
        kept = self._mask.text(text, f"{self._about} {field.name}", is_code=field.is_code)
        self.is_masked = self.is_masked or kept is not text
        return kept
