"""The long set: python -m tests.proof [--scale X] [--seed S] [--minutes M] [--only NAME] [--go-on] [--to FILE].

Runs the rows on two lanes, prints each figure as it comes, and writes tests/PROOF.md. Exits 1 if a promise broke, or a row did
not reach its target. A scale below 1 makes everything smaller for a quick try; such a page is written only where --to says.

--go-on: rows that have held with the same program and seed, at full scale, are not run again. So a proof may be interrupted.
"""

import argparse
import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.proof.kept import RESULTS, Kept, Results, program_of
from tests.proof.page import PAGE, Result, Setting, page
from tests.proof.rows import CLOSING, ROWS, Row

ROOT = Path(__file__).parents[2]
LANES = 2
PATIENCE, PATIENCE_SECONDS = 4, 240
"""A row may take so many times as long as expected, and so much more; then it has failed."""
LAST_SECONDS = 60
"""What the pairs of crash points get at least, at full scale."""
END_OF_TALE = 120


@dataclass
class Came:
    """What came of a row: its figures as the command printed them, and why it failed, or ""."""

    row: Row
    arguments: list[str]
    figures: list[dict[str, Any]] = field(default_factory=list)
    failed: str = ""


def run(row: Row, scale: float, seed: int, limit: float, more: tuple[str, ...] = ()) -> Came:
    """Run a row in a process group of its own, which ends with it."""
    came = Came(row, [*row.command(scale, seed), *more])
    process = subprocess.Popen(
        [sys.executable, *came.arguments],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        told, tale = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        told, tale = process.communicate()
        came.failed = f"it took longer than {limit:.0f} s"
    came.figures = [json.loads(line) for line in told.splitlines() if line.startswith('{"row"')]
    if not came.failed:
        came.failed = _judge(came, process.returncode, scale)
    if came.failed:
        tell("\n".join([*told.splitlines(), *tale.splitlines()][-END_OF_TALE:]))
    for figure in came.figures or [{"row": row.name}]:
        tell(f"{'FAILED' if came.failed else 'held':7} {figure['row']}: {figure.get('figure', came.failed)}")
    return came


def _judge(came: Came, code: int, scale: float) -> str:
    if code:
        return f"it ended with {code}"
    if not came.figures:
        return "it printed no figure"
    least = int(came.row.least * (min(scale, 1) if came.row.scaled else 1))
    short = [figure for figure in came.figures if least and figure.get("count", 0) < least]
    return f"fewer than {least:g}" if short else ""


def in_lanes(rows: list[Row], scale: float, seed: int, keep: Callable[[Came], None] = lambda _came: None) -> list[Came]:
    """Run all rows, the longest first, two at a time; return what came of them in their own order. keep: gets each at once."""
    waiting: queue.SimpleQueue[Row] = queue.SimpleQueue()
    came: dict[str, Came] = {}
    for row in sorted(rows, key=lambda row: -row.seconds):
        waiting.put(row)

    def lane() -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                row = waiting.get_nowait()
                came[row.name] = run(row, scale, seed, PATIENCE * row.seconds + PATIENCE_SECONDS)
                keep(came[row.name])

    threads = [threading.Thread(target=lane) for _ in range(LANES)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [came[row.name] for row in rows]


def tell(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> int:
    """Run, print, write and judge."""
    parser = argparse.ArgumentParser(prog="python -m tests.proof")
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=55, help="the pairs of crash points end then")
    parser.add_argument("--only", help="those rows whose name has this text in it")
    parser.add_argument("--go-on", action="store_true", help="not the rows that have held with this program and seed")
    parser.add_argument("--to", type=Path, help="where the page is written")
    wanted = parser.parse_args()
    began, setting = time.monotonic(), Setting.here(ROOT, wanted.scale, wanted.seed)
    tell(f"{setting.where}\n{setting.versions}")
    results, program, is_full = Results(ROOT / RESULTS), program_of(ROOT), wanted.scale >= 1
    held = results.of(program) if wanted.go_on and is_full else {}

    def keep(came: Came) -> None:
        if is_full and program and not came.failed:
            results.keep(came.row.name, Kept(program, setting.where, came.arguments, came.figures))

    chosen = [row for row in (*ROWS, CLOSING) if (wanted.only or "") in row.name]
    held = {
        row.name: held[row.name] for row in chosen if row.name in held and _is_same(row, held[row.name], wanted.seed)
    }
    came = in_lanes(
        [row for row in chosen if row.name not in held and row is not CLOSING], wanted.scale, wanted.seed, keep
    )
    if CLOSING in chosen and CLOSING.name not in held:
        left = max(wanted.minutes * 60 * min(wanted.scale, 1) - (time.monotonic() - began), LAST_SECONDS * wanted.scale)
        more = ("--seconds", f"{left:.0f}")
        came.append(run(CLOSING, wanted.scale, wanted.seed, 2 * left + PATIENCE_SECONDS, more))
        keep(came[-1])
    target = wanted.to or (ROOT / PAGE if is_full and not wanted.only else None)
    failed = [each.row.name for each in came if each.failed]
    minutes = (time.monotonic() - began) / 60
    if target is not None:
        made = {each.row.name: Result(each.row, each.arguments, each.figures, each.failed) for each in came}
        made |= {name: Result(_row(name), each.arguments, each.figures, "", each.where) for name, each in held.items()}
        target.write_text(page(setting, [made[row.name] for row in chosen], minutes))
        tell(f"written: {target}")
    kept = f", {len(held)} kept" if held else ""
    tell(f"{len(came)} rows in {minutes:.1f} minutes{kept}, {len(failed)} failed {failed or ''}".rstrip())
    return int(bool(failed))


def _is_same(row: Row, kept: Kept, seed: int) -> bool:
    """Tell whether the row would be run in the same way again."""
    command = [*row.command(1, seed)]
    return kept.arguments[: len(command)] == command


def _row(name: str) -> Row:
    return next(row for row in (*ROWS, CLOSING) if row.name == name)


if __name__ == "__main__":
    sys.exit(main())
