"""Decisions of people: ship, unship, resolve, retry, hold, release, close, reopen, note. None of them sends anything."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from supplier_agent.base.errors import AgentError, UsageError
from supplier_agent.cli.batch import Named, Outcome, do_each, tell
from supplier_agent.cli.context import JsonOption, ReasonOption, WhichSupplier, here, result, say, stdin_lines

if TYPE_CHECKING:
    from datetime import datetime

    from sqlmodel import Session

    from supplier_agent.db.tables import Order

Ids = Annotated[list[str], typer.Argument(metavar="ID")]
Id = Annotated[str, typer.Argument(metavar="ID")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    for command in (ship, unship, resolve, retry, hold, release, close, reopen, note):
        app.command()(command)


def _named(words: Sequence[str], supplier: str) -> list[Named]:
    """Return the orders, with `-` replaced by the ids from stdin: one per line, blank lines skipped."""
    ids: list[str] = []
    for word in words:
        ids += [line.strip() for line in stdin_lines() if line.strip()] if word == "-" else [word.strip()]
    return [Named(each, supplier) for each in ids]


def _each(
    context: typer.Context,
    named: Sequence[Named],
    act: "Callable[[Session, Order, datetime, str], str]",
    *,
    as_json: bool,
) -> int:
    """Do an act of actions.py for each order, now, as the user of the command."""
    surroundings = here(context)
    now, who = surroundings.clock.now, surroundings.who
    return do_each(surroundings, named, lambda tx, order: act(tx, order, now(), who), as_json=as_json)


def ship(
    context: typer.Context,
    ids: Annotated[list[str] | None, typer.Argument(metavar="ID")] = None,
    override: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Report one order despite its blockers (no label, not acknowledged, no longer listed). NAME: who decided it.",
        ),
    ] = "",
    supplier: WhichSupplier = "",
    file: Annotated[
        Path | None, typer.Option("--file", metavar="FILE", help="Read ids from FILE: one per line, or a CSV.")
    ] = None,
    success: Annotated[
        Path | None, typer.Option("--success", metavar="FILE", help="With --file: write the marked orders here.")
    ] = None,
    failure: Annotated[
        Path | None, typer.Option("--failure", metavar="FILE", help="With --file: write the others here, with reasons.")
    ] = None,
    as_json: JsonOption = False,
) -> int:
    """Mark orders as shipped. `-` reads ids from stdin."""
    from supplier_agent.cli.batch import Flagging, ship_file

    if bool(ids) == (file is not None) or (file is None and (success or failure)) or (file is not None and override):
        raise UsageError(
            "name the orders, or a file of them, not both; --success and --failure go with --file, --override does not",
            "supplier-agent ship ID…, or supplier-agent ship --file FILE --success FILE --failure FILE",
        )
    if file is not None:
        return ship_file(here(context), file, success, failure, supplier, as_json=as_json)
    surroundings, named = here(context), _named(ids or [], supplier)
    if override and len(named) != 1:
        raise UsageError(
            "--override works for one order at a time", "supplier-agent ship ID --override NAME, once for each"
        )
    flagging = Flagging(surroundings, override or None)
    code = flagging.advise(do_each(surroundings, named, flagging, as_json=as_json))
    undo = surroundings.settings.ship.undo_seconds
    if undo and code == 0:
        which = named[0].order if len(named) == 1 else "ID"
        say(f"reported to the marketplace after {undo:g} s; to undo: supplier-agent unship {which}")
    return code


def unship(context: typer.Context, ids: Ids, supplier: WhichSupplier = "", as_json: JsonOption = False) -> int:
    """Undo the mark as shipped, if the ship call has not begun."""
    from supplier_agent import actions

    return _each(context, _named(ids, supplier), actions.unship, as_json=as_json)


def resolve(
    context: typer.Context,
    by: Annotated[str, typer.Option(metavar="NAME", help="Who asked the receiver, usually Menzzo.")],
    menzzo_order_id: Annotated[str, typer.Argument(metavar="[ID]")] = "",
    arrived: Annotated[
        bool, typer.Option("--shipped", "--arrived", help="Menzzo has it as shipped; another call: it has arrived.")
    ] = False,
    send_again: Annotated[bool, typer.Option("--send-again", help="It has not arrived: send the call again.")] = False,
    file: Annotated[
        Path | None,
        typer.Option(
            "--file", metavar="FILE", help="Enter Menzzo's answers from a CSV: menzzo_order_id, answer, note."
        ),
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="With --file: enter them. Without it, they are only shown.")
    ] = False,
    supplier: WhichSupplier = "",
    as_json: JsonOption = False,
) -> int:
    """Record what the receiver says about a call whose outcome is unknown: --shipped (or --arrived), or --send-again."""
    from supplier_agent import actions

    if (
        bool(menzzo_order_id) == (file is not None)
        or (file is None and yes)
        or (file is not None and (arrived or send_again))
    ):
        raise UsageError(
            "name an order and what Menzzo answered, or a file with the answers, not both; --yes goes with --file",
            "supplier-agent resolve ID --shipped --by NAME, or supplier-agent resolve --file FILE --by NAME",
        )
    if file is not None and by.strip():
        from supplier_agent.cli.answers import resolve_file

        return resolve_file(here(context), file, by.strip(), supplier, yes=yes, as_json=as_json)
    if file is None and arrived == send_again:
        raise UsageError(
            "say what Menzzo answered: --shipped or --send-again", f"supplier-agent order {menzzo_order_id}"
        )
    if not by.strip():
        raise UsageError(
            "--by needs the name of the person who asked Menzzo", "supplier-agent resolve ID --shipped --by NAME"
        )
    return _each(
        context,
        [Named(menzzo_order_id, supplier)],
        lambda tx, order, now, _user: actions.resolve(tx, order, now, by.strip(), shipped=arrived),
        as_json=as_json,
    )


def retry(
    context: typer.Context,
    ids: Annotated[list[str] | None, typer.Argument(metavar="ID")] = None,
    all_: Annotated[bool, typer.Option("--all", help="All parked calls.")] = False,
    supplier: WhichSupplier = "",
    as_json: JsonOption = False,
) -> int:
    """Try parked calls again."""
    from supplier_agent import actions

    if bool(ids) == all_:
        raise UsageError(
            "say which: one or more ids, or --all", "supplier-agent retry ID, or supplier-agent retry --all"
        )
    named = _named(ids or [], supplier)
    if all_:
        with here(context).store() as store, store.read() as tx:
            named = [
                Named(order.menzzo_order_id, order.supplier) for order in actions.parked_orders(tx, supplier or None)
            ]
        if not named:
            say("nothing is parked")
    return _each(context, named, actions.retry, as_json=as_json)


def hold(
    context: typer.Context,
    menzzo_order_id: Id,
    reason: ReasonOption,
    supplier: WhichSupplier = "",
    as_json: JsonOption = False,
) -> int:
    """Put an order on hold: it is neither acknowledged nor reported."""
    from supplier_agent import actions

    return _each(
        context,
        [Named(menzzo_order_id, supplier)],
        lambda tx, order, now, who: actions.hold(tx, order, now, who, _reason(reason)),
        as_json=as_json,
    )


def release(
    context: typer.Context,
    menzzo_order_id: Annotated[str, typer.Argument(metavar="[ID]")] = "",
    all_: Annotated[
        bool,
        typer.Option("--all", help="List the orders that are held after a restore; with --by, release them."),
    ] = False,
    by: Annotated[str, typer.Option(metavar="NAME", help="With --all: who has checked that list.")] = "",
    supplier: WhichSupplier = "",
    as_json: JsonOption = False,
) -> int:
    """Release an order from hold."""
    from supplier_agent import actions

    if bool(menzzo_order_id) == all_ or (by.strip() and not all_):
        raise UsageError(
            "say which: an id, or --all (for what is held after a restore), and --by with the latter",
            "supplier-agent release ID, or supplier-agent release --all --by NAME",
        )
    if all_:
        return _release_all(context, by.strip(), supplier, as_json=as_json)
    return _each(context, [Named(menzzo_order_id, supplier)], actions.release, as_json=as_json)


def _release_all(context: typer.Context, by: str, supplier: str, *, as_json: bool) -> int:
    """List the orders that the agent holds; release them only with the name of a person who has checked the list."""
    from supplier_agent import actions

    surroundings = here(context)
    with surroundings.store() as store, store.read() as tx:
        held = [
            (Named(order.menzzo_order_id, order.supplier), order.held_reason or "")
            for order in actions.held_by_agent(tx, supplier or None)
        ]
    if not by:
        return _list_held(held, as_json=as_json)
    with surroundings.store() as store, store.write() as tx:
        begun = actions.accept_new_ledger(tx, by)
    code = _each(
        context,
        [named for named, _why in held],
        lambda tx, order, now, _user: actions.release(tx, order, now, by),
        as_json=as_json,
    )
    if begun:
        say("the agent starts a new ship ledger")
    if code == 0:
        say(f"{len(held)} orders are released" if held else "the agent holds no order")
    return code


def _list_held(held: "Sequence[tuple[Named, str]]", *, as_json: bool) -> int:
    if as_json:
        cure = "supplier-agent release --all --by NAME"
        tell([Outcome(named, "", AgentError(why, cure)) for named, why in held], as_json=True)
    else:
        for named, why in held:
            result(f"{named.order} ({named.supplier}): {why}")
    if not held:
        say("the agent holds no order")
        return 0
    say(
        f"{len(held)} orders are held; nothing was released.\n"
        "Not to be reported: supplier-agent close ID --reason TEXT, or supplier-agent unship ID.\n"
        "All others, once someone has checked this list: supplier-agent release --all --by NAME"
    )
    return 1


def close(
    context: typer.Context, ids: Ids, reason: ReasonOption, supplier: WhichSupplier = "", as_json: JsonOption = False
) -> int:
    """Close orders that were handled elsewhere (shipped by hand, cancelled)."""
    from supplier_agent import actions

    return _each(
        context,
        _named(ids, supplier),
        lambda tx, order, now, who: actions.close(tx, order, now, who, _reason(reason)),
        as_json=as_json,
    )


def reopen(
    context: typer.Context, menzzo_order_id: Id, supplier: WhichSupplier = "", as_json: JsonOption = False
) -> int:
    """Reopen a closed order."""
    from supplier_agent import actions

    return _each(context, [Named(menzzo_order_id, supplier)], actions.reopen, as_json=as_json)


def note(
    context: typer.Context,
    menzzo_order_id: Id,
    text: Annotated[str, typer.Option(help="The note, for others to read.")],
    supplier: WhichSupplier = "",
    as_json: JsonOption = False,
) -> int:
    """Add a note to the history of an order."""
    from supplier_agent import actions

    said = " ".join(text.split())
    if not 0 < len(said) <= actions.LONGEST_NOTE:
        raise UsageError(
            f"a note has 1 to {actions.LONGEST_NOTE} characters",
            'for example: --text "the customer asked for the morning"',
        )
    return _each(
        context,
        [Named(menzzo_order_id, supplier)],
        lambda tx, order, now, who: actions.note(tx, order, now, who, said),
        as_json=as_json,
    )


def _reason(text: str) -> str:
    if not text.strip():
        raise UsageError("--reason needs a few words", 'for example: --reason "shipped by hand on Monday"')
    return text.strip()
