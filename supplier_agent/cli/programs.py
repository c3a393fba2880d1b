"""Commands about the programs that use the HTTP API: key add, key list, key revoke."""

from typing import Annotated

import typer

from supplier_agent.cli.context import JsonOption, SeesSuppliers, here, result, result_json, say

group = typer.Typer(help="Manage the keys of programs that use the HTTP API.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(group, name="key")


@group.command()
def add(
    context: typer.Context,
    name: Name,
    may: Annotated[
        str,
        typer.Option(metavar="RIGHTS", help="What it may do besides reading: ship,unship,hold,release,note."),
    ] = "",
    supplier: SeesSuppliers = None,
) -> None:
    """Add the key of a program, and print it. It is stored only as a hash, so it is shown this once.

    The page's process serves the API as soon as there is a key.
    """
    from supplier_agent.web import keys

    surroundings = here(context)
    suppliers = [surroundings.known(each) for each in supplier or ()]
    rights = [each.strip() for each in may.split(",") if each.strip()]
    with surroundings.store(new=True) as store, store.write() as tx:
        key, said = keys.add(tx, name, rights, suppliers, surroundings.clock.now(), surroundings.who)
    say(f"{name}: {said}\nthis key is shown only now:")
    result(key)
    if not surroundings.settings.web.listen:
        say('the page, which serves the API, is off: [web] listen = "127.0.0.1:8080", then restart the agent')


@group.command(name="list")
def list_(context: typer.Context, as_json: JsonOption = False) -> None:
    """List the keys, with their rights and their last use. The keys themselves are not known."""
    from supplier_agent.web import keys
    from supplier_agent.words.formats import iso

    surroundings = here(context)
    with surroundings.store() as store, store.read() as tx:
        found = keys.valid(tx)
    if as_json:
        told = [
            {
                "name": each.name,
                "may": ["read", *each.may],
                "suppliers": list(each.suppliers) or None,
                "added_at": iso(each.added_at),
                "added_by": each.added_by,
                "last_used_at": iso(each.last_used_at) if each.last_used_at is not None else None,
            }
            for each in found
        ]
        result_json({"schema": 1, "keys": told})
        return
    zone = surroundings.settings.timezone
    for each in found:
        used = f"{each.last_used_at.astimezone(zone):%Y-%m-%d %H:%M}" if each.last_used_at is not None else "never"
        only = f"  only {','.join(each.suppliers)}" if each.suppliers else ""
        result(f"{each.name}  read{''.join(f',{right}' for right in each.may)}{only}  last used {used}")
    if not found:
        say("no key yet, so the API is off: supplier-agent key add NAME --may ship")


@group.command()
def revoke(context: typer.Context, name: Name) -> None:
    """Revoke the key of a program. Its next request is refused."""
    from supplier_agent.web import keys

    surroundings = here(context)
    with surroundings.store() as store, store.write() as tx:
        said = keys.revoke(tx, name, surroundings.clock.now())
    result(f"{name.strip()}: {said}")
