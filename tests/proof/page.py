"""PROOF.md: the figures, below the promise that each of them holds."""

import os
import platform
import sqlite3
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self

from supplier_agent.clock import SystemClock
from tests.proof.rows import PROMISES, Row

PAGE = "tests/PROOF.md"
LIBRARIES = (
    *(
        "sqlmodel",
        "SQLAlchemy",
        "httpx",
        "httpcore",
        "h11",
        "APScheduler",
        "pydantic",
        "tenacity",
        "structlog",
        "pypdf",
    ),
    *("hypothesis", "pytest"),
)

Result = tuple[Row, Sequence[str], Sequence[dict[str, Any]], str]
"""A row, the arguments of its command, its figures, and why it failed, or ""."""


@dataclass(frozen=True)
class Setting:
    """What the figures were measured on."""

    day: date
    commit: str
    machine: str
    versions: str
    scale: float
    seed: int

    @classmethod
    def here(cls, root: Path, scale: float, seed: int) -> Self:
        """Return this machine and this tree."""
        cores = len(os.sched_getaffinity(0))
        return cls(
            SystemClock().now().date(),
            _commit(root),
            f"{cores} core{'s' * (cores != 1)}, {platform.system()} {platform.release()}",
            f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, "
            + ", ".join(f"{name} {version(name)}" for name in LIBRARIES),
            scale,
            seed,
        )

    @property
    def where(self) -> str:
        """Return day, commit, machine and seed in a line."""
        scale = "" if self.scale == 1 else f", scale {self.scale:g}"
        return f"{self.day}, commit {self.commit}, {self.machine}, seed {self.seed}{scale}"


def _commit(root: Path) -> str:
    def git(*arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False)
        return done.stdout.strip() if done.returncode == 0 else ""

    name = git("rev-parse", "--short", "HEAD")
    changed = " with changes" if git("status", "--porcelain", "--untracked-files=no", "--", ".", f":!{PAGE}") else ""
    return f"{name}{changed}" if name else "unknown"


def page(setting: Setting, results: Sequence[Result], minutes: float) -> str:
    """Return the page."""
    failed = sum(bool(why) for *_, why in results)
    measured = f"Measured in {minutes:.0f} minutes: {setting.where}."
    verdict = f"**{failed} rows failed.**" if failed else "Every promise held, every target was reached."
    if not results:
        verdict, measured = "**Nothing has been measured yet.**", "Run `./run proof`."
    lines = [
        "# Proof",
        "",
        "What was tried to break the promises of [README.md](../README.md#promises), and what came of it. `./run proof` repeats",
        "all of it in under an hour on two cores and writes this page; `./run test` does some of everything in a few minutes.",
        "",
        f"{verdict} {measured}",
        f"{setting.versions}.",
        "",
        "Each row is repeated alone by its command, with the same seed. A failure prints the seed that repeats it.",
    ]
    for promise in PROMISES:
        held = [result for result in results if promise in result[0].holds]
        lines += ["", f"## {promise}", "", *_table(held)]
    lines += ["", "## All rows", "", "| row | target | seed | seconds | command |", "| --- | --- | --- | ---: | --- |"]
    for row, arguments, figures, why in results:
        command = " ".join(f"'{each}'" if " " in each else each for each in arguments)
        for figure in figures or [{"row": row.name}]:
            seed = figure.get("seed")
            cells = (
                f"**FAILED: {why}.** {figure['row']}" if why else figure["row"],
                figure.get("target", ""),
                "" if seed is None else seed,
                figure.get("seconds", ""),
                f"`python {command}`",
            )
            lines.append(_line(*cells))
    return "\n".join([*lines, ""])


def _table(results: Sequence[Result]) -> list[str]:
    if not results:
        return ["Not tried this time."]
    lines = ["| tried | what came of it | would have caught |", "| --- | --- | --- |"]
    for row, _, figures, why in results:
        for figure in figures or [{"row": row.name}]:
            told = figure.get("figure", "")
            lines.append(
                _line(
                    figure["row"],
                    f"**FAILED: {why}.** {told}" if why else told,
                    figure.get("would_have_caught", ""),
                )
            )
    return lines


def _line(*cells: object) -> str:
    return "| " + " | ".join(str(cell).replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
