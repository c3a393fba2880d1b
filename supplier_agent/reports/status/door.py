"""The quick door to `status`. The command line's libraries cost more CPU than all that it does, so it does without them.

Whatever is not plainly `status` with its own options goes to the command line, which knows everything, help and mistakes
included, and comes back here.
"""

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from supplier_agent.base.clock import Clock, SystemClock
from supplier_agent.base.process import on_one_line
from supplier_agent.reports.status import screen, tell
from supplier_agent.words import Words

if TYPE_CHECKING:
    from supplier_agent.settings import Settings

WATCH_SECONDS = 2.0
CLEAR_LINE, HOME, CLEAR_BELOW = "\x1b[K", "\x1b[H", "\x1b[J"


@dataclass(frozen=True)
class Asked:
    """What was asked for. An empty `config` is the usual place."""

    config: str = ""
    as_json: bool = False
    watch: bool = False
    alive: bool = False


def understood(words: Sequence[str]) -> Asked | None:
    """Return what `[--config FILE] status [--json] [--watch] [--alive]` asks for; None if the words are anything else."""
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
    """Return the file that the first word names; "" if it is no such option, None if its value is missing."""
    if word == "--config":
        return next(rest, "") or None
    return word.removeprefix("--config=") or None if word.startswith("--config=") else ""


def answer(asked: Asked, env: Mapping[str, str], clock: Clock | None = None) -> int:
    """Print how things stand, and return the exit code. Raises AgentError."""
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
        print(screen.page(told, clock.now(), zone=settings.timezone, colours=colours))  # noqa: T201 - as above
    return min(1, told.exit_code) if asked.alive else told.exit_code


def _settings(config: str, env: Mapping[str, str]) -> "Settings":
    from supplier_agent.settings import load  # noqa: PLC0415 - so that a mistake in the words is answered before

    return load(Path(config) if config else None, env)


def _watch(config: str, env: Mapping[str, str], clock: Clock) -> int:
    """Draw the screen again and again, until Ctrl-C; leaving is no failure."""
    try:
        print(HOME + CLEAR_BELOW, end="")  # noqa: T201 - a terminal
        while True:
            settings = _settings(config, env)
            now, size = clock.now(), os.get_terminal_size()
            fits, colours = (size.lines - 2, size.columns), "NO_COLOR" not in env
            told, zone = tell(settings, clock), settings.timezone
            lines = screen.page(told, now, zone=zone, colours=colours, size=fits).splitlines()
            stamp = f"{now.astimezone(zone):%H:%M:%S}, again every {WATCH_SECONDS:.0f} s, Ctrl-C ends"
            print(HOME + "".join(f"{line}{CLEAR_LINE}\n" for line in [*lines, stamp]) + CLEAR_BELOW, end="", flush=True)  # noqa: T201 - as above
            clock.sleep(WATCH_SECONDS)
    except KeyboardInterrupt:
        print()  # noqa: T201 - as above
        return 0
