"""The command line: verbs for people. Results go to stdout, messages to stderr; each command imports its room when it is called."""

import os
import sys
from collections.abc import Sequence

import typer

from supplier_agent.cli import acts, alerts, config, coverage, orders, page, serve, state, upkeep
from supplier_agent.cli.surroundings import Surroundings
from supplier_agent.exits import ended


def _exit_with(code: int | None, **_options: object) -> None:
    """Make what a command returns the exit code."""
    raise typer.Exit(code or 0)


app = typer.Typer(
    result_callback=_exit_with,
    name="supplier-agent",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Collects marketplace orders, acknowledges them, fetches their labels, and reports what has left the building.",
    epilog="Try it: supplier-agent demo. Is all well? supplier-agent status. "
    "Before going live: supplier-agent check, then supplier-agent run --once --dry-run.",
)
for room in (serve, orders, acts, state, config, page, coverage, upkeep, alerts):
    room.register(app)


def _version(wanted: bool) -> None:
    if wanted:
        import sqlite3

        from supplier_agent import __version__

        python = ".".join(str(part) for part in sys.version_info[:3])
        typer.echo(f"supplier-agent {__version__} (Python {python}, SQLite {sqlite3.sqlite_version})")
        raise typer.Exit


@app.callback()
def _main(
    context: typer.Context,
    config: str = typer.Option(
        "", "--config", metavar="FILE", help="The configuration [default: $SUPPLIER_AGENT_CONFIG, …]"
    ),
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),  # noqa: ARG001 - the callback acts
) -> None:
    context.obj = Surroundings(config, os.environ)


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code (contract, "Exit codes")."""
    words = list(arguments)
    if (
        words[:1] == ["--show-completion"] and words[1:]
    ):  # by itself typer only guesses the shell that it was started from
        os.environ["_SUPPLIER_AGENT_COMPLETE"] = f"source_{words[1]}"
        words = []
    return ended(lambda: app(args=words, prog_name="supplier-agent"))
