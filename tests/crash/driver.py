"""A fork server: imports the agent once, and then runs one cycle of it in a fork for each line that it reads.

In:  {"settings": {…}, "flag": [ids], "kill_at": N, "trace": FILE}   (kill_at 0: none; or "kill_after": seconds)
Out: {"code": exit code of the cycle, or null if it was killed}
"""

import gc
import io
import json
import os
import select
import signal
import sqlite3
import sys
import tempfile
from concurrent.futures import Executor, Future
from contextlib import closing
from pathlib import Path
from typing import Any

from supplier_agent.base import log
from supplier_agent.base.clock import SystemClock
from supplier_agent.db import state_folder
from supplier_agent.db.state_folder import InstanceLock
from supplier_agent.runtime.once import run_once
from supplier_agent.runtime.wiring import assemble
from supplier_agent.sandbox.server import Sandbox
from supplier_agent.sandbox.world import World
from supplier_agent.settings import Settings
from tests.crash.stepped import Steps, step_through, watch_commits
from tests.world.steps import SteppedLedger

CRASHED = 99


class Serial(Executor):
    """Does the work at once, so that the same cycle has the same steps."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> "Future[Any]":  # noqa: ANN401 - as Executor has it
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - as an executor does
            future.set_exception(error)
        return future


def flag(database: Path, ids: list[str]) -> None:
    """Flag orders as staff do, in plain SQL."""
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        for each in ids:
            connection.execute("UPDATE orders SET shipped = 1 WHERE menzzo_order_id = ? AND shipped = 0", [each])


class Warehouse:
    """Flags orders as staff do, in plain SQL: the first as soon as it is listed, the others once they have their label."""

    def __init__(self, database: Path, ids: list[str]) -> None:
        self._database, self._ids = database, ids

    def hear(self, event: str, facts: dict[str, object]) -> None:
        """Act on what the agent says."""
        if event == "run.finished":
            flag(self._database, self._ids[:1])
        elif event == "call.done" and facts["call"] == "label" and facts["order"] in self._ids:
            flag(self._database, [str(facts["order"])])


def cycle(task: dict[str, Any], steps: Steps) -> int:
    """Run one `run --once` of the real agent on the state of these settings."""
    settings, clock = Settings(**task["settings"]), SystemClock()
    state_folder.prepare(settings.state_dir)
    lock = InstanceLock(settings.state_dir / state_folder.LOCK, "run --once", clock)
    warehouse = Warehouse(settings.state_dir / state_folder.DATABASE, task["flag"])
    said = log.Log(log.set_up({}, io.StringIO()), warehouse.hear)
    agent, close = assemble(
        settings,
        {},
        clock,
        Serial(),
        said,
        round_at=clock.now(),
        make_ledger=lambda path: SteppedLedger(path, steps.step),
    )
    step_through(agent, steps)
    code = run_once(agent, lambda _: None, lambda: None, lambda: False)
    close()
    lock.release()
    return code


def warm_up() -> None:
    """Run a cycle before the first fork, so that not every fork has to compile the same statements."""
    world = World.with_orders(2, today=SystemClock().now().date(), suppliers=["notio"])
    with tempfile.TemporaryDirectory() as folder, Sandbox(world) as sandbox:
        supplier = {"token": world.tokens["notio"]}
        settings = {"base_url": sandbox.url, "state_dir": f"{folder}/state", "requests_per_second": 10000}
        ids = [order.menzzo_order_id for order in world.orders("notio")]
        task = {"settings": settings | {"suppliers": {"notio": supplier}, "ship": {"undo_seconds": 0}}, "flag": ids}
        cycle(task, Steps(Path(folder) / "trace", 0))


def in_a_fork(task: dict[str, Any]) -> int | None:
    """Return the cycle's exit code, or None if it was killed."""
    child = os.fork()
    if child == 0:
        code = CRASHED
        try:
            steps = Steps(Path(task["trace"]), task["kill_at"])
            watch_commits(steps)
            code = cycle(task, steps)
        except BaseException:  # noqa: BLE001 - the fork must not go on as a second server
            sys.excepthook(*sys.exc_info())
        finally:
            sys.stderr.flush()
            os._exit(code)
    if "kill_after" in task:
        _kill_after(child, task["kill_after"])
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else None


def _kill_after(child: int, seconds: float) -> None:
    """Kill it at that moment, wherever it is; unless it has ended before."""
    ended = os.pidfd_open(child)
    try:
        if not select.select([ended], [], [], seconds)[0]:
            os.kill(child, signal.SIGKILL)
    finally:
        os.close(ended)


def main() -> None:
    """Serve until stdin is closed."""
    warm_up()
    gc.freeze()  # the forks share the memory of what is imported
    for line in sys.stdin:
        print(json.dumps({"code": in_a_fork(json.loads(line))}), flush=True)  # noqa: T201 - the answer


if __name__ == "__main__":
    main()
