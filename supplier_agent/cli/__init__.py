"""The command line: verbs for people. Results go to stdout, messages to stderr; each command imports its room when it is called."""

import os
import sys
from collections.abc import Sequence

import typer

from supplier_agent.cli import acts, orders, serve, state
from supplier_agent.cli.surroundings import Surroundings
from supplier_agent.errors import AgentError
from supplier_agent.printable import printable


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
for room in (serve, orders, acts, state):
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
    try:
        app(args=list(arguments), prog_name="supplier-agent")
    except AgentError as error:
        print(printable(f"supplier-agent: {error}"), file=sys.stderr)  # noqa: T201 - this is where errors reach people
        return error.exit_code
    except OSError as error:  # a file that vanished, a disk that failed: whatever no room has worded better
        where = f" {error.filename}" if error.filename else ""
        print(f"supplier-agent: the system refused{where}: {error.strerror or error}", file=sys.stderr)  # noqa: T201 - as above
        return 74
    except SystemExit as end:
        return _flushed(end.code if isinstance(end.code, int) else 0)
    return _flushed(0)


def _flushed(code: int) -> int:
    """Flush stdout; whoever listens may have seen enough (`| head`), which is no error of ours."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return code
