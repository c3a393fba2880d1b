"""Health: the list of all problems, judged by verdict/ from what facts.py loads. Read-only.

It uses plain SQL, so that `status` is cheap. A caller with an open transaction passes it.
"""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from supplier_agent.base.process import EXIT_ORDER, worst
from supplier_agent.db import plain_sql
from supplier_agent.db.plain_sql import READS, Look
from supplier_agent.reports import businessonbot, facts, supplier_facts, vitals, webhooks
from supplier_agent.reports.vitals import Signs
from supplier_agent.verdict import Problem, ProblemCode, SupplierState, judge_installation, judge_supplier
from supplier_agent.verdict.businessonbot import judge_messages
from supplier_agent.verdict.codes import INFO
from supplier_agent.verdict.letters import with_asked
from supplier_agent.verdict.order import order_problems
from supplier_agent.verdict.supplier import owner_of
from supplier_agent.verdict.webhooks import judge_webhooks
from supplier_agent.words import Worded, Words
from supplier_agent.words.english import KINDS

if TYPE_CHECKING:
    from sqlmodel import Session

    from supplier_agent.settings import Settings

NEVER = datetime.min.replace(tzinfo=UTC)
NOT_OF_A_ROUND = frozenset({
    ProblemCode.TOKEN_OLD, ProblemCode.TOKEN_NEXT_IN_USE, ProblemCode.HELD_THOUGH_MARKED, ProblemCode.SUPPLIER_UNKNOWN,
    ProblemCode.CHANGED_SINCE_PRINTED, ProblemCode.ORDER_REPORTED, ProblemCode.WAITING, ProblemCode.UNFLAGGED,
    ProblemCode.CANCELLATION_ASKED,
    ProblemCode.SILENCE, ProblemCode.NOT_READ, ProblemCode.CONFIGURATION_REFUSED, ProblemCode.CLOCK_OFF, ProblemCode.READ_ONLY,
    ProblemCode.NEVER_SCANNED, ProblemCode.MARKETPLACE_CHANGED, ProblemCode.UNKNOWN_FIELDS,
})  # fmt: skip
"""Problems that do not come from a round: they existed before it."""


def judged(
    tx: "Session | Look",
    settings: "Settings",
    now: datetime,
    *,
    no_token: Mapping[str, str | None] | None = None,
    since: datetime | None = None,
    signs: Signs | None = None,
    suppliers: Mapping[str, SupplierState] | None = None,
) -> list[Problem]:
    """Return all problems, the most important exit code first.

    no_token: why a supplier's token cannot be read, where this was tried. since: only the problems of a round that began then.
    signs: the signs of life of the agent; None: only the database is used. suppliers: of supplier_facts.suppliers; None: they are
    loaded here.

    1. The signs of life. 2. The installation. 3. Each supplier. 4. Each order with a problem. Problems of severity info are shown
    only with their order or supplier, so they are not listed.
    """
    look = plain_sql.within(tx)
    found = [] if signs is None else vitals.judge(signs)
    seen = {problem.code for problem in found}  # reported by the agent itself, even without the database
    found += [each for each in judge_installation(supplier_facts.installation(look), settings) if each.code not in seen]
    found += judge_webhooks(webhooks.endpoints(look, read_only=settings.read_only))
    found += judge_messages(businessonbot.stuck(look))
    if suppliers is None:
        suppliers = supplier_facts.suppliers(look, settings, no_token, since, last_asked=signs is not None, now=now)
    lanes, runs_since = lane_of(suppliers.values()), signs.runs_since if signs is not None else None
    for supplier in suppliers.values():
        found += judge_supplier(supplier, settings, now, lane_of=lanes, runs_since=runs_since).problems
    for each in facts.with_problems(look, settings, now):
        of_order = order_problems(
            each.order,
            each.calls,
            each.prints,
            settings,
            now,
            attempts=each.attempts,
            report=each.report,
            scan=each.scan,
            cancellation=each.cancellation,
        )
        found += with_asked(of_order, each.asked)
    found += [_stray(call) for call in facts.strays(look)]
    load_sentences(found)
    left_out = INFO if since is None else INFO | NOT_OF_A_ROUND
    found = [problem for problem in found if problem.code not in left_out]
    return sorted(found, key=lambda problem: EXIT_ORDER.index(problem.exit_code))


def lane_of(suppliers: Collection[SupplierState]) -> Mapping[str, str]:
    """Return the lane of each kind of call. Empty while only reads fail, because importing the kinds loads HTTP and ORM."""
    if not any(
        lane.failing_since is not None and lane.lane != READS for each in suppliers for lane in each.lanes.values()
    ):
        return {}
    from supplier_agent.calls import CALLS  # noqa: PLC0415 - as above

    return CALLS.lane_of


def load_sentences(found: Collection[Problem]) -> None:
    """Load the kinds of calls if a problem is about one that declares its own sentences, because loading them takes long."""
    if any(f"kind.{each.facts['kind']}" not in KINDS for each in found if "kind" in each.facts):
        from supplier_agent import calls  # noqa: F401, PLC0415 - as above


def _stray(call: Any) -> Problem:  # noqa: ANN401 - a row
    """Return the problem of a call whose order is missing."""
    code = ProblemCode.CALL_UNKNOWN if call.state == "unknown" else ProblemCode.CALL_PARKED
    facts = {"case": "stray", "row": str(call.order_id), "kind": call.kind, "detail": str(call.detail or "")}
    return Problem(code, call.supplier, facts=facts)


def strangers(tx: "Session | Look", settings: "Settings") -> list[Worded]:
    """Return the unconfigured suppliers that have open orders: nothing is sent for these."""
    found = supplier_facts.suppliers(plain_sql.within(tx), settings)
    verdicts = [
        judge_supplier(each, settings, NEVER, lane_of={})
        for name, each in found.items()
        if owner_of(name) not in settings.suppliers
    ]
    return [Words().worded(problem) for verdict in verdicts for problem in verdict.problems]


def problems(
    tx: "Session | Look",
    settings: "Settings",
    no_token: Mapping[str, str | None] | None = None,
    since: datetime | None = None,
    *,
    now: datetime,
    signs: Signs | None = None,
) -> list[Worded]:
    """Return the problems in English, with instants in UTC."""
    words = Words()
    return [words.worded(each) for each in judged(tx, settings, now, no_token=no_token, since=since, signs=signs)]


def exit_code(found: Collection[Problem | Worded]) -> int:
    """Return the exit code for these problems (public contract, "Exit codes")."""
    return worst({problem.exit_code for problem in found})


def is_stale(tx: "Session | Look", settings: "Settings", now: datetime) -> bool:
    """Tell whether the last round is older than twice the poll interval."""
    last = plain_sql.within(tx).first("SELECT max(ended_at) AS ended_at FROM runs").ended_at  # null: there was none
    slowest = max(
        max(settings.poll_interval(name, now), each.cache_seconds) for name, each in settings.suppliers.items()
    )
    # Not only if it is too old: a time far in the future was written before the clock was set back.
    return last is None or abs(now - last) > 2 * timedelta(seconds=slowest)
