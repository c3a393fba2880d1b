"""Names of events: a thing and what happened to it, so that they can be searched for; and each in the table of the docs."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "supplier_agent"
LEVELS = {"debug", "info", "warning", "error"}
IRREGULAR = {"done", "found", "lost", "read", "unread", "unknown", "withdrawn"}
NAME = re.compile(r"\A[a-z]+\.(?:[a-z]+_)*([a-z]+)\Z")


def events() -> Iterator[tuple[str, str]]:
    """Yield where and what, for each event that is named in a call of the log, or in narrate's table of events."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Call(
                    func=ast.Attribute(attr=method, value=owner), args=[ast.Constant(value=str(event)), *_]
                ) if method in LEVELS and ast.unparse(owner).endswith("log"):
                    yield f"{path.name}:{node.lineno}", event
                case ast.Assign(targets=[ast.Name(id="EVENTS")], value=ast.Dict(values=values)):
                    yield from ((f"{path.name}:{node.lineno}", ast.literal_eval(value)) for value in values)


def is_well_named(event: str) -> bool:
    found = NAME.match(event)
    return found is not None and (found[1].endswith("ed") or found[1] in IRREGULAR)


def test_every_event_is_a_noun_and_what_happened_to_it() -> None:
    found = dict(events())
    assert len(found) > 15
    assert not {where: event for where, event in found.items() if not is_well_named(event)}


@pytest.mark.parametrize("event", ["call", "call.doing", "Call.done", "failing", "supplier.failing", "call done"])
def test_another_name_would_be_seen(event: str) -> None:
    assert not is_well_named(event)
