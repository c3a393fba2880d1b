"""The screen of `status` for people: one glance, the most important line last. Without a terminal no colour, no frames.

All times are those of one zone, which the first line names: the warehouse's.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo

from supplier_agent import __version__
from supplier_agent.base.process import on_one_line
from supplier_agent.order import STAGES
from supplier_agent.reports.status import Line, Told
from supplier_agent.verdict import Problem, ProblemCode
from supplier_agent.words import Words
from supplier_agent.words.formats import duration

SHOWN = tuple(stage for stage in STAGES if stage != "closed")
TEXTS = 4
"""The columns to the left of the numbers."""
COLOURS = {"ok": 32, "paused": 33, "failing": 31}
FIXED_LINES = 5
"""The head, the heads of the table, the last line, and the blank lines around them."""


def page(
    told: Told, now: datetime, *, zone: tzinfo = UTC, colours: bool = False, size: tuple[int, int] | None = None
) -> str:
    """Return the whole screen. `size`: the lines and columns that it must fit into; None: it may be any size."""
    words = Words(zone=zone)
    problems = _problems(told, words)
    suppliers, asides = list(told.suppliers), sum(1 for each in told.suppliers.values() if each.because)
    if size is None or FIXED_LINES + len(suppliers) + asides + sum(map(len, problems)) <= size[0]:
        parts = [*_table(told, suppliers, now, words, colours=colours), *(line for each in problems for line in each)]
    else:
        left = max(6, size[0] - FIXED_LINES)
        listed = _cut(problems, max(left // 2, left - len(suppliers) - asides))
        parts = [*_fitting(told, now, words, left + 1 - len(listed), colours=colours), *listed]
    lines = [_head(told, zone), "", *parts, "", _last(told, words)]
    # A line that is broken in two would push the first ones off the screen. Colours take no place on it.
    return "\n".join(lines if size is None else [_narrow(line, size[1]) for line in lines])


def _narrow(line: str, columns: int) -> str:
    return line if "\x1b" in line or len(line) <= columns else line[: columns - 1] + "…"


def _head(told: Told, zone: tzinfo) -> str:
    runs = "not running"
    if told.holder is not None:
        since = f" since {told.holder.since.astimezone(zone):%a %H:%M}" if told.holder.since else ""
        runs = f"`{told.holder.command or '?'}`{since} (pid {told.holder.pid or '?'})"
    try:
        size = f" ({told.database.stat().st_size / 1e6:.1f} MB)"
    except OSError:
        size = ""
    return on_one_line(f"supplier-agent {__version__} · {runs} · {told.database}{size} · times are those of {zone}")


def _fitting(told: Told, now: datetime, words: Words, room: int, *, colours: bool) -> list[str]:
    """Return as much of the table as fits, those suppliers first that are not well."""
    names = sorted(told.suppliers, key=lambda name: told.suppliers[name].state == "ok")
    taken, fits = 1, 0
    for name in names:
        taken += 2 if told.suppliers[name].because else 1
        fits += taken < room or (taken == room and name == names[-1])
    more = [f"… and {len(names) - fits} more suppliers"] if fits < len(names) else []
    return [*_table(told, names[:fits], now, words, colours=colours), *more]


def _table(told: Told, names: Sequence[str], now: datetime, words: Words, *, colours: bool) -> list[str]:
    rows = [["SUPPLIER", "STATE", "LAST OK", "NEXT", *(stage.upper() for stage in SHOWN)]]
    for name in names:
        supplier = told.suppliers[name]
        counted = supplier.counts
        said = [
            on_one_line(name),
            supplier.state,
            _ago(supplier.last_success_at, now),
            _ahead(supplier.next_read_at, now),
        ]
        rows.append([*said, *("?" if counted[stage] is None else str(counted[stage]) for stage in SHOWN)])
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = [_line(rows[0], widths)]
    for row, name in zip(rows[1:], names, strict=True):
        colour = COLOURS.get(row[1]) if colours else None
        lines.append(_line(row, widths, colour))
        if without := _without_a_yes(told.suppliers[name]):
            lines.append(" " * (widths[0] + 2) + without)
        if reason := told.suppliers[name].reason(words):
            lines.append(" " * (widths[0] + 2) + on_one_line(reason))
    return lines


def _without_a_yes(supplier: Line) -> str:
    """Return how many orders are shipped without the marketplace's yes; "" if none is."""
    others = [
        f"{number} {name.replace('_', ' ')}"
        for name, number in supplier.evidence.items()
        if name != "confirmed" and number
    ]
    return f"of those shipped, without the marketplace's yes: {', '.join(others)}" if others else ""


def _line(row: Sequence[str], widths: Sequence[int], colour: int | None = None) -> str:
    words, numbers = row[:TEXTS], row[TEXTS:]
    cells = [text.ljust(width) for text, width in zip(words, widths, strict=False)]
    cells += [text.rjust(width) for text, width in zip(numbers, widths[TEXTS:], strict=True)]
    if colour is not None:
        cells[1] = f"\x1b[{colour}m{cells[1]}\x1b[0m"
    return "  ".join(cells).rstrip()


def _problems(told: Told, words: Words) -> list[list[str]]:
    """Return the lines of each problem, its heading first."""
    number = len(told.problems)
    found = [["", f"{number} problem{'s' if number > 1 else ''}:"]] if number else []
    for each in told.problems:
        about = " ".join(part for part in (each.order, each.supplier) if part)
        what, fix = words.problem(each), words.fix(each)
        lines = [on_one_line(f"  {about}: {what}" if about else f"  {what}")]
        if fix:
            lines.append(on_one_line(f"      {fix}"))
        found.append(lines)
    return found


def _cut(problems: Sequence[Sequence[str]], room: int) -> list[str]:
    """Return as many problems as fit, each whole, and how many do not."""
    if sum(map(len, problems)) <= room:
        return [line for each in problems for line in each]
    lines: list[str] = []
    for number, each in enumerate(problems):
        if len(lines) + len(each) + 1 > room:
            return [*lines, f"  … and {len(problems) - number} more: supplier-agent status"]
        lines += each
    return lines


def _last(told: Told, words: Words) -> str:
    if told.problems:
        first: Problem = told.problems[0]
        return (
            f"{words.problem(first)}: begin with the line above" if first.code is ProblemCode.NEVER_RUN else "see above"
        )
    return "all is well"


def _ago(at: datetime | None, now: datetime) -> str:
    if at is None:
        return "never"
    seconds = (now - at).total_seconds()
    return f"{duration(seconds)} ago" if seconds >= 0 else f"in {duration(-seconds)}?"  # the clock was set back


def _ahead(at: datetime | None, now: datetime) -> str:
    if at is None:
        return "-"
    wait = at - now
    return f"in {duration(wait.total_seconds())}" if wait > timedelta(seconds=1) else "now"
