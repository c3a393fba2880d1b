"""The messages: few lines for a phone, each trouble with the one command that cures it. Pure, but for the daily report's counts."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from supplier_agent.alerts.decide import Decision, Fact
from supplier_agent.db.plain_sql import Look, text, within
from supplier_agent.db.tables import Alert
from supplier_agent.order import STAGES
from supplier_agent.reading import coverage
from supplier_agent.reports import counts, health
from supplier_agent.reports.vitals import Signs
from supplier_agent.settings import Settings

OPEN = tuple(stage for stage in STAGES if stage not in {"shipped", "closed"})
MOST_PROBLEMS = 10


@dataclass(frozen=True)
class Message:
    """A title and some lines, as plain text."""

    title: str
    body: str


def about(fact: Fact) -> str:
    """Return what a row of alerts keeps of a fact: the trouble, and in a second line its cure."""
    return f"{fact.text}\n{fact.cure}" if fact.cure else fact.text


def changed(decision: Decision, where: str) -> Message:
    """Return the message about what began and what is over. `where`: the machine's name, for who looks after several."""
    bad, good = len(decision.tell_bad), len(decision.tell_good)
    counted = [f"{bad} problem{'s' if bad > 1 else ''}"] if bad else []
    counted += ["well again" if not bad else f"{good} solved"] if good else []
    lines = [_line("PROBLEM", row) for row in decision.tell_bad] + [_line("solved", row) for row in decision.tell_good]
    return Message(f"supplier-agent on {where}: {', '.join(counted)}", "\n".join(lines))


def _line(word: str, row: Alert) -> str:
    what, _, cure = row.text.partition("\n")
    cured = f"\n    {cure}" if cure and word == "PROBLEM" else ""
    return f"{word}: {row.supplier + ': ' if row.supplier else ''}{what}{cured}"


def report(
    tx: Session, settings: Settings, since: datetime, now: datetime, where: str, signs: Signs | None = None
) -> Message:
    """Return the daily report: what came in, was acknowledged and shipped since then, what is open, what is wrong."""
    look = within(tx)
    lines = [_of_supplier(tx, look, settings, name, since, now) for name in settings.suppliers]
    problems = health.problems(look, settings, now=now, signs=signs)
    lines += ["", f"{len(problems)} problem{'' if len(problems) == 1 else 's'}" + (":" if problems else "")]
    for each in problems[:MOST_PROBLEMS]:
        about = " ".join(filter(None, (each.order, each.supplier)))
        lines.append(f"- {about}: {each.what}" if about else f"- {each.what}")
    if len(problems) > MOST_PROBLEMS:
        lines.append(f"- and {len(problems) - MOST_PROBLEMS} more: supplier-agent status")
    local = now.astimezone(settings.timezone)
    return Message(f"supplier-agent on {where}: daily report of {local:%Y-%m-%d}", "\n".join(lines))


def _of_supplier(tx: Session, look: Look, settings: Settings, name: str, since: datetime, now: datetime) -> str:
    counted = look.first(
        """
        SELECT sum(first_seen_at >= ?2) AS came, sum(acknowledged_at >= ?2) AS acknowledged,
               sum(ship_confirmed_at >= ?2) AS shipped,
               sum(ship_confirmed_at >= ?2 AND coalesce(ship_evidence, '') <> 'confirmed') AS without_a_yes
          FROM orders WHERE supplier = ?1
        """,
        name, text(since),
    )  # fmt: skip
    stages = counts.counts(look, name)
    is_open = sum(stages.get(stage, 0) for stage in OPEN)
    which = ", ".join(f"{stages[stage]} {stage}" for stage in OPEN if stages.get(stage))
    gaps = coverage.gaps(tx, settings, name, now)
    read = f"; {len(gaps)} days not proved complete" if gaps else "; every day proved complete"
    done = f"{counted.came or 0} came in, {counted.acknowledged or 0} acknowledged, {counted.shipped or 0} shipped"
    done += f" ({counted.without_a_yes} of them without the marketplace's clear yes)" if counted.without_a_yes else ""
    return f"{name}: {done}; {is_open} open{f' ({which})' if which else ''}{read}"


def trial(where: str) -> Message:
    """Return the message of `alerts test`."""
    return Message(f"supplier-agent on {where}: a test", "If you read this, alerts arrive here. Nothing is wrong.")
