"""Invented states: orders with any facts, calls in any state, suppliers in any trouble, and what was printed; all in one database.

Instants are whole days or hours away from now, so that no verdict changes while a test looks at it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as settings_of_hypothesis
from hypothesis import strategies as st

from supplier_agent.calls import CALLS
from supplier_agent.db.plain_sql import within
from supplier_agent.db.store import Store
from supplier_agent.db.tables import Attempt, Call, Event, Lane, Order, Print, Supplier
from supplier_agent.reports import facts, supplier_facts
from supplier_agent.settings import Settings, load
from supplier_agent.verdict import SupplierState, SupplierVerdict, Verdict, judge_order, judge_supplier
from tests.world.databases import store_at

BOTH = ("asir-group", "notio")
STRANGER = "renamed"
DAYS, HOURS = timedelta(days=40), timedelta(hours=1)
AGO = st.sampled_from((-DAYS, -HOURS))
CONFIG = """
state_dir = "{folder}"
read_only = {read_only}
[ship]
undo_seconds = 7200
[suppliers.asir-group]
token = "t"
[suppliers.notio]
token = "t"
"""

SETTLED = "settled"
"""Of a report: a lead has settled it."""
Key = tuple[str, str]
"""An order: its supplier, and its menzzo_order_id."""


def maybe(strategy: st.SearchStrategy[Any], never: int = 2) -> st.SearchStrategy[Any]:
    """Return what is None most of the time, so that several facts seldom come together, but do."""
    return st.one_of(*[st.none()] * never, strategy)


@st.composite
def orders(draw: st.DrawFn) -> dict[str, Any]:
    """Return the facts of an order, its calls, its prints and a packer's report, with instants as distances from now."""
    order: dict[str, Any] = {
        "supplier": draw(st.sampled_from((*BOTH, *BOTH, STRANGER))),
        "first_seen_at": draw(AGO),
        "acknowledged_at": draw(maybe(AGO, 1)),
        "acknowledge_evidence": draw(st.sampled_from((None, "confirmed", "unverified"))),
        "has_label": draw(st.booleans()),
        "shipped_at": draw(maybe(AGO, 1)),
        "held_reason": draw(maybe(st.just("scratched"), 4)),
        "held_code": draw(st.sampled_from((None, None, "restored", "ledger_lost"))),
        "closed_reason": draw(maybe(st.just("by hand"), 6)),
        "ship_confirmed_at": draw(maybe(AGO, 6)),
        "ship_evidence": draw(st.sampled_from((None, "confirmed", "unverified", "person"))),
        "vanished_at": draw(maybe(AGO, 3)),
        "override_covers": draw(
            maybe(st.sampled_from(("vanished", "no_label", "no_label,not_acknowledged,vanished")), 4)
        ),
        "fault": draw(maybe(st.just("an internal error"), 12)),
        "problem": draw(maybe(st.just("price is missing"), 4)),
    }
    calls = []
    for kind in CALLS:
        state = draw(maybe(st.sampled_from(("owed", "owed", "sending", "done", "parked", "unknown", "dropped")), 1))
        if state is not None:
            due = draw(st.sampled_from((-HOURS, HOURS))) if state == "owed" else None
            tried = draw(st.sampled_from((0, 1, 7)))
            calls.append({"kind": kind, "state": state, "due_at": due, "attempts": tried, "fetched": draw(AGO)})
    changed = draw(maybe(st.sets(st.sampled_from(("label_sha256", "sku", "quantity", "carrier"))), 2))
    reported = draw(maybe(st.sampled_from(("damaged", "missing: a leg", "not_left: no room", "anything", SETTLED)), 3))
    return {"order": order, "calls": calls, "printed": changed, "reported": reported}


@st.composite
def suppliers(draw: st.DrawFn) -> dict[str, Any]:
    """Return the facts of a supplier and its lanes."""
    paused = draw(maybe(AGO, 4))
    row = {
        "paused_at": paused, "paused_by": paused and "Ana", "paused_reason": paused and "stocktaking",
        "token_refused_at": draw(maybe(AGO, 4)), "quiet_until": draw(maybe(st.just(HOURS), 4)),
        "flags_asked_at": draw(maybe(AGO, 4)), "token_since": draw(maybe(st.just(-3 * DAYS), 4)),
    }  # fmt: skip
    lanes = {name: draw(maybe(st.sampled_from((-HOURS, HOURS)), 4)) for name in ("reads", "writes", "labels")}
    return {"row": row, "lanes": lanes}


FEW, MANY = 12, 100
"""So many states: for ./run test, and for the slow tests of .ci/run."""
STATES = st.fixed_dictionaries({
    "orders": st.lists(orders(), min_size=1, max_size=12),
    "suppliers": st.fixed_dictionaries({name: suppliers() for name in BOTH}),
    "read_only": st.sampled_from((False, False, False, True)),
})  # fmt: skip


@cache
def states(number: int) -> Sequence[dict[str, Any]]:
    """Return so many states, the same each time, so that a failure can be repeated; each is small enough to be read."""
    found: list[dict[str, Any]] = []

    @settings_of_hypothesis(
        max_examples=number, deadline=None, derandomize=True, database=None, phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )  # fmt: skip
    @given(state=STATES)
    def collect(state: dict[str, Any]) -> None:
        found.append(state)

    collect()
    return found


@dataclass
class Invented:
    """One invented state in a database of its own, and the verdicts on all that is in it."""

    folder: Path
    config: Path
    settings: Settings
    store: Store
    now: datetime
    suppliers: dict[str, SupplierVerdict] = field(default_factory=dict)
    orders: dict[Key, Verdict] = field(default_factory=dict)
    rows: dict[Key, Order] = field(default_factory=dict)


def invented(folder: Path, state: dict[str, Any]) -> Invented:
    """Store a state, and judge it from the rows of the ORM, order by order."""
    folder.mkdir(parents=True)
    config = folder / "c.toml"
    config.write_text(CONFIG.format(folder=folder, read_only=str(state["read_only"]).lower()))
    config.chmod(0o600)
    now = datetime.now(UTC)
    store = store_at(folder / "agent.db")
    made = Invented(folder, config, load(config, {}), store, now)
    with store.write() as tx:
        for name, each in state["suppliers"].items():
            tx.add(Supplier(name=name, **_instants(each["row"], now)))
            for lane, resume in each["lanes"].items():
                if resume is not None:
                    at = {"failing_since": now - HOURS, "resume_at": now + resume}
                    tx.add(Lane(supplier=name, lane=lane, reason="it is down", failures=1, **at))
        for number, each in enumerate(state["orders"]):
            _store(tx, number, each, now)
    with store.read() as tx:
        states = supplier_facts.suppliers(within(tx), made.settings, last_asked=True)
        lane_of = {kind: call.LANE for kind, call in CALLS.items()}
        for name in made.settings.suppliers:
            made.suppliers[name] = judge_supplier(states[name], made.settings, now, lane_of=lane_of)
        for order in tx.exec(_all(Order)).all():
            calls = [call for call in tx.exec(_all(Call)) if call.order_id == order.id]
            prints = [each for each in tx.exec(_all(Print)) if each.order_id == order.id]
            ids = {call.id for call in calls}
            attempts = [each for each in tx.exec(_all(Attempt)) if each.call_id in ids]
            supplier = states.get(order.supplier) or SupplierState(order.supplier)
            key = order.supplier, order.menzzo_order_id
            made.rows[key] = order
            told = [each for each in tx.exec(_all(Event)) if each.order_id == order.id]
            report = told[-1] if told and told[-1].what == facts.REPORTED else None
            made.orders[key] = judge_order(
                order,
                calls,
                prints,
                supplier,
                made.settings,
                now,
                kinds=CALLS,
                rules=CALLS.rules(made.settings, order.supplier),
                attempts=attempts,
                report=report,
            )
    return made


def _all(table: Any) -> Any:  # noqa: ANN401 - any table
    from sqlmodel import select  # noqa: PLC0415 - next to its one use

    return select(table).order_by(table.id)


def _instants(row: dict[str, Any], now: datetime) -> dict[str, Any]:
    return {name: now + value if isinstance(value, timedelta) else value for name, value in row.items()}


def _store(tx: Any, number: int, each: dict[str, Any], now: datetime) -> None:  # noqa: ANN401 - a Session
    row = _instants(each["order"], now)
    this = f"15000000001_{number}"
    label: dict[str, Any] = {
        "label_path": f"labels/{this}.pdf",
        "label_sha256": "0" * 64,
        "label_link": f"https://x/{this}.pdf",
    }
    order = Order(
        menzzo_order_id=this, increment_id="15000000001", sale_product_id=str(number), sku="CHAIR", quantity=1,
        price_cents=100, carrier="GEODIS", order_date=date(2026, 11, 20), link_to_label=f"https://x/{this}.pdf",
        **(label if row.pop("has_label") else {}), shipped=int(row["shipped_at"] is not None),
        override_by="Ben" if row["override_covers"] else None, planned_at=now, missed_at=row["vanished_at"], **row,
    )  # fmt: skip
    tx.add(order)
    tx.flush()
    assert order.id is not None
    for facts_ in each["calls"]:
        call = _instants({name: value for name, value in facts_.items() if name != "fetched"}, now)
        stored = Call(order_id=order.id, supplier=order.supplier, owed_at=now - HOURS, detail="word for word", **call)
        tx.add(stored)
        tx.flush()
        assert stored.id is not None
        if facts_["attempts"] and facts_["state"] == "done":
            at = now + facts_["fetched"]
            tx.add(Attempt(call_id=stored.id, number=1, started_at=at, ended_at=at, outcome="done"))
    if (reported := each["reported"]) is not None:
        about: dict[str, Any] = {"order_id": order.id, "at": now - HOURS, "who": "Ana", "station": "Bench 1"}
        tx.add(Event(what=facts.REPORTED, detail="damaged" if reported == SETTLED else reported, **about))
        if reported == SETTLED:
            tx.flush()
            tx.add(Event(what=facts.SETTLED, **about))
    if each["printed"] is not None:
        other = {"label_sha256": "1" * 64, "sku": "SOFA", "quantity": 4, "carrier": "GLS"}
        same = {
            "label_sha256": order.label_sha256,
            "sku": order.sku,
            "quantity": order.quantity,
            "carrier": order.carrier,
        }
        then: dict[str, Any] = same | {name: other[name] for name in each["printed"]}
        tx.add(Print(order_id=order.id, printed_at=now, who="Ana", printer="zebra", **then))


def keys(made: Invented) -> Sequence[Key]:
    """Return every order of a state."""
    return list(made.orders)
