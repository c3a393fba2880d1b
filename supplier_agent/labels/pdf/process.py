"""Everything that opens a PDF, to check, show, search or join it: in a separate process, with limited time and memory.

pdfium, zxing and pypdf read untrusted files. A file that makes one of them crash, hang or grow ends that process only.
"""

import errno
import json
import os
import resource
import select
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from supplier_agent.base.clock import Clock

SECONDS = 10.0
MEMORY_BYTES = 256 * 1024 * 1024
MOST_BYTES = 256 * 1024 * 1024
"""The longest answer: labels joined into one file."""
MOST_RESIDENT_BYTES = 128 * 1024 * 1024
"""A process that still holds more than this after a task is not used again, because the next file would have less."""
TOO_MUCH = "it needs too much memory"
_FILES = 32
_LAST_SECONDS = 5.0
"""How long a killed process may take to end."""


@dataclass(frozen=True)
class Done:
    """The result: facts, and the picture or file."""

    facts: Mapping[str, Any]
    content: bytes = b""


@dataclass(frozen=True)
class Failed:
    """Why there is no result, in a few words."""

    why: str


class PdfWork:
    """The worker process, started when first needed and again after it had to be ended. Thread safe: one task at a time."""

    def __init__(self, clock: Clock, seconds: float = SECONDS) -> None:
        self._clock, self._seconds = clock, seconds
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def ask(self, task: str, *, more_seconds: float = 0.0, **about: object) -> Done | Failed:
        """Run one task of tasks.py. Never raises because of a file's content.

        Raises OSError if the file cannot be read or the process cannot run: a temporary problem, not one of the file.
        """
        seconds = self._seconds + more_seconds
        with self._lock:
            process = self._process = self._process or _start()
            try:
                done = self._ask(process, json.dumps({"task": task, "seconds": seconds, **about}).encode(), seconds)
            except (OSError, ValueError, KeyError):  # it died, or its answer is nonsense
                done = None
            if isinstance(done, OSError):
                raise done
            if done is None:
                self._end()
                return Failed(f"it took more than {seconds:g} s or {MEMORY_BYTES >> 20} MB, or crashed what reads it")
            return done

    def fault(self, path: Path) -> str | None:
        """Return why the file is not a complete PDF, in a few words, or None if it is one. Raises OSError like `ask`."""
        done = self.ask("check", path=str(path))
        return done.why if isinstance(done, Failed) else str(done.facts["flaw"]) or None

    def works(self) -> bool:
        """Tell whether the process starts and answers, without any file."""
        return isinstance(self.ask("nothing"), Done)

    def _ask(self, process: subprocess.Popen[bytes], request: bytes, seconds: float) -> Done | Failed | OSError | None:
        assert process.stdin is not None  # noqa: S101 - asked for in _start
        assert process.stdout is not None  # noqa: S101 - asked for in _start
        until = self._clock.monotonic() + seconds
        process.stdin.write(request + b"\n")
        process.stdin.flush()
        answer = bytearray()
        while b"\n" not in answer:
            if not self._receive(process.stdout.fileno(), answer, until):
                return None
        line, _, content = bytes(answer).partition(b"\n")
        facts = json.loads(line)
        leaves, size = facts.pop("leaves"), int(facts.pop("bytes"))
        if not 0 <= size <= MOST_BYTES:
            return None
        rest = bytearray(content)
        while len(rest) < size:
            if not self._receive(process.stdout.fileno(), rest, until):
                return None
        if leaves:
            self._end()
        if "errno" in facts:
            return OSError(facts["errno"], os.strerror(facts["errno"]))
        if "fault" in facts:
            return Failed(str(facts["fault"]))
        return Done(facts, bytes(rest)) if len(rest) == size else None

    def _receive(self, descriptor: int, into: bytearray, until: float) -> bool:
        ready, _, _ = select.select([descriptor], [], [], max(0.0, until - self._clock.monotonic()))
        chunk = os.read(descriptor, 1 << 20) if ready else b""
        into += chunk
        return bool(chunk)

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        with suppress(subprocess.TimeoutExpired):  # it hangs in the kernel; nothing more can be done
            process.wait(_LAST_SECONDS)

    def close(self) -> None:
        """End the process and its present task."""
        process = self._process
        if process is not None:
            process.kill()
        with self._lock:
            self._end()


def _start() -> subprocess.Popen[bytes]:
    # cron starts us in the state folder, where staff may write: import nothing from the current folder.
    places = [each for each in sys.path if Path(each).is_absolute()]
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "supplier_agent.labels.pdf"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd="/",
        env={"PYTHONPATH": os.pathsep.join(places)},  # it needs none of our secrets
        start_new_session=True,  # nor the terminal's Ctrl-C
    )


def main() -> None:
    """Run one task for each line of stdin until it is closed. The answer is a line of JSON, then the bytes that it announces."""
    for limit, most in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_FSIZE, 0),  # it writes no file
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, _FILES),
    ):
        resource.setrlimit(limit, (most, most))
    leaves = False
    while not leaves and (line := sys.stdin.buffer.readline()):
        about = json.loads(line)
        _bound_the_processor(about.pop("seconds"))
        facts, content = _work(about.pop("task"), about)
        leaves = facts.get("fault") == TOO_MUCH or _resident_bytes() > MOST_RESIDENT_BYTES
        head = {**facts, "bytes": len(content), "leaves": leaves}
        sys.stdout.buffer.write(json.dumps(head).encode() + b"\n" + content)
        sys.stdout.buffer.flush()


def _work(name: str, about: Mapping[str, Any]) -> tuple[Mapping[str, Any], bytes]:
    """Run one task. Its result is facts or a fault of the file; an error number says that the file cannot be read."""
    try:
        return _task(name)(**about)
    except MemoryError:
        return {"fault": TOO_MUCH}, b""
    except OSError as error:
        if error.errno == errno.ENOMEM:
            return {"fault": TOO_MUCH}, b""
        return {"errno": error.errno or errno.EIO}, b""
    except Exception as error:  # noqa: BLE001 - what three libraries may raise at a stranger's file is not known
        return {"fault": f"it could not be read ({type(error).__name__})"}, b""


def _task(name: str) -> Callable[..., tuple[Mapping[str, Any], bytes]]:
    """Return a task. Checking a label needs pypdf only; rendering and reading barcodes take 20 MB more."""
    if name == "check":
        from supplier_agent.labels.pdf.tasks import check  # noqa: PLC0415 - only this process pays for it

        return check
    from supplier_agent.labels.pdf.tasks import TASKS  # noqa: PLC0415 - the same

    return TASKS[name]


def _resident_bytes() -> int:
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    except OSError:  # not Linux: its maximum so far, in bytes or kilobytes
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _bound_the_processor(seconds: float) -> None:
    """End this process when its parent is gone."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    most = int(used.ru_utime + used.ru_stime + 2 * seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (most, resource.getrlimit(resource.RLIMIT_CPU)[1]))
