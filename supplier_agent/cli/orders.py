"""Commands that show orders: orders, order."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, Annotated, Any

import typer

from supplier_agent.base.errors import UsageError
from supplier_agent.base.process import is_heard, on_one_line
from supplier_agent.cli.context import JsonOption, OnlySupplier, WhichSupplier, day, here, result, result_json, say

if TYPE_CHECKING:
    from supplier_agent.reports.orders import Filter, Found, Row

MOST = 10**9


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(orders)
    app.command()(order)


def orders(
    context: typer.Context,
    supplier: OnlySupplier = "",
    stage: Annotated[
        str, typer.Option(help="Only this stage: new, acknowledged, ready, flagged, attention, held, closed, shipped.")
    ] = "",
    all_: Annotated[bool, typer.Option("--all", help="Include shipped and closed orders.")] = False,
    limit: Annotated[
        int | None, typer.Option(metavar="N", min=1, max=MOST, help="At most N orders, the oldest.")
    ] = None,
    search: Annotated[
        str,
        typer.Option(
            metavar="TEXT", help="Only orders with TEXT in an id, the sku, the carrier or a code of the label."
        ),
    ] = "",
    since: Annotated[str, typer.Option(metavar="DATE", help="Only orders of that day or later.")] = "",
    as_json: JsonOption = False,
) -> None:
    """List open orders, oldest first; with --all or --stage also shipped and closed ones."""
    from supplier_agent.db.store import is_there
    from supplier_agent.order import STAGES
    from supplier_agent.reports.orders import Filter, chosen, summaries

    if stage and stage not in STAGES:
        raise UsageError(f"there is no stage {stage!r}", f"the stages are: {', '.join(STAGES)}")
    surroundings = here(context)
    wanted = Filter(supplier, stage, search.strip(), day("--since", since), is_open=not (all_ or stage))
    if not is_there(surroundings.database):
        surroundings.suppliers(supplier)
        result("[]") if as_json else say("no orders yet: nothing has run (supplier-agent run --once)")
        return
    with surroundings.store() as store:
        found = chosen(store, wanted, limit)
        if not found.ids and not found.supplier_is_stored:
            surroundings.suppliers(supplier)
        settings = surroundings.settings
        heads = {**HEADS, **(CLOCK if settings.has_ship_by else {})}
        rows = summaries(store, found.ids, settings, surroundings.clock)
        for line in _array(rows) if as_json else _table(rows, heads, found.widths):
            result(line)
            if not is_heard():  # the reader (`| head`) has closed the pipe
                return
    if not as_json:
        _say_how_many(found, wanted)


def _array(rows: "Iterable[Row]") -> Iterator[str]:
    """Yield one array, with one order per line."""
    before = "["
    for row in rows:
        yield before + "\n" * (before == "[") + json.dumps(row)
        before = ","
    yield "[]" if before == "[" else "]"


HEADS = {
    "menzzo_order_id": "ORDER",
    "supplier": "SUPPLIER",
    "sku": "SKU",
    "quantity": "QTY",
    "carrier": "CARRIER",
    "order_date": "DATE",
    "stage": "STAGE",
    "evidence": "EVIDENCE",
}
CLOCK = {"ship_by": "SHIP BY"}
"""The column of the ship-by clock, if a supplier has one."""


def _table(rows: "Iterable[Row]", heads: Mapping[str, str], widths: Mapping[str, int]) -> Iterator[str]:
    """Yield the headings, then one order per line. `widths`: the longest text of a column; other columns have a fixed width."""
    columns = {name: max(len(head), widths.get(name, 0)) for name, head in heads.items()}
    columns |= {"order_date": len("2026-11-21"), "stage": len("acknowledged")}
    columns["evidence"] = len("acknowledge: unverified") if "ship_by" in heads else 0
    first = True
    for row in rows:
        if first:
            yield "  ".join(heads[name].ljust(width) for name, width in columns.items()).rstrip()
        first = False
        shown = {**row, "evidence": _evidence(row), "ship_by": str(row["ship_by"] or "-").replace("_", " ")}
        yield "  ".join(_plain(shown[name]).ljust(width) for name, width in columns.items()).rstrip()


def _say_how_many(found: "Found", wanted: "Filter") -> None:
    number = len(found.ids)
    if not number:
        kind = (
            f"no orders of stage {wanted.stage}"
            if wanted.stage
            else "no open orders"
            if wanted.is_open
            else "no orders"
        )
        which = f" of supplier {wanted.supplier}" if wanted.supplier else ""
        say(f"{kind}{which}" + ("; with shipped and closed ones: --all" if wanted.is_open else ""))
        return
    waiting = f", {found.attention} of them wait for a person: supplier-agent status" if found.attention else ""
    more = f"; there are {found.total} in all" if found.total > number else ""
    say(f"{number} order{'s' if number > 1 else ''}{waiting}{more}")


def _evidence(row: Mapping[str, object]) -> str:
    """Return the evidence that an order is shipped; before that, whether its acknowledgement got no clear yes."""
    if row["stage"] == "shipped":
        return str(row["ship_evidence"] or "not recorded")
    return "acknowledge: unverified" if row["acknowledge_evidence"] == "unverified" else "-"


def _plain(value: object) -> str:
    """Return a value for a terminal, without control characters."""
    return "-" if value is None else on_one_line(str(value))


def order(
    context: typer.Context,
    menzzo_order_id: Annotated[str, typer.Argument(metavar="ID")],
    supplier: WhichSupplier = "",
    raw: Annotated[
        bool, typer.Option("--raw", help="Only what the marketplace listed of it: all fields, and each change.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show everything about one order: facts, every call and attempt, what happens next and why."""
    from supplier_agent.actions import find
    from supplier_agent.reports import listed
    from supplier_agent.reports.orders import whole
    from supplier_agent.words import Words

    surroundings = here(context)
    with surroundings.store() as store, store.read() as tx:
        found = find(tx, menzzo_order_id.strip(), supplier or None)
        settings = surroundings.settings
        words = Words() if as_json else Words(zone=settings.timezone)
        if raw:
            one = {"supplier": found.supplier, "menzzo_order_id": found.menzzo_order_id}
            told: dict[str, Any] = {**one, "contents": listed.history(tx, found.supplier, found.menzzo_order_id)}
        else:
            told = whole(tx, found, settings, surroundings.clock.now(), words)
    if as_json:
        result_json({"schema": 1, **told})
    elif raw:
        _tell_raw(told["contents"], settings.timezone)
    else:
        _tell(told, settings.timezone)


def _tell_raw(contents: Sequence[Mapping[str, Any]], zone: tzinfo) -> None:
    """Print what was listed: the first content whole, then the changes. An entry that was removed is named."""
    if not contents:
        say("nothing is kept of what the marketplace listed of this order")
        return
    result(f"times are in {zone}")
    for number, content in enumerate(contents):
        result(f"\nfrom {_local(content['first_listed_at'], zone)} to {_local(content['last_listed_at'], zone)}")
        if content["entry"] is None:
            result("  removed by the retention")
        elif number == 0:
            for line in json.dumps(content["entry"], indent=2, ensure_ascii=False).splitlines():
                result(f"  {_plain(line)}")
        for change in content["changes"]:
            before, after = (json.dumps(change[name], ensure_ascii=False) for name in ("before", "after"))
            result(_plain(f"  {change['field']}: {before} -> {after}"))


def _of_support(told: Mapping[str, Any]) -> Mapping[str, object]:
    """Return what the support API says, one line for each fact; nothing if its supplier does not use it."""
    if "sale" not in told:
        return {}
    product, cases = told["product"] or {}, told["after_sales"]
    return {
        "sale": None,
        "product": None,
        **{f"sale_{name}": value for name, value in told["sale"].items()},
        "product_name": product.get("name"),
        "after_sales": [f"{each['sav_id']} ({each['complaint'] or '?'}, {each['status'] or '?'})" for each in cases],
    }


def _of_carriers(told: Mapping[str, Any]) -> Mapping[str, object]:
    """Return what carriers say of its parcels, each code in a few words; nothing if its supplier asks none."""
    words = {True: "scanned", False: "not scanned yet"}
    if "scans" not in told:
        return {}
    return {
        "scans": [f"{each['code']} ({each['carrier']}, {words[bool(each['scanned_at'])]})" for each in told["scans"]]
    }


LABELS = {
    "shipped": "marked as shipped",
    "shipped_at": "marked at",
    "ship_confirmed_at": "ship reported at",
    "menzzo_order_id": "order",
}
"""Names that replace unclear JSON names: `shipped` is only the mark, `ship_confirmed_at` is when the call was done."""


def _tell(told: dict[str, Any], zone: tzinfo) -> None:
    """Print everything about one order, with times in the warehouse's time zone."""
    result(f"times are in {zone}")
    told = {**told, **_of_support(told), **_of_carriers(told)}
    for name, value in told.items():
        if name not in {"calls", "history", "next", "next_code", "problem_codes"} and value not in (None, []):
            word = LABELS.get(name, name.replace("_", " "))
            shown = ", ".join(value) if isinstance(value, list) else _local(value, zone)
            shown = {True: "yes", False: "no"}[value] if isinstance(value, bool) else shown
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
    """Return an instant in local time; anything else unchanged."""
    if isinstance(value, str) and _INSTANT.match(value):
        return datetime.fromisoformat(value).astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")
    return value
