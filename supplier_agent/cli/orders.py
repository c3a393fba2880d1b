"""Commands that show orders: orders, order."""

import re
from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Annotated, Any

import typer

from supplier_agent.cli.surroundings import here, result, result_json, say
from supplier_agent.printable import on_one_line


def register(app: typer.Typer) -> None:
    """Add the commands of this room."""
    app.command()(orders)
    app.command()(order)


def orders(
    context: typer.Context,
    supplier: Annotated[str, typer.Option(help="Only this supplier.")] = "",
    stage: Annotated[
        str, typer.Option(help="Only this stage: new, acknowledged, ready, flagged, attention, held, closed, shipped.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON alone.")] = False,
) -> None:
    """List the orders, oldest first."""
    from sqlmodel import col, select

    from supplier_agent.errors import UsageError
    from supplier_agent.explain import calls_of, summary
    from supplier_agent.order import STAGES
    from supplier_agent.store import is_there
    from supplier_agent.tables import Order

    if stage and stage not in STAGES:
        raise UsageError(f"there is no stage {stage!r}", f"the stages are: {', '.join(STAGES)}")
    surroundings = here(context)
    if not is_there(surroundings.database):
        result_json([]) if as_json else say("no orders yet: nothing has run (supplier-agent run --once)")
        return
    with surroundings.store() as store, store.read() as tx:
        query = select(Order).order_by(col(Order.order_date), col(Order.id))
        if supplier:
            query = query.where(Order.supplier == supplier)
        found = tx.exec(query).all()
        calls = calls_of(tx, found)
        rows = [row for each in found if (row := summary(each, calls[each.id or 0]))["stage"] == stage or not stage]
    if as_json:
        result_json(rows)
        return
    if not rows:
        say("no orders" + (f" of stage {stage}" if stage else "") + (f" of supplier {supplier}" if supplier else ""))
        return
    columns = ("menzzo_order_id", "supplier", "sku", "quantity", "carrier", "order_date", "stage")
    lines = [[*(_plain(row[name]) for name in columns), _evidence(row)] for row in rows]
    heads = ["ORDER", "SUPPLIER", "SKU", "QTY", "CARRIER", "DATE", "STAGE", "EVIDENCE"]
    widths = [max(len(line[i]) for line in [heads, *lines]) for i in range(len(heads))]
    for line in [heads, *lines]:
        result("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())
    attention = sum(row["stage"] == "attention" for row in rows)
    say(
        f"{len(rows)} orders" + (f", {attention} of them wait for a person: supplier-agent status" if attention else "")
    )


def _evidence(row: Mapping[str, object]) -> str:
    """Return on what evidence an order is shipped; before that, whether its acknowledgement got no clear yes."""
    if row["stage"] == "shipped":
        return _plain(row["ship_evidence"] or "not recorded")
    return "acknowledge: unverified" if row["acknowledge_evidence"] == "unverified" else "-"


def _plain(value: object) -> str:
    """Return a value for a terminal: nothing from outside may steer it."""
    return "-" if value is None else on_one_line(str(value))


def order(
    context: typer.Context,
    menzzo_order_id: Annotated[str, typer.Argument(metavar="ID")],
    supplier: Annotated[str, typer.Option(help="Which supplier's, if two have this id.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON alone.")] = False,
) -> None:
    """Tell everything about one order: facts, every call and attempt, what happens next and why."""
    from supplier_agent.acts import find
    from supplier_agent.explain import whole

    surroundings = here(context)
    with surroundings.store() as store, store.read() as tx:
        found = find(tx, menzzo_order_id.strip(), supplier or None)
        told = whole(tx, found, surroundings.settings, surroundings.clock.now())
    if as_json:
        result_json(told)
    else:
        _tell(told, surroundings.settings.timezone)


LABELS = {
    "shipped": "flagged as shipped",
    "shipped_at": "flagged at",
    "ship_confirmed_at": "ship reported at",
    "menzzo_order_id": "order",
}
"""Where the word of the JSON would mislead: the flag is a person's word, `ship reported at` is when the call was done."""


def _tell(told: dict[str, Any], zone: tzinfo) -> None:
    """Print everything about one order, times in the warehouse's own zone."""
    result(f"times are those of {zone}")
    for name, value in told.items():
        if name not in {"calls", "history", "next"} and value is not None:
            word = LABELS.get(name, name.replace("_", " "))
            shown = {True: "yes", False: "no"}[value] if isinstance(value, bool) else _local(value, zone)
            result(f"{word + ':':<20} {_plain(shown)}")
    for call in told["calls"]:
        why = f"  {_plain(call['detail'])}" if call["detail"] else ""
        due = f", due {_local(call['due_at'], zone)}" if call["due_at"] else ""
        result(f"\n{call['kind']}: {call['state']}{due}{why}")
        for attempt in call["attempts"]:
            status = f" (HTTP {attempt['http_status']})" if attempt["http_status"] else ""
            ended = attempt["outcome"] or "no ending is known"
            detail = _plain(attempt["detail"] or "")
            result(f"  {attempt['number']}. {_local(attempt['started_at'], zone)}  {ended}{status}  {detail}".rstrip())
    if told["history"]:
        result("\nhistory:")
    for event in told["history"]:
        line = f"  {_local(event['at'], zone)}  {event['who']}: {event['what']}  {event['detail'] or ''}"
        result(_plain(line.rstrip()))
    result(f"\nnext: {_plain(told['next'])}")


_INSTANT = re.compile(r"\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z\Z", re.ASCII)


def _local(value: object, zone: tzinfo) -> object:
    """Return an instant as the clock on the wall shows it; anything else as it is."""
    if isinstance(value, str) and _INSTANT.match(value):
        return datetime.fromisoformat(value).astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")
    return value
