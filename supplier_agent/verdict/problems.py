"""The problems of one order. Pure, like the rest of the verdict."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from supplier_agent import order as rule
from supplier_agent.base.cells import known
from supplier_agent.verdict.codes import CHANGED, Blocker, Problem, ProblemCode, Report
from supplier_agent.verdict.label import doubts
from supplier_agent.verdict.sale import Sale, last_word

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from supplier_agent.db.tables import Attempt, Call, Event, Order
    from supplier_agent.settings import Settings
    from supplier_agent.verdict.codes import Facts
    from supplier_agent.verdict.label import Label

MANY_ATTEMPTS = 5
"""After this many attempts, a call is a problem."""
STUCK = frozenset({"parked", "unknown"})
"""The states of a call that wait for a person."""


def problems_of(
    order: Order,
    calls: Sequence[Call],
    blockers: Sequence[Blocker],
    settings: Settings,
    now: datetime,
    attempts: Sequence[Attempt] | None,
    report: Event | None,
    label: Label | None = None,
) -> Iterable[Problem]:
    """Yield the problems of an order: calls that wait for a person, reports, holds, absence, its label, age, damage, fields."""

    def problem(code: ProblemCode, facts: Facts) -> Problem:
        return Problem(code, order.supplier, order.menzzo_order_id, None, facts)

    damaged = Blocker.DAMAGED in blockers
    if order.ship_confirmed_at is None and order.closed_reason is None:
        yield from (problem(code, facts) for code, facts in _of_calls(calls, attempts))
        if report is not None:
            yield _reported(order, report)
        if not damaged:  # its other facts cannot be relied on
            yield from _of_facts(order, blockers)
            if found := doubts(order, label):
                yield problem(ProblemCode.LABEL_DOUBTFUL, found)
            yield from _of_age(order, calls, blockers, settings, now, attempts)
    elif order.closed_reason is None:
        yield from (problem(code, facts) for code, facts in _of_calls(stuck_after_shipping(calls), attempts))
        if report is not None and lasts_after_shipping(report):
            yield _reported(order, report)
    if damaged:
        yield problem(ProblemCode.ORDER_DAMAGED, _damage(order, calls))
    if order.problem is not None and known(order.problem) is not None:
        yield problem(ProblemCode.FIELD_UNREADABLE, {"said": order.problem})


def _of_facts(order: Order, blockers: Sequence[Blocker]) -> Iterable[Problem]:
    supplier, this, marked = order.supplier, order.menzzo_order_id, order.shipped == 1
    if Blocker.SALE_STOPPED in blockers:
        facts = case_of("marked" if marked else "unmarked") | {"reason": str(order.held_reason)}
        yield Problem(ProblemCode.SALE_STOPPED, supplier, this, facts=facts)
    elif order.held_reason is not None and marked:
        yield Problem(ProblemCode.HELD_THOUGH_MARKED, supplier, this, facts={"reason": str(order.held_reason)})
    if Blocker.VANISHED in blockers:
        facts = case_of("marked" if marked else "unmarked")
        yield Problem(ProblemCode.ORDER_VANISHED, supplier, this, order.vanished_at, facts)
    if changed := [each.value for each in blockers if each in CHANGED]:
        yield Problem(ProblemCode.CHANGED_SINCE_PRINTED, supplier, this, facts={"changed": " ".join(changed)})


def sale_problems(order: Order, sale: Any | None, settings: Settings) -> Iterable[Problem]:  # noqa: ANN401 - a row
    """Yield that the sale of an open order should be looked at although the order goes on. sale: its row in sale_checks."""
    if order.ship_confirmed_at is None and order.closed_reason is None and (facts := _of_sale(order, sale, settings)):
        yield Problem(ProblemCode.SALE_DOUBTFUL, order.supplier, order.menzzo_order_id, facts=facts)


def _of_sale(order: Order, sale: Any | None, settings: Settings) -> Facts:  # noqa: ANN401 - a row
    """Return what is odd about a sale; empty: nothing."""
    support = settings.support_of(order.supplier)
    if support is None or sale is None:
        return {}
    word = str(text_of(sale.status) or "?")
    found = last_word(sale, support)
    skipped_at, checked_at = known(sale.skipped_at), known(sale.checked_at)
    if (
        isinstance(skipped_at, datetime)
        and order.shipped == 1
        and not (isinstance(checked_at, datetime) and checked_at > skipped_at)
    ):
        return case_of("skipped") | {"why": str(text_of(sale.failure) or "no answer in time")}
    if found is Sale.ACCEPTED:
        return case_of("accepted") | {"status": word, "who": str(text_of(sale.accepted_by) or "?")}
    if found is Sale.NOT_FOUND:
        return case_of("not_found")
    return case_of("unknown_word") | {"status": word} if found is Sale.UNKNOWN_WORD else {}


def _damage(order: Order, calls: Sequence[Call]) -> Facts:
    row: Facts = {"row": order.id or 0}
    if fault := fault_of(order):
        return {**row, "case": "fault", "fault": fault}
    return {**row, "case": "cells", "cells": ", ".join(rule.damaged_cells(order, calls))}


def stuck_after_shipping(calls: Iterable[Call]) -> list[Call]:
    """Return the calls of a shipped order that wait for a person. The other kinds ended with the shipping."""
    ended = {kind for kind, each in rule.WANTED.items() if each.ends}
    return [call for call in calls if call.state in STUCK and call.kind not in ended]


def lasts_after_shipping(report: Event | None) -> bool:
    """Tell whether a report is still a problem once the order is reported as shipped: it did not leave."""
    return report is not None and Report.read(text_of(report.detail) or "")[0] is Report.NOT_LEFT


def cancellation_problems(order: Order, cancellation: Event | None) -> Iterable[Problem]:
    """Yield that someone asked to cancel an order; also once it is shipped, until a lead settles it or closes the order."""
    if cancellation is not None and order.closed_reason is None:
        yield _reported(order, cancellation, ProblemCode.CANCELLATION_ASKED)


def is_cancellation(report: Any) -> bool:  # noqa: ANN401 - a row
    """Tell whether a report asks to cancel the order, instead of being a packer's."""
    return Report.read(text_of(report.detail) or "")[0] is Report.CANCELLATION


def _reported(order: Order, report: Event, code: ProblemCode = ProblemCode.ORDER_REPORTED) -> Problem:
    """Return what was reported: its kind, and perhaps a few words."""
    kind, words = Report.read(text_of(report.detail) or "")
    who, station = text_of(report.who) or "?", text_of(report.station)
    by = f"{who} ({station})" if station else who
    facts: Facts = {"report": kind.value, "by": by}
    facts |= {"words": words, "case": "words"} if words else {}
    at = report.at if known(report.at) is not None else None
    return Problem(code, order.supplier, order.menzzo_order_id, at, facts)


def _of_calls(calls: Sequence[Call], attempts: Sequence[Attempt] | None) -> Iterable[tuple[ProblemCode, Facts]]:
    """Yield the problems of its calls; unknown outcomes come first."""
    for call in sorted(calls, key=lambda call: call.state != "unknown"):
        facts: Facts = {"kind": call.kind, **said(call)} | ({} if attempts is None else _last_try(call, attempts))
        if call.state == "unknown":
            yield ProblemCode.CALL_UNKNOWN, facts
        elif call.state == "parked":
            yield ProblemCode.CALL_PARKED, facts
        elif call.state == "owed" and call.attempts >= MANY_ATTEMPTS and call.kind not in rule.KINDS_ASIDE:
            yield ProblemCode.CALL_TRIED_OFTEN, {**facts, "attempts": call.attempts}


def _of_age(
    order: Order,
    calls: Sequence[Call],
    blockers: Sequence[Blocker],
    settings: Settings,
    now: datetime,
    attempts: Sequence[Attempt] | None,
) -> Iterable[Problem]:
    """Yield what takes too long, unless the order is held, no longer listed or waits for a person: these are other problems."""
    alerts, name = settings.alerts, order.supplier
    if {Blocker.HELD, Blocker.VANISHED}.intersection(blockers):
        return
    if not any(call.state in {"sending", *STUCK} and call.kind not in rule.KINDS_ASIDE for call in calls):
        begun = {
            "acknowledge": order.first_seen_at if order.acknowledged_at is None else None,
            "report": order.shipped_at if order.shipped == 1 else None,
        }
        before = settings.counted_ago(name, alerts.waiting_seconds, now)
        late = [(at, case) for case, at in begun.items() if at is not None and at < before]
        if late:
            at, case = min(late)
            yield Problem(ProblemCode.WAITING, name, order.menzzo_order_id, at, case_of(case))
    if (
        attempts is not None
        and order.shipped == 0
        and order.label_path is not None
        and order.acknowledged_at is not None
    ):
        fetched = {call.id for call in calls if call.kind == "label"}
        ended = [each.ended_at for each in attempts if each.call_id in fetched and each.outcome == "done"]
        since = max([order.acknowledged_at, *(at for at in ended if at is not None)])
        if since < settings.counted_ago(name, alerts.unflagged_seconds, now):
            yield Problem(ProblemCode.UNFLAGGED, name, order.menzzo_order_id, since)


def _last_try(call: Call, attempts: Sequence[Attempt]) -> Facts:
    """Return when a call was last sent, the answer word for word, and why it was refused, as a code."""
    last = next((each for each in reversed(attempts) if each.call_id == call.id), None)
    if last is None:
        return case_of("unsent") if call.attempts == 0 else {}
    status = last.http_status if known(last.http_status) is not None else None
    found = {"tried": last.ended_at or last.started_at, "status": status, "answer": text_of(last.detail)}
    facts: Facts = {name: value for name, value in found.items() if value is not None}
    return {**facts, **case_of("answered"), "refusal": _refusal(call.kind, status)}


def _refusal(kind: str, status: int | None) -> str:
    """Return the code for an HTTP status that refuses a call of this kind; None: no answer came."""
    of_label = {200: "no_pdf", 404: "no_label"} if kind == "label" else {}
    of_any = {401: "token", 403: "token", 404: "not_found", 409: "conflict"}
    by_hundred = {2: "denied", 5: "server"}
    if status is None:
        return "no_answer"
    return of_label.get(status) or of_any.get(status) or by_hundred.get(status // 100, "request")


def fault_of(order: Order) -> str:
    """Return the internal error that stopped it, or ""."""
    return order.fault if order.fault is not None and known(order.fault) is not None else ""


def said(call: Call) -> Facts:
    """Return the last message about a call, unchanged."""
    return {"detail": str(call.detail or "")}


def case_of(case: str) -> Facts:
    """Return the fact that chooses between several sentences of one code."""
    return {"case": case}


def text_of(value: Any) -> str | None:  # noqa: ANN401 - a cell
    """Return the text of a cell; None if it is null, or cannot be read."""
    found = known(value)
    return None if found is None else str(found)
