"""The command `evidence`: a file about an order or a day that a stranger can check."""

import json
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from supplier_agent.base.errors import StateError, TwoSuppliersError, UsageError
from supplier_agent.base.files import replace
from supplier_agent.cli.context import Surroundings, WhichSupplier, day, here, result, say
from supplier_agent.db import state_folder

if TYPE_CHECKING:
    from sqlmodel import Session

    from supplier_agent.db.ship_ledger import Head
    from supplier_agent.evidence.extract import Asked

SPARE_DAYS = 2
"""How long after its last possible sweep an unknown order is looked for."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(evidence)


def evidence(
    context: typer.Context,
    what: Annotated[str, typer.Argument(metavar="ORDER|DAY", help="An order's id, or a day, YYYY-MM-DD.")] = "",
    supplier: WhichSupplier = "",
    dated: Annotated[
        str, typer.Option("--day", metavar="DATE", help="The date of an order that is not in the database.")
    ] = "",
    output: Annotated[
        Path | None, typer.Option("--output", metavar="FILE", help="Write to FILE instead of stdout.")
    ] = None,
    accept: Annotated[
        bool, typer.Option("--accept", help="Accept that the evidence is broken, once you know why.")
    ] = False,
    by: Annotated[str, typer.Option("--by", metavar="NAME", help="Who accepts it.")] = "",
) -> None:
    """Write what was sent, received and decided, so that a stranger can check it; for an unknown order, what was read instead."""
    from supplier_agent.evidence import extract
    from supplier_agent.evidence.stored import plain

    surroundings = here(context)
    if accept:
        _accept(surroundings, by)
        return
    if not what:
        raise UsageError("name an order or a day", "supplier-agent evidence 15000012345_789")
    with surroundings.store() as store, store.read() as tx:
        asked = _asked(tx, surroundings, what, supplier, dated)
        found = extract.look(connection := plain(tx), asked)
        if not found.numbers:
            raise UsageError(
                f"the evidence has nothing about {what}: nothing of {asked.supplier} was recorded in that time",
                "see which days were read: supplier-agent coverage",
            )
        heads = list(_heads(surroundings))
        lines = (
            json.dumps(row) + "\n" for row in extract.rows(connection, asked, found, heads, surroundings.clock.now())
        )
        if output is None:
            sys.stdout.writelines(lines)
        else:
            replace(output, "".join(lines).encode())
    _tell(asked, found, offered=extract.offered(asked, found), output=output)


def _asked(tx: "Session", surroundings: Surroundings, what: str, supplier: str, dated: str) -> "Asked":
    from supplier_agent.actions import find
    from supplier_agent.evidence.extract import Asked
    from supplier_agent.reading.coverage.days import starts_at

    settings, names = surroundings.settings, surroundings.suppliers(supplier)
    zone = settings.timezone
    try:
        one = date.fromisoformat(what)
    except ValueError:
        one = None
    if one is None:
        try:
            order = find(tx, what, supplier or None)
        except TwoSuppliersError:
            raise
        except UsageError:
            pass  # it is not in the database
        else:
            return Asked(order.supplier, what, None, order.first_seen_at - timedelta(days=1), None, zone)
    if len(names) > 1:
        raise UsageError("there are several suppliers", f"say which: --supplier {names[0]}")
    if one is not None:
        return Asked(names[0], None, None, starts_at(one, zone), starts_at(one + timedelta(days=1), zone), zone)
    today = surroundings.clock.now().astimezone(zone).date()
    days = _possible_days(tx, names[0], what, day("--day", dated), today)
    until = days[1] + timedelta(days=settings.schedule.sweep_days + SPARE_DAYS)
    return Asked(names[0], what, days, starts_at(days[0], zone), starts_at(until, zone), zone)


def _possible_days(tx: "Session", supplier: str, order: str, dated: date | None, today: date) -> tuple[date, date]:
    from supplier_agent.db.plain_sql import within
    from supplier_agent.evidence.extract import between

    days = (dated, dated) if dated is not None else between(within(tx), supplier, order, today)
    if days is None:
        raise UsageError(
            f"there is no order {order} in the database, and its number does not tell its date",
            f"name its date: supplier-agent evidence {order} --day DATE",
        )
    return days


def _heads(surroundings: Surroundings) -> "Iterator[Head]":
    """Yield the heads in the ship ledger; none if this user may not read it."""
    from supplier_agent.db.ship_ledger import Ledger

    folder = surroundings.settings.state_dir
    try:
        if not (folder / state_folder.PRIVATE).is_dir():
            return
        with closing(Ledger(folder / state_folder.LEDGER)) as ledger:
            yield from ledger.heads()
    except (OSError, StateError):
        say("the ship ledger cannot be read by this user, so the file ends with the newest block of the database")


def _accept(surroundings: Surroundings, by: str) -> None:
    from sqlmodel import col, select

    from supplier_agent.db.evidence import Break

    if not by.strip():
        raise UsageError("say who accepts it", "supplier-agent evidence --accept --by NAME")
    with surroundings.store() as store, store.write() as tx:
        broken = tx.exec(select(Break).where(col(Break.accepted_at).is_(None))).all()
        for each in broken:
            each.accepted_at, each.accepted_by = surroundings.clock.now(), by.strip()
            tx.add(each)
    result(f"accepted: {len(broken)} breaks of the evidence" if broken else "the evidence is not broken")


def _tell(asked: "Asked", found: object, *, offered: bool | None, output: Path | None) -> None:
    from supplier_agent.evidence.extract import HOW_TO_CHECK, Found

    assert isinstance(found, Found)  # noqa: S101 - imported where it is needed
    if asked.order is not None and offered:
        say(f"{asked.order} was offered: first listed at {found.listed[0]}, last at {found.listed[-1]}")
    elif asked.order is not None and asked.days is not None:
        first, last = asked.days
        if offered is False:
            say(
                f"no read listed {asked.order}. Each day from {first} to {last}, its possible dates, was read completely"
            )
        else:
            say(f"no read listed {asked.order}, but not every day from {first} to {last} was read completely")
    say(
        f"{sum(found.lines.values())} lines{f' in {output}' if output else ''}; how a stranger checks them: {HOW_TO_CHECK}"
    )
