"""Which events follow from what was last published of an order or a supplier, and what it is now. Pure."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from supplier_agent.settings.webhooks import PAUSED, PROBLEM_ENDED, PROBLEM_STARTED, RESUMED
from supplier_agent.verdict import ProblemCode, Stage, SupplierVerdict, Verdict

OVER = frozenset({Stage.SHIPPED, Stage.CLOSED})


@dataclass(frozen=True)
class Seen:
    """What an order is, as far as events tell of it. problems: their codes, each perhaps with the kind of its call."""

    stage: str
    problems: frozenset[str] = frozenset()

    @classmethod
    def of(cls, verdict: Verdict) -> "Seen":
        """Return it from the verdict."""
        keys = (f"{each.code}:{each.facts['kind']}" if "kind" in each.facts else each.code for each in verdict.problems)
        return cls(verdict.stage.value, frozenset(str(key) for key in keys))

    @classmethod
    def stored(cls, stage: str, problems: str) -> "Seen":
        """Return it as the table has it."""
        return cls(stage, frozenset(problems.split()))

    @property
    def written(self) -> str:
        """Its problems as the table has them."""
        return " ".join(sorted(self.problems))

    @property
    def is_over(self) -> bool:
        """Whether it is shipped or closed."""
        return self.stage in OVER


@dataclass(frozen=True)
class Change:
    """One event to tell. problem: the code and the kind of call ("": none) of the problem that began or ended."""

    type: str
    problem: tuple[str, str] | None = None

    @property
    def facts(self) -> dict[str, object]:
        """What the event says besides the order."""
        if self.problem is None:
            return {}
        code, kind = self.problem
        return {"problem": {"code": code, "call": kind or None}}


def of_order(before: Seen | None, now: Seen, *, is_new: bool) -> list[Change]:
    """Return the events of an order, in the order in which they are told.

    before: what was last published; None: nothing. is_new: then the order is new, and the receiver must hear of it; else it was
    there before the webhooks were, and only what it becomes is told.

    1. A new order is always told as `order.new`, even if it has moved on since.
    2. Problems that ended. 3. The stage, if it changed. 4. Problems that began.
    """
    if before is None and not is_new:
        return []
    first = [Change(f"order.{Stage.NEW}")] if before is None else []
    was = before or Seen(Stage.NEW)
    moved = [Change(f"order.{now.stage}")] if now.stage != was.stage else []
    ended = [Change(PROBLEM_ENDED, _parts(each)) for each in sorted(was.problems - now.problems)]
    begun = [Change(PROBLEM_STARTED, _parts(each)) for each in sorted(now.problems - was.problems)]
    return [*first, *ended, *moved, *begun]


def of_supplier(before: str | None, now: str) -> list[Change]:
    """Return the events of a supplier. before: what was last published, `paused` or `resumed`; None: nothing."""
    if before in {None, now}:
        return []
    return [Change(PAUSED if now == "paused" else RESUMED)]


def state_of(verdict: SupplierVerdict) -> str:
    """Return what a supplier is: paused by a person or a safety stop, or not."""
    return "paused" if any(each.code is ProblemCode.PAUSED for each in verdict.because) else "resumed"


def wanted(changes: Iterable[Change], types: Collection[str]) -> list[Change]:
    """Return the changes that a webhook takes."""
    return [each for each in changes if each.type in types]


def _parts(key: str) -> tuple[str, str]:
    code, _, kind = key.partition(":")
    return code, kind
