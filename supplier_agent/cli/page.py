"""Commands about the warehouse page: the page alone, and its people."""

import os
import sys
from typing import Annotated

import typer

from supplier_agent.cli.context import JsonOption, here, result, result_json, say, stdin_lines

people = typer.Typer(help="Manage the people who work on the warehouse page.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(page)
    app.add_typer(people, name="person")


def page(context: typer.Context) -> None:
    """Serve the warehouse page, /metrics and /healthz alone, in a process without a token.

    `run` does so by itself where [web] or [metrics] listen is set and nobody else does.
    """
    from supplier_agent.base import files
    from supplier_agent.base.errors import ConfigError
    from supplier_agent.runtime.page_process import COMMAND, environment
    from supplier_agent.settings.handed import without_secrets

    surroundings = here(context)
    settings = surroundings.settings
    if not settings.listen:
        raise ConfigError("there is nothing to serve", 'set [web] listen = "127.0.0.1:8080", or [metrics] listen')
    # This process has read the configuration, which may hold a token: another program takes its place, with the settings alone.
    descriptor = os.memfd_create("settings")
    os.write(descriptor, without_secrets(settings).encode() + b"\n")
    os.lseek(descriptor, 0, os.SEEK_SET)
    os.dup2(descriptor, 0)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    os.chdir("/")  # whatever lies where we happen to be is not ours
    with files.as_owner_of(settings.state_dir):  # it never is root
        os.execve(COMMAND[0], list(COMMAND), environment(surroundings.env))  # noqa: S606 - our own interpreter, no shell


def _pin() -> str:
    """Ask for a PIN, twice on a terminal; otherwise read it from the first line of stdin."""
    from supplier_agent.base.errors import UsageError

    if not sys.stdin.isatty():
        return next(iter(stdin_lines()), "")
    first = str(typer.prompt("PIN", hide_input=True, err=True))
    if typer.prompt("PIN again", hide_input=True, err=True) != first:
        raise UsageError("the two PINs differ", "try again")
    return first


@people.command()
def add(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME")],
    role: Annotated[
        str, typer.Option(help="packer; or lead, who may also resolve, retry, hold and release.")
    ] = "packer",
    no_pin: Annotated[
        bool, typer.Option("--no-pin", help="Signs in only through the proxy (web.proxy_header).")
    ] = False,
) -> None:
    """Add a person to the page, or change role and PIN. The PIN is asked for, or read from stdin."""
    import secrets

    from supplier_agent.web.people import SALT_BYTES, checked_name
    from supplier_agent.web.people import add as let_in

    surroundings = here(context)
    name = checked_name(name)
    pin = None if no_pin else _pin()
    with surroundings.store() as store, store.write() as tx:
        said = let_in(tx, name, role, pin, secrets.token_bytes(SALT_BYTES), surroundings.clock.now())
    result(f"{name}: {said}")
    if not surroundings.settings.web.listen:
        say('the page is off; to serve it: [web] listen = "127.0.0.1:8080", then restart the agent')


@people.command(name="list")
def list_(context: typer.Context, as_json: JsonOption = False) -> None:
    """List the people who work on the page."""
    from supplier_agent.web.people import NO_PIN, present

    with here(context).store() as store, store.read() as tx:
        found = [(each.name, each.role, each.pin_scrypt != NO_PIN) for each in present(tx)]
    if as_json:
        result_json({"schema": 1, "people": [{"name": name, "role": role, "pin": pin} for name, role, pin in found]})
        return
    for name, role, pin in found:
        result(f"{name}  {role}" + ("" if pin else "  (through the proxy alone)"))
    if not found:
        say("nobody yet: supplier-agent person add NAME --role packer")


@people.command()
def remove(context: typer.Context, name: Annotated[str, typer.Argument(metavar="NAME")]) -> None:
    """Remove a person from the page."""
    from supplier_agent.web.people import remove as let_go

    surroundings = here(context)
    with surroundings.store() as store, store.write() as tx:
        said = let_go(tx, name, surroundings.clock.now())
    result(f"{name.strip()}: {said}")
