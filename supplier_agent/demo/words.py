"""What the demo says to its visitor before, between and after the scenes."""

import sys
from pathlib import Path

from supplier_agent import state
from supplier_agent.demo.arrangement import Arrangement
from supplier_agent.demo.warehouse import PINS
from supplier_agent.settings import Settings


def introduction(arrangement: Arrangement, settings: Settings) -> list[str]:
    """Return who takes part, and where."""
    return [
        "supplier-agent demo: the whole job on this machine, in about fifteen seconds.",
        "",
        f"marketplace  a stand-in of the Menzzo supplier API at {arrangement.sandbox.url}; some things go wrong on purpose",
        f"agent        the real one; its database and its labels are in {settings.state_dir}",
        "warehouse    people who say what has left the building",
    ]


def heading() -> list[str]:
    """Return what the table compares."""
    return ["The marketplace's own books against the agent's claims. What is indented must be zero:"]


def verdict(*, holds: bool) -> list[str]:
    """Return what the table proves."""
    if holds:
        return ["All of it is zero: what the agent claims is what the marketplace knows."]
    return [
        "NOT all of it is zero: the agent is wrong somewhere. This is a fault of ours; please report it with all the lines above.",
    ]


def invitation(config: Path, settings: Settings, url: str, page: str, arrival_seconds: float) -> list[str]:
    """Return what to try in another terminal while the demo stays up."""
    flag = "UPDATE orders SET shipped = 1 WHERE menzzo_order_id = 'ID'"
    who = " or ".join(f"{name} ({role}, PIN {pin})" for name, role, pin in PINS)
    return [
        f"The warehouse page is at {page}. Sign in as {who},",
        "and scan what waits: type its last number and press Enter, twice.",
        "",
        f"The demo stays up until Ctrl-C, and every {arrival_seconds:g} s an order comes in. In another terminal:",
        "",
        f"  alias supplier-agent='{sys.executable} -m supplier_agent --config {config}'",
        "  supplier-agent status",
        "  supplier-agent orders --stage ready",
        "  supplier-agent order ID",
        "  supplier-agent ship ID     # then look here: the marketplace is told after the undo window",
        f'  sqlite3 {settings.state_dir / state.DATABASE} "{flag}"',
        f"  curl {url}/sandbox/truth     # what the marketplace really knows",
        f"  tail -f {config.with_name('agent.log')}",
    ]


def goodbye(*, stopped: bool) -> list[str]:
    """Return the last lines, for when nothing is left behind. `stopped`: by Ctrl-C."""
    if stopped:
        return ["", "Stopped. Nothing is left behind."]
    return [
        "Nothing is left behind. To look around in it: supplier-agent demo --keep. For orders of your own: README.md, Install."
    ]
