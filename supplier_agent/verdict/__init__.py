"""The verdict: the one judgement of the state of an order or a supplier, what may be done, and what is next. Pure: only codes.

    decide   order.py     facts -> the wanted calls
    judge    verdict/     facts + supplier + settings -> one Verdict
    tell     words/       codes -> sentences

Every interface (command line, page, lists, alerts, reports, metrics, JSON) renders this verdict, and never derives the state from
columns itself.
"""

from supplier_agent.verdict.codes import (
    CHANGED,
    LIFTED_BY_OVERRIDE,
    OF_SUPPLIER,
    STOPS,
    Act,
    Blocker,
    Due,
    Next,
    NextStep,
    Problem,
    ProblemCode,
    Report,
    Role,
    Severity,
    ShipBy,
    Stage,
    SupplierVerdict,
    Verdict,
)
from supplier_agent.verdict.label import Label
from supplier_agent.verdict.order import judge_order
from supplier_agent.verdict.supplier import InstallationState, SupplierState, judge_installation, judge_supplier

__all__ = [
    "CHANGED",
    "LIFTED_BY_OVERRIDE",
    "OF_SUPPLIER",
    "STOPS",
    "Act",
    "Blocker",
    "Due",
    "InstallationState",
    "Label",
    "Next",
    "NextStep",
    "Problem",
    "ProblemCode",
    "Report",
    "Role",
    "Severity",
    "ShipBy",
    "Stage",
    "SupplierState",
    "SupplierVerdict",
    "Verdict",
    "judge_installation",
    "judge_order",
    "judge_supplier",
]
