"""The codes of the verdict. Values only: the sentences are in words/."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from typing import TypeAlias

    from supplier_agent.verdict.sale import Sale

    Facts: TypeAlias = dict[str, str | int | datetime]


class Stage(StrEnum):
    """The stage of an order, as in JSON: the first that applies, in this order (order.py)."""

    SHIPPED = "shipped"
    CLOSED = "closed"
    ATTENTION = "attention"
    HELD = "held"
    FLAGGED = "flagged"
    NEW = "new"
    ACKNOWLEDGED = "acknowledged"
    READY = "ready"


class Blocker(StrEnum):
    """A reason why an order is not reported as shipped, or must not be shipped by a packer. A verdict has all that apply."""

    # the order itself
    DAMAGED = "damaged"  # its data cannot be read, or an internal error stopped it: nothing is sent for it
    CLOSED = "closed"  # handled elsewhere
    HELD = "held"
    RESTORED = "restored"  # held by the agent after a restore
    LEDGER_LOST = "ledger_lost"  # held by the agent, because its ship ledger is lost
    SALE_STOPPED = "sale_stopped"  # held by the agent, because of the status of its sale
    NOT_ACKNOWLEDGED = "not_acknowledged"
    NO_LABEL = "no_label"
    VANISHED = "vanished"  # the marketplace no longer lists it, and this is significant
    SHIP_PARKED = "ship_parked"
    SHIP_UNKNOWN = "ship_unknown"
    SALE_UNCHECKED = "sale_unchecked"  # no fresh answer about its sale, and none is reported without
    # its supplier
    SUPPLIER_UNKNOWN = "supplier_unknown"  # not in the configuration
    PAUSED = "paused"
    READ_ONLY = "read_only"
    MANY_FLAGS = "many_flags"  # unusually many were marked at once: a person must approve
    TOKEN_MISSING = "token_missing"  # noqa: S105 - a code
    TOKEN_REFUSED = "token_refused"  # noqa: S105 - as above
    UNREACHABLE = "unreachable"  # the calls that it waits for currently fail
    QUIET = "quiet"  # the marketplace asked us to wait
    # changes since its label was printed
    LABEL_CHANGED = "label_changed"
    PRODUCT_CHANGED = "product_changed"
    QUANTITY_CHANGED = "quantity_changed"
    CARRIER_CHANGED = "carrier_changed"


LIFTED_BY_OVERRIDE = frozenset({Blocker.NOT_ACKNOWLEDGED, Blocker.NO_LABEL, Blocker.VANISHED})
"""What `ship ID --override NAME` overrides, if it applies at that moment."""
CHANGED = frozenset({
    Blocker.LABEL_CHANGED, Blocker.PRODUCT_CHANGED, Blocker.QUANTITY_CHANGED, Blocker.CARRIER_CHANGED,
})  # fmt: skip
"""The printed label is out of date. Printing it again fixes this."""
STOPS = CHANGED | {
    Blocker.DAMAGED, Blocker.CLOSED, Blocker.HELD, Blocker.RESTORED, Blocker.LEDGER_LOST, Blocker.VANISHED,
    Blocker.SALE_STOPPED,
}  # fmt: skip
"""The blockers with which a packer must not ship. All others only delay the report; the parcel may be shipped."""
OF_SUPPLIER = frozenset({
    Blocker.SUPPLIER_UNKNOWN, Blocker.PAUSED, Blocker.READ_ONLY, Blocker.MANY_FLAGS, Blocker.TOKEN_MISSING,
    Blocker.TOKEN_REFUSED, Blocker.UNREACHABLE, Blocker.QUIET,
})  # fmt: skip
"""The blockers that apply to every order of the supplier."""


class Act(StrEnum):
    """The actions of people: on an order, or on a supplier (the last three)."""

    SHIP = "ship"
    UNSHIP = "unship"
    OVERRIDE = "override"
    HOLD = "hold"
    RELEASE = "release"
    CLOSE = "close"
    REOPEN = "reopen"
    RETRY = "retry"
    RESOLVE = "resolve"
    SEND_AGAIN = "send_again"
    PRINT = "print"
    REPORT = "report"  # report a problem with the box
    RECALL = "recall"  # say that it did not leave, although it is marked or reported as shipped
    SETTLE = "settle"  # settle what was reported
    OPEN_CASE = "open_case"  # open an after-sales case at Menzzo
    PAUSE = "pause"
    RESUME = "resume"
    APPROVE = "approve"


class Role(StrEnum):
    """Who may do an action: packers and leads on the page, IT on the command line."""

    PACKER = "packer"
    LEAD = "lead"
    IT = "it"


_PACKER = frozenset({Act.SHIP, Act.UNSHIP, Act.PRINT, Act.REPORT, Act.RECALL})
_LEAD = _PACKER | {
    Act.HOLD, Act.RELEASE, Act.OVERRIDE, Act.CLOSE, Act.REOPEN, Act.RETRY, Act.RESOLVE, Act.SEND_AGAIN, Act.SETTLE,
    Act.OPEN_CASE,
}  # fmt: skip
MAY: Mapping[Role, frozenset[Act]] = {Role.PACKER: _PACKER, Role.LEAD: _LEAD, Role.IT: frozenset(Act)}
"""All actions of each role; a verdict has those that are possible now."""


class NextStep(StrEnum):
    """What happens next automatically, or why nothing does. The `next_code` of `order ID --json`."""

    FAULT = "fault"
    DAMAGED = "damaged"
    SHIPPED = "shipped"
    CLOSED = "closed"
    RESEND = "resend"
    UNKNOWN = "unknown"
    SUPPLIER_UNKNOWN = "supplier_unknown"
    PARKED = "parked"
    HELD = "held"
    VANISHED = "vanished"
    SENDING = "sending"
    PAUSED = "paused"
    READ_ONLY = "read_only"
    MANY_FLAGS = "many_flags"
    FIRST_START = "first_start"
    TOKEN_MISSING = "token_missing"  # noqa: S105 - a code
    TOKEN_REFUSED = "token_refused"  # noqa: S105 - as above
    OUTAGE = "outage"
    UNDO_WINDOW = "undo_window"
    LATER = "later"
    DUE = "due"
    WAREHOUSE = "warehouse"


class Severity(StrEnum):
    """The severity of a problem: urgent (now), warning (today), info (shown only with its order or supplier)."""

    INFO = "info"
    WARNING = "warning"
    URGENT = "urgent"


class Report(StrEnum):
    """What packers report about an order; `other` is anything else. An event stores it with a few words, as its detail."""

    DAMAGED = "damaged"
    MISSING = "missing"
    LABEL = "label"
    OTHER = "other"
    NOT_LEFT = "not_left"  # it is reported as shipped, or was being reported, but did not leave
    CANCELLATION = "cancellation"  # not by packers: a program asks for it on behalf of a customer (web/bot)

    def detail(self, words: str) -> str:
        """Return what the event stores. words: "" for none."""
        return f"{self}: {words}" if words else self.value

    @classmethod
    def read(cls, detail: str) -> tuple[Report, str]:
        """Return the kind and the words that `detail` stored."""
        kind, _, words = detail.partition(": ")
        return cls(kind) if kind in set(cls) else cls.OTHER, words


class ProblemCode(StrEnum):
    """The codes of problems. They are public (`status --json`)."""

    # an order
    ORDER_DAMAGED = "order_damaged"
    CALL_UNKNOWN = "call_unknown"
    CALL_PARKED = "call_parked"
    CALL_TRIED_OFTEN = "call_tried_often"
    HELD_THOUGH_MARKED = "held_though_marked"
    ORDER_VANISHED = "order_vanished"
    ORDER_REPORTED = "order_reported"
    CANCELLATION_ASKED = "cancellation_asked"
    WAITING = "waiting"
    UNFLAGGED = "unflagged"
    CHANGED_SINCE_PRINTED = "changed_since_printed"
    LABEL_DOUBTFUL = "label_doubtful"
    FIELD_UNREADABLE = "field_unreadable"
    SALE_STOPPED = "sale_stopped"
    SALE_DOUBTFUL = "sale_doubtful"
    NEVER_SCANNED = "never_scanned"
    # a supplier
    SHIP_OVERDUE = "ship_overdue"
    PAUSED = "paused"
    FLAGS_UNUSUAL = "flags_unusual"
    FIRST_START = "first_start"
    TOKEN_MISSING = "token_missing"  # noqa: S105 - a code
    TOKEN_REFUSED = "token_refused"  # noqa: S105 - as above
    TOKEN_OLD = "token_old"  # noqa: S105 - as above
    TOKEN_NEXT_IN_USE = "token_next_in_use"  # noqa: S105 - as above
    QUIET = "quiet"
    READS_FAILING = "reads_failing"
    WRITES_FAILING = "writes_failing"
    LABELS_FAILING = "labels_failing"
    CALLS_FAILING = "calls_failing"  # any other lane
    READ_LATE = "read_late"
    NOT_FULLY_READ = "not_fully_read"
    NOT_READ = "not_read"
    ENTRY_REJECTED = "entry_rejected"
    MASS_DISAPPEARANCE = "mass_disappearance"
    MARKETPLACE_CHANGED = "marketplace_changed"
    UNKNOWN_FIELDS = "unknown_fields"
    SWEEPS_WIDENED = "sweeps_widened"
    SILENCE = "silence"
    SUPPLIER_UNKNOWN = "supplier_unknown"
    # the installation
    AGENT_HUNG = "agent_hung"
    AGENT_DIED = "agent_died"
    NOT_RUNNING = "not_running"
    NEVER_RUN = "never_run"
    WORKERS_HUNG = "workers_hung"
    AGENT_TROUBLE = "agent_trouble"  # any other problem that a process reports about itself
    PAGE_NOT_LISTENING = "page_not_listening"
    DATABASE_FAILED = "database_failed"
    DATABASE_LOCKED = "database_locked"
    DISK_LOW = "disk_low"
    DISK_FULL = "disk_full"
    CLOCK_OFF = "clock_off"
    CONFIGURATION_REFUSED = "configuration_refused"
    ALERTS_FAILED = "alerts_failed"
    READ_ONLY = "read_only"
    LEDGER_LOST = "ledger_lost"
    EVIDENCE_BROKEN = "evidence_broken"
    HELD_AFTER_RESTORE = "held_after_restore"
    WEBHOOK_FAILING = "webhook_failing"
    WEBHOOK_PARKED = "webhook_parked"
    MESSAGE_STUCK = "message_stuck"  # of a supplier: what its own bot was not told, or perhaps not


URGENT = frozenset({
    ProblemCode.CALL_UNKNOWN, ProblemCode.TOKEN_MISSING, ProblemCode.TOKEN_REFUSED, ProblemCode.FLAGS_UNUSUAL,
    ProblemCode.FIRST_START, ProblemCode.READ_LATE, ProblemCode.AGENT_HUNG, ProblemCode.AGENT_DIED,
    ProblemCode.NOT_RUNNING, ProblemCode.WORKERS_HUNG, ProblemCode.PAGE_NOT_LISTENING, ProblemCode.DATABASE_FAILED,
    ProblemCode.DATABASE_LOCKED, ProblemCode.DISK_FULL, ProblemCode.CONFIGURATION_REFUSED, ProblemCode.LEDGER_LOST,
    ProblemCode.HELD_AFTER_RESTORE, ProblemCode.CANCELLATION_ASKED,
})  # fmt: skip
INFO = frozenset({
    ProblemCode.CALL_TRIED_OFTEN, ProblemCode.LABEL_DOUBTFUL, ProblemCode.FIELD_UNREADABLE, ProblemCode.QUIET,
    ProblemCode.SALE_DOUBTFUL, ProblemCode.SWEEPS_WIDENED,
})  # fmt: skip
EXIT_CODES: Mapping[str, int] = {
    ProblemCode.TOKEN_MISSING: 78,
    ProblemCode.CONFIGURATION_REFUSED: 78,
    ProblemCode.DATABASE_FAILED: 74,
    ProblemCode.DATABASE_LOCKED: 74,
    ProblemCode.DISK_FULL: 74,
    ProblemCode.TOKEN_REFUSED: 77,
    ProblemCode.READS_FAILING: 69,
    ProblemCode.WRITES_FAILING: 69,
    ProblemCode.LABELS_FAILING: 69,
    ProblemCode.CALLS_FAILING: 69,
    ProblemCode.WEBHOOK_FAILING: 69,
}
"""The exit code for a problem (public contract); every other problem needs a person (1)."""


REPORTS = (ProblemCode.ORDER_REPORTED, ProblemCode.CANCELLATION_ASKED)
"""The problems that last until a lead settles them; the first are shown first."""


def severity_of(code: str) -> Severity:
    """Return the severity of a code."""
    if code in URGENT:
        return Severity.URGENT
    return Severity.INFO if code in INFO else Severity.WARNING


@dataclass(frozen=True)
class Problem:
    """One problem, as codes and facts, without prose.

    supplier: None for the whole installation. order: its menzzo_order_id; None for a whole supplier, or the installation.
    since: None if it is not known. facts: the values in its sentence; `case` chooses between several sentences of one code.
    """

    code: ProblemCode
    supplier: str | None = None
    order: str | None = None
    since: datetime | None = None
    facts: Mapping[str, str | int | datetime] = field(default_factory=dict, hash=False)

    @property
    def severity(self) -> Severity:
        """Its severity."""
        return severity_of(self.code)

    @property
    def asked_at(self) -> datetime | None:
        """When Menzzo was last asked about it (letters.py); None: never."""
        at = self.facts.get("asked")
        return None if at is None or isinstance(at, (str, int)) else at

    @property
    def exit_code(self) -> int:
        """The exit code of `status` if this is the worst problem; 0 for an info."""
        return 0 if self.code in INFO else EXIT_CODES.get(self.code, 1)


@dataclass(frozen=True)
class Next:
    """What happens next. `at`: None if the time is not known. `kind`: the kind of call; "" for none.

    waits_for: the blockers of the order itself that a marked order waits for. facts: the values in the sentence.
    """

    step: NextStep
    at: datetime | None = None
    kind: str = ""
    waits_for: tuple[Blocker, ...] = ()
    facts: Mapping[str, str | int | datetime] = field(default_factory=dict, hash=False)


class Due(StrEnum):
    """How an order is by the ship-by clock of its supplier. They are public (`orders --json`)."""

    ON_TRACK = "on_track"
    AT_RISK = "at_risk"  # less than a day is left
    OVERDUE = "overdue"


@dataclass(frozen=True)
class ShipBy:
    """Until when an order must leave."""

    at: datetime
    due: Due


@dataclass(frozen=True)
class Verdict:
    """The verdict on one order. `evidence`: why it counts as shipped; None: it does not, or this was not recorded.

    unverified: its acknowledgement got no clear yes. ship_by: None: no clock runs for it.
    sale: what is known of its sale; None: its supplier does not use the support API.
    """

    stage: Stage
    evidence: str | None
    unverified: bool
    blockers: tuple[Blocker, ...]
    may: Mapping[Role, frozenset[Act]] = field(hash=False)
    next: Next
    problems: tuple[Problem, ...]
    ship_by: ShipBy | None = None
    sale: Sale | None = None

    @property
    def stops(self) -> tuple[Blocker, ...]:
        """Why a packer must not ship it; empty if the parcel may be shipped."""
        return tuple(each for each in self.blockers if each in STOPS)

    @property
    def doubtful(self) -> bool:
        """Whether its label may be the wrong one. A packer compares it with the order, and may ship."""
        return any(problem.code is ProblemCode.LABEL_DOUBTFUL for problem in self.problems)

    @property
    def report(self) -> str:
        """The kind of what was reported about it, until a lead settles it: by a packer, else by a program; "" if nothing."""
        found = {problem.code: str(problem.facts["report"]) for problem in self.problems if problem.code in REPORTS}
        return next((found[code] for code in REPORTS if code in found), "")


@dataclass(frozen=True)
class SupplierVerdict:
    """The verdict on one supplier. `because`: why its state is not `ok`. next_read_at: None while it is paused."""

    state: str  # ok, paused, failing
    because: tuple[Problem, ...]
    problems: tuple[Problem, ...]
    next_read_at: datetime | None
    may: frozenset[Act]
