"""Errors of the disk in the real process: strace lets the n-th write, sync or rename of a `run --once` fail; no hook is in it."""

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.disk.place import QUICK, Place

ROOT = Path(__file__).parents[2]
CODES = {0, 1, 69, 74}


@dataclass(frozen=True)
class Injection:
    """The n-th call of that name fails with that error; `on`: and every one after it."""

    call: str
    error: str
    n: int
    on: bool = False

    def __str__(self) -> str:
        """Return it as strace has it."""
        return f"{self.call}:error={self.error}:when={self.n}{'+' * self.on}"


CALLS = ("pwrite64", "fdatasync", "fsync", "rename", "ftruncate", "link")
ERRORS = {
    "pwrite64": ("ENOSPC", "EIO"),
    "ftruncate": ("EIO",),
    "fdatasync": ("EIO",),
    "fsync": ("EIO",),
    "rename": ("EIO",),
}


def why_not() -> str | None:
    """Return why no errors can be injected here, or None."""
    if shutil.which("strace") is None:
        return "strace is needed"
    tried = ["strace", "-qq", "-e", "trace=none", sys.executable, "-c", ""]
    return (
        None if subprocess.run(tried, capture_output=True, check=False).returncode == 0 else "strace may not trace here"
    )


def configure(here: Place) -> Path:
    """Write the configuration of a place for a process of its own."""
    given = {"ship": {"undo_seconds": 0}, "retry": QUICK["retry"]}
    sections = "".join(
        f"[{name}]\n" + "".join(f"{key} = {value}\n" for key, value in section.items())
        for name, section in given.items()
    )
    config = here.state_dir.parent / "agent.toml"
    config.write_text(
        f'base_url = "{here.sandbox.url}"\nstate_dir = "{here.state_dir}"\nrequests_per_second = 1000\n{sections}'
        f'[suppliers.notio]\ntoken = "{here.world.tokens["notio"]}"\n'
    )
    config.chmod(0o600)
    return config


MISSED = "nothing was injected"
"""This cycle made fewer calls than the one that was counted: it tells nothing, and breaks nothing."""


def traced(config: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    """Run one cycle under strace."""
    command = [sys.executable, "-m", "supplier_agent", "--config", str(config), "run", "--once"]
    env = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    words = ["strace", "-f", "--seccomp-bpf", "-qq", *options, *command]
    return subprocess.run(words, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120, check=False)


def prepare(here: Place) -> None:
    """Give the next cycle something of everything to do."""
    here.flag(here.unflagged()[0])
    here.world.arrive("notio")


def counted(here: Place, config: Path) -> Counter[str]:
    """Return how often a cycle in peace makes each call, in the one thread that makes it most."""
    prepare(here)
    trace = config.with_name("trace")
    done = traced(config, "-o", str(trace), "-e", f"trace={','.join(CALLS)}")
    assert done.returncode == 0, done.stderr
    lines = re.findall(r"^(\d+) +(\w+)\(", trace.read_text(), re.MULTILINE)
    most: Counter[str] = Counter()
    for (_, call), n in Counter(lines).items():
        most[call] = max(most[call], n)
    return most


def live_through(here: Place, config: Path, injection: Injection) -> list[str]:
    """Run a cycle in which that fails, then one in which nothing does; return every promise that is broken."""
    prepare(here)
    trace = config.with_name("trace")
    done = traced(config, "-o", str(trace), "-e", f"trace={injection.call}", "-e", f"inject={injection}")
    wrong = [] if done.returncode in CODES else [f"it ended with {done.returncode}: {done.stderr[-300:]}"]
    wrong += ["a traceback"] if "Traceback" in done.stderr else []
    wrong += [] if "INJECTED" in trace.read_text() else [MISSED]
    here.note_doubt()
    code = here.cycle()
    wrong += [] if code == (1 if here.doubtful else 0) else [f"the next cycle ended with {code}: {here.said}"]
    return [f"{injection}: {each}" for each in [*wrong, *here.wrong()]]


def all_of(counts: Counter[str]) -> Iterator[Injection]:
    """Return every single failure, and every failure from one call on."""
    for call, errors in ERRORS.items():
        for error in errors:
            for on in (False, True):
                yield from (Injection(call, error, n, on) for n in range(1, counts[call] + 1))
