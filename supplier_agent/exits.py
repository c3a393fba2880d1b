"""Runs a command; maps errors to exit codes (public contract, "Exit codes") and messages of one line."""

import sys
from collections.abc import Callable, Collection

from supplier_agent.entrance import results_are_lost
from supplier_agent.errors import AgentError
from supplier_agent.printable import printable

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
