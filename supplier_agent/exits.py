"""How a command ends for whoever started it: an exit code of the contract, and a sentence instead of a traceback."""

import os
import sys
from collections.abc import Callable

from supplier_agent.errors import AgentError
from supplier_agent.printable import printable


def ended(command: Callable[[], int | None]) -> int:
    """Run a command to its end and return its exit code (contract, "Exit codes")."""
    try:
        return _flushed(command() or 0)
    except AgentError as error:
        print(printable(f"supplier-agent: {error}"), file=sys.stderr)  # noqa: T201 - this is where errors reach people
        return error.exit_code
    except BrokenPipeError:
        return _flushed(0)
    except OSError as error:  # a file that vanished, a disk that failed: whatever no room has worded better
        where = f" {error.filename}" if error.filename else ""
        print(f"supplier-agent: the system refused{where}: {error.strerror or error}", file=sys.stderr)  # noqa: T201 - as above
        return 74
    except SystemExit as end:
        return _flushed(end.code if isinstance(end.code, int) else 0)


def _flushed(code: int) -> int:
    """Flush stdout; whoever listens may have seen enough (`| head`), which is no error of ours."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return code
