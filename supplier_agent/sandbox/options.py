"""The options of `sandbox` as text: `--fault ENDPOINT=FAULT` and `--semantics KEY=VALUE`."""

import dataclasses
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, get_args, get_origin, get_type_hints

from supplier_agent.base.errors import UsageError
from supplier_agent.sandbox import faults, support
from supplier_agent.sandbox.faults import Fault
from supplier_agent.sandbox.listing import Semantics
from supplier_agent.sandbox.world import World

FAULTS: Mapping[str, Callable[[], Fault]] = {
    "hang": lambda: faults.hang(applied=False),
    "lost": lambda: faults.close(applied=True),
    "reset": lambda: faults.reset(applied=False),
    "html": faults.html,
    "empty": faults.empty,
    "garbage": lambda: faults.garbage(applied=False),
    "half": lambda: faults.half_body(applied=True),
    "bomb": faults.gzip_bomb,
    "redirect": lambda: faults.redirect("https://elsewhere.example/"),
}
"""Besides a status, like 500 or 429."""
ENDPOINTS = frozenset({"get-sales", "acknowledge-sale", "ship-sale", "label"}) | support.ENDPOINTS
_FAULT = re.compile(r"(?P<endpoint>[a-z-]+)=(?P<name>[a-z]+|[1-5][0-9]{2})(:(?P<times>[0-9]{1,6}))?", re.ASCII)
_SUPPORT = {"sale_status": "status", "sav_spelling": "spelling"}
"""The switches of the support API, and their names in the world."""


def arm(world: World, given: Iterable[str]) -> None:
    """Arm faults: `sale-details=500` for each request, `sale-details=hang:3` for the next three. Raises UsageError."""
    for text in given:
        found = _FAULT.fullmatch(text)
        name = found["name"] if found else ""
        fault = faults.status(int(name)) if name.isdecimal() else FAULTS[name]() if name in FAULTS else None
        if found is None or fault is None or found["endpoint"] not in ENDPOINTS:
            known = f"one of {', '.join(sorted(ENDPOINTS))}; then a status, or one of {', '.join(FAULTS)}"
            raise UsageError(f"--fault {text} is not ENDPOINT=FAULT or ENDPOINT=FAULT:TIMES", known)
        times = int(found["times"]) if found["times"] else 1 << 30
        world.faults.arm(found["endpoint"], fault, times=times)


def semantics(world: World, given: Iterable[str]) -> Semantics:
    """Return the semantics with these switches: `shipped=vanish`, `sale_status=canceled`. Raises UsageError."""
    hints, changed = get_type_hints(Semantics), dict[str, Any]()
    simple = {key: hint for key, hint in hints.items() if get_origin(hint) is Literal or hint in (bool, int)}
    for text in given:
        key, equals, value = text.partition("=")
        if equals and key in _SUPPORT:
            setattr(world.support, _SUPPORT[key], value)
            continue
        hint = simple.get(key)
        allowed = ("yes", "no") if hint is bool else get_args(hint) if hint is not int else ()
        if not equals or hint is None or (allowed and value not in allowed) or (hint is int and not value.isdecimal()):
            said = ", ".join(allowed) if allowed else "a number" if hint is int else ", ".join([*simple, *_SUPPORT])
            raise UsageError(f"--semantics {text} is not KEY=VALUE", f"it may be: {said}")
        changed[key] = value == "yes" if hint is bool else int(value) if hint is int else value
    return dataclasses.replace(Semantics(), **changed)
