"""The verdict on one order. Pure: no clock, no database, no network, no prose.

Rows may come from tables.py or from plain SQL: anything with these columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from supplier_agent import order as rule
from supplier_agent.verdict.codes import (
    CHANGED,
    LIFTED_BY_OVERRIDE,
    MAY,
    STOPS,
    Act,
    Blocker,
    Next,
    NextStep,
    Problem,
    Role,
    Stage,
    Verdict,
)
from supplier_agent.verdict.problems import (
    STUCK,
    cancellation_problems,
    case_of,
    fault_of,
    lasts_after_shipping,
    problems_of,
    said,
    sale_problems,
    stuck_after_shipping,
    text_of,
)
from supplier_agent.verdict.sale import may_open_case, sale_of, waits_for_a_check
from supplier_agent.verdict.scans import never_scanned, scan_problems
from supplier_agent.verdict.ship_by import ship_by
from supplier_agent.verdict.supplier import who_paused

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from supplier_agent.db.tables import Attempt, Call, Event, Order, Print
    from supplier_agent.settings import Settings
    from supplier_agent.verdict.codes import Facts
    from supplier_agent.verdict.label import Label
    from supplier_agent.verdict.supplier import SupplierState

BEGUN = frozenset({"sending", "unknown", "done"})
"""The states of a ship call in which the mark can no longer be undone; the triggers of the database enforce the same."""
ACKNOWLEDGE, SHIP = "acknowledge", "ship"


class Kind(Protocol):
    """What a verdict needs to know about a kind of call (calls/)."""

    @property
    def ACCOUNT(self) -> str:  # noqa: N802 - as the files of calls/ have it
        """The kind of account that it is sent to."""

    @property
    def LANE(self) -> str:  # noqa: N802 - as above
        """Its lane."""

    def due_at(self, order: Order, settings: Settings) -> datetime:
        """Return when the call may be sent, from the order's facts."""

    def repeat_at(self, call: Call, attempts: list[Attempt], settings: Settings, now: datetime) -> datetime | None:
        """Return when a call with an unknown outcome is repeated automatically; None: never."""


class Kinds(Protocol):
    """The registry of the kinds of calls (calls.Calls)."""

    def __getitem__(self, kind: str, /) -> Kind: ...

    def get(self, kind: str, /) -> Kind | None:
        """Return this kind; None if it does not exist."""

    @property
    def lane_of(self) -> Mapping[str, str]:
        """Return the lane of each kind that is sent to the marketplace."""

    @property
    def all_rules(self) -> rule.Rules:
        """Return the rules of all kinds, on or off: a call that waits for a person does so even if its kind is switched off."""


@dataclass(frozen=True)
class _Case:
    """What one order is judged by; see `judge_order`. wants: the kinds of the calls that its facts ask for now."""

    order: Order
    calls: Sequence[Call]
    supplier: SupplierState
    settings: Settings
    now: datetime
    kinds: Kinds
    attempts: Sequence[Attempt] | None
    wants: Sequence[str]


def judge_order(  # noqa: PLR0913 - everything that an order is judged by
    order: Order,
    calls: Sequence[Call],
    prints: Sequence[Print],
    supplier: SupplierState,
    settings: Settings,
    now: datetime,
    *,
    kinds: Kinds,
    rules: rule.Rules,
    attempts: Sequence[Attempt] | None = None,
    report: Event | None = None,
    label: Label | None = None,
    sale: Any | None = None,  # noqa: ANN401 - a row
    scan: Any | None = None,  # noqa: ANN401 - as above
    cancellation: Event | None = None,
) -> Verdict:
    """Return the verdict on an order.

    calls: every call ever owed for it. prints: every print of its label, oldest first. kinds: calls.CALLS. rules: when each kind is
    wanted by its supplier's orders (calls.Calls.rules). attempts: of all its calls, oldest first; None: not loaded, so what depends
    only on them (a resend, an unflagged label) is not judged. report: what a packer reported about it, until a lead settles it;
    None: nothing. label: what its label says; None: it was not read, or fits. sale: the last check of its sale (sale_checks);
    None: none. scan: what its carrier said (order_scans); None: not asked. cancellation: as report, that it is to be cancelled.

    1. Its stage comes from the rule in order.py.
    2. All blockers, not only the first: from its facts, its supplier, and changes since its label was printed.
    3. The possible actions follow from facts and blockers; each role has some of them.
    4. What happens next: the first step in `_next` that applies.
    5. Its problems, one by one.
    """
    wants = [want.kind for want in rule.wanted(order, calls, rules) if not rules[want.kind].is_aside]
    case = _Case(order, calls, supplier, settings, now, kinds, attempts, wants)
    own = tuple(own_blockers(order, calls, prints))
    is_finished = order.ship_confirmed_at is not None or order.closed_reason is not None
    blockers = own if is_finished else (*own, *_of_supplier(case, sale))
    possible = frozenset(_possible(order, calls, blockers, report))
    if never_scanned(order, scan, settings) or (cancellation is not None and order.closed_reason is None):
        possible |= {Act.SETTLE}
    if may_open_case(order, calls, settings):
        possible |= {Act.OPEN_CASE}
    may = {role: possible & MAY[role] for role in Role}
    may[Role.IT] |= _of_other_calls(order, calls)
    return Verdict(
        stage=Stage(rule.stage(order, calls, kinds.all_rules)),
        evidence=text_of(order.ship_evidence) if order.ship_confirmed_at is not None else None,
        unverified=order.acknowledge_evidence == "unverified" and order.ship_confirmed_at is None,
        blockers=blockers,
        may=may,
        next=_next(case, own),
        problems=(
            *problems_of(order, calls, own, settings, now, attempts, report, label),
            *cancellation_problems(order, cancellation),
            *sale_problems(order, sale, settings),
            *scan_problems(order, scan, settings),
        ),
        ship_by=None if is_finished else ship_by(order, own, settings, now),
        sale=None if (support := settings.support_of(order.supplier)) is None else sale_of(sale, support, now),
    )


def order_problems(  # noqa: PLR0913 - as above
    order: Order,
    calls: Sequence[Call],
    prints: Sequence[Print],
    settings: Settings,
    now: datetime,
    *,
    attempts: Sequence[Attempt] | None = None,
    report: Event | None = None,
    scan: Any | None = None,  # noqa: ANN401 - a row
    cancellation: Event | None = None,
) -> tuple[Problem, ...]:
    """Return only the problems of `judge_order` that `status` lists. They do not depend on supplier or kinds."""
    blockers = tuple(own_blockers(order, calls, prints))
    found = problems_of(order, calls, blockers, settings, now, attempts, report)
    return (*found, *scan_problems(order, scan, settings), *cancellation_problems(order, cancellation))


# -- what keeps it back ------------------------------------------------------------------------------------------------


def own_blockers(order: Order, calls: Sequence[Call], prints: Sequence[Print]) -> Iterable[Blocker]:
    """Yield the blockers of this order itself. Once it is shipped, only damage is one."""
    if rule.damage(order, calls):
        yield Blocker.DAMAGED
    if order.ship_confirmed_at is not None:
        return
    if order.closed_reason is not None:
        yield Blocker.CLOSED
        return
    if order.held_reason is not None:
        yield Blocker.HELD
        if order.held_code in {Blocker.RESTORED, Blocker.LEDGER_LOST, Blocker.SALE_STOPPED}:
            yield Blocker(order.held_code)
    yield from map(Blocker, rule.blockers(order))
    yield from (Blocker(f"ship_{call.state}") for call in calls if call.kind == SHIP and call.state in STUCK)
    if order.shipped == 0:
        yield from changed_since_printed(order, prints)


def _of_supplier(case: _Case, sale: Any | None) -> Iterable[Blocker]:  # noqa: ANN401 - a row
    supplier, settings, kinds = case.supplier, case.settings, case.kinds
    if SHIP in case.wants and waits_for_a_check(case.order, sale, settings, case.now):
        yield Blocker.SALE_UNCHECKED
    if supplier.name not in settings.suppliers:
        yield Blocker.SUPPLIER_UNKNOWN
        return
    holds = {
        Blocker.PAUSED: supplier.paused_at is not None,
        Blocker.READ_ONLY: settings.only_reads(supplier.name),
        Blocker.MANY_FLAGS: supplier.flags_asked_at is not None,
        Blocker.TOKEN_MISSING: supplier.token_missing is not None,
        Blocker.TOKEN_REFUSED: supplier.token_refused_at is not None,
    }
    yield from (blocker for blocker, does in holds.items() if does)
    needed = {SHIP, *case.wants, *(call.kind for call in case.calls if call.state in {"owed", "sending"})}
    lanes = {kinds.lane_of[kind] for kind in needed if kind in kinds.lane_of}
    if any(lane.lane in lanes for lane in supplier.failing(kinds.lane_of)):
        yield Blocker.UNREACHABLE
    if supplier.quiet_until is not None and supplier.quiet_until > case.now:
        yield Blocker.QUIET


def changed_since_printed(order: Order, prints: Sequence[Print]) -> Iterable[Blocker]:
    """Yield what has changed since the label was last printed. Facts that were not recorded then are not compared."""
    if not prints:
        return
    last = prints[-1]
    pairs = {
        Blocker.LABEL_CHANGED: (last.label_sha256, order.label_sha256),
        Blocker.PRODUCT_CHANGED: (last.sku, order.sku),
        Blocker.QUANTITY_CHANGED: (last.quantity, order.quantity),
        Blocker.CARRIER_CHANGED: (last.carrier, order.carrier),
    }
    for blocker, (then, now) in pairs.items():
        if then is not None and now is not None and then != now:
            yield blocker


# -- what may be done --------------------------------------------------------------------------------------------------


def _possible(order: Order, calls: Sequence[Call], blockers: Sequence[Blocker], report: Event | None) -> Iterable[Act]:
    if order.label_path is not None:
        yield Act.PRINT
    if order.ship_confirmed_at is not None:
        if order.closed_reason is None:
            yield from [Act.RETRY] if any(call.state == "parked" for call in stuck_after_shipping(calls)) else []
            yield from (Act.RECALL, *([Act.SETTLE] if lasts_after_shipping(report) else []))
        return
    if order.closed_reason is not None:
        yield Act.REOPEN
        return
    yield from [Act.RECALL] if order.shipped == 1 else []
    yield from (Act.REPORT, Act.CLOSE, Act.RELEASE if order.held_reason is not None else Act.HOLD)
    yield from [Act.SETTLE] if report is not None else []
    ship = next((call for call in calls if call.kind == SHIP), None)
    if order.shipped == 0 and not STOPS.intersection(blockers):
        yield Act.SHIP
    if order.shipped == 1 and (ship is None or ship.state not in BEGUN):
        yield Act.UNSHIP
    if LIFTED_BY_OVERRIDE.intersection(blockers) and not {Blocker.HELD, Blocker.DAMAGED}.intersection(blockers):
        yield Act.OVERRIDE
    if fault_of(order) or any(call.state == "parked" for call in calls):
        yield Act.RETRY
    if ship is not None and ship.state == "unknown":
        yield from (Act.RESOLVE, Act.SEND_AGAIN)


def _of_other_calls(order: Order, calls: Sequence[Call]) -> frozenset[Act]:
    """Return what may be done about an unknown call that is not the ship call. Only IT: the page asks about shipping alone."""
    waiting = calls if order.ship_confirmed_at is None else stuck_after_shipping(calls)
    unknown = any(call.state == "unknown" and call.kind != SHIP for call in waiting)
    return frozenset({Act.RESOLVE, Act.SEND_AGAIN}) if unknown and order.closed_reason is None else frozenset()


# -- what happens next -------------------------------------------------------------------------------------------------


def _next(case: _Case, blockers: Sequence[Blocker]) -> Next:
    """Return the first step that applies.

    1. It is damaged, shipped or closed. 2. The outcome of a call is unknown: a person decides, or it is sent once more.
    3. Its supplier is not configured. 4. A call is parked. 5. It is held. 6. A call is wanted: when it is sent, or what it
    waits for. 7. It is no longer listed. 8. It waits in the warehouse.
    """
    order, calls = case.order, [call for call in case.calls if call.kind not in rule.KINDS_ASIDE]
    if (ending := _ending(order, case.calls)) is not None:
        return ending
    is_configured = case.supplier.name in case.settings.suppliers
    unknown = next((call for call in calls if call.state == "unknown"), None)
    if unknown is not None:
        again = _sent_again_at(case, unknown)
        if again is not None and is_configured:
            return Next(NextStep.RESEND, again, unknown.kind)
        return Next(NextStep.UNKNOWN, kind=unknown.kind)
    if not is_configured:
        return Next(NextStep.SUPPLIER_UNKNOWN)
    parked = next((call for call in calls if call.state == "parked"), None)
    if parked is not None:
        return Next(NextStep.PARKED, kind=parked.kind, facts=said(parked))
    if order.held_reason is not None:
        return Next(NextStep.HELD, facts={"reason": str(order.held_reason)})
    missing = tuple(map(Blocker, rule.blockers(order)))
    if case.wants:
        return _when(case, case.wants[0], missing if order.shipped == 1 else ())
    if Blocker.VANISHED in missing:
        return Next(NextStep.VANISHED, waits_for=missing, facts=case_of("marked" if order.shipped == 1 else "unmarked"))
    changed = tuple(each for each in blockers if each in CHANGED)
    return Next(NextStep.WAREHOUSE, waits_for=changed, facts=case_of("print_again") if changed else {})


def _ending(order: Order, calls: Sequence[Call]) -> Next | None:
    """Return why nothing more happens to an order: it is damaged, shipped or closed; else None."""
    if fault := fault_of(order):
        return Next(NextStep.FAULT, facts={"fault": fault})
    if rule.damage(order, calls):
        return Next(
            NextStep.DAMAGED, facts={"cells": ", ".join(rule.damaged_cells(order, calls)), "row": order.id or 0}
        )
    if order.ship_confirmed_at is not None:
        stuck = stuck_after_shipping(calls) if order.closed_reason is None else ()
        stuck = [call for call in stuck if call.kind not in rule.KINDS_ASIDE]
        if call := min(stuck, key=lambda call: call.state != "unknown", default=None):
            unknown = call.state == "unknown"
            return Next(NextStep.UNKNOWN if unknown else NextStep.PARKED, kind=call.kind, facts=said(call))
        return Next(NextStep.SHIPPED, facts=case_of(text_of(order.ship_evidence) or "not_recorded"))
    if order.closed_reason is not None:
        return Next(NextStep.CLOSED, facts={"reason": str(order.closed_reason)})
    return None


def _sent_again_at(case: _Case, call: Call) -> datetime | None:
    kind = case.kinds.get(call.kind)
    if kind is None or case.attempts is None:
        return None
    of_it = [each for each in case.attempts if each.call_id == call.id]
    return kind.repeat_at(call, of_it, case.settings, case.now)


def _when(case: _Case, kind: str, missing: tuple[Blocker, ...]) -> Next:
    """Return the first reason why a wanted call waits, or else when it is sent."""
    call = next((call for call in case.calls if call.kind == kind), None)
    account = case.supplier.account(case.kinds[kind].ACCOUNT)
    held_back = _held_back(case, account, kind, call)
    if held_back is not None:
        step, facts = held_back
        return Next(step, None, kind, missing, facts)
    now, known_at = case.now, call.due_at if call is not None else None
    at = known_at if known_at is not None else case.kinds[kind].due_at(case.order, case.settings)
    lane, quiet, name = account.lanes.get(case.kinds[kind].LANE), account.quiet_until, account.name
    if lane is not None and lane.resume_at is not None and lane.resume_at > max(at, now):
        facts = case_of("lane") | {"supplier": name, "lane": lane.lane, "reason": str(lane.reason or "")}
        return Next(NextStep.OUTAGE, lane.resume_at, kind, missing, facts)
    if quiet is not None and quiet > max(at, now):
        return Next(NextStep.OUTAGE, quiet, kind, missing, case_of("quiet") | {"supplier": name})
    if at <= now:
        return Next(NextStep.DUE, None, kind, missing)
    if kind == SHIP and (call is None or (call.attempts == 0 and not call.detail)):
        return Next(NextStep.UNDO_WINDOW, at, kind, missing)
    detail = case_of("said") | said(call) if call is not None and call.detail else {}
    return Next(NextStep.LATER, at, kind, missing, detail)


def _held_back(case: _Case, account: SupplierState, kind: str, call: Call | None) -> tuple[NextStep, Facts] | None:
    """Return why a wanted call waits for an unknown time; None if it does not. account: the one that it is sent to."""
    named: Facts = {"supplier": account.name}
    if call is not None and call.state == "sending":
        return NextStep.SENDING, {}
    if account.paused_at is not None:
        return NextStep.PAUSED, who_paused(account) | named
    if case.settings.only_reads(case.supplier.name):
        return NextStep.READ_ONLY, {} if case.settings.read_only else case_of("supplier") | {
            "supplier": case.supplier.name
        }
    if kind == SHIP and account.flags_asked_at is not None:
        return NextStep.MANY_FLAGS, {}
    if kind == ACKNOWLEDGE and account.first_asked_at is not None:
        return NextStep.FIRST_START, named
    if account.token_missing is not None:
        return NextStep.TOKEN_MISSING, named
    return (NextStep.TOKEN_REFUSED, named) if account.token_refused_at is not None else None
