"""The working process, `python -m supplier_agent.labels.pdf`: one task for each line of stdin, within its own limits."""

import errno
import json
import resource
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from supplier_agent.labels.pdf.process import MEMORY_BYTES, MOST_RESIDENT_BYTES, TOO_MUCH
from supplier_agent.labels.pdf.tasks import TASKS

_FILES = 32


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
        return TASKS[name](**about)
    except MemoryError:
        return {"fault": TOO_MUCH}, b""
    except OSError as error:
        if error.errno == errno.ENOMEM:
            return {"fault": TOO_MUCH}, b""
        return {"errno": error.errno or errno.EIO}, b""
    except Exception as error:  # noqa: BLE001 - what three libraries may raise at a stranger's file is not known
        return {"fault": f"it could not be read ({type(error).__name__})"}, b""


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


if __name__ == "__main__":
    main()
