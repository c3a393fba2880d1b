"""Whether a file is a whole PDF, asked of pypdf in a process of its own: a hostile file can cost it neither time nor memory.

pypdf has no limits (a crafted file may loop or swell), so the checking process has: seconds per file, and memory in all.
It is started at the first label and serves all that follow.
"""

import os
import resource
import select
import subprocess
import sys
import threading
from pathlib import Path

SECONDS = 10.0
MEMORY_BYTES = 256 * 1024 * 1024


class PdfCheck:
    """The checking process, started when first needed. Thread safe: one file at a time."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def fault(self, path: Path) -> str | None:
        """Return why the file is not a whole PDF, in a few words, or None if it is one."""
        with self._lock:
            answer = self._ask(path)
            if answer is None and self._process is None:
                return f"checking it took more than {self._seconds:g} s or {MEMORY_BYTES >> 20} MB"
            return answer or None

    def _ask(self, path: Path) -> str | None:
        process = self._process = self._process or subprocess.Popen(
            [sys.executable, "-m", "supplier_agent.pdfcheck"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"PYTHONPATH": os.pathsep.join(sys.path)},  # it needs no secret of ours
            start_new_session=True,  # nor the terminal's Ctrl-C
        )
        assert process.stdin is not None  # noqa: S101 - asked for above
        assert process.stdout is not None  # noqa: S101 - asked for above
        try:
            process.stdin.write(os.fsencode(path) + b"\n")
            process.stdin.flush()
            ready, _, _ = select.select([process.stdout], [], [], self._seconds)
            line = process.stdout.readline() if ready else b""
        except OSError:
            line = b""
        if not line:  # it hangs, or was ended by its memory limit: the next file gets a new process
            self._end()
            return None
        return line.decode("utf-8", "replace").strip()

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._end()


def inspect(path: Path) -> str:
    """Return what is wrong with the file, or "". Runs in the checking process."""
    content = path.read_bytes()
    if not content:
        return "it is empty"
    if not content.startswith(b"%PDF-"):
        return "it is not a PDF" + (" but a web page" if content.lstrip()[:1] == b"<" else "")
    if b"%%EOF" not in content[-1024:]:
        return "it is a PDF, but cut off"
    from pypdf import PdfReader  # noqa: PLC0415 - only this process pays for it
    from pypdf.errors import PyPdfError  # noqa: PLC0415 - only this process pays for it

    try:
        pages = len(PdfReader(path, strict=False).pages)
    except (
        PyPdfError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        IndexError,
        RecursionError,
        MemoryError,
    ) as error:
        return f"it is a broken PDF ({type(error).__name__})"
    return "" if pages else "it is a PDF without a page"


def main() -> None:
    """Answer one line for each path read from stdin, until it is closed."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    for line in sys.stdin.buffer:
        try:
            answer = inspect(Path(os.fsdecode(line.rstrip(b"\n"))))
        except (OSError, MemoryError) as error:
            answer = f"it could not be read ({type(error).__name__})"
        sys.stdout.write(answer.replace("\n", " ") + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
