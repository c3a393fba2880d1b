"""How a process starts and ends: arguments and streams, signals, exit codes (public contract, "Exit codes"), one-line errors."""

import io
import os
import select
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from errno import ECONNRESET, EPIPE
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TextIO, cast

from supplier_agent.base.errors import AgentError, ConfigError, UsageError
from supplier_agent.base.files import PREFIX

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

NAMES = ("SUDO_USER", "USER", "LOGNAME")
"""The variables with the name of the person who runs the command."""

GONE = (EPIPE, ECONNRESET)
"""A pipe or socket whose reader has closed it."""


class Outlet(io.FileIO):
    """A descriptor to write to. What cannot be written is dropped; `lost` is why (None: everything was written)."""

    lost: OSError | None = None

    def write(self, data: "ReadableBuffer") -> int:
        """Write, and report success even if the reader has gone."""
        rest = memoryview(data).cast("B")
        while rest and self.lost is None:
            try:
                written = super().write(rest)
                if written is None:  # the caller made it non-blocking, and it is full
                    select.select((), (self.fileno(),), ())
                rest = rest[written or 0 :]
            except OSError as error:
                self.lost = error
        return memoryview(data).nbytes


def set_up_streams() -> None:
    """Open descriptors that the caller has closed, and install streams that never raise because of their reader."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free one; otherwise a database would be opened as stdout
    raw = io.FileIO(0, closefd=False)
    sys.stdin = io.TextIOWrapper(io.BufferedReader(raw), encoding="utf-8-sig", errors="strict")
    sys.stdout = _patient(1, sys.stdout)
    sys.stderr = _patient(2, sys.stderr)


def _patient(descriptor: int, before: TextIO | None) -> TextIO:
    """Return a text stream like the previous one (None: its descriptor was closed)."""
    outlet, is_unbuffered = Outlet(descriptor, "w", closefd=False), getattr(before, "write_through", False)
    return io.TextIOWrapper(
        cast("BinaryIO", outlet if is_unbuffered else io.BufferedWriter(outlet)),  # as Python creates its own
        encoding=getattr(before, "encoding", None) or "utf-8",
        errors="backslashreplace",
        line_buffering=getattr(before, "line_buffering", False),
        write_through=is_unbuffered,
    )


def trouble(stream: TextIO) -> OSError | None:
    """Return why output to a stream was lost; None if it was written, or if the stream is not ours."""
    buffer = getattr(stream, "buffer", None)
    lost = getattr(getattr(buffer, "raw", buffer), "lost", None)
    return lost if isinstance(lost, OSError) else None


def is_heard() -> bool:
    """Tell whether stdout still has a reader. Commands that only print may end early; others do not ask."""
    return trouble(sys.stdout) is None


def results_are_lost() -> OSError | None:
    """Return why results were lost (a full disk), or None. A reader that went away does not count."""
    lost = trouble(sys.stdout)
    return None if lost is None or lost.errno in GONE else lost


def checked(words: Sequence[str], env: Mapping[str, str]) -> list[str]:
    """Return the arguments of the command. Raises UsageError or ConfigError if they, or a variable, are not text."""
    for number, word in enumerate(words, 1):
        if not _is_text(word):
            raise UsageError(
                f"word {number} of the command is not UTF-8 text: {_shown(word)}", "type it again, or paste it as UTF-8"
            )
    for name, value in env.items():
        if name in NAMES and not _is_text(value):
            raise UsageError(f"the variable {name} is not UTF-8 text: {_shown(value)}", f"unset it: unset {name}")
        if name.startswith(PREFIX) and not (_is_text(name) and _is_text(value)):
            raise ConfigError(f"the variable {_shown(name)} is not UTF-8 text", "set it again as UTF-8, or unset it")
    return list(words)


def _is_text(text: str) -> bool:
    return not any("\ud800" <= each <= "\udfff" for each in text)


def _shown(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


# -- Text for a terminal or a log: text from outside must not control either.


def printable(text: str) -> str:
    """Return the text with all control characters escaped; line ends stay."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() or each == "\n" else ascii(each)[1:-1] for each in text)


def on_one_line(text: str) -> str:
    """Return the text with all control characters and line ends escaped."""
    return printable(text).replace("\n", "\\n")


EXIT_ORDER = (78, 74, 75, 77, 69, 1)
"""If several hold, the first of these is returned (public contract, "Exit codes")."""
NEEDS_A_PERSON, USAGE, DISK, INTERRUPTED = 1, 2, 74, 130


def worst(codes: Collection[int]) -> int:
    """Return the code for all of these: a usage error first, then the first of EXIT_ORDER.

    A code that is not in the public contract is a failure too, never a success.
    """
    return USAGE if USAGE in codes else next((code for code in EXIT_ORDER if code in codes), max(codes, default=0))


def ended(command: Callable[[], int | None]) -> int:
    """Run a command to its end and return its exit code (public contract, "Exit codes")."""
    try:
        code = command() or 0
    except AgentError as error:
        _say(str(error))
        code = error.exit_code
    except OSError as error:  # a file that vanished, a disk that failed: whatever no module has described better
        where = f" {error.filename}" if error.filename else ""
        _say(f"the system refused{where}: {error.strerror or error}")
        code = DISK
    except KeyboardInterrupt:
        code = INTERRUPTED
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0
    return _flushed(code)


def _flushed(code: int) -> int:
    """Flush the streams. Who reads may have seen enough (`| head`), which is no error; a full disk is one."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    lost = results_are_lost()
    if lost is None:
        return code
    _say(f"the results could not be written to stdout: {lost.strerror}")
    return worst({code, DISK})


def _say(text: str) -> None:
    print(printable(f"supplier-agent: {text}"), file=sys.stderr)  # noqa: T201 - this is where errors reach people


# -- SIGTERM, SIGINT and SIGHUP as facts that others check. Set up first: as PID 1, a process without a handler never gets them.

END_SECONDS = 44
"""This long after a signal, the kernel ends the process, even if something hangs. Everything that must survive is on disk."""


class Stop:
    """SIGTERM and SIGINT as a fact. The handler sets it and a last deadline; a second signal ends the process at once."""

    def __init__(self) -> None:
        self.event = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)

    def _on_signal(self, number: int, _frame: object) -> None:
        if self.event.is_set():
            os._exit(128 + number)
        self.event.set()
        signal.signal(signal.SIGALRM, signal.SIG_DFL)  # the kernel's: it works even if none of our threads can run
        signal.alarm(END_SECONDS)


class Hangup:
    """SIGHUP as a fact: read the configuration again. Not on a terminal, where it means that the terminal was closed."""

    def __init__(self, *, terminal: bool) -> None:
        self.event = threading.Event()
        if not terminal:
            signal.signal(signal.SIGHUP, lambda _number, _frame: self.event.set())


# -- The commit that this program was built from, for people. It may be `unknown`.

LEFT = Path(__file__).parents[1] / "COMMIT"
"""Written into the wheel by hatch_build.py; missing in a checkout."""
CHECKOUT = Path(__file__).parents[2]
GIT_SECONDS = 2.0


def commit(left: Path = LEFT, checkout: Path = CHECKOUT) -> str:
    """Return the short commit, from the build or from git in a checkout; else "unknown"."""
    try:
        return left.read_text(encoding="ascii").strip()[:12] or "unknown"
    except (OSError, ValueError):
        return _by_git(checkout) or "unknown"


def _by_git(checkout: Path) -> str:
    git = shutil.which("git")
    if git is None or not (checkout / ".git").exists():
        return ""
    question = [git, "-C", str(checkout), "rev-parse", "--short=12", "HEAD"]
    try:
        answer = subprocess.run(question, capture_output=True, text=True, check=False, timeout=GIT_SECONDS)  # noqa: S603 - words of ours
    except (OSError, subprocess.SubprocessError):
        return ""
    return answer.stdout.strip() if answer.returncode == 0 else ""
