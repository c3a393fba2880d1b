"""The command line. Results go to stdout, messages to stderr; each command imports its modules when it is called."""

import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from supplier_agent.base.errors import UsageError
from supplier_agent.base.process import commit, ended
from supplier_agent.cli import (
    actions,
    articles,
    businessonbot,
    carriers,
    config,
    evidence,
    fetch,
    letters,
    maintenance,
    marketplace,
    orders,
    programs,
    recordings,
    serve,
    shop,
    state,
    support,
    webhooks,
)
from supplier_agent.cli.context import Surroundings, current, epilog


def _exit_with(code: int | None, **_options: object) -> None:
    """Use the return value of a command as the exit code."""
    raise typer.Exit(code or 0)


app = typer.Typer(
    result_callback=_exit_with,
    name="supplier-agent",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Collects marketplace orders, acknowledges them, downloads their labels, and reports shipments.",
    epilog="Try it: supplier-agent demo. Is all well? supplier-agent status. "
    "Before going live: supplier-agent check, then supplier-agent run --once --dry-run.",
)
for module in (
    serve,
    fetch,
    orders,
    actions,
    state,
    config,
    articles,
    webhooks,
    programs,
    support,
    carriers,
    shop,
    businessonbot,
    letters,
    marketplace,
    recordings,
    evidence,
    maintenance,
):
    module.register(app)


@app.command(name="help")
def help_(context: typer.Context, words: Annotated[list[str] | None, typer.Argument(metavar="COMMAND")] = None) -> None:
    """Show the help of a command, with examples."""
    inner = context.find_root()
    for word in words or ():
        command = getattr(inner.command, "commands", {}).get(word)
        if command is None:
            raise UsageError(f"there is no command {' '.join(words or ())}", "supplier-agent help")
        inner = type(inner)(command, info_name=word, parent=inner)
    typer.echo(inner.get_help())


def _with_examples(main: typer.Typer, before: str = "") -> None:
    """Add its examples to the help of every command."""
    for command in main.registered_commands:
        assert command.callback is not None  # noqa: S101 - each is made of a function
        command.epilog = epilog(before + (command.name or command.callback.__name__))
    for group in main.registered_groups:
        assert group.typer_instance is not None  # noqa: S101 - as above
        _with_examples(group.typer_instance, f"{group.name or group.typer_instance.info.name} ")


_with_examples(app)


def _version(wanted: bool) -> None:
    if wanted:
        import sqlite3

        from supplier_agent import __version__

        python = ".".join(str(part) for part in sys.version_info[:3])
        typer.echo(
            f"supplier-agent {__version__} (commit {commit()}, Python {python}, SQLite {sqlite3.sqlite_version})"
        )
        raise typer.Exit


@app.callback()
def _main(
    context: typer.Context,
    config: Annotated[
        str, typer.Option("--config", metavar="FILE", help="The configuration [default: $SUPPLIER_AGENT_CONFIG, …]")
    ] = "",
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Print only results and errors; log only warnings and errors.")
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log every step ([log] level = debug).")] = False,
    no_color: Annotated[bool, typer.Option("--no-color", help="No colours, like the variable NO_COLOR.")] = False,
    version: Annotated[  # noqa: ARG001 - the callback acts
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print version and commit.")
    ] = False,
) -> None:
    if quiet and verbose:
        raise typer.BadParameter("--quiet and --verbose exclude each other")
    # A copy: while an alert is sent, os.environ contains the proxy's variables (egress.py), which a reload must not read.
    env = {**os.environ, **({"NO_COLOR": "1"} if no_color else {})}
    context.obj = Surroundings(config, env, is_quiet=quiet, is_verbose=verbose)
    current.set(context.obj)


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code (public contract, "Exit codes")."""
    words = list(arguments)
    if (
        words[:1] == ["--show-completion"] and words[1:]
    ):  # without a name, typer can only guess the shell that started it
        os.environ["_SUPPLIER_AGENT_COMPLETE"] = f"source_{words[1]}"
        words = []
    return ended(lambda: app(args=words, prog_name="supplier-agent"))
