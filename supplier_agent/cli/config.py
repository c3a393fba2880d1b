"""Commands about the configuration, and about the warehouse page: config, page, person."""

import os
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from supplier_agent.base import files
from supplier_agent.base.errors import AgentError, ConfigError, UsageError
from supplier_agent.cli.context import JsonOption, SeesSuppliers, here, result, result_json, say, stdin_lines

SERVICE_GROUP = "supplier-agent"
group = typer.Typer(
    no_args_is_help=True,
    help="Write, show or describe the configuration.",
    epilog="Start with: supplier-agent config init. What holds now, and why: supplier-agent config show.",
)


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group.command()(init)
    group.command()(show)
    group.command()(check)
    group.command()(schema)
    app.add_typer(group, name="config")
    app.command()(page)
    app.add_typer(people, name="person")


def init(
    context: typer.Context,
    file: Annotated[str, typer.Argument(metavar="[FILE]", help="The file to write; default: the usual place.")] = "",
) -> None:
    """Write the commented example as a new configuration. An existing file is not changed."""
    from supplier_agent.settings.dump import example_text

    target = Path(file) if file else _usual_place(here(context).config, here(context).env)
    if target.exists():
        raise AgentError(
            f"{target} already exists; it was not changed.",
            f"supplier-agent config init {shlex.quote(f'{target}.new')}",
        )
    made = not target.parent.exists()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(example_text())
    except OSError as error:
        raise AgentError(
            f"{target} cannot be written: {error.strerror}.",
            "supplier-agent config init FILE, with a file that you may write",
        ) from None
    if os.geteuid() == 0:
        _let_the_agent_read(target, with_folder=made)
    result(str(target))
    typed = shlex.quote(str(target))
    say(f"name your supplier and its token at the end of {target}, then: supplier-agent --config {typed} check")


def _usual_place(config: str, env: Mapping[str, str]) -> Path:
    """Return where the other commands will find it."""
    named = config or env.get(files.PATH_VARIABLE)
    if named:
        return Path(named)
    checkout, system = files.PLACES
    return system if os.geteuid() == 0 and not checkout.parent.is_dir() else checkout


def _let_the_agent_read(target: Path, *, with_folder: bool) -> None:
    """Let only the service's group read the file that root has written, because it may contain a token."""
    import grp

    try:
        group = grp.getgrnam(SERVICE_GROUP).gr_gid
    except KeyError:
        group = (
            files.STATE_DIR.stat().st_gid if files.STATE_DIR.is_dir() else 0
        )  # another user, if the service was set up by hand
    if group == 0:
        say(
            f"root alone may read it. If another user runs the agent: chgrp GROUP {shlex.quote(str(target))}, and chmod 640"
        )
        return
    for path, mode in [(target, 0o640), *([(target.parent, 0o750)] if with_folder else [])]:
        os.chown(path, -1, group)
        path.chmod(mode)


def show(context: typer.Context, as_json: JsonOption = False) -> None:
    """Show every effective value and its source: default, file and line, or a variable. Secrets are hidden."""
    from supplier_agent.settings.dump import shown

    surroundings = here(context)
    found = shown(Path(surroundings.config) if surroundings.config else None, surroundings.env)
    if as_json:
        result_json({"schema": 1, "settings": [vars(each) for each in found]})
        return
    lines = [f"{each.key} = {each.value}" if each.value else f"# {each.key} is not set" for each in found]
    width = min(60, max(len(line) for line in lines))
    for line, each in zip(lines, found, strict=True):
        result(f"{line:<{width}}  # {each.source}" if each.value else line)


def check(context: typer.Context, as_json: JsonOption = False) -> None:
    """Check whether a running agent would accept the configuration at a reload; exit code 78 if not. Checks nothing else."""
    from supplier_agent.runtime.wiring import usable

    surroundings = here(context)
    settings = surroundings.settings
    usable(settings, surroundings.env)
    place = str(settings.config_path or "the environment alone")
    result_json({"schema": 1, "place": place}) if as_json else say(f"{place}: every key is understood")


def schema() -> None:
    """Print a JSON schema of the file, for completion and checks in editors."""
    from supplier_agent.settings.dump import schema as described

    result_json(described())


people = typer.Typer(help="Manage the people who work on the warehouse page.", no_args_is_help=True)


def page(context: typer.Context) -> None:
    """Serve the warehouse page, /metrics and /healthz alone, in a process without a token.

    `run` starts it automatically if [web] or [metrics] listen is set and no other process serves it.
    """
    from supplier_agent.runtime.page_process import COMMAND, environment, for_the_page

    surroundings = here(context)
    settings = surroundings.settings
    if not settings.listen:
        raise ConfigError("there is nothing to serve", 'set [web] listen = "127.0.0.1:8080", or [metrics] listen')
    # This process has read the configuration, which may contain a token: replace it by a process that gets only the settings.
    descriptor = os.memfd_create("settings")
    os.write(descriptor, for_the_page(settings).encode() + b"\n")
    os.lseek(descriptor, 0, os.SEEK_SET)
    os.dup2(descriptor, 0)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    os.chdir("/")  # import nothing from the current folder
    with files.as_owner_of(settings.state_dir):  # it never runs as root
        os.execve(COMMAND[0], list(COMMAND), environment(surroundings.env))  # noqa: S606 - our own interpreter, no shell


def _pin() -> str:
    """Ask for a PIN, twice on a terminal; otherwise read it from the first line of stdin."""
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
        str, typer.Option(help="packer; or lead, who may also decide about problems, and add people.")
    ] = "packer",
    no_pin: Annotated[
        bool, typer.Option("--no-pin", help="Signs in only through the proxy (web.proxy_header).")
    ] = False,
    supplier: SeesSuppliers = None,
) -> None:
    """Add a person to the page, or change role, PIN and suppliers. The PIN is asked for, or read from stdin.

    Before the first run, this creates the database. Nothing is read or acknowledged.
    """
    import secrets

    from supplier_agent.web.people import SALT_BYTES, checked_name
    from supplier_agent.web.people import add as let_in

    surroundings = here(context)
    name = checked_name(name)
    for each in supplier or ():
        if each not in surroundings.settings.suppliers:
            known = ", ".join(sorted(surroundings.settings.suppliers))
            raise UsageError(f"there is no supplier {each} in the configuration", f"use one of: {known}")
    pin = None if no_pin else _pin()
    with surroundings.store(new=True) as store, store.write() as tx:
        said = let_in(tx, name, role, pin, secrets.token_bytes(SALT_BYTES), surroundings.clock.now(), supplier or ())
    result(f"{name}: {said}")
    if not surroundings.settings.web.listen:
        say('the page is off; to serve it: [web] listen = "127.0.0.1:8080", then restart the agent')


@people.command(name="list")
def list_(context: typer.Context, as_json: JsonOption = False) -> None:
    """List the people who work on the page."""
    from supplier_agent.web.people import NO_PIN, present

    with here(context).store() as store, store.read() as tx:
        found = [(each.name, each.role, each.pin_scrypt != NO_PIN, each.suppliers) for each in present(tx)]
    if as_json:
        people = [
            {"name": name, "role": role, "pin": pin, "suppliers": only.split(",") if only else None}
            for name, role, pin, only in found
        ]
        result_json({"schema": 1, "people": people})
        return
    for name, role, pin, only in found:
        result(
            f"{name}  {role}" + (f"  (only {only})" if only else "") + ("" if pin else "  (through the proxy alone)")
        )
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
