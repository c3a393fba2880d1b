"""The verdict: the only answer to how an order or a supplier is, what may be done, and what is next. Pure: coded values alone.

    decide   order.py     facts -> the calls that are wanted
    judge    verdict/     facts + supplier + settings -> one Verdict
    tell     words/       codes -> sentences

Every surface (command line, page, lists, alerts, reports, metrics, JSON) renders what is judged here, and looks at no column to
find out what is true.
"""

from supplier_agent.verdict.codes import (
    CHANGED,
    LIFTED_BY_OVERRIDE,
    OF_SUPPLIER,
    STOPS,
    Act,
    Blocker,
    Next,
    NextStep,
    Problem,
    ProblemCode,
    Role,
    Severity,
    Stage,
    SupplierVerdict,
    Verdict,
)
from supplier_agent.verdict.order import judge_order
from supplier_agent.verdict.supplier import InstallationState, SupplierState, judge_installation, judge_supplier

__all__ = [
    "CHANGED",
    "LIFTED_BY_OVERRIDE",
    "OF_SUPPLIER",
    "STOPS",
    "Act",
    "Blocker",
    "InstallationState",
    "Next",
    "NextStep",
    "Problem",
    "ProblemCode",
    "Role",
    "Severity",
    "Stage",
    "SupplierState",
    "SupplierVerdict",
    "Verdict",
    "judge_installation",
    "judge_order",
    "judge_supplier",
]
