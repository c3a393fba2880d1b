"""Commands by which people state facts: ship, unship, resolve, retry, hold, release, close, reopen. None of them calls out."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from supplier_agent.cli.surroundings import Surroundings, here, result, say

if TYPE_CHECKING:
    from sqlmodel import Session

    from supplier_agent.tables import Order

Ids = Annotated[list[str], typer.Argument(metavar="ID...")]
Id = Annotated[str, typer.Argument(metavar="ID")]
SupplierOption = Annotated[str, typer.Option("--supplier", help="Which supplier's, if two have this id.")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why, for those who come after.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this room."""
    for command in (ship, unship, resolve, retry, hold, release, close, reopen):
        app.command()(command)


def _each(surroundings: Surroundings, ids: Sequence[str], supplier: str, act: "Callable[[Session, Order], str]") -> int:
    """Do one act to each order, each in a transaction of its own; a mistake in one leaves the others done."""
    from supplier_agent.acts import find
    from supplier_agent.errors import AgentError

    codes = {0}
    with surroundings.store() as store:
        for each in ids:
            try:
                with store.write() as tx:
                    said = act(tx, find(tx, each, supplier or None))
                result(f"{each}: {said}")
            except AgentError as error:
                say(f"supplier-agent: {error}" if each in error.what else f"supplier-agent: {each}: {error}")
                codes.add(error.exit_code)
    return max(codes)


def _ids(words: Sequence[str]) -> list[str]:
    """Return the ids, from stdin where `-` stands; one a line, blank lines skipped."""
    ids: list[str] = []
    for word in words:
        ids += [line.strip() for line in sys.stdin if line.strip()] if word == "-" else [word.strip()]
    return ids


def ship(
    context: typer.Context,
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID...]")] = None,
    override: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Let one order go despite the blockers it has now (label, acknowledgement, no longer listed); NAME says so.",
        ),
    ] = "",
    supplier: SupplierOption = "",
    file: Annotated[
        Path | None, typer.Option("--file", metavar="FILE", help="The ids of FILE: one a line, or a CSV.")
    ] = None,
    success: Annotated[
        Path | None, typer.Option("--success", metavar="FILE", help="With --file: which were flagged.")
    ] = None,
    failure: Annotated[
        Path | None, typer.Option("--failure", metavar="FILE", help="With --file: which were not, and why.")
    ] = None,
) -> int:
    """Flag orders as shipped: they have left the building. `-` reads ids from stdin."""
    from supplier_agent import acts
    from supplier_agent.cli.shipfile import ship_file
    from supplier_agent.errors import UsageError

    if bool(ids) == (file is not None) or (file is None and (success or failure)) or (file is not None and override):
        raise UsageError(
            "name the orders, or a file of them, not both; --success and --failure go with --file, --override does not",
            "supplier-agent ship ID…, or supplier-agent ship --file FILE --success FILE --failure FILE",
        )
    if file is not None:
        return ship_file(here(context), file, success, failure, supplier)
    surroundings, names = here(context), _ids(ids or [])
    if override and len(names) != 1:
        raise UsageError(
            "--override lets one order go, not several", "supplier-agent ship ID --override NAME, once for each"
        )
    undo, silent = surroundings.settings.ship.undo_seconds, []

    def act(tx: "Session", order: "Order") -> str:
        said = acts.ship(tx, order, surroundings.clock.now(), surroundings.who, override or None)
        but = acts.not_reported(order, surroundings.settings.suppliers)
        silent.extend([order.supplier] if but else [])
        return f"{said}; but {but}" if but else said

    code = _each(surroundings, names, supplier, act)
    if silent:
        say(f"put [suppliers.{silent[0]}] into the configuration; supplier-agent status names what waits for it")
        code = code or 1
    if undo and code == 0:
        say(
            f"the marketplace is told after {undo:g} s; until then: supplier-agent unship {names[0] if len(names) == 1 else 'ID'}"
        )
    return code


def unship(context: typer.Context, ids: Ids, supplier: SupplierOption = "") -> int:
    """Take the shipped flag back, as long as the call has not begun."""
    from supplier_agent import acts

    surroundings = here(context)
    return _each(
        surroundings,
        _ids(ids),
        supplier,
        lambda tx, order: acts.unship(tx, order, surroundings.clock.now(), surroundings.who),
    )


def resolve(
    context: typer.Context,
    menzzo_order_id: Id,
    by: Annotated[str, typer.Option(metavar="NAME", help="Who found out.")],
    shipped: Annotated[bool, typer.Option("--shipped", help="Menzzo has it as shipped.")] = False,
    send_again: Annotated[
        bool, typer.Option("--send-again", help="Menzzo does not have it: send the call again.")
    ] = False,
    supplier: SupplierOption = "",
) -> int:
    """Answer for a ship call whose outcome is unknown: resolve ID --shipped --by NAME, or resolve ID --send-again --by NAME."""
    from supplier_agent import acts
    from supplier_agent.errors import UsageError

    if shipped == send_again:
        raise UsageError(
            "say what Menzzo answered: --shipped or --send-again", f"supplier-agent order {menzzo_order_id}"
        )
    if not by.strip():
        raise UsageError("--by needs the name of who found out", "supplier-agent resolve ID --shipped --by NAME")
    surroundings = here(context)
    return _each(
        surroundings,
        [menzzo_order_id],
        supplier,
        lambda tx, order: acts.resolve(tx, order, surroundings.clock.now(), by.strip(), shipped=shipped),
    )


def retry(
    context: typer.Context,
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID...]")] = None,
    all_: Annotated[bool, typer.Option("--all", help="Everything that is parked.")] = False,
    supplier: SupplierOption = "",
) -> int:
    """Try again what was parked."""
    from supplier_agent import acts
    from supplier_agent.errors import UsageError

    if bool(ids) == all_:
        raise UsageError(
            "say which: one or more ids, or --all", "supplier-agent retry ID, or supplier-agent retry --all"
        )
    surroundings = here(context)
    if not all_:
        return _each(
            surroundings,
            _ids(ids or []),
            supplier,
            lambda tx, order: acts.retry(tx, order, surroundings.clock.now(), surroundings.who),
        )
    with surroundings.store() as store, store.write() as tx:
        found = acts.parked_orders(tx, supplier or None)
        for order in found:
            result(f"{order.menzzo_order_id}: {acts.retry(tx, order, surroundings.clock.now(), surroundings.who)}")
    if not found:
        say("nothing is parked")
    return 0


def hold(context: typer.Context, menzzo_order_id: Id, reason: ReasonOption, supplier: SupplierOption = "") -> int:
    """Keep an order back: nothing is acknowledged or shipped for it."""
    from supplier_agent import acts

    surroundings = here(context)
    return _each(
        surroundings,
        [menzzo_order_id],
        supplier,
        lambda tx, order: acts.hold(tx, order, surroundings.clock.now(), surroundings.who, _reason(reason)),
    )


def release(
    context: typer.Context,
    menzzo_order_id: Annotated[str, typer.Argument(metavar="[ID]")] = "",
    all_: Annotated[
        bool,
        typer.Option("--all", help="All that the agent holds after a restore: lists them; with --by, releases them."),
    ] = False,
    by: Annotated[str, typer.Option(metavar="NAME", help="With --all: who has looked at that list.")] = "",
    supplier: SupplierOption = "",
) -> int:
    """Let a held order go on."""
    from supplier_agent import acts
    from supplier_agent.errors import UsageError

    if bool(menzzo_order_id) == all_ or (by.strip() and not all_):
        raise UsageError(
            "say which: an id, or --all (for what is held after a restore), and --by with the latter",
            "supplier-agent release ID, or supplier-agent release --all --by NAME",
        )
    surroundings = here(context)
    if all_:
        return _release_all(surroundings, by.strip(), supplier)
    return _each(
        surroundings,
        [menzzo_order_id],
        supplier,
        lambda tx, order: acts.release(tx, order, surroundings.clock.now(), surroundings.who),
    )


def _release_all(surroundings: Surroundings, by: str, supplier: str) -> int:
    """List what the agent holds; release it only by the name of somebody who has seen that list."""
    from supplier_agent import acts

    said = []
    with surroundings.store() as store:
        if by:
            with store.write() as tx:
                begun = acts.accept_new_ledger(tx, by)
                for order in acts.held_by_agent(tx, supplier or None):
                    answer = acts.release(tx, order, surroundings.clock.now(), by)
                    said.append(f"{order.menzzo_order_id} ({order.supplier}): {answer}")
        else:
            with store.read() as tx:
                begun, held = False, acts.held_by_agent(tx, supplier or None)
                said = [f"{order.menzzo_order_id} ({order.supplier}): {order.held_reason}" for order in held]
    for line in said:
        result(line)
    if begun:
        say("the agent begins a new ship ledger")
    if by or not said:
        say(f"{len(said)} orders are released" if said else "the agent holds no order")
        return 0
    say(
        f"{len(said)} orders are held; nothing was released.\n"
        "Not to be reported: supplier-agent close ID --reason TEXT, or supplier-agent unship ID.\n"
        "All others, once somebody has looked at this list: supplier-agent release --all --by NAME"
    )
    return 1


def close(context: typer.Context, ids: Ids, reason: ReasonOption, supplier: SupplierOption = "") -> int:
    """Leave orders alone that were dealt with elsewhere (shipped by hand, cancelled)."""
    from supplier_agent import acts

    surroundings = here(context)
    return _each(
        surroundings,
        _ids(ids),
        supplier,
        lambda tx, order: acts.close(tx, order, surroundings.clock.now(), surroundings.who, _reason(reason)),
    )


def reopen(context: typer.Context, menzzo_order_id: Id, supplier: SupplierOption = "") -> int:
    """Take a closed order up again."""
    from supplier_agent import acts

    surroundings = here(context)
    return _each(
        surroundings,
        [menzzo_order_id],
        supplier,
        lambda tx, order: acts.reopen(tx, order, surroundings.clock.now(), surroundings.who),
    )


def _reason(text: str) -> str:
    from supplier_agent.errors import UsageError

    if not text.strip():
        raise UsageError("--reason needs a few words", 'for example: --reason "shipped by hand on Monday"')
    return text.strip()
