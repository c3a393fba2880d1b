"""PROOF.md: the figures, below the promise that each of them holds."""

import os
import platform
import shlex
import sqlite3
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple, Self

from supplier_agent.base.clock import SystemClock
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


class Result(NamedTuple):
    """A row, the arguments of its command, its figures, why it failed, or ""; where it was run, if not in this run."""

    row: Row
    arguments: Sequence[str]
    figures: Sequence[dict[str, Any]]
    failed: str
    where: str = ""


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
    failed = sum(bool(each.failed) for each in results)
    measured = f"Measured in {minutes:.0f} minutes: {setting.where}."
    verdict = f"**{failed} rows failed.**" if failed else "Every promise held, every target was reached."
    if not results:
        verdict, measured = "**Nothing has been measured yet.**", "Run `./run proof`."
    lines = [
        "# Proof",
        "",
        "What was tried to break the promises of [README.md](../README.md#promises), and what came of it. `./run proof` repeats",
        "all of it in one or two hours on two cores and writes this page; `./run test` does some of everything in a few minutes.",
        "",
        f"{verdict} {measured}",
        f"{setting.versions}.",
    ]
    for promise in PROMISES:
        held = [
            f"- [{_title(result)}](#{result.row.name.replace(' ', '-')})"
            for result in results
            if promise in result.row.holds
        ]
        lines += ["", f"## {promise}", "", *(held or ["Not tried this time."])]
    lines += [
        "",
        "## What was tried",
        "",
        "Each is repeated alone by its command, with the same seeds; a failure prints its seed.",
    ]
    for result in results:
        lines += ["", f"### {result.row.name}", "", *_told(result)]
    return "\n".join([*lines, ""])


def _title(result: Result) -> str:
    """Return what was tried in one line."""
    row, _, figures, why, _ = result
    title = figures[0]["row"] if figures else row.name
    if len(figures) > 1:  # what comes after the semicolon tells them apart
        title = title.partition("; ")[0]
    return f"FAILED: {title}" if why else title


def _told(result: Result) -> list[str]:
    _, arguments, figures, why, where = result
    told = [f"**FAILED: {why}.**", ""] if why else []
    for figure in figures:
        told += [f"- {figure['row']}: **{figure.get('figure', '')}**"]
    if not figures:
        return [*told, f"- `python {shlex.join(arguments)}`"]
    first = figures[0]
    seed = "" if first.get("seed") is None else f", seed {first['seed']}"
    seconds = sum(each.get("seconds", 0) for each in figures)
    told += [
        f"- Target: {first.get('target', '')}",
        f"- Would have caught: {first.get('would_have_caught', '')}",
        f"- `python {shlex.join(arguments)}` ({seconds:.0f} s{seed})",
        *([f"- Measured earlier, with the same program: {where}"] if where else []),
    ]
    if table := first.get("table"):
        heading, *rows = table
        told += ["", _line(*heading), _line(*("---" for _ in heading)), *(_line(*cells) for cells in rows)]
    return told


def _line(*cells: object) -> str:
    return "| " + " | ".join(str(cell).replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
