"""A fork server: imports the agent once, and starts several of it at the same instant for each line that it reads.

In:  {"settings": {…}, "processes": N, "lock": "held" | "deleted" | "none"}
Out: {"codes": [exit code of each]}

"held" is life. "deleted" removes the lock file before each start, as a person might. "none" assembles the agent without the lock.
"""

import contextlib
import gc
import io
import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from supplier_agent.base import log
from supplier_agent.base.clock import Clock, SystemClock
from supplier_agent.base.errors import AgentError
from supplier_agent.db import state_folder
from supplier_agent.db.state_folder import InstanceLock
from supplier_agent.runtime.once import run_once
from supplier_agent.runtime.wiring import assemble
from supplier_agent.settings import Settings
from tests.crash.driver import warm_up

CRASHED = 99
WORKERS = 4


def cycle(settings: Settings, lock_file: Path | None, clock: Clock) -> int:
    """Run one `run --once`, with the instance lock on that file, or without. Raises AgentError as it does."""
    state_folder.prepare(settings.state_dir)
    lock = InstanceLock(lock_file, "run --once", clock) if lock_file is not None else None
    try:
        with ThreadPoolExecutor(WORKERS) as executor:
            said = log.Log(log.set_up({}, io.StringIO()))
            agent, close = assemble(settings, {}, clock, executor, said, round_at=clock.now())
            try:
                return run_once(agent, lambda _: None, lambda: None, lambda: False)
            finally:
                close()
    finally:
        if lock is not None:
            lock.release()


def _child(task: dict[str, Any], gate: int) -> int:
    settings = Settings(**task["settings"])
    lock_file = None if task["lock"] == "none" else settings.state_dir / state_folder.LOCK
    os.read(gate, 1)  # until all are there
    if lock_file is not None and task["lock"] == "deleted":
        lock_file.unlink(missing_ok=True)
    try:
        return cycle(settings, lock_file, SystemClock())
    except AgentError as error:
        return error.exit_code


def at_once(task: dict[str, Any]) -> list[int]:
    """Fork so many agents, let them go at the same instant, and return their exit codes."""
    gate, opener = os.pipe()
    children = []
    for _ in range(task["processes"]):
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
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]


def main() -> None:
    """Serve until stdin is closed."""
    warm_up()
    gc.freeze()  # the forks share the memory of what is imported
    for line in sys.stdin:
        print(json.dumps({"codes": at_once(json.loads(line))}), flush=True)  # noqa: T201 - the answer


if __name__ == "__main__":
    main()
