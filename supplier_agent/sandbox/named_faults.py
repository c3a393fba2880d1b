"""Faults by name, for the command line: `sandbox --fault webhook:500`."""

from collections.abc import Callable, Mapping

from supplier_agent.base.errors import UsageError
from supplier_agent.sandbox import faults
from supplier_agent.sandbox.faults import Endpoint, Fault

ENDPOINTS = ("get-sales", "acknowledge-sale", "ship-sale", "label", "webhook")
FOR_EVER = 2**31
BY_NAME: Mapping[str, Callable[[], Fault]] = {
    "hang": lambda: faults.hang(applied=False),
    "slow": lambda: faults.late(5),
    "close": lambda: faults.close(applied=False),
    "reset": lambda: faults.reset(applied=False),
    "garbage": lambda: faults.garbage(applied=False),
    "html": faults.html,
    "redirect": lambda: faults.redirect("https://elsewhere.example/"),
    "huge": lambda: faults.status(200, body=b"x" * (8 << 20)),
    "bomb": faults.gzip_bomb,
    "lost": lambda: faults.close(applied=True),
}
"""`lost`: it takes effect, and the answer does not arrive. A number is a status, like 500 or 429."""


def named(text: str) -> tuple[Endpoint, Fault]:
    """Return the endpoint and the fault that `ENDPOINT:FAULT` names. Raises UsageError."""
    endpoint, _, name = text.partition(":")
    if endpoint not in ENDPOINTS:
        raise UsageError(
            f"--fault {text} names no endpoint", f"write ENDPOINT:FAULT with one of {', '.join(ENDPOINTS)}"
        )
    if name.isascii() and name.isdecimal() and 200 <= int(name) < 600:  # noqa: PLR2004 - statuses
        return endpoint, faults.status(int(name))
    if name not in BY_NAME:
        raise UsageError(
            f"--fault {text} names no fault", f"after the colon, write a status or one of {', '.join(BY_NAME)}"
        )
    return endpoint, BY_NAME[name]()
