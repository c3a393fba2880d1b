"""`status`: how things stand, as JSON for programs and as one screen for people."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session

from supplier_agent import health, lanes, pull, standing
from supplier_agent.explain import instant
from supplier_agent.health import Problem
from supplier_agent.order import STAGES
from supplier_agent.printable import on_one_line
from supplier_agent.settings import Settings

NOT_RUNNING = 3
NOTHING_YET = "nothing has run yet\n  supplier-agent check, then: supplier-agent run --once --dry-run"


@dataclass(frozen=True)
class Told:
    """How things stand. `suppliers` has the keys of the contract ("JSON")."""

    running: bool
    suppliers: dict[str, dict[str, object]]
    problems: list[Problem]
    stale: bool

    @property
    def exit_code(self) -> int:
        """Return 3 if nobody works on it any more, else the code of the worst problem."""
        return NOT_RUNNING if self.stale and not self.running else health.exit_code(self.problems)

    def as_json(self) -> dict[str, object]:
        """Return the object of `status --json`."""
        return {
            "schema": 1,
            "healthy": self.exit_code == 0,
            "running": self.running,
            "suppliers": self.suppliers,
            "problems": [
                {"supplier": each.supplier, "menzzo_order_id": each.order, "what": each.what, "cure": each.cure}
                for each in self.problems
            ],
        }


def tell(tx: Session, settings: Settings, now: datetime, *, running: bool) -> Told:
    """Read how things stand."""
    problems = health.problems(tx, settings, {})
    suppliers = {name: _supplier(tx, settings, name, now) for name in settings.suppliers}
    stale = health.is_stale(tx, settings, now)
    if stale and not running:
        what = "nothing runs, and the last round is older than twice the poll interval"
        problems.insert(0, Problem("", None, what, "systemctl start supplier-agent (or: supplier-agent run)", 1))
    return Told(running, suppliers, problems, stale)


def before_the_first_run(settings: Settings, *, running: bool) -> dict[str, object]:
    """Return the object of `status --json` while there is no database yet."""
    nothing = {"state": "failing", "last_success_at": None, "next_poll_at": None, "reason": "never read yet"}
    problem = {
        "supplier": "",
        "menzzo_order_id": None,
        "what": "nothing has run yet",
        "cure": "supplier-agent run --once",
    }
    counted = {"counts": dict.fromkeys(STAGES, 0), "rejected_entries": 0}
    return {
        "schema": 1,
        "healthy": False,
        "running": running,
        "suppliers": dict.fromkeys(settings.suppliers, nothing | counted),
        "problems": [problem],
    }


def _supplier(tx: Session, settings: Settings, name: str, now: datetime) -> dict[str, object]:
    supplier = standing.known_supplier(tx, name)
    failing = health.failing_lanes(tx, name)
    if supplier.token_refused_at is not None:
        state, reason = "paused", lanes.of(tx, name, lanes.READS).reason or "the marketplace refused the token"
    elif supplier.quiet_until is not None and supplier.quiet_until > now:
        state, reason = "paused", f"the marketplace asked for silence until {supplier.quiet_until:%H:%M:%S} UTC"
    elif failing:
        state, reason = "failing", "; ".join(f"{lane.lane}: {lane.reason}" for lane in failing)
    else:
        state, reason = "ok", None
    found = health.counts(tx, name)
    return {
        "state": state,
        "last_success_at": instant(supplier.last_success_at),
        "next_poll_at": instant(pull.due(tx, name, settings, now).at),
        "reason": reason,
        "counts": {stage: found.get(stage, 0) for stage in STAGES},
        "rejected_entries": health.rejected_entries(tx, name),
    }


def table(told: Told, now: datetime) -> str:
    """Return the screen for people. The most important line comes last."""
    heads = ["SUPPLIER", "STATE", "LAST OK", "NEXT", *(stage.upper() for stage in STAGES if stage != "closed")]
    rows = [heads]
    for name, supplier in told.suppliers.items():
        counted = supplier["counts"]
        assert isinstance(counted, dict)  # noqa: S101 - made above
        numbers = [str(counted[stage]) for stage in STAGES if stage != "closed"]
        rows.append(
            [
                name,
                str(supplier["state"]),
                _ago(supplier["last_success_at"], now),
                _ahead(supplier["next_poll_at"], now),
                *numbers,
            ]
        )
    widths = [max(len(row[i]) for row in rows) for i in range(len(heads))]
    lines = ["the agent is running" if told.running else "the agent is not running", ""]
    lines += ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    if told.problems:
        lines += ["", f"{len(told.problems)} problem{'s' if len(told.problems) > 1 else ''}:"]
    for each in told.problems:
        about = " ".join(part for part in (each.order, each.supplier) if part)
        lines.append(on_one_line(f"  {about}: {each.what}" if about else f"  {each.what}"))
        if each.cure:
            lines.append(on_one_line(f"      {each.cure}"))
    lines += ["", "all is well" if told.exit_code == 0 and not told.problems else "see above"]
    return "\n".join(lines)


def _span(seconds: float) -> str:
    for unit, name in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= unit:
            return f"{seconds / unit:.0f} {name}"
    return f"{seconds:.0f} s"


def _ago(at: object, now: datetime) -> str:
    return f"{_span((now - datetime.fromisoformat(str(at))).total_seconds())} ago" if at else "never"


def _ahead(at: object, now: datetime) -> str:
    wait = datetime.fromisoformat(str(at)) - now if at else timedelta(0)
    return f"in {_span(wait.total_seconds())}" if wait > timedelta(seconds=1) else "now"
