"""Everything we remember, on one screen. Beside each nullable column: what null means.

Instants are UTC; in SQLite they are text `YYYY-MM-DD HH:MM:SS.ffffff`. Stages are not stored: order.py computes them.
"""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from supplier_agent.db import columns

UNREAD = (
    "label_sha256 IS NOT NULL AND coalesce(label_read_sha256, '') <> label_sha256"
    " AND ship_confirmed_at IS NULL AND closed_reason IS NULL"
)
"""A label in which barcodes were not looked for yet, of an order that is still open. Index and query must say the same."""


WITHOUT_A_YES = "ship_confirmed_at IS NOT NULL AND coalesce(ship_evidence, '') <> 'confirmed'"
"""Shipped, but not by a clear yes of the marketplace. Index and query must say the same."""


def _partial(name: str, *columns: str, where: str) -> Index:
    """Return an index of those rows alone for which `where` holds, in either database."""
    return Index(name, *columns, sqlite_where=text(where), postgresql_where=text(where))


class Order(SQLModel, table=True):
    """One `menzzo_order_id` of one supplier: what the marketplace said, what we did, what a person decided."""

    __tablename__ = "orders"
    __table_args__ = (
        UniqueConstraint("supplier", "menzzo_order_id"),
        CheckConstraint("shipped IN (0, 1)", name="shipped_is_0_or_1"),
        Index("orders_by_menzzo_order_id", "menzzo_order_id"),
        # The page's list, in its order, with all that it is counted by; the last two, so that the table is not looked at.
        _partial(
            "orders_listed",
            "order_date",
            "supplier",
            "increment_id",
            "id",
            "shipped",
            "carrier",
            "ship_confirmed_at",
            "closed_reason",
            where="ship_confirmed_at IS NULL AND closed_reason IS NULL",
        ),
        # What a scanner may read off a box: the customer's order, or the last part of an id.
        Index("orders_by_increment_id", "increment_id"),
        Index("orders_by_sale_product_id", "sale_product_id"),
        _partial("orders_by_sku", "sku", where="ship_confirmed_at IS NULL AND closed_reason IS NULL"),
        # In which labels must barcodes still be looked for? What left the building, and when?
        _partial("orders_label_unread", "label_sha256", where=UNREAD),
        _partial("orders_by_shipped_at", "shipped_at", where="shipped_at IS NOT NULL"),
        # The planner asks only for what changed, and for what is still open; both stay small for ever.
        _partial("orders_to_plan", "supplier", where="planned_at IS NULL"),
        _partial("orders_open", "supplier", where="ship_confirmed_at IS NULL AND closed_reason IS NULL"),
        # With the open ones, it tells how many are shipped without a look at each of them.
        _partial("orders_closed", "supplier", where="ship_confirmed_at IS NULL AND closed_reason IS NOT NULL"),
        # The few that are shipped without the marketplace's yes, so that those with it need not be counted one by one.
        _partial("orders_without_a_yes", "supplier", "ship_evidence", where=WITHOUT_A_YES),
    )

    id: int | None = Field(default=None, primary_key=True)  # null only before the row is written
    supplier: str
    menzzo_order_id: str
    increment_id: str
    sale_product_id: str
    sku: str | None = None  # null: the marketplace sent none that could be read
    quantity: int | None = None  # null: as above
    price_cents: int | None = None  # null: as above
    carrier: str | None = None  # null: not named yet, or unreadable
    order_date: date | None = None  # null: unreadable
    link_to_label: str | None = None  # null: no link yet
    problem: str | None = None  # null: every field could be read
    first_seen_at: datetime
    acknowledged_at: datetime | None = None  # null: the marketplace has not confirmed it
    acknowledge_evidence: str | None = None  # confirmed or unverified; null: not acknowledged, or it was not recorded
    label_link: str | None = None  # the link, without its query, whose file is on disk; null: no label yet
    label_path: str | None = None  # relative to state_dir; null: no label yet
    label_sha256: str | None = None  # null: no label yet
    label_bytes: int | None = None  # null: no label yet
    label_read_sha256: str | None = None  # the label in which barcodes were looked for; null: in none yet
    shipped: int = 0  # the flag: 1 = a person says that it has left the building
    shipped_at: datetime | None = None  # when it was flagged; null: not flagged
    ship_confirmed_at: datetime | None = None  # the ship call is settled as done; null: not yet, as far as we know
    ship_evidence: str | None = None  # on what: confirmed, unverified or person; null: not done, or it was not recorded
    undo_opened_at: datetime | None = None  # let go on: the undo window starts then; null: with the flag
    override_by: str | None = None  # who lets it go without label or acknowledgement; null: nobody
    override_covers: str | None = None  # blockers that this person was shown, as codes with commas; null: no override
    held_reason: str | None = None  # null: not held
    held_code: str | None = None  # why the agent held it: restored, ledger_lost; null: a person did, or it is not held
    closed_reason: str | None = None  # null: ours to deal with
    planned_at: datetime | None = None  # null: facts have changed since its calls were last derived
    last_listed_at: datetime | None = None  # when a reading last showed it; null: not since this column is there
    missed_at: datetime | None = None  # a complete reading of its day no longer showed it; null: it is listed
    vanished_at: datetime | None = (
        None  # the same, and that means something; null: it is listed, or its absence says nothing
    )
    fault: str | None = None  # the internal error that parked it, until a person's retry; null: none


class Installation(SQLModel, table=True):
    """Which ship ledger belongs to this database, and how far both agree (rollback.py). One row."""

    __tablename__ = "installation"

    id: int = Field(default=1, primary_key=True)
    ledger_id: str | None = None  # null: no agent has started on this database yet
    epoch: int = 0  # counted at each start and end, here and in the ledger
    last_decision: int = 0  # events up to this id are in the ledger, as far as they are decisions
    ledger_lost_at: datetime | None = None  # null: the ledger is there, and is ours
    ledger_lost_why: str | None = None  # null: as above
    new_ledger_by: str | None = None  # who says that a new one may be begun; null: nobody, or it was begun


class Call(SQLModel, table=True):
    """One outward call that we owe, or owed, for an order: the outbox. Written by outbox.py alone."""

    __tablename__ = "calls"
    __table_args__ = (
        UniqueConstraint("order_id", "kind"),
        CheckConstraint("state IN ('owed', 'sending', 'done', 'parked', 'unknown', 'dropped')", name="state_is_known"),
        # Asked at every slot: what is due next for this supplier?
        _partial("calls_owed", "supplier", "kind", "due_at", where="state = 'owed'"),
        # Asked by status and by the pages: what needs a person? And at start: what was being sent?
        _partial("calls_stuck", "order_id", where="state IN ('sending', 'parked', 'unknown')"),
    )

    id: int | None = Field(default=None, primary_key=True)  # null only before the row is written
    order_id: int = Field(foreign_key="orders.id")
    supplier: str
    kind: str
    subject: str = ""  # what it is about, if that can change (the label's link); a new subject is owed anew
    state: str = "owed"
    owed_at: datetime  # since when; a person's retry starts it again
    due_at: datetime | None = None  # null: not to be sent (done, parked, unknown, dropped)
    attempts: int = 0  # counted before each try; also the fencing number of a claim
    strikes: int = 0  # answers about this very order; outages do not count
    detail: str | None = None  # why it is parked, unknown or waiting, for people; null: nothing to say


class Attempt(SQLModel, table=True):
    """One try of one call, written before the request leaves. Append only: an ended row never changes."""

    __tablename__ = "attempts"
    __table_args__ = (UniqueConstraint("call_id", "number"),)

    id: int | None = Field(default=None, primary_key=True)  # null only before the row is written
    call_id: int = Field(foreign_key="calls.id")
    number: int  # the first is 1
    started_at: datetime
    ended_at: datetime | None = None  # null: it runs, or the process died in it
    outcome: str | None = None  # done, later, not_sent, refused, unknown; null: as above
    http_status: int | None = None  # null: no answer came
    detail: str | None = None  # the answer word for word, or what happened instead; null: as above


class Supplier(SQLModel, table=True):
    """What we know of one account as a whole."""

    __tablename__ = "suppliers"

    name: str = Field(primary_key=True)
    cursor: str | None = None  # last_menzzo_order_number of the next poll; null: nothing read yet
    cursor_refused: str | None = None  # the cursor that the server did not know; null: none
    cursor_distrusted_at: datetime | None = None  # since when polls go by date, as the cursor misled us; null: trusted
    token_refused_at: datetime | None = None  # null: the token works, as far as we know
    quiet_until: datetime | None = None  # the marketplace asked for silence until then; null: it did not
    last_success_at: datetime | None = None  # the last read that ended well; null: none yet
    paused_at: datetime | None = None  # a person, or a brake, stopped everything; null: not paused
    paused_by: str | None = None  # who: a person's name, or "agent"; null: not paused
    paused_reason: str | None = None  # null: not paused
    resumed_at: datetime | None = None  # a person last let it go on; null: never paused
    flags_asked_at: datetime | None = None  # so many flags at once that a person is asked first; null: nothing to ask
    flags_agreed_at: datetime | None = None  # flags up to then may go, a person said; null: never asked
    token_mark: str | None = None  # tells one token from another, nothing more; null: none was used yet
    token_since: datetime | None = None  # first use of that token; null: none was used yet
    token_key: str | None = None  # which key of the configuration it stands in, token or token_next; null: as above


class Lane(SQLModel, table=True):
    """How reads, writes or labels of a supplier are going. Outages count here, not against the orders."""

    __tablename__ = "lanes"

    supplier: str = Field(primary_key=True)
    lane: str = Field(primary_key=True)  # reads, writes, labels
    failures: int = 0
    failing_since: datetime | None = None  # null: it works
    failed_at: datetime | None = None  # the last failure; null: it works
    resume_at: datetime | None = None  # nothing goes before; null: it works
    reason: str | None = None  # null: it works
    last_order_id: int | None = None  # whose call failed last: another goes first; null: none
    redirected_to: str | None = None  # the host that a call of this outage was redirected to; null: none was


class Run(SQLModel, table=True):
    """One reading of a date range, page by page: what was asked for, and what it proved."""

    __tablename__ = "runs"
    __table_args__ = (Index("runs_by_supplier", "supplier", "purpose", "id"),)

    id: int | None = Field(default=None, primary_key=True)  # null only before the row is written
    supplier: str
    purpose: str  # poll, sweep, resync, probe
    date_from: date
    date_to: date | None = None  # null: up to the newest
    requested_at: datetime
    started_at: datetime | None = None  # null: a resync that waits for its turn
    ended_at: datetime | None = None  # null: it runs or waits
    pages: int = 0
    listed: int = 0
    added: int = 0  # orders that were new to us
    proof: str | None = None  # complete, partial (the server does not show all it has), failed; null: not ended
    detail: str | None = None  # null: nothing to add


class Read(SQLModel, table=True):
    """The journal of get-sales: every request that was answered or failed. Append only."""

    __tablename__ = "reads"
    __table_args__ = (
        Index("reads_by_url", "supplier", "url", "started_at"),
        Index("reads_by_run", "run_id"),
        # Asked by the coverage ledger; empty where the server does not say how old its answers are.
        _partial("reads_with_age", "run_id", "age_seconds", where="age_seconds IS NOT NULL"),
    )

    id: int | None = Field(default=None, primary_key=True)  # null only before the row is written
    run_id: int | None = Field(default=None, foreign_key="runs.id")  # null: a call, check or a dry run asked
    supplier: str
    url: str  # path and query
    started_at: datetime
    ended_at: datetime
    tries: int
    outcome: str  # listed, or how it failed
    http_status: int | None = None  # null: no answer came
    listed: int = 0
    added: int = 0
    sha256: str | None = None  # of the body; null: it failed
    age_seconds: int | None = None  # how long the answer had been in a cache, if the server says so; null: it does not
    ahead_seconds: int | None = None  # the server's clock less ours; null: its answer bore no time
    detail: str | None = None  # null: nothing to add


class RejectedEntry(SQLModel, table=True):
    """A listed entry without a usable id, word for word. Never dropped."""

    __tablename__ = "rejected_entries"
    __table_args__ = (UniqueConstraint("supplier", "sha256"),)

    id: int | None = Field(default=None, primary_key=True)  # null only before the row is written
    supplier: str
    received_at: datetime
    last_listed_at: datetime
    raw: str  # as it stood in the answer; bytes that are not UTF-8 are escaped here
    raw_bytes: bytes | None = None  # as it was received, where that is not UTF-8; null: raw is it
    reason: str
    sha256: str  # of what was received: the same entry listed again is one row


class Event(SQLModel, table=True):
    """The history of an order beside its calls: who flagged, held or decided, and what the marketplace changed."""

    __tablename__ = "events"
    __table_args__ = (
        Index("events_by_order", "order_id"),
        # What packers report as wrong, among the many events that nobody waits for.
        _partial("events_reported", "order_id", where="what IN ('problem reported', 'problem settled')"),
    )

    id: int | None = Field(default=None, primary_key=True)  # null only before the row is written
    order_id: int = Field(foreign_key="orders.id")
    at: datetime
    who: str  # a person's name, "marketplace", "agent", or "sql" for a statement in the database
    what: str
    detail: str | None = None  # null: nothing to add
    station: str | None = None  # where on the page it was done; null: not on the page


class Print(SQLModel, table=True):
    """A label that was printed from the page, and what was known of the order then: what is on the parcel."""

    __tablename__ = "prints"
    __table_args__ = (Index("prints_by_order", "order_id"),)

    id: int | None = Field(default=None, primary_key=True)  # null only before the row is written
    order_id: int = Field(foreign_key="orders.id")
    printed_at: datetime
    who: str
    station: str | None = None  # null: not at a station of the page
    printer: str  # its name, or "browser"
    label_sha256: str | None = None  # null: not known
    sku: str | None = None  # null: the marketplace had sent none that could be read
    quantity: int | None = None  # null: as above
    carrier: str | None = None  # null: not named yet, or unreadable


class Barcode(SQLModel, table=True):
    """A code printed on the carrier's label of an order: what a scanner reads off the box."""

    __tablename__ = "barcodes"
    __table_args__ = (UniqueConstraint("order_id", "code"), Index("barcodes_by_code", "code"))

    id: int | None = Field(default=None, primary_key=True)  # null only before the row is written
    order_id: int = Field(foreign_key="orders.id")
    code: str
    label_sha256: str  # the label it was read from


class Person(SQLModel, table=True):
    """Somebody who works on the page."""

    __tablename__ = "people"

    name: str = Field(primary_key=True)
    role: str  # packer or lead
    pin_scrypt: str
    added_at: datetime
    left_at: datetime | None = None  # null: may still work
    sessions_ended: int = Field(default=0, sa_column_kwargs={"server_default": "0"})  # how often all of them were


class Submission(SQLModel, table=True):
    """An act that the page sent, by its key: sent again after a cut line, it is answered and not done twice."""

    __tablename__ = "submissions"

    key: str = Field(primary_key=True)
    at: datetime
    answer: str  # JSON


class Alert(SQLModel, table=True):
    """Something that went wrong for a while: told once when it began, and once when it was over."""

    __tablename__ = "alerts"
    __table_args__ = (_partial("alerts_open", "cause", "supplier", where="solved_at IS NULL"),)

    id: int | None = Field(default=None, primary_key=True)  # null only before the row is written
    cause: str
    supplier: str | None = None  # null: it concerns the whole installation
    text: str
    since: datetime
    told_at: datetime | None = None  # null: not told yet
    told_count: int | None = None  # about how many orders it was when it was told; null: not told yet
    solved_at: datetime | None = None  # null: it lasts
    solved_told_at: datetime | None = None  # null: it lasts, or its end was not told yet


class Chore(SQLModel, table=True):
    """Work that comes round by itself, and when it was last done."""

    __tablename__ = "chores"

    name: str = Field(primary_key=True)
    done_at: datetime
    detail: str | None = None  # null: nothing to add


columns.tolerate(SQLModel.metadata.tables.values())
