"""Logs: structlog, set up once. Events are noun.past_tense; a failure and a recovery are logged once each; never a secret.

Readable lines on a terminal, the journal's priorities and no time under systemd, elsewhere (containers, pipes, files) one JSON
object per line; `[log]` overrides this. An agent with nothing to do logs nothing.
"""

import logging
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TextIO, cast

import structlog
from structlog.typing import EventDict, WrappedLogger

from supplier_agent.base.process import on_one_line

_LOGFMT = structlog.processors.LogfmtRenderer(key_order=["event"], drop_missing=True)
DEEPEST, MOST_FAULTS = 8, 1000
"""How many innermost steps of a traceback are logged; and how many errors are remembered as logged."""
PRIORITIES = {"debug": 7, "info": 6, "warning": 4, "error": 3}


class Log:
    """The log of the agent. `hear` also gets each event; without a logger, only `hear` does."""

    def __init__(
        self,
        logger: structlog.typing.FilteringBoundLogger | None,
        hear: Callable[[str, dict[str, object]], None] | None = None,
    ) -> None:
        self._logger, self._hear = logger, hear
        self._problems: dict[str, str] = {}
        self._faults: dict[str, str] = {}

    def debug(self, event: str, **facts: object) -> None:
        """Log details for debugging."""
        self._say("debug", event, facts)

    def info(self, event: str, **facts: object) -> None:
        """Log what happened."""
        self._say("info", event, facts)

    def warning(self, event: str, **facts: object) -> None:
        """Log what a person may want to look at."""
        self._say("warning", event, facts)

    def error(self, event: str, **facts: object) -> None:
        """Log what a person must look at."""
        self._say("error", event, facts)

    def problem(self, key: str, text: str, supplier: str | None = None) -> None:
        """Log a lasting problem once, until it is solved or changes. `supplier`: None if it concerns all."""
        if self._problems.get(key) != text:
            self._problems[key] = text
            self._say("warning", "problem.found", {"about": key, "supplier": supplier, "detail": text})

    def fault(self, event: str, key: str, error: BaseException, **facts: object) -> None:
        """Log an internal error once, with its traceback. Never its text, which might contain a secret."""
        where = " < ".join(
            f"{Path(frame.filename).stem}.{frame.name}:{frame.lineno}"
            for frame in reversed(traceback.extract_tb(error.__traceback__)[-DEEPEST:])
        )
        said = f"{type(error).__name__} {where}"
        if self._faults.get(key) == said:
            return
        if len(self._faults) >= MOST_FAULTS:
            self._faults.clear()
        self._faults[key] = said
        self._say("error", event, {**facts, "about": key, "error": type(error).__name__, "traceback": where})

    def solved(self, key: str, supplier: str | None = None) -> None:
        """Log once that a problem is over."""
        if self._problems.pop(key, None) is not None:
            self._say("info", "problem.solved", {"about": key, "supplier": supplier})

    def _say(self, level: str, event: str, facts: dict[str, object]) -> None:
        said = {name: value for name, value in facts.items() if value is not None}
        if self._logger is not None:
            getattr(self._logger, level)(event, **said)
        if self._hear is not None:
            self._hear(event, said)


def form_for(env: Mapping[str, str], stream: TextIO) -> str:
    """Return the format for a stream: console, json or journal.

    JOURNAL_STREAM says which file the journal reads (systemd.exec(5)). The variable alone proves nothing: every child process
    inherits it, even a terminal opened in a user's session.
    """
    if stream.isatty():
        return "console"
    try:
        found = os.fstat(stream.fileno())
    except OSError:  # no file at all, as in a test
        return "json"
    return "journal" if env.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}" else "json"


class _Stderr:
    """The present stderr: while a progress line is shown, rich puts a stream there that writes above the line."""

    def write(self, text: str) -> int:
        """Write there."""
        return sys.stderr.write(text)

    def flush(self) -> None:
        """Flush it."""
        sys.stderr.flush()


def set_up(
    env: Mapping[str, str],
    stream: TextIO | None = None,
    *,
    form: str = "auto",
    level: str = "info",
    run: str = "",
) -> structlog.typing.FilteringBoundLogger:
    """Choose the format by the environment and return the logger. Logs go to stderr; stdout is for results only.

    `run` is in every line, so that the lines of one process or round can be found in a shared log.
    """
    target = stream or sys.stderr
    form = form_for(env, target) if form == "auto" else form
    steps: list[structlog.typing.Processor] = [structlog.processors.add_log_level, _one_line]
    if run:
        steps.insert(0, lambda _logger, _level, event: {**event, "run": run})
    if form == "journal":
        steps += [_for_the_journal]
    elif form == "console":
        steps += [structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False)]
        steps += [structlog.dev.ConsoleRenderer(colors=target.isatty() and "NO_COLOR" not in env, pad_event_to=20)]
    else:
        steps += [structlog.processors.TimeStamper(fmt="iso", utc=True), structlog.processors.JSONRenderer()]
    structlog.configure(
        processors=steps,
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(stream or cast("TextIO", _Stderr())),
        cache_logger_on_first_use=False,
    )
    # These libraries would log whole URLs, including signatures.
    for name in ("httpx", "httpcore", "apscheduler"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger()
    return logger


def _one_line(_logger: WrappedLogger, _level: str, event: EventDict) -> EventDict:
    """Cut long texts, and let no outside text start a line or control a terminal."""
    for name, value in event.items():
        if isinstance(value, str):
            text = on_one_line(value)
            event[name] = text if len(text) <= 300 else text[:299] + "…"  # noqa: PLR2004 - a line that a person can read
    return event


def _for_the_journal(logger: WrappedLogger, level: str, event: EventDict) -> str:
    line = _LOGFMT(logger, level, event)
    return f"<{PRIORITIES.get(level, 6)}>{line}"
