"""A fork server: it imports the agent once, and then runs cycles of it, each in a process of its own, several at the same instant.

In:  {"settings": {…}, "processes": N, "lock": "held" | "deleted" | "none", "flag": [ids], "trace": FILE, "kill_at": N,
      "kill_after": seconds, "ahead": seconds}    all but the settings may be left out
Out: {"codes": [exit code of each, null if it was killed]}

With a trace the cycle is counted in steps, and dies at step `kill_at`. The lock "held" is life; "deleted" removes its file before
each start, as a person might; "none" assembles the agent without it.
"""

import contextlib
import gc
import io
import json
import os
import select
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from supplier_agent.base import log
from supplier_agent.base.clock import Clock, SystemClock
from supplier_agent.base.errors import AgentError
from supplier_agent.db import state_folder
from supplier_agent.db.state_folder import InstanceLock
from supplier_agent.reports.health import exit_code
from supplier_agent.runtime.once import run_once
from supplier_agent.runtime.wiring import assemble
from supplier_agent.sandbox.server import Sandbox
from supplier_agent.sandbox.world import World
from supplier_agent.settings import Settings
from tests.world.books import SUPPLIER
from tests.world.clocks import AheadClock
from tests.world.harness import AtOnce
from tests.world.killed import Steps, step_through, watch_commits
from tests.world.steps import SteppedLedger

ROOT = Path(__file__).parents[2]
CRASHED = 99
WORKERS = 4
Hear = Callable[[str, dict[str, object]], None]


class Forks:
    """A fork server, from outside."""

    def __enter__(self) -> Self:
        """Start it."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.world.forks"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Let it end."""
        self._process.communicate()

    def run(self, settings: dict[str, Any], **task: Any) -> Sequence[int | None]:  # noqa: ANN401 - as JSON has it
        """Run one cycle or several; return their exit codes, None for one that was killed."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"settings": settings, **task}) + "\n")
        self._process.stdin.flush()
        codes: list[int | None] = json.loads(self._process.stdout.readline())["codes"]
        return codes


def flag(database: Path, *ids: str) -> None:
    """Flag orders as staff do, in plain SQL."""
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        for each in ids:
            connection.execute("UPDATE orders SET shipped = 1 WHERE menzzo_order_id = ? AND shipped = 0", [each])


def warehouse(database: Path, ids: Sequence[str]) -> Hear:
    """Return what flags orders by what the agent says: the first as soon as it is listed, the others once they have their label."""

    def hear(event: str, facts: dict[str, object]) -> None:
        if event == "run.finished":
            flag(database, *ids[:1])
        elif event == "call.done" and facts["call"] == "label" and facts["order"] in ids:
            flag(database, str(facts["order"]))

    return hear


def cycle(
    settings: Settings, clock: Clock, *, lock: bool = True, hear: Hear | None = None, steps: Steps | None = None
) -> int:
    """Run one `run --once` of the real agent. Counted in steps it does one thing at a time. Raises AgentError as the agent does."""
    state_folder.prepare(settings.state_dir)
    held = InstanceLock(settings.state_dir / state_folder.LOCK, "run --once", clock) if lock else None
    said = log.Log(log.set_up({}, io.StringIO()), hear)
    make: dict[str, Any] = {} if steps is None else {"make_ledger": lambda path: SteppedLedger(path, steps.step)}
    try:
        with AtOnce() if steps is not None else ThreadPoolExecutor(WORKERS) as executor:
            agent, close = assemble(settings, {}, clock, executor, said, round_at=clock.now(), **make)
            try:
                if steps is not None:
                    step_through(agent, steps)
                return exit_code(run_once(agent, lambda _: None, lambda: False))
            finally:
                close()
    finally:
        if held is not None:
            held.release()


def _child(task: dict[str, Any], gate: int) -> int:
    settings, lock, steps = Settings(**task["settings"]), task.get("lock", "held"), None
    if "trace" in task:
        steps = Steps(Path(task["trace"]), task.get("kill_at", 0))
        watch_commits(steps)
    os.read(gate, 1)  # until all are there
    if lock == "deleted":
        (settings.state_dir / state_folder.LOCK).unlink(missing_ok=True)
    hear = warehouse(settings.state_dir / state_folder.DATABASE, task.get("flag", ()))
    try:
        return cycle(settings, AheadClock(task.get("ahead", 0.0)), lock=lock != "none", hear=hear, steps=steps)
    except AgentError as error:
        return error.exit_code


def at_once(task: dict[str, Any]) -> list[int | None]:
    """Fork so many agents, let them go at the same instant, and return their exit codes."""
    gate, opener = os.pipe()
    children = []
    for _ in range(task.get("processes", 1)):
        child = os.fork()
        if child == 0:
            os.close(opener)
            code = CRASHED
            try:
                code = _child(task, gate)
            except BaseException:  # noqa: BLE001 - the fork must not go on as a second server
                sys.excepthook(*sys.exc_info())
            finally:
                with contextlib.suppress(OSError):
                    sys.stderr.flush()
                os._exit(code)
        children.append(child)
    os.close(gate)
    os.close(opener)
    if "kill_after" in task:
        _kill(children, time.monotonic() + task["kill_after"])
    return [_code(child) for child in children]


def _code(child: int) -> int | None:
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else None


def _kill(children: Sequence[int], moment: float) -> None:
    """Kill each at that moment, wherever it is; unless it has ended before."""
    for child in children:
        ended = os.pidfd_open(child)
        try:
            if not select.select([ended], [], [], max(0.0, moment - time.monotonic()))[0]:
                os.kill(child, signal.SIGKILL)
        finally:
            os.close(ended)


def _warm_up() -> None:
    """Run a cycle before the first fork, so that not every fork has to compile the same statements."""
    world = World.with_orders(2, today=SystemClock().now().date(), suppliers=[SUPPLIER])
    with tempfile.TemporaryDirectory() as folder, Sandbox(world) as sandbox:
        settings = Settings(
            base_url=sandbox.url,
            state_dir=Path(folder) / "state",
            requests_per_second=10000,
            ship={"undo_seconds": 0},
            suppliers={SUPPLIER: {"token": world.tokens[SUPPLIER]}},
        )
        hear = warehouse(
            settings.state_dir / state_folder.DATABASE, [o.menzzo_order_id for o in world.orders(SUPPLIER)]
        )
        cycle(settings, SystemClock(), hear=hear, steps=Steps(Path(folder) / "trace", 0))


def main() -> None:
    """Serve until stdin is closed."""
    _warm_up()
    gc.freeze()  # the forks share the memory of what is imported
    for line in sys.stdin:
        print(json.dumps({"codes": at_once(json.loads(line))}), flush=True)  # noqa: T201 - the answer


if __name__ == "__main__":
    main()
