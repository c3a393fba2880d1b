"""`python -m supplier_agent`, and the console script."""

import gc
import os
import sys

from supplier_agent.base import process
from supplier_agent.base.process import ended

NEW_OBJECTS = 20_000
"""A search for garbage begins after so many new objects, not after 700: a start creates 100,000 that stay."""


def main() -> None:
    """Run the command line; a person's mistake ends in a sentence, never in a traceback."""
    gc.set_threshold(NEW_OBJECTS)
    process.set_up_streams()
    code = ended(_command)
    gc.freeze()  # else Python takes every object apart before it ends, which costs more than most commands
    sys.exit(code)


def _command() -> int:
    words = process.checked(sys.argv[1:], os.environ)
    if "status" in words:  # asked every 30 seconds, by a health check: it does without what the other commands need
        from supplier_agent.reports import screen  # noqa: PLC0415 - and the others without this

        asked = screen.understood(words)
        if asked is not None:
            return screen.answer(asked, os.environ)
    from supplier_agent.cli import run  # noqa: PLC0415 - so that a missing set-up is told in words

    return run(words)


if __name__ == "__main__":
    main()
