"""The lines of the evidence about calls and reads: what was sent and why it might be sent, and what was answered."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import wraps
from typing import Concatenate, ParamSpec

from sqlmodel import Session

from supplier_agent import __version__
from supplier_agent.calls import AnyCall, Ending, Job
from supplier_agent.db.tables import Call, Order, Run
from supplier_agent.evidence import CLAIMED, ENDED, READ, RUN, SETTINGS, sha256
from supplier_agent.marketplace import Listing, Seen
from supplier_agent.order import gates
from supplier_agent.reading import missing_orders
from supplier_agent.reading.missing_orders import WHOLE
from supplier_agent.settings.dump import without_secrets
from supplier_agent.suppliers import read_log
from supplier_agent.suppliers.read_log import ReadDone
from supplier_agent.suppliers.snapshot import Snapshot
from supplier_agent.tick.context import Account, Context
from supplier_agent.verdict.supplier import MARKETPLACE

P = ParamSpec("P")


def _contained(note: Callable[Concatenate[Context, P], None]) -> Callable[Concatenate[Context, P], None]:
    """Contain an error of a function that notes lines: it is a problem, and the call or the read goes on."""

    @wraps(note)
    def noted(ctx: Context, /, *args: P.args, **kwargs: P.kwargs) -> None:
        try:
            note(ctx, *args, **kwargs)
        except Exception as error:  # noqa: BLE001 - see above
            ctx.evidence.missed(error, note.__name__)

    return noted


def started(ctx: Context, now: datetime) -> None:
    """Note that the agent starts, after the chain was compared with the ship ledger."""
    ctx.evidence.start(ctx.store, now, **_of_settings(ctx))


@_contained
def settings_changed(ctx: Context, now: datetime) -> None:
    """Note that a new configuration was adopted."""
    ctx.evidence.note(SETTINGS, now, **_of_settings(ctx))


def _of_settings(ctx: Context) -> Mapping[str, object]:
    written = sha256(without_secrets(ctx.settings, ()))
    return {"version": __version__, "settings_sha256": written, "suppliers": list(ctx.settings.suppliers)}


@_contained
def lost(ctx: Context, tx: Session, call: Call, now: datetime) -> None:
    """Note that the agent had stopped while this call was being sent."""
    order = None if call.order_id is None else tx.get(Order, call.order_id)
    about = call.subject if order is None else order.menzzo_order_id
    facts = {"kind": call.kind, "attempt": call.attempts, "outcome": None, "state": call.state}
    ctx.evidence.note(ENDED, now, supplier=call.supplier, order=about, **facts)


@_contained
def claimed(ctx: Context, account: Account, job: Job, call: Call, order: Order | None, now: datetime) -> None:
    """Note a call that is about to be sent, with its request and every gate that it passed."""
    kind = ctx.calls[job.kind]
    of_order = {} if order is None else gates(order)
    of_account = {} if account.snapshot is None else _gates_of(account.snapshot, kind.LANE)
    ctx.evidence.note(
        CLAIMED,
        now,
        **_of(job),
        **_request(kind, job),
        gates={
            **of_order,
            **of_account,
            "due_at": call.due_at,
            "marks_wait": account.ships_wait,
            "read_only": ctx.only_reads(account),
        },
    )


def _gates_of(seen: Snapshot, lane: str) -> Mapping[str, object]:
    supplier = seen.supplier
    names = ("paused_at", "token_refused_at", "quiet_until")
    return {**{name: getattr(supplier, name) for name in names}, "failing_since": seen.lanes[lane].failing_since}


def _request(kind: AnyCall, job: Job) -> Mapping[str, object]:
    """Return the request as text; of a receiver with its own form of request, the hash of what it is given."""
    if (request := kind.request(job)) is not None:
        return vars(request)
    return {"endpoint": kind.ENDPOINT, "facts_sha256": sha256(json.dumps(dict(job.facts), default=str))}


def _of(job: Job) -> Mapping[str, object]:
    return {"supplier": job.supplier, "order": job.menzzo_order_id, "kind": job.kind, "attempt": job.number}


@_contained
def ended(ctx: Context, job: Job, ending: Ending, state: str | None, now: datetime) -> None:
    """Note how a call ended, and the facts that it brought: the hash of a label is among them."""
    outcome = ending.outcome
    told: Mapping[str, object] = {"detail": outcome.detail}
    if ctx.calls[job.kind].ACCOUNT != MARKETPLACE:  # what others answer may be about a customer
        told = {"detail_sha256": sha256(outcome.detail)}
    facts = {"outcome": outcome.kind, "status": outcome.http_status, "state": state, "facts": dict(outcome.facts)}
    ctx.evidence.note(ENDED, now, **_of(job), **facts, **told)
    for read in ending.reads:
        listed = {} if read.entries is None else {"ids": [entry.menzzo_order_id for entry in read.entries]}
        _read(ctx, job.supplier, read, now, **listed)


@_contained
def page(ctx: Context, supplier: str, read: ReadDone, run: int, answer: object, now: datetime) -> None:
    """Note a page of the list: the ids of its orders, in their order."""
    ids = [row.menzzo_order_id for row in answer.rows if isinstance(row, Seen)] if isinstance(answer, Listing) else []
    _read(ctx, supplier, read, now, run=run, ids=ids)


def _read(ctx: Context, supplier: str, read: ReadDone, now: datetime, **more: object) -> None:
    ctx.evidence.note(
        READ,
        now,
        supplier=supplier,
        url=read.url,
        started_at=read.started_at,
        tries=read.tries,
        outcome=read.outcome,
        status=read.http_status,
        sha256=read.sha256,
        listed=read.listed,
        **more,
    )


@_contained
def run_ended(ctx: Context, tx: Session, run: Run, now: datetime) -> None:
    """Note what a run of reads has proved: a complete run over whole days has seen all that was listed by `as_of`."""
    as_of = None
    if run.purpose in WHOLE and run.proof == "complete" and run.started_at is not None and run.id is not None:
        age = read_log.oldest_ages(tx, [run.id]).get(run.id)
        as_of = missing_orders.as_of(run.started_at, ctx.settings.suppliers[run.supplier].cache_seconds, age)
    facts = {"purpose": run.purpose, "from": run.date_from, "to": run.date_to, "proof": run.proof, "as_of": as_of}
    ctx.evidence.note(RUN, now, supplier=run.supplier, run=run.id, **facts, pages=run.pages, listed=run.listed)
