"""Live through a week and judge it: what the quick tests and the long set have in common."""

import gc
import time
from dataclasses import dataclass, field
from pathlib import Path

from supplier_agent.learning.estimates import estimates_of
from tests.weeks.cases import Case
from tests.weeks.life import Week
from tests.weeks.truth import seen_changes, wrong
from tests.world.invariants import (
    AT_REST,
    Rule,
    broken,
    everything_ends,
    no_read_is_disturbed,
    nothing_is_lost,
    the_rate_is_kept,
)

RULES = [each for each in (*AT_REST, the_rate_is_kept, no_read_is_disturbed) if each is not nothing_is_lost]


def rules(case: Case) -> list[Rule]:
    """Return what must hold. An acknowledgement that is answered by a text is unclear for ever: its supplier's writes fail."""
    acknowledged = case.before.acknowledge_success
    says = case.before.success if acknowledged == "same" else acknowledged
    return [each for each in RULES if says != "text" or each is not everything_ends]


@dataclass
class Judged:
    """What came of one case. known: how many questions have an answer that holds."""

    case: Case
    faults: list[str] = field(default_factory=list)
    known: int = 0
    seconds: float = 0.0


def judge(case: Case, folder: Path, seed: int = 1) -> Judged:
    """Live through the week of a case, and return every promise that is broken."""
    began = time.process_time()
    gc.disable()
    week = Week(case, folder, seed)
    try:
        week.live()
        with week.site.agent.ctx.store.read() as tx:
            estimates = estimates_of(tx, week.supplier)
        found = [*broken(rules(case), week.books()), *week.lost(), *wrong(week, estimates), *seen_changes(week)]
        found += [f"an error of the agent: {facts}" for event, facts in week.site.said if event == "internal.error"]
    finally:
        week.close()
        gc.enable()
    gc.collect()
    known = sum(each.known is not None for each in estimates.values())
    return Judged(case, found, known, time.process_time() - began)
