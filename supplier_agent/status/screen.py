"""The screen of `status` for people: one glance, the most important line last. Without a terminal no colour, no frames."""

from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo

from supplier_agent import __version__
from supplier_agent.order import STAGES
from supplier_agent.printable import on_one_line
from supplier_agent.status import NEVER_RUN, Told

SHOWN = tuple(stage for stage in STAGES if stage != "closed")
WORDS = 4
"""The columns to the left of the numbers."""
COLOURS = {"ok": 32, "paused": 33, "failing": 31}


def page(told: Told, now: datetime, zone: tzinfo, *, colours: bool = False) -> str:
    """Return the whole screen."""
    return "\n".join([_head(told, zone), "", *_table(told, now, colours=colours), *_problems(told), "", _last(told)])


def _head(told: Told, zone: tzinfo) -> str:
    runs = "not running"
    if told.holder is not None:
        since = f" since {told.holder.since.astimezone(zone):%a %H:%M}" if told.holder.since else ""
        runs = f"`{told.holder.command or '?'}`{since} (pid {told.holder.pid or '?'})"
    try:
        size = f" ({told.database.stat().st_size / 1e6:.1f} MB)"
    except OSError:
        size = ""
    return on_one_line(f"supplier-agent {__version__} · {runs} · {told.database}{size}")


def _table(told: Told, now: datetime, *, colours: bool) -> list[str]:
    rows = [["SUPPLIER", "STATE", "LAST OK", "NEXT", *(stage.upper() for stage in SHOWN)]]
    for name, supplier in told.suppliers.items():
        counted = supplier["counts"]
        assert isinstance(counted, dict)  # noqa: S101 - made by status
        said = [
            on_one_line(name),
            str(supplier["state"]),
            _ago(supplier["last_success_at"], now),
            _ahead(supplier["next_poll_at"], now),
        ]
        rows.append([*said, *(str(counted[stage]) for stage in SHOWN)])
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = [_line(rows[0], widths)]
    for row, supplier in zip(rows[1:], told.suppliers.values(), strict=True):
        colour = COLOURS.get(row[1]) if colours else None
        lines.append(_line(row, widths, colour))
        if without := _without_a_yes(supplier["ship_evidence"]):
            lines.append(" " * (widths[0] + 2) + without)
        if supplier["reason"]:
            lines.append(" " * (widths[0] + 2) + on_one_line(str(supplier["reason"])))
    return lines


def _without_a_yes(evidence: object) -> str:
    """Return how many orders are shipped without the marketplace's yes; "" if none is."""
    assert isinstance(evidence, dict)  # noqa: S101 - made by status
    others = [
        f"{number} {name.replace('_', ' ')}" for name, number in evidence.items() if name != "confirmed" and number
    ]
    return f"of those shipped, without the marketplace's yes: {', '.join(others)}" if others else ""


def _line(row: Sequence[str], widths: Sequence[int], colour: int | None = None) -> str:
    words, numbers = row[:WORDS], row[WORDS:]
    cells = [text.ljust(width) for text, width in zip(words, widths, strict=False)]
    cells += [text.rjust(width) for text, width in zip(numbers, widths[WORDS:], strict=True)]
    if colour is not None:
        cells[1] = f"\x1b[{colour}m{cells[1]}\x1b[0m"
    return "  ".join(cells).rstrip()


def _problems(told: Told) -> list[str]:
    lines = []
    for each in told.problems:
        about = " ".join(part for part in (each.order, each.supplier) if part)
        lines.append(on_one_line(f"  {about}: {each.what}" if about else f"  {each.what}"))
        if each.cure:
            lines.append(on_one_line(f"      {each.cure}"))
    return ["", f"{len(told.problems)} problem{'s' if len(told.problems) > 1 else ''}:", *lines] if lines else []


def _last(told: Told) -> str:
    if told.problems:
        return f"{NEVER_RUN}: begin with the line above" if told.problems[0].what == NEVER_RUN else "see above"
    return "all is well"


def _span(seconds: float) -> str:
    for unit, name in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= unit:
            return f"{seconds / unit:.0f} {name}"
    return f"{seconds:.0f} s"


def _ago(at: object, now: datetime) -> str:
    return f"{_span((now - datetime.fromisoformat(str(at))).total_seconds())} ago" if at else "never"


def _ahead(at: object, now: datetime) -> str:
    wait = datetime.fromisoformat(str(at)) - now if at else timedelta(0)
    return f"in {_span(wait.total_seconds())}" if wait > timedelta(seconds=1) else "now"
