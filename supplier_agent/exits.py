"""How a command ends for whoever started it: an exit code of the contract, and a sentence instead of a traceback."""

import sys
from collections.abc import Callable, Collection

from supplier_agent.entrance import results_are_lost
from supplier_agent.errors import AgentError
from supplier_agent.printable import printable

EXIT_ORDER = (78, 74, 75, 77, 69, 1)
"""Contract: where several hold, the first of these is returned."""
NEEDS_A_PERSON, USAGE, DISK, INTERRUPTED = 1, 2, 74, 130


def worst(codes: Collection[int]) -> int:
    """Return the code for all of these: a mistake in the words before everything else, then the first of EXIT_ORDER.

    A code that the contract does not know is a failure as well, and is never taken for success.
    """
    return USAGE if USAGE in codes else next((code for code in EXIT_ORDER if code in codes), max(codes, default=0))


def ended(command: Callable[[], int | None]) -> int:
    """Run a command to its end and return its exit code (contract, "Exit codes")."""
    try:
        code = command() or 0
    except AgentError as error:
        _say(str(error))
        code = error.exit_code
    except OSError as error:  # a file that vanished, a disk that failed: whatever no room has worded better
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
