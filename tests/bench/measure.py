"""What a process costs: wall and processor time, its own and its children's, and peak memory.

The kernel's own accounts are read (wait4, /proc), nothing is sampled. A small launcher forks the command: Linux keeps the peak of a
process before its exec, so the peak of the bench would be taken for the command's.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

ROOT = Path(__file__).parents[2]
TICKS = os.sysconf("SC_CLK_TCK")
LAUNCHER = """
import json, os, signal, sys, time
told, limit = int(sys.argv[1]), float(sys.argv[2])
os.set_inheritable(told, False)
began = time.monotonic()
pid = os.fork()
if not pid:
    signal.setitimer(signal.ITIMER_REAL, limit)  # outlives exec: whatever happens, it ends then
    os.execvp(sys.argv[3], sys.argv[3:])
os.write(told, b"%d\\n" % pid)
os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
wall = time.monotonic() - began
with open(f"/proc/{pid}/stat") as file:
    ticks = file.read().rpartition(")")[2].split()
_, status, usage = os.wait4(pid, 0)
own, code = (int(ticks[11]) + int(ticks[12])) / os.sysconf("SC_CLK_TCK"), os.waitstatus_to_exitcode(status)
result = {"wall": wall, "cpu": usage.ru_utime + usage.ru_stime, "own": own, "rss": usage.ru_maxrss / 1024, "code": code}
os.write(told, json.dumps(result).encode())
"""


@dataclass(frozen=True)
class Cost:
    """What a finished command cost, in seconds and MB."""

    wall: float
    cpu: float  # of the process and all its children
    own: float  # of the process alone
    rss: float  # the peak of the largest process
    code: int

    @property
    def children(self) -> float:
        """The processor time of its children: those that check PDFs and read barcodes."""
        return max(0.0, self.cpu - self.own)

    def __add__(self, other: "Cost") -> "Cost":
        sums = (self.wall + other.wall, self.cpu + other.cpu, self.own + other.own)
        return Cost(*sums, max(self.rss, other.rss), self.code or other.code)


class Started:
    """A running command."""

    def __init__(self, words: Sequence[str], limit: float, *, stderr: int = subprocess.DEVNULL) -> None:
        told, tells = os.pipe()
        self._process = subprocess.Popen(
            [sys.executable, "-IS", "-c", LAUNCHER, str(tells), str(limit), *words],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            pass_fds=[tells],
        )
        os.close(tells)
        self._told = os.fdopen(told)
        self.pid = int(self._told.readline())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if not self._told.closed:  # the measurement failed
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            self.finish()

    def finish(self) -> Cost:
        """Wait for its end."""
        self.said = self._process.communicate()[1]
        with self._told:
            return Cost(**json.loads(self._told.read()))

    def stop(self) -> Cost:
        """Ask it to stop, as systemd does, and wait for it."""
        os.kill(self.pid, signal.SIGTERM)
        return self.finish()

    def cpu(self) -> tuple[float, float]:
        """Return the processor seconds so far, of it and of its living descendants."""
        own, *others = [_ticks(pid) / TICKS for pid in family(self.pid)]
        return own, sum(others)


def family(pid: int) -> list[int]:
    """Return a process and its descendants."""
    found = [pid]
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += family(int(child))
    return found


def _ticks(pid: int) -> int:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:  # it has just ended
        return 0
    return int(fields[11]) + int(fields[12])


def resident(pid: int) -> float:
    """Return the present memory of a process in MB; 0 if it has just ended."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in text.splitlines() if line.startswith("VmRSS:")), 0.0)


def run(words: Sequence[str], limit: float, codes: Sequence[int] = (0,)) -> Cost:
    """Run a command to its end. Raises RuntimeError with its last words if it fails."""
    with Started(words, limit, stderr=subprocess.PIPE) as started:
        cost = started.finish()
    if cost.code not in codes:
        last = started.said[-800:].decode(errors="replace")
        raise RuntimeError(f"{' '.join(words[-4:])} ended with {cost.code}: {last}")
    return cost


def wait_for(true: Callable[[], object], seconds: float, what: str, step: float = 0.02) -> None:
    """Wait until something holds. Raises RuntimeError if it does not within these seconds."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise RuntimeError(f"{what}: not within {seconds:g} s")
        time.sleep(step)
