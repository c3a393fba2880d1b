"""THE LIFE OF AN ORDER: which calls its facts ask for, its stage, and why it waits. Pure: no clock, no database, no network.

    listed ──> acknowledge ──> label ──> [a person marks it as shipped] ──> undo window ──> ship ──> confirmed

To add an outward call, add one line to WANTED and one file to calls/ (CONTRIBUTING.md); nothing else has to know the new kind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from supplier_agent.base.cells import Unreadable, unreadable

if TYPE_CHECKING:  # or any object with the same attributes: `status` passes plain rows (plain_sql.py)
    from supplier_agent.db.tables import Call, Order

NOT_ACKNOWLEDGED, NO_LABEL, VANISHED = "not_acknowledged", "no_label", "vanished"
"""Codes of the blockers that may keep a marked order from being reported as shipped."""
RESTORED, LEDGER_LOST = "restored", "ledger_lost"
SALE_STOPPED = "sale_stopped"
"""Why the agent put an order on hold (held_code)."""
UNREADABLE = "unreadable in the database"
"""The code of a problem; the names of the columns follow it."""
STAGES = ("shipped", "closed", "attention", "held", "flagged", "new", "acknowledged", "ready")


def unusable(order: Order) -> str:
    """Return why a person must check the order before it may be acknowledged, or ""."""
    missing = [name for name, value in (("sku", order.sku), ("quantity", order.quantity)) if value is None]
    return f"it was listed without a usable {' and '.join(missing)}" if missing else ""


def covered(order: Order) -> frozenset[str]:
    """Return the blockers that a person overrode for this order: those that existed at that moment."""
    return frozenset((order.override_covers or "").split(",")) if order.override_by is not None else frozenset()


def damage(order: Order, calls: Iterable[Call] = ()) -> str:
    """Return what holds back every call of an order until a person acts, or "".

    An internal error of the agent, or unreadable cells in the order's row or in its calls' rows.
    """
    if order.fault is not None and not isinstance(order.fault, Unreadable):
        return order.fault
    cells = damaged_cells(order, calls)
    return f"{UNREADABLE}: {', '.join(cells)}" if cells else ""


def damaged_cells(order: Order, calls: Iterable[Call] = ()) -> list[str]:
    """Return the unreadable cells of the order's row and of its calls' rows, as `table.column`."""
    cells = [f"orders.{name}" for name in unreadable(order)]
    cells += [f"calls.{name}" for call in calls for name in unreadable(call)]
    return list(dict.fromkeys(cells))


def blockers(order: Order) -> list[str]:
    """Return the codes of everything that a marked order still waits for before it may be reported as shipped.

    A hold or a closed order is not a blocker, so an override does not lift it.
    """
    there = {
        NOT_ACKNOWLEDGED: order.acknowledged_at is None,
        NO_LABEL: order.label_path is None,
        VANISHED: order.vanished_at is not None,
    }
    lifted = covered(order)
    return [code for code, blocks in there.items() if blocks and code not in lifted]


def gates(order: Order) -> dict[str, object]:
    """Return everything that decides whether a call of this order may be sent, with its value: the proof why it was sent."""
    values = (
        *("acknowledged_at", "label_sha256", "vanished_at", "held_code", "shipped", "shipped_at", "undo_opened_at"),
        *("override_by", "override_covers", "ship_confirmed_at"),
    )
    return {
        "damage": damage(order),
        "closed": order.closed_reason is not None,
        "held": order.held_reason is not None,
        "unusable": unusable(order),
        "blockers": blockers(order),
        **{name: getattr(order, name) for name in values},
    }


def uncover(order: Order, code: str) -> None:
    """End the override of a blocker that is gone: if it comes back, that is a new blocker."""
    if code in covered(order):
        order.override_covers = ",".join(sorted(covered(order) - {code}))


def document(link: str | None) -> str | None:
    """Return a label link without query and fragment: signatures and expiry dates change, and the label does not."""
    return None if link is None else link.partition("?")[0].partition("#")[0]


def label_is_current(order: Order) -> bool:
    """Tell whether the file on disk is the label that the marketplace links to now. If the link is gone, the label stays."""
    if order.link_to_label is None:
        return order.label_path is not None
    return order.label_link == document(order.link_to_label)


def _link(order: Order) -> str:
    return document(order.link_to_label) or ""


def _nothing(_order: Order) -> str:
    return ""


def _may_ship(order: Order) -> bool:
    return order.shipped == 1 and order.held_reason is None and not blockers(order)


# -- What the support API is asked (integrations/support). Only of suppliers that use it; see `is_for` of each call.

AFTER_SALES = timedelta(days=60)
"""For so long after shipping, after-sales cases of an order are looked for."""


def sale_asked_since(order: Order) -> datetime | None:
    """Return since when an answer about its sale is wanted: for its mark, or because someone asked; None: it is not."""
    marked_at = max(filter(None, (order.shipped_at, order.undo_opened_at)), default=None) if _may_ship(order) else None
    return max(filter(None, (marked_at, order.sale_asked_at)), default=None)


def _moment(at: datetime | None) -> str:
    return "" if at is None else at.isoformat()


def _is_followed(order: Order) -> bool:
    shipped_at, asked_at = order.ship_confirmed_at, order.after_sales_at
    return shipped_at is not None and (asked_at is None or asked_at < shipped_at + AFTER_SALES)


# -- The supplier's own shop (integrations/shops).


def _for_the_shop(order: Order) -> bool:
    """Tell whether the supplier's own shop should know of an order: it is ours, and there is no doubt about it."""
    in_doubt = order.held_reason is not None or order.vanished_at is not None or bool(unusable(order))
    return order.acknowledged_at is not None and not in_doubt


# -- Carriers (integrations/carriers). Only of suppliers that ask one; see `narrowed` of the calls.


def _awaits_scan(order: Order) -> bool:
    return order.ship_confirmed_at is not None and order.scanned_at is None


STUCK = frozenset({"parked", "unknown"})
"""The states in which a call waits for a person."""
ASIDE: frozenset[str] = frozenset()
"""The `attention` of a call that the order never waits for."""


@dataclass(frozen=True)
class Rule:
    """When the facts of an order ask for one kind of call.

    subject: what the call is about, if that can change; for a new subject the call is owed again.
    ask: why a person must check first, or "".
    after_shipping: the call is also wanted for shipped orders.
    lasts: a call that is owed already is still made after the order was shipped.
    by_row: no column of the order records that the call is done; the call's own row does.
    attention: the states of the call in which the order needs a person. In other states a stuck call is reported as a problem,
    and the order continues. ASIDE: the order never waits for it, so it is not what happens next.
    """

    when: Callable[[Order], bool]
    subject: Callable[[Order], str] = _nothing
    ask: Callable[[Order], str] = _nothing
    after_shipping: bool = False
    lasts: bool = False
    by_row: bool = False
    attention: frozenset[str] = STUCK

    @property
    def is_aside(self) -> bool:
        """Whether the order never waits for the call."""
        return not self.attention

    @property
    def ends(self) -> bool:
        """Whether a call that is stuck when its order is reported as shipped no longer matters."""
        return not (self.after_shipping or self.lasts)


Rules = Mapping[str, Rule]
_SCAN = Rule(
    _awaits_scan,
    subject=lambda o: _moment(o.scan_asked_at),
    after_shipping=True,
    by_row=True,
    attention=ASIDE,
)
"""Of a carrier; the settings say which orders are its own."""

WANTED: Rules = {
    "acknowledge": Rule(lambda o: o.acknowledged_at is None and o.held_reason is None, subject=unusable, ask=unusable),
    "label": Rule(lambda o: not label_is_current(o), subject=_link),
    "ship": Rule(_may_ship),
    "sale_check": Rule(
        lambda o: sale_asked_since(o) is not None,
        subject=lambda o: _moment(sale_asked_since(o)),
        by_row=True,
        attention=ASIDE,
    ),
    "product": Rule(lambda o: o.sku is not None, subject=lambda o: o.sku or "", by_row=True, attention=ASIDE),
    "after_sales": Rule(
        _is_followed,
        subject=lambda o: _moment(o.after_sales_at),
        after_shipping=True,
        by_row=True,
        attention=ASIDE,
    ),
    "sav": Rule(
        lambda o: o.sav_asked_at is not None,
        subject=lambda o: _moment(o.sav_asked_at),
        after_shipping=True,
        by_row=True,
        attention=ASIDE,
    ),
    "shop_order": Rule(_for_the_shop, by_row=True, lasts=True, attention=ASIDE),
    "scan_laposte": _SCAN,
    "scan_dhl": _SCAN,
    "scan_ups": _SCAN,
    "scan_fedex": _SCAN,
    # No fact of an order of the marketplace asks for it: it is about the shop's own orders (tick/own_orders.py).
    "dispatched": Rule(lambda _order: False, after_shipping=True, by_row=True, attention=ASIDE),
}


@dataclass(frozen=True)
class Want:
    """A call that the facts ask for. `ask`: why a person must check first, or ""."""

    kind: str
    subject: str = ""
    ask: str = ""


def wanted(order: Order, calls: Iterable[Call] = (), rules: Rules = WANTED) -> tuple[Want, ...]:
    """Return the calls that the facts ask for now. This is the only rule by which anything is sent.

    `calls`: the order's calls, if known. Only rules with `by_row` or `lasts` use them.
    """
    if damage(order) or order.closed_reason is not None:
        return ()
    calls = list(calls)
    done = {(call.kind, call.subject) for call in calls if call.state == "done"}
    begun = {call.kind for call in calls if call.state not in {"done", "dropped"}}
    wants = []
    for kind, rule in rules.items():
        goes_on = order.ship_confirmed_at is None or rule.after_shipping or (rule.lasts and kind in begun)
        if not goes_on or not rule.when(order):
            continue
        want = Want(kind, rule.subject(order), rule.ask(order))
        if not (rule.by_row and (kind, want.subject) in done):
            wants.append(want)
    return tuple(wants)


KINDS_ASIDE = frozenset(kind for kind, rule in WANTED.items() if rule.is_aside)
"""The kinds of calls that no order waits for."""


def needs_a_person(call: Call, rules: Rules = WANTED) -> bool:
    """Tell whether an order needs a person because of this call. For an unknown kind, every stuck call counts."""
    rule = rules.get(call.kind)
    return call.state in (STUCK if rule is None else rule.attention)


def stage(order: Order, calls: Iterable[Call], rules: Rules = WANTED) -> str:
    """Return the first of STAGES that applies. A damaged order always needs a person, whatever its other facts say."""
    calls = list(calls)
    return "attention" if damage(order, calls) else sound_stage(order, calls, rules)


def sound_stage(order: Order, calls: Iterable[Call], rules: Rules = WANTED) -> str:
    """Return the stage of an order that is known to be undamaged."""
    checks = {
        "shipped": order.ship_confirmed_at is not None,
        "closed": order.closed_reason is not None,
        "attention": any(needs_a_person(call, rules) for call in calls),
        "held": order.held_reason is not None,
        "flagged": order.shipped == 1,
        "new": order.acknowledged_at is None,
        "acknowledged": order.label_path is None,
        "ready": True,
    }
    return next(name for name in STAGES if checks[name])
