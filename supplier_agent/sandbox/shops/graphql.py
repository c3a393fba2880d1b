"""The part of GraphQL that the stand-in of Shopify needs: operations, answers cut to their fields, costs, pages, terms of a search.

A field that the answer does not have is an error, as it is at Shopify: a mistake in a query must not go unnoticed here.
"""

import base64
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from supplier_agent.base.clock import Clock

MOST_POINTS, POINTS_A_SECOND, MOST_COST = 2000.0, 100.0, 1000
"""The bucket of the plan Standard, and what a single query may cost."""
_TERM = re.compile(r"""(\w+):(>=|<=|>|<|)(?:"((?:\\.|[^"\\])*)"|'([^']*)'|(\S+))""")
LARGEST_PAGE = 250
_TOKEN = re.compile(r'[{}()\[\]:!=$]|"(?:\\.|[^"\\])*"|-?[0-9]+(?:\.[0-9]+)?|[_A-Za-z][_0-9A-Za-z]*')
_BETWEEN = re.compile(r"[\s,\ufeff]*")
_NAME = re.compile(r"[_A-Za-z][_0-9A-Za-z]*")
_WORDS: Mapping[str, Any] = {"true": True, "false": False, "null": None}


class GraphqlError(ValueError):
    """The operation cannot be read, or asks for what there is not."""


@dataclass(frozen=True)
class Field:
    """A field of an operation, with its arguments and its own fields."""

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    fields: tuple["Field", ...] = ()


@dataclass(frozen=True)
class Operation:
    """kind: query or mutation."""

    kind: str
    fields: tuple[Field, ...]


def read_operation(text: str, variables: Mapping[str, Any]) -> Operation:
    """Return the only operation of a document. Raises GraphqlError."""
    reader = _Reader(_tokens(text), variables)
    kind = "query" if reader.peek() == "{" else reader.name()
    if kind not in {"query", "mutation"}:
        raise GraphqlError(f"Parse error on {kind!r}")
    if reader.peek() != "{" and reader.peek() != "(":
        reader.name()
    if reader.peek() == "(":
        reader.skip_definitions()
    found = Operation(kind, reader.fields())
    if reader.peek():
        raise GraphqlError(f"Parse error on {reader.peek()!r}")
    return found


def select(value: Any, fields: Sequence[Field], of: str = "QueryRoot") -> Any:  # noqa: ANN401 - any JSON
    """Return of a value what is asked for. Raises GraphqlError if it has no such field."""
    if isinstance(value, list):
        return [select(each, fields, of) for each in value]
    if value is None or not isinstance(value, dict):
        if value is not None and fields:
            raise GraphqlError(f"Selections can't be made on {of}")
        return value
    if not fields:
        raise GraphqlError(f"Field must have selections ({of})")
    for each in fields:
        if each.name not in value:
            raise GraphqlError(f"Field '{each.name}' doesn't exist on type '{of}'")
    return {each.name: select(value[each.name], each.fields, each.name) for each in fields}


def cost(fields: Sequence[Field]) -> int:
    """Return the cost by the documented rule: an object is one point, a connection as many as it may return, scalars are free."""
    total = 0
    for each in fields:
        if each.fields and each.name not in {"nodes", "pageInfo"}:
            size = each.arguments.get("first", 1)
            total += size * (1 + cost(each.fields)) if isinstance(size, int) else 1
        elif each.fields:
            total += cost(each.fields)
    return total


def terms_of(query: str) -> dict[str, tuple[str, str]]:
    """Return the comparator and value of each term. A name that the search does not know is ignored, as it is at Shopify."""
    found = {}
    for name, sign, double, single, bare in _TERM.findall(query):
        found[name] = (sign, re.sub(r"\\(.)", r"\1", double) or single or bare)
    return found


def page_of(rows: list[tuple[tuple[Any, int], dict[str, Any]]], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return a page. A cursor is the place of its last row in the order of the list, so a row that moves hides no other."""
    size = arguments.get("first")
    if not isinstance(size, int) or not 0 < size <= LARGEST_PAGE:
        raise GraphqlError("you must provide one of first or last, at most 250")
    rows.sort(key=lambda row: row[0], reverse=arguments.get("reverse") is True)
    if after := arguments.get("after"):
        place = tuple(json.loads(base64.b64decode(after)))
        rows = [row for row in rows if (row[0] < place if arguments.get("reverse") is True else row[0] > place)]
    part = rows[:size]
    end = base64.b64encode(json.dumps(part[-1][0]).encode()).decode() if part else None
    return {"nodes": [row for _, row in part], "pageInfo": {"hasNextPage": len(rows) > size, "endCursor": end}}


class Bucket:
    """The bucket of query costs, which fills again all the time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._points, self._at = MOST_POINTS, clock.now().timestamp()

    def spend(self, price: int) -> tuple[bool, dict[str, Any]]:
        """Take the cost of an operation; return whether there was enough, and what the answer says about it."""
        now = self._clock.now().timestamp()
        filled = max(0.0, now - self._at) * POINTS_A_SECOND
        self._points, self._at = min(MOST_POINTS, self._points + filled), now
        enough = self._points >= price
        self._points -= price if enough else 0
        status = {"maximumAvailable": MOST_POINTS, "currentlyAvailable": self._points, "restoreRate": POINTS_A_SECOND}
        actual = price if enough else None
        return enough, {"cost": {"requestedQueryCost": price, "actualQueryCost": actual, "throttleStatus": status}}


def _tokens(text: str) -> list[str]:
    found, at = [], _BETWEEN.match(text).end()  # type: ignore[union-attr] # it matches everywhere
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise GraphqlError(f"Parse error on {text[at]!r}")
        found.append(match[0])
        at = _BETWEEN.match(text, match.end()).end()  # type: ignore[union-attr] # as above
    return found


class _Reader:
    def __init__(self, tokens: Sequence[str], variables: Mapping[str, Any]) -> None:
        self._tokens, self._variables, self._at = tokens, variables, 0

    def peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def take(self, expected: str = "") -> str:
        token = self.peek()
        if not token or (expected and token != expected):
            raise GraphqlError(f"Parse error on {token or 'end of file'!r}")
        self._at += 1
        return token

    def name(self) -> str:
        token = self.take()
        if _NAME.fullmatch(token) is None:
            raise GraphqlError(f"Parse error on {token!r}")
        return token

    def skip_definitions(self) -> None:
        """Skip the types of the variables: their values are checked where they are used."""
        self.take("(")
        while self.peek() != ")":
            self.take()
        self.take(")")

    def fields(self) -> tuple[Field, ...]:
        self.take("{")
        found = []
        while self.peek() != "}":
            name, arguments = self.name(), {}
            if self.peek() == "(":
                self.take("(")
                while self.peek() != ")":
                    key = self.name()
                    self.take(":")
                    arguments[key] = self._value()
                self.take(")")
            found.append(Field(name, arguments, self.fields() if self.peek() == "{" else ()))
        self.take("}")
        return tuple(found)

    def _value(self) -> Any:  # noqa: ANN401 - any JSON
        token = self.take()
        if token == "$":  # noqa: S105 - a sign
            return self._variables.get(self.name())
        if token[0] == '"':
            return token[1:-1]
        if token[0].isdigit() or token[0] == "-":
            return float(token) if "." in token else int(token)
        return _WORDS.get(token, token)  # an enum's value is its name
