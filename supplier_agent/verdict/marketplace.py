"""The problems that follow from what is learned of a supplier's marketplace: changes, undocumented fields, wider sweeps. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from supplier_agent.learning.careful import Careful
from supplier_agent.learning.drift import changes
from supplier_agent.verdict.codes import Problem, ProblemCode

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from supplier_agent.learning.drift import Drift

MOST_FIELDS = 10
"""So many names are shown."""


@dataclass(frozen=True)
class Learned:
    """What is learned of a supplier's marketplace, as far as people should know of it.

    drifts: changes that nobody has accepted. new_fields: undocumented fields of which nobody has taken note, and since when.
    """

    careful: Careful = field(default_factory=Careful)
    drifts: Sequence[Drift] = ()
    new_fields: Sequence[str] = ()
    fields_since: datetime | None = None  # None: there are none


def learned_problems(supplier: str, learned: Learned, sweep_days: int) -> Iterator[Problem]:
    """Yield the problems. One change of the marketplace is one problem, however many answers it changed."""
    for drifts in changes(learned.drifts):
        since = drifts[0].since
        told = "; ".join(map(str, drifts))
        yield Problem(ProblemCode.MARKETPLACE_CHANGED, supplier, None, since, {"since": since, "changes": told})
    if learned.new_fields:
        names = ", ".join(learned.new_fields[:MOST_FIELDS]) + (", …" if len(learned.new_fields) > MOST_FIELDS else "")
        yield Problem(ProblemCode.UNKNOWN_FIELDS, supplier, None, learned.fields_since, {"names": names})
    days = learned.careful.sweep_days(sweep_days)
    if days > sweep_days:
        yield Problem(
            ProblemCode.SWEEPS_WIDENED,
            supplier,
            facts={"late": learned.careful.late_days, "days": days, "configured": sweep_days},
        )
