"""The command `status`, and its screen for people: the most important line is the last. No colours without a terminal.

All times are in the warehouse's time zone, which the first line names. For a plain `status` with its own options, __main__.py
calls this module without the libraries of the command line, which cost more CPU time than `status` itself.
"""

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING

from supplier_agent import __version__
from supplier_agent.base.clock import Clock, SystemClock
from supplier_agent.base.process import on_one_line
from supplier_agent.order import STAGES
from supplier_agent.reports.businessonbot import BotLine
from supplier_agent.reports.scans import CarrierLine
from supplier_agent.reports.shops import ShopLine
from supplier_agent.reports.status import Line, Told, tell
from supplier_agent.verdict import Problem, ProblemCode
from supplier_agent.verdict.webhooks import Endpoint
from supplier_agent.words import Words
from supplier_agent.words.formats import duration

SHOWN = tuple(stage for stage in STAGES if stage != "closed")
TEXTS = 4
"""The number of text columns, to the left of the numbers."""
COLOURS = {"ok": 32, "paused": 33, "failing": 31}
FIXED_LINES = 5
"""The lines for the header, the table's header, the last line, and the blank lines between them."""


def page(
    told: Told, now: datetime, *, zone: tzinfo = UTC, colours: bool = False, size: tuple[int, int] | None = None
) -> str:
    """Return the whole screen. `size`: the lines and columns of the terminal; None: no limit."""
    words = Words(zone=zone)
    problems, webhooks = _problems(told, words), [on_one_line(_webhook(each, now)) for each in told.webhooks]
    suppliers, asides = list(told.suppliers), sum(1 for each in told.suppliers.values() if each.because)
    if size is None or FIXED_LINES + len(suppliers) + asides + len(webhooks) + sum(map(len, problems)) <= size[0]:
        table = _table(told, suppliers, now, words, colours=colours)
        parts = [*table, *webhooks, *(line for each in problems for line in each)]
    else:  # then the lines of the webhooks are left out: one that fails is a problem
        left = max(6, size[0] - FIXED_LINES)
        listed = _cut(problems, max(left // 2, left - len(suppliers) - asides))
        parts = [*_fitting(told, now, words, left + 1 - len(listed), colours=colours), *listed]
    lines = [_head(told, zone, now), "", *parts, "", _last(told, words)]
    # A wrapped line would push the first lines off the screen. Colour codes have no width.
    return "\n".join(lines if size is None else [_narrow(line, size[1]) for line in lines])


def _narrow(line: str, columns: int) -> str:
    return line if "\x1b" in line or len(line) <= columns else line[: columns - 1] + "…"


def _head(told: Told, zone: tzinfo, now: datetime) -> str:
    runs = "not running"
    if told.holder is not None:
        since = f" since {told.holder.since.astimezone(zone):%a %H:%M}" if told.holder.since else ""
        runs = f"`{told.holder.command or '?'}`{since} (pid {told.holder.pid or '?'})"
    try:
        size = f" ({told.database.stat().st_size / 1e6:.1f} MB)"
    except OSError:
        size = ""
    programs = ""
    if (api := told.api) is not None:
        number = api.keys + api.hooks
        programs = f" · API: {number} program{'s' if number != 1 else ''}, last request {_ago(api.last_at, now)}"
    return on_one_line(f"supplier-agent {__version__} · {runs} · {told.database}{size} · times are in {zone}{programs}")


def _fitting(told: Told, now: datetime, words: Words, room: int, *, colours: bool) -> list[str]:
    """Return as many lines of the table as fit, suppliers with problems first."""
    names = sorted(told.suppliers, key=lambda name: told.suppliers[name].state == "ok")
    taken, fits = 1, 0
    for name in names:
        of_it = told.suppliers[name]
        taken += (
            1
            + bool(of_it.because)
            + (of_it.schedule is not None)
            + (of_it.shop is not None)
            + len(of_it.carriers)
            + (of_it.bot is not None)
        )
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
        if (schedule := told.suppliers[name].schedule) is not None:
            lines.append(" " * (widths[0] + 2) + _schedule(schedule))
        if (shop := told.suppliers[name].shop) is not None:
            lines.append(" " * (widths[0] + 2) + on_one_line(_shop(shop, now)))
        lines += [" " * (widths[0] + 2) + _carrier(each) for each in told.suppliers[name].carriers]
        if (bot := told.suppliers[name].bot) is not None:
            lines.append(" " * (widths[0] + 2) + on_one_line(_bot(bot, now)))
        if reason := told.suppliers[name].reason(words):
            lines.append(" " * (widths[0] + 2) + on_one_line(reason))
    return lines


def _without_a_yes(supplier: Line) -> str:
    """Return how many shipped orders the marketplace has not confirmed; "" if none."""
    others = [
        f"{number} {name.replace('_', ' ')}"
        for name, number in supplier.evidence.items()
        if name != "confirmed" and number
    ]
    return f"shipped, but not confirmed by the marketplace: {', '.join(others)}" if others else ""


def _bot(bot: BotLine, now: datetime) -> str:
    """Return one line about the supplier's own WhatsApp bot."""
    told = f"{bot.calls.get('done', 0)} messages sent, {bot.stuck} wait for a person" if bot.sends else "sends nothing"
    return f"businessonbot: {told}, {f'asked {_ago(bot.last_asked_at, now)}' if bot.answers else 'answers nothing'}"


def _schedule(schedule: "Schedule") -> str:
    """Return one line about a schedule of its own."""
    rates = f"read every {schedule.poll_seconds:g} s, outside these hours every {schedule.off_hours_poll_seconds:g} s"
    return f"business hours {schedule.business_hours} {schedule.model_dump()['business_days']}: {rates}"


def _shop(shop: ShopLine, now: datetime) -> str:
    """Return one line about the supplier's own shop."""
    made = [f"{shop.calls.get('done', 0)} orders made"] if shop.mirror else []
    back = [f"{shop.marked} marked from there, read {_ago(shop.read_at, now)}"] if shop.reads_back else []
    return f"shop {shop.name}: {', '.join(made + back)}"


def _webhook(endpoint: Endpoint, now: datetime) -> str:
    """Return one line about a webhook."""
    number = {"waiting": endpoint.owed, "given up": endpoint.parked, "lost": endpoint.lost}
    counted = [f"{value} {name}" for name, value in number.items() if value]
    said = ", ".join([endpoint.state, f"last delivery {_ago(endpoint.delivered_at, now)}", *counted])
    return f"webhook {endpoint.name}: {said}"


def _carrier(carrier: CarrierLine) -> str:
    """Return one line about a carrier that is asked about parcels."""
    asked = f"{carrier.asked_today} of {carrier.codes_per_day} codes asked today"
    return f"carrier {carrier.carrier}: {asked}, orders with a parcel that was not scanned yet: {carrier.unscanned}"


def _line(row: Sequence[str], widths: Sequence[int], colour: int | None = None) -> str:
    words, numbers = row[:TEXTS], row[TEXTS:]
    cells = [text.ljust(width) for text, width in zip(words, widths, strict=False)]
    cells += [text.rjust(width) for text, width in zip(numbers, widths[TEXTS:], strict=True)]
    if colour is not None:
        cells[1] = f"\x1b[{colour}m{cells[1]}\x1b[0m"
    return "  ".join(cells).rstrip()


def _problems(told: Told, words: Words) -> list[list[str]]:
    """Return the lines of each problem, after a heading."""
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
    """Return as many complete problems as fit, and how many do not."""
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
    return "no problems"


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


if TYPE_CHECKING:
    from supplier_agent.settings import Schedule, Settings

WATCH_SECONDS = 2.0
CLEAR_LINE, HOME, CLEAR_BELOW = "\x1b[K", "\x1b[H", "\x1b[J"


@dataclass(frozen=True)
class Asked:
    """The arguments. An empty `config` means the default place."""

    config: str = ""
    as_json: bool = False
    watch: bool = False
    alive: bool = False


def understood(words: Sequence[str]) -> Asked | None:
    """Parse `[--config FILE] status [--json] [--watch] [--alive]`; return None for any other arguments."""
    rest = iter(words)
    config = _config(word := next(rest, ""), rest)
    if config is None:
        return None
    if config:
        word = next(rest, "")
    options = list(rest)
    if word != "status" or not set(options) <= {"--json", "--watch", "--alive"}:
        return None
    return Asked(config, *(f"--{word}" in options for word in ("json", "watch", "alive")))


def _config(word: str, rest: Iterator[str]) -> str | None:
    """Return the file of the option --config; "" if the first word is another one, None if the value is missing."""
    if word == "--config":
        return next(rest, "") or None
    return word.removeprefix("--config=") or None if word.startswith("--config=") else ""


def answer(asked: Asked, env: Mapping[str, str], clock: Clock | None = None) -> int:
    """Print the status, and return the exit code. Raises AgentError."""
    clock = clock or SystemClock()
    settings = _settings(asked.config, env)
    if asked.watch and not asked.as_json and sys.stdout.isatty():
        return _watch(asked.config, env, clock)
    told, words = tell(settings, clock), Words(zone=settings.timezone)
    if asked.alive:
        told = replace(told, problems=told.not_alive)
    if asked.as_json:
        print(json.dumps(told.as_json(), indent=2))  # noqa: T201 - results go to stdout
    elif asked.alive:
        print("\n".join(on_one_line(words.problem(each)) for each in told.problems) or "alive")  # noqa: T201 - as above
    else:
        colours = sys.stdout.isatty() and "NO_COLOR" not in env
        print(page(told, clock.now(), zone=settings.timezone, colours=colours))  # noqa: T201 - as above
    return min(1, told.exit_code) if asked.alive else told.exit_code


def _settings(config: str, env: Mapping[str, str]) -> "Settings":
    from supplier_agent.settings import load  # noqa: PLC0415 - so that a mistake in the words is answered before

    return load(Path(config) if config else None, env)


def _watch(config: str, env: Mapping[str, str], clock: Clock) -> int:
    """Refresh the screen until Ctrl-C, which counts as success."""
    try:
        print(HOME + CLEAR_BELOW, end="")  # noqa: T201 - a terminal
        while True:
            settings = _settings(config, env)
            now, size = clock.now(), os.get_terminal_size()
            fits, colours = (size.lines - 2, size.columns), "NO_COLOR" not in env
            told, zone = tell(settings, clock), settings.timezone
            lines = page(told, now, zone=zone, colours=colours, size=fits).splitlines()
            stamp = f"{now.astimezone(zone):%H:%M:%S}, again every {WATCH_SECONDS:.0f} s, Ctrl-C ends"
            print(HOME + "".join(f"{line}{CLEAR_LINE}\n" for line in [*lines, stamp]) + CLEAR_BELOW, end="", flush=True)  # noqa: T201 - as above
            clock.sleep(WATCH_SECONDS)
    except KeyboardInterrupt:
        print()  # noqa: T201 - as above
        return 0
