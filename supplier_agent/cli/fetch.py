"""`fetch`: read one order now, by its number or by its day, as a run of the journal."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from supplier_agent.base.cells import known as readable
from supplier_agent.base.errors import UsageError
from supplier_agent.base.process import NEEDS_A_PERSON, Stop
from supplier_agent.cli.context import (
    JsonOption,
    Surroundings,
    WhichSupplier,
    day,
    here,
    progress,
    result,
    result_json,
    say,
)
from supplier_agent.cli.serve import agent_on, beating, say_why
from supplier_agent.db.state_folder import is_held

if TYPE_CHECKING:
    from sqlmodel import Session

    from supplier_agent.db.store import Store
    from supplier_agent.db.tables import Order, Run

WAIT_SECONDS, LOOK_SECONDS = 60.0, 0.25
"""How long to wait for a running agent, and how often to look whether it has read the order."""
UNREACHABLE = 69
LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Asked:
    """What is read: an order by its number, or a day (then `number` only says which order is meant).

    cached_until: until when the marketplace would answer from its cache; None: it would not.
    """

    supplier: str
    order: str
    number: str
    day: date | None  # None: by its number
    at: datetime
    cached_until: datetime | None


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(fetch)


def fetch(
    context: typer.Context,
    menzzo_order_id: Annotated[str, typer.Argument(metavar="ID")],
    supplier: WhichSupplier = "",
    of_day: Annotated[
        str,
        typer.Option("--day", metavar="DATE", help="Read the list of this day, YYYY-MM-DD [default: its order date]."),
    ] = "",
    once: Annotated[bool, typer.Option("--once", help="Read it here and now; no agent may run on this state.")] = False,
    as_json: JsonOption = False,
) -> int:
    """Read one order now: by its number if the API has order_number for this supplier, else the list of its day."""
    surroundings = here(context)
    is_running = not once and is_held(surroundings.lock_file)
    if is_running or surroundings.database.exists():
        with surroundings.store() as store, store.read() as tx:
            asked = _asked(tx, surroundings, menzzo_order_id.strip(), supplier, day("--day", of_day))
    else:
        asked = _asked(None, surroundings, menzzo_order_id.strip(), supplier, day("--day", of_day))
    if asked.cached_until is not None and not is_running:
        return _cached(surroundings, asked, as_json=as_json)
    if is_running:
        return _by_the_agent(surroundings, asked, as_json=as_json)
    from supplier_agent.runtime.once import run_once

    stop = Stop()
    with agent_on(surroundings, "fetch", stop, once=True, reads_only=True) as (agent, beat):
        agent.ctx.round_at = LONG_AGO  # whatever was read before counts as read in this round: only the order is read
        with agent.ctx.store.write() as tx:
            _request(tx, surroundings, asked)
        with progress() as show:
            found = run_once(agent, beating(show, agent, beat), stop.event.is_set)
        code = _tell(surroundings, agent.ctx.store, asked, as_json=as_json)
    say_why([each for each in found if each.supplier in {"", asked.supplier} and each.order is None])
    return code


def _asked(tx: "Session | None", surroundings: Surroundings, this: str, supplier: str, of_day: date | None) -> Asked:
    """Return what is to be read. Raises UsageError if supplier or day are not known."""
    from supplier_agent.actions import find
    from supplier_agent.reading.strategy import Query
    from supplier_agent.suppliers.read_log import cached_until

    settings, now = surroundings.settings, surroundings.clock.now()
    number = this.rpartition("_")[0] or this
    known: Order | None = None
    if tx is not None:
        try:
            known = find(tx, this, supplier or None)
        except UsageError as error:
            if type(error) is not UsageError:  # two suppliers have it
                raise
    name = known.supplier if known is not None else supplier or _only(surroundings)
    surroundings.known(name)
    of_supplier = settings.suppliers[name]
    if of_day is None and not of_supplier.order_number_filter:
        of_day = known.order_date if known is not None and readable(known.order_date) is not None else None
        if of_day is None:
            raise UsageError(
                f"the day of {this} is not known, and the API has no order_number for {name}",
                f"say its day: supplier-agent fetch {this} --supplier {name} --day YYYY-MM-DD",
            )
    until = None
    if tx is not None and of_day is None:
        until = cached_until(tx, name, Query(order_number=number), of_supplier.cache_seconds)
    return Asked(name, this, number, of_day, now, until if until is not None and until > now else None)


def _only(surroundings: Surroundings) -> str:
    names = list(surroundings.settings.suppliers)
    if len(names) != 1:
        raise UsageError(
            "this order is not known yet, and there are several suppliers", f"say whose: --supplier {names[0]}"
        )
    return names[0]


def _request(tx: "Session", surroundings: Surroundings, asked: Asked) -> None:
    from supplier_agent.suppliers.read_log import request, request_order

    if asked.day is None:
        today = asked.at.astimezone(surroundings.settings.timezone).date()
        request_order(tx, asked.supplier, asked.number, today, asked.at)
    else:
        request(tx, asked.supplier, asked.day, asked.day, asked.at)


def _by_the_agent(surroundings: Surroundings, asked: Asked, *, as_json: bool) -> int:
    """Leave it to the running agent, and wait a while for what comes."""
    clock, until = surroundings.clock, surroundings.clock.monotonic() + WAIT_SECONDS
    with surroundings.store() as store:
        with store.write() as tx:
            _request(tx, surroundings, asked)
        if asked.cached_until is not None:
            say(_from_cache(surroundings, asked) + "; the running agent reads it then")
            return _tell(surroundings, store, asked, as_json=as_json, waits=True)
        with progress() as show:
            show(f"{asked.supplier}: the running agent reads {asked.order}")
            while clock.monotonic() < until and _run(store, asked, ended=True) is None:
                clock.sleep(LOOK_SECONDS)
        if _run(store, asked, ended=True) is None:
            say(f"the running agent will read it; see: supplier-agent order {asked.order} --supplier {asked.supplier}")
            return _tell(surroundings, store, asked, as_json=as_json, waits=True)
        return _tell(surroundings, store, asked, as_json=as_json)


def _cached(surroundings: Surroundings, asked: Asked, *, as_json: bool) -> int:
    """Say that nothing is requested, and show what is known."""
    say(_from_cache(surroundings, asked) + "; nothing was requested. Fetch it again then")
    with surroundings.store() as store:
        _tell(surroundings, store, asked, as_json=as_json, waits=True)
    return NEEDS_A_PERSON


def _from_cache(surroundings: Surroundings, asked: Asked) -> str:
    assert asked.cached_until is not None  # noqa: S101 - the caller has looked
    until = asked.cached_until.astimezone(surroundings.settings.timezone)
    return f"until {until:%H:%M:%S}, the marketplace would answer from its cache, because it was asked lately"


def _run(store: "Store", asked: Asked, *, ended: bool = False) -> "Run | None":
    """Return the run of this request; None: there is none, or it has not ended."""
    from sqlmodel import col, select

    from supplier_agent.db.tables import Run

    query = select(Run).where(Run.supplier == asked.supplier, Run.requested_at == asked.at)
    if ended:
        query = query.where(col(Run.ended_at).is_not(None))
    with store.read() as tx:
        return tx.exec(query.where(col(Run.purpose).in_(("fetch", "resync")))).first()


def _tell(surroundings: Surroundings, store: "Store", asked: Asked, *, as_json: bool, waits: bool = False) -> int:
    """Print what came; return the exit code. waits: nothing was read yet."""
    from supplier_agent.words.formats import iso_or_null

    run = _run(store, asked)
    orders = _orders(surroundings, store, asked, run)
    failed = run is not None and run.proof == "failed"
    came = any(each["listed"] and asked.order in {each["menzzo_order_id"], each["increment_id"]} for each in orders)
    code = 0 if waits or came else UNREACHABLE if failed else NEEDS_A_PERSON
    if as_json:
        keys = (
            "purpose",
            "order_number",
            "date_from",
            "date_to",
            "started_at",
            "ended_at",
            "proof",
            "pages",
            "listed",
            "added",
            "detail",
        )
        row = None if run is None else json.loads(run.model_dump_json(include=set(keys)))
        told = {"run": None if row is None else {key: row[key] for key in keys}, "orders": orders}
        result_json({"schema": 1, "exit_code": code, "cached_until": iso_or_null(asked.cached_until), **told})
        return code
    for each in orders:
        listed = (
            "not read yet" if waits else f"listed{', new' if each['new'] else ''}" if each["listed"] else "not listed"
        )
        result(f"{each['menzzo_order_id']} ({each['supplier']}): {listed}; {each['stage']}")
    if not waits and failed:
        say("the read failed; it is not known whether the marketplace lists it: supplier-agent status")
    elif not waits and not came:
        say(f"the marketplace does not list {asked.order}" + (f" on {asked.day}" if asked.day is not None else ""))
    return code


def _orders(surroundings: Surroundings, store: "Store", asked: Asked, run: "Run | None") -> Sequence[dict[str, object]]:
    """Return the orders of this number, as in `orders --json`, and whether this run has listed them."""
    from supplier_agent.db.plain_sql import within
    from supplier_agent.reports import facts
    from supplier_agent.reports.orders import Judge, summary
    from supplier_agent.words import Words

    since = None if run is None else run.started_at
    with store.read() as tx:
        look = within(tx)
        sql = "SELECT id FROM orders WHERE supplier = ? AND increment_id = ? ORDER BY id LIMIT 50"
        found = facts.orders_of(look, [row.id for row in look.rows(sql, asked.supplier, asked.number)], codes=True)
        judge, words = Judge(look, surroundings.settings, surroundings.clock.now()), Words()
        return [
            {
                **summary(each, judge.of(each), words),
                "listed": since is not None
                and max(each.order.last_listed_at or each.order.first_seen_at, each.order.first_seen_at) >= since,
                "new": since is not None and each.order.first_seen_at >= since,
            }
            for each in found
        ]
