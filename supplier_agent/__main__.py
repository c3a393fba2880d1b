"""`python -m supplier_agent`, and the console script."""

import os
import sys

from supplier_agent.base import process
from supplier_agent.base.process import ended
from supplier_agent.reports import screen


def main() -> None:
    """Run the command line; a person's mistake ends in a sentence, never in a traceback."""
    process.set_up_streams()
    sys.exit(ended(_command))


def _command() -> int:
    words = process.checked(sys.argv[1:], os.environ)
    asked = screen.understood(words)
    if asked is not None:  # asked every 30 seconds, by a health check: it does without what the other commands need
        return screen.answer(asked, os.environ)
    from supplier_agent.cli import run  # noqa: PLC0415 - so that a missing set-up is told in words

    return run(words)


if __name__ == "__main__":
    main()
