"""The start of the process: checks arguments, environment and the three standard streams, before anything else.

Arguments are text: bytes that are not UTF-8 are refused here with a message. The descriptors 0 to 2 are open. Writing to stdout
or stderr never raises and can always be encoded: a reader that went away must not stop the work of a command.
"""

import io
import os
import select
import sys
from collections.abc import Mapping, Sequence
from errno import ECONNRESET, EPIPE
from typing import TYPE_CHECKING, BinaryIO, TextIO, cast

from supplier_agent.errors import ConfigError, UsageError
from supplier_agent.places import PREFIX

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
