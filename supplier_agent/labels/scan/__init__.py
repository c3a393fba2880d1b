"""What a scan means and what it leads to: text in, one of four answers out. Pure: no clock, no database, no network."""

from supplier_agent.labels.scan.station import (
    REPEAT_SECONDS,
    Act,
    Say,
    Sign,
    Station,
    Step,
    choose,
    next_step,
    press_ship,
)
from supplier_agent.labels.scan.text import (
    MOST,
    Command,
    Condition,
    Match,
    Meaning,
    Reading,
    Scan,
    Way,
    alias,
    as_typed,
    read,
)

__all__ = [
    "MOST",
    "REPEAT_SECONDS",
    "Act",
    "Command",
    "Condition",
    "Match",
    "Meaning",
    "Reading",
    "Say",
    "Scan",
    "Sign",
    "Station",
    "Step",
    "Way",
    "alias",
    "as_typed",
    "choose",
    "next_step",
    "press_ship",
    "read",
]
