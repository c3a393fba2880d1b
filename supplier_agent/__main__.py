"""`python -m supplier_agent`, and the console script."""

import sys


def main() -> None:
    """Run the command line; a person's mistake ends in a sentence, never in a traceback."""
    from supplier_agent.cli import run  # noqa: PLC0415 - so that a missing set-up is told in words

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
