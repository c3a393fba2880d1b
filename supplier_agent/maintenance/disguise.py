"""Replaces ids, and everything that may be private, in a recording. Pure.

The same id has the same replacement everywhere. Replacements have the same form and compare like the ids: numbers stay numbers, in
the same order, and lines of one customer's order stay together. So a cursor, sorting and ranks mean the same.
"""

import hmac
import json
import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from http import HTTPStatus

from supplier_agent.marketplace.listing import ID
from supplier_agent.marketplace.masking import HIDDEN, Mask, in_prose, is_personal, is_reference

SHORTEST_NUMBER = 6
"""An increment this long is replaced wherever it occurs. A shorter number could be anything."""
LONGEST_PLAIN_NUMBER = 7
"""A number with more digits, in a field that is not documented, may be a telephone number or an id."""
SHORTEST_SECRET = 24
DOCUMENTED = ("sku", "quantity", "price", "order_date", "carrier")
"""The fields that are kept as they are: they say nothing about a person (API notes, 3)."""

_TOKEN = re.compile(r"[0-9A-Za-z]+(?:[_-]+[0-9A-Za-z]+)*")
_RUN = re.compile(rf"(?<![0-9])([0-9]{{{SHORTEST_NUMBER},}})(?:_([0-9]+))?(?![0-9])")
_SECRET = re.compile(rf"[0-9A-Za-z+/_-]{{{SHORTEST_SECRET},}}={{0,2}}")
_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9:.]{5,15}(Z|[+-][0-9:]{4,5})?)?")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_MASKED = re.compile(r"\(masked(:[0-9a-f]+)?\)")
_NAME = re.compile(r"\b[^\W\d_a-z][^\W\d_]+(?:['’-][^\W\d_]+)*")
_COMMON = frozenset(" ".join(status.phrase for status in HTTPStatus).casefold().split()) | frozenset(
    ["order", "sale", "label", "token", "commande", "vente", "html", "doctype", "json"]
)
"""Words of answers that are often capitalised."""
STARTS = ".!?:;>\"'([{|"
LONGEST_ABBREVIATION = 3
_ANY_ID = re.compile(r"(?<![0-9])[0-9]{5,}_[0-9]{1,19}(?![0-9])")


def ids_in(text: str) -> list[str]:
    """Return what has the form of an order's id in a text."""
    return _ANY_ID.findall(text)


class Disguise:
    """The replacements of one recording. ids: every id that occurs in it. key: random, and thrown away."""

    def __init__(self, ids: Iterable[str], key: bytes) -> None:
        self._key, self._mask, self._links = key, Mask(key), dict[str, str]()
        known = sorted(each for each in set(ids) if ID.match(each))
        parts = [each.rpartition("_") for each in known]
        self._increments = _in_order({increment for increment, _, _ in parts})
        self._products = _in_order({product for _, _, product in parts})
        self._ids = {
            whole: f"{self._increments[increment]}_{self._products[product]}"
            for whole, (increment, _, product) in zip(known, parts, strict=True)
        }

    def id(self, menzzo_order_id: str) -> str:
        """Return the replacement of an order's id; of an increment alone; else something of the same form."""
        return self._ids.get(menzzo_order_id) or self._increments.get(menzzo_order_id) or self._shaped(menzzo_order_id)

    def text(self, text: str) -> str:
        """Return an answer or a reason without ids, secrets and personal data."""
        kept = _TOKEN.sub(lambda match: self._token(match[0]), _NAME.sub(_name, in_prose(self._mask, text)))
        return _SECRET.sub(lambda match: _secret(match[0]), kept)

    def entry(self, entry: object) -> object:
        """Return a listed entry: its documented fields, and of the others their names, numbers, days and changes."""
        if not isinstance(entry, Mapping):
            return self._value(entry, "")
        return {key: self._field(key, value) for key, value in entry.items()}

    def _token(self, token: str) -> str:
        if token in self._ids or (token in self._increments and len(token) >= SHORTEST_NUMBER):
            return self.id(token)
        return _RUN.sub(self._run, token)

    def _run(self, match: "re.Match[str]") -> str:
        """Replace an increment that is part of a longer word, like the name of a file, with the product behind it."""
        if match[1] not in self._increments:
            return match[0]
        product = "" if match[2] is None else f"_{self._products.get(match[2]) or self._shaped(match[2])}"
        return self._increments[match[1]] + product

    def _field(self, key: str, value: object) -> object:
        if key == "menzzo_order_id" and isinstance(value, str):
            return self.id(value)
        if key == "link_to_label" and isinstance(value, str) and value:
            return self._links.setdefault(value, f"/label/{len(self._links) + 1}.pdf")
        if key in DOCUMENTED and not isinstance(value, Mapping | list):
            return self._mask.text(value, is_code=key != "carrier") if isinstance(value, str) else _plain(value)
        return self._value(value, key)

    def _value(self, value: object, key: str, *, is_private: bool = False) -> object:
        is_private = is_private or is_personal(key)
        if isinstance(value, Mapping):
            return {self.text(inner): self._value(each, inner, is_private=is_private) for inner, each in value.items()}
        if isinstance(value, list):
            return [self._value(each, key, is_private=is_private) for each in value]
        if value is None or isinstance(value, bool) or value == "":
            return value
        text = str(value)
        if is_private:
            return text if _MASKED.fullmatch(text) else self._mask.value(text)
        if text in self._ids or text in self._increments:
            return self.id(text) if isinstance(value, str) else int(self.id(text))
        if isinstance(value, str):
            if is_reference(key) and len(text) <= SHORTEST_SECRET:
                return self._products.get(text) or self._shaped(text)
            return text if _INSTANT.fullmatch(text) or _MASKED.fullmatch(text) else self._mask.value(text)
        if is_reference(key) or sum(map(str.isdecimal, text)) > LONGEST_PLAIN_NUMBER:
            replaced = self._products.get(text) or self._shaped(text)
            return _plain(Decimal(replaced)) if _NUMBER.fullmatch(replaced) else self._mask.value(text)
        return _plain(value)

    def _shaped(self, text: str) -> str:
        """Return other digits and letters in the same places."""
        digest = hmac.digest(self._key, text.encode("utf-8", "surrogatepass"), "sha512")
        return "".join(
            _other(letter, digest[place % len(digest)], first=place == 0) for place, letter in enumerate(text)
        )


def _other(letter: str, number: int, *, first: bool) -> str:
    if letter.isdecimal():
        return str(number % 9 + 1) if first else str(number % 10)
    if letter.isalpha():
        return chr((ord("A") if letter.isupper() else ord("a")) + number % 26)
    return letter


def _name(match: "re.Match[str]") -> str:
    """Hide a word that may be a name: capitalised within a sentence, or at its start before another such word."""
    word, text = match[0], match.string
    if not word[0].isupper() or word.casefold() in _COMMON or (len(word) <= LONGEST_ABBREVIATION and word.isupper()):
        return word
    following = _NAME.match(text, match.end() + 1)
    is_followed = following is not None and following[0][0].isupper() and following[0].casefold() not in _COMMON
    begins = not (before := text[: match.start()].rstrip()) or before[-1] in STARTS
    return HIDDEN if is_followed or not begins else word


def _secret(token: str) -> str:
    """Hide what may be a token: long, with letters and digits."""
    has = (any(map(str.isalpha, token)), any(map(str.isdecimal, token)))
    return HIDDEN if all(has) else token


def _plain(value: object) -> object:
    """Return a value that JSON knows."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() and "." not in str(value) else float(value)
    return value if isinstance(value, int | str) or value is None else str(value)


def _in_order(parts: Iterable[str]) -> dict[str, str]:
    """Return a replacement of the same length for each part, so that numbers keep their order."""
    groups: dict[tuple[int, int], list[str]] = {}
    odd: list[str] = []
    for part in sorted(parts):
        digits = part.lstrip("0") or "0"
        if part.isascii() and part.isdecimal():
            groups.setdefault((len(part) - len(digits), len(digits)), []).append(part)
        else:
            odd.append(part)
    found = {part: f"X{number:0{max(1, len(part) - 1)}d}" for number, part in enumerate(odd, 1)}
    for (zeros, length), group in groups.items():
        lowest = 10 ** (length - 1) if length > 1 else 0
        step = (10**length - lowest) // len(group)
        found |= {part: "0" * zeros + str(lowest + place * step) for place, part in enumerate(sorted(group, key=int))}
    return found


def dumps(line: Mapping[str, object]) -> str:
    """Return a line of the recording."""
    return json.dumps(line, separators=(",", ":"), ensure_ascii=False)
