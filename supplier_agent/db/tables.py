"""The tables of orders, calls and reads. Next to each nullable column: what null means.

Instants are UTC; in SQLite they are text `YYYY-MM-DD HH:MM:SS.ffffff`. Stages are not stored: order.py computes them.
"""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from supplier_agent.db.columns import tolerate  # noqa: F401 - of each table that is defined from here on

UNREAD = (
    "label_sha256 IS NOT NULL AND (coalesce(label_read_sha256, '') <> label_sha256 OR label_pages IS NULL)"
    " AND ship_confirmed_at IS NULL AND closed_reason IS NULL"
)
"""A label of an open order that was not read and counted yet. Index and query must use the same text."""


WITHOUT_A_YES = "ship_confirmed_at IS NOT NULL AND coalesce(ship_evidence, '') <> 'confirmed'"
"""Shipped, but without a clear yes of the marketplace. Index and query must use the same text."""


def _partial(name: str, *columns: str, where: str) -> Index:
    """Return an index of only those rows for which `where` holds."""
    return Index(name, *columns, sqlite_where=text(where))


class Order(SQLModel, table=True):
    """One `menzzo_order_id` of one supplier: what the marketplace said, what we did, what a person decided."""

    __tablename__ = "orders"
    __table_args__ = (
        UniqueConstraint("supplier", "menzzo_order_id"),
        CheckConstraint("shipped IN (0, 1)", name="shipped_is_0_or_1"),
        Index("orders_by_menzzo_order_id", "menzzo_order_id"),
        # The page's list, sorted, with all columns that it counts by. With the last two, the table itself is not read.
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
        # Coverage counts the orders of each day, and those that came late, in this index alone. The supplier is not its first
        # column: for questions about the open orders of a supplier, SQLite would use it instead of the small indexes below.
        Index("orders_by_day", "order_date", "supplier", "first_seen_at"),
        # The orders that are overdue by the ship-by clock, or not marked for long; with all that counts, so that the table is
        # not read.
        _partial(
            "orders_clocked",
            *("supplier", "first_seen_at", "held_reason", "vanished_at", "override_by", "override_covers"),
            *("shipped", "ship_confirmed_at", "closed_reason", "acknowledged_at"),
            where="ship_confirmed_at IS NULL AND closed_reason IS NULL AND shipped = 0",
        ),
        # What a scanner may read on a box: the customer's order number, or the last part of an id.
        Index("orders_by_increment_id", "increment_id"),
        Index("orders_by_sale_product_id", "sale_product_id"),
        _partial("orders_by_sku", "sku", where="ship_confirmed_at IS NULL AND closed_reason IS NULL"),
        # Labels that have not been searched for barcodes. Orders by the time of their mark.
        _partial("orders_label_unread", "label_sha256", where=UNREAD),
        _partial("orders_by_shipped_at", "shipped_at", where="shipped_at IS NOT NULL"),
        # How many orders of a supplier were asked about after-sales today.
        _partial("orders_after_sales", "supplier", "after_sales_at", where="after_sales_at IS NOT NULL"),
        # The planner reads only orders that changed and orders that are open; both stay few.
        _partial("orders_to_plan", "supplier", where="planned_at IS NULL"),
        _partial("orders_open", "supplier", where="ship_confirmed_at IS NULL AND closed_reason IS NULL"),
        # The few open orders that are on hold, vanished, new or without a label; with all that is asked, so that it is used.
        _partial(
            "orders_set_aside",
            *("supplier", "held_reason", "vanished_at", "fault", "acknowledged_at", "label_path"),
            *("ship_confirmed_at", "closed_reason"),
            where="ship_confirmed_at IS NULL AND closed_reason IS NULL AND (held_reason IS NOT NULL OR vanished_at IS NOT NULL"
            " OR fault IS NOT NULL OR acknowledged_at IS NULL OR label_path IS NULL)",
        ),
        # With orders_open, it gives the number of shipped orders without reading each of them.
        _partial("orders_closed", "supplier", where="ship_confirmed_at IS NULL AND closed_reason IS NOT NULL"),
        # The few orders that are shipped without the marketplace's yes, so that the many others need not be counted one by one.
        _partial("orders_without_a_yes", "supplier", "ship_evidence", where=WITHOUT_A_YES),
    )

    id: int | None = Field(default=None, primary_key=True)  # null only before the row is written
    supplier: str
    menzzo_order_id: str
    increment_id: str
    sale_product_id: str
    sku: str | None = None  # null: the marketplace sent no readable one
    quantity: int | None = None  # null: as above
    price_cents: int | None = None  # null: as above
    carrier: str | None = None  # null: not named yet, or unreadable
    order_date: date | None = None  # null: unreadable
    link_to_label: str | None = None  # null: no link yet
    problem: str | None = None  # null: every field could be read
    first_seen_at: datetime
    acknowledged_at: datetime | None = None  # null: not acknowledged yet, as far as we know
    acknowledge_evidence: str | None = None  # confirmed or unverified; null: not acknowledged, or not recorded
    label_link: str | None = None  # the link, without its query, of the file on disk; null: no label yet
    label_path: str | None = None  # relative to state_dir; null: no label yet
    label_sha256: str | None = None  # null: no label yet
    label_bytes: int | None = None  # null: no label yet
    label_read_sha256: str | None = None  # hash of the label that was read; null: none, or it is to be read again
    label_pages: int | None = None  # pages of the last label that could be read, 0 if none could; null: not counted yet
    shipped: int = 0  # 1: a person marked it as shipped
    shipped_at: datetime | None = None  # when it was marked; null: not marked
    ship_confirmed_at: datetime | None = None  # the ship call is settled as done; null: not yet, as far as we know
    ship_evidence: str | None = None  # confirmed, unverified or person; null: not done, or not recorded
    undo_opened_at: datetime | None = None  # start of a later undo window (release, retry); null: shipped_at
    override_by: str | None = None  # who overrode its blockers; null: nobody
    override_covers: str | None = None  # the blockers that this covers, as codes with commas; null: no override
    held_reason: str | None = None  # null: not held
    held_code: str | None = None  # why the agent held it (order.py); null: a person did, or it is not held
    closed_reason: str | None = None  # null: not closed
    parcels_confirmed: int | None = None  # how many parcels a person counted; null: nobody did, or the mark was undone
    planned_at: datetime | None = None  # null: facts have changed since its calls were last planned
    last_listed_at: datetime | None = None  # when a run last listed it; null: not since this column exists
    missed_at: datetime | None = None  # when a complete run of its day no longer listed it; null: it is listed
    vanished_at: datetime | None = None  # missed_at, if its absence means something; null: listed, or it means nothing
    fault: str | None = None  # the internal error that stopped it, until `retry`; null: none
    sale_asked_at: datetime | None = None  # when its sale was last asked about, besides for a mark; null: never
    after_sales_at: datetime | None = None  # when after-sales were last asked for it; null: never
    sav_asked_at: datetime | None = None  # when a lead last had a case opened; null: never
    scan_asked_at: datetime | None = None  # when its carrier was last asked for scans; null: never
    scanned_at: datetime | None = None  # when a scan was known of each of its parcels; null: not yet, or not asked


class Installation(SQLModel, table=True):
    """The ship ledger that belongs to this database, and how far both match (rollback.py). One row."""

    __tablename__ = "installation"

    id: int = Field(default=1, primary_key=True)
    ledger_id: str | None = None  # null: no agent has started on this database yet
    epoch: int = 0  # counts starts and ends of the agent, here and in the ledger
    last_decision: int = 0  # decisions among the events up to this id are in the ledger
    ledger_lost_at: datetime | None = None  # null: the ledger exists and is ours
    ledger_lost_why: str | None = None  # null: as above
    new_ledger_by: str | None = None  # who allowed a new one; null: nobody, or it was started


class Call(SQLModel, table=True):
    """One outward call, for an order or of an event: the outbox. Written by outbox.py only."""

    __tablename__ = "calls"
    __table_args__ = (
        UniqueConstraint("order_id", "kind"),
        CheckConstraint("state IN ('owed', 'sending', 'done', 'parked', 'unknown', 'dropped')", name="state_is_known"),
        # For every request: the call that is due next for this supplier.
        _partial("calls_owed", "supplier", "kind", "due_at", where="state = 'owed'"),
        # One call for each event (webhooks.py) and receiver.
        Index("calls_of_events", "kind", "subject", unique=True, sqlite_where=text("order_id IS NULL")),
        # For status and page: the calls that need a person. At the start: the calls that were being sent.
        _partial("calls_stuck", "order_id", where="state IN ('sending', 'parked', 'unknown')"),
    )

    id: int | None = Field(default=None, primary_key=True)  # null only before the row is written
    order_id: int | None = Field(default=None, foreign_key="orders.id")  # null: of an event; `subject` is its event_id
    supplier: str  # of an event: the name of the account that it is sent to
    kind: str
    subject: str = ""  # what it is about, if that can change (the label's link); with a new subject it is owed again
    state: str = "owed"
    owed_at: datetime  # since when; `retry` resets it
    due_at: datetime | None = None  # null: nothing to send (done, parked, unknown, dropped)
    attempts: int = 0  # incremented before each try; also the fencing number of a claim
    strikes: int = 0  # failed answers about this order; outages do not count
    detail: str | None = None  # why it is parked, unknown or waiting, for people; null: no reason


class Attempt(SQLModel, table=True):
    """One try of a call, written before the request leaves. Append-only: an ended row never changes."""

    __tablename__ = "attempts"
    __table_args__ = (UniqueConstraint("call_id", "number"),)

    id: int | None = Field(default=None, primary_key=True)  # null only before the row is written
    call_id: int = Field(foreign_key="calls.id")
    number: int  # the first is 1
    started_at: datetime
    ended_at: datetime | None = None  # null: it is running, or the process died in it
    outcome: str | None = None  # done, later, not_sent, refused, unknown; null: as above
    http_status: int | None = None  # null: no answer came
    detail: str | None = None  # the answer word for word, or what happened instead; null: as above


class Supplier(SQLModel, table=True):
    """What we know about one supplier as a whole."""

    __tablename__ = "suppliers"

    name: str = Field(primary_key=True)
    cursor: str | None = None  # last_menzzo_order_number for the next poll; null: nothing read yet
    cursor_refused: str | None = None  # the cursor that the server refused; null: none
    cursor_distrusted_at: datetime | None = None  # since when polls use dates instead; null: trusted
    token_refused_at: datetime | None = None  # null: the token works, as far as we know
    quiet_until: datetime | None = None  # the marketplace asked us to wait until then; null: it did not
    last_success_at: datetime | None = None  # the last successful read; null: none yet
    paused_at: datetime | None = None  # when a person or a safety stop paused it; null: not paused
    paused_by: str | None = None  # who: a person's name, or "agent"; null: not paused
    paused_reason: str | None = None  # null: not paused
    resumed_at: datetime | None = None  # when a person last resumed it; null: never paused
    flags_asked_at: datetime | None = None  # since when too many marks wait for approval; null: none wait
    flags_agreed_at: datetime | None = None  # a person approved marks up to then; null: never asked
    first_asked_at: datetime | None = None  # since when its first start waits for approval; null: it does not
    first_agreed_at: datetime | None = None  # when acknowledging was begun or approved; null: not yet, or never asked
    token_mark: str | None = None  # fingerprint of the token; null: none was used yet
    token_since: datetime | None = None  # first use of that token; null: none was used yet
    token_key: str | None = None  # its key in the configuration, token or token_next; null: as above


class Lane(SQLModel, table=True):
    """The circuit breaker for reads, writes or labels of a supplier. Outages count here, not against orders."""

    __tablename__ = "lanes"

    supplier: str = Field(primary_key=True)
    lane: str = Field(primary_key=True)  # reads, writes, labels, others
    failures: int = 0
    failing_since: datetime | None = None  # null: it works
    failed_at: datetime | None = None  # the last failure; null: it works
    resume_at: datetime | None = None  # nothing is sent before; null: it works
    reason: str | None = None  # null: it works
    last_order_id: int | None = None  # the order whose call failed last: another goes first; null: none
    redirected_to: str | None = None  # the host to which a call of this outage was redirected; null: none


class Run(SQLModel, table=True):
    """One run: a date range that is read page by page, and what was proved by that."""

    __tablename__ = "runs"
    __table_args__ = (Index("runs_by_supplier", "supplier", "purpose", "id"),)

    id: int | None = Field(default=None, primary_key=True)  # null only before the row is written
    supplier: str
    purpose: str  # poll, sweep, resync, fetch, probe
    order_number: str | None = None  # of a fetch: the number of the customer's order; null: another purpose
    date_from: date
    date_to: date | None = None  # null: up to the newest
    requested_at: datetime
    started_at: datetime | None = None  # null: a resync that waits
    ended_at: datetime | None = None  # null: it is running or waits
    pages: int = 0
    listed: int = 0
    added: int = 0  # new orders
    proof: str | None = None  # complete, partial (the server does not show everything), failed; null: not ended
    detail: str | None = None  # null: nothing to add


class Read(SQLModel, table=True):
    """The journal of get-sales: every request that was answered or failed. Append-only."""

    __tablename__ = "reads"
    __table_args__ = (
        Index("reads_by_url", "supplier", "url", "started_at"),
        Index("reads_by_run", "run_id"),
        # For coverage; empty if the server does not say how old its answers are.
        _partial("reads_with_age", "run_id", "age_seconds", where="age_seconds IS NOT NULL"),
    )

    id: int | None = Field(default=None, primary_key=True)  # null only before the row is written
    run_id: int | None = Field(default=None, foreign_key="runs.id")  # null: a call, `check` or a dry run made it
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
    age_seconds: int | None = None  # how long the answer was in a cache; null: the server does not say
    ahead_seconds: int | None = None  # the server's clock minus ours; null: its answer had no time
    detail: str | None = None  # null: nothing to add


class RejectedEntry(SQLModel, table=True):
    """A listed entry without a usable id, word for word; if anything personal is in it, masked. Never dropped."""

    __tablename__ = "rejected_entries"
    __table_args__ = (UniqueConstraint("supplier", "sha256"),)

    id: int | None = Field(default=None, primary_key=True)  # null only before the row is written
    supplier: str
    received_at: datetime
    last_listed_at: datetime
    raw: str  # as in the answer, or masked; bytes that are not UTF-8 are escaped
    raw_bytes: bytes | None = None  # the original bytes, if they are not UTF-8; null: raw is the original
    reason: str
    sha256: str  # of raw: the same entry listed again is the same row


class Event(SQLModel, table=True):
    """The history of an order besides its calls: who marked, held or decided, and what the marketplace changed."""

    __tablename__ = "events"
    __table_args__ = (
        Index("events_by_order", "order_id"),
        # Problems that packers reported, among many other events.
        _partial("events_reported", "order_id", where="what IN ('problem reported', 'problem settled')"),
    )

    id: int | None = Field(default=None, primary_key=True)  # null only before the row is written
    order_id: int = Field(foreign_key="orders.id")
    at: datetime
    who: str  # a person's name, "marketplace", "agent", or "database" for an SQL statement
    what: str
    detail: str | None = None  # null: nothing to add
    station: str | None = None  # the station at which it was done; null: not on the page


class Print(SQLModel, table=True):
    """A label printed from the page, with what was known of the order at that time: what is on the parcel."""

    __tablename__ = "prints"
    __table_args__ = (Index("prints_by_order", "order_id"),)

    id: int | None = Field(default=None, primary_key=True)  # null only before the row is written
    order_id: int = Field(foreign_key="orders.id")
    printed_at: datetime
    who: str
    station: str | None = None  # null: not at a station of the page
    printer: str  # its name, or "browser"
    label_sha256: str | None = None  # null: not known
    sku: str | None = None  # null: the marketplace had sent no readable one
    quantity: int | None = None  # null: as above
    carrier: str | None = None  # null: not named yet, or unreadable


class Barcode(SQLModel, table=True):
    """A barcode on the carrier's label of an order, which a scanner reads on the box."""

    __tablename__ = "barcodes"
    __table_args__ = (UniqueConstraint("order_id", "code"), Index("barcodes_by_code", "code"))

    id: int | None = Field(default=None, primary_key=True)  # null only before the row is written
    order_id: int = Field(foreign_key="orders.id")
    code: str
    label_sha256: str  # the label it was read from
    page: int | None = None  # the only page of the label with it; null: it is on several, or not read again yet


class Person(SQLModel, table=True):
    """A person who works on the page."""

    __tablename__ = "people"

    name: str = Field(primary_key=True)
    role: str  # packer or lead
    pin_scrypt: str
    added_at: datetime
    left_at: datetime | None = None  # null: may still work
    sessions_ended: int = Field(default=0, sa_column_kwargs={"server_default": "0"})  # how often all were ended
    suppliers: str | None = None  # sees only their orders, with commas; null: those of all suppliers
    badge_sha256: str | None = None  # hash of the code on the badge; null: no badge


class Submission(SQLModel, table=True):
    """An action sent by the page, by its key: if it is sent again after a lost connection, it is answered but not repeated."""

    __tablename__ = "submissions"

    key: str = Field(primary_key=True)
    at: datetime
    answer: str  # JSON


DIGEST = "digest"
"""The `cause` of the row that records when the daily report was last sent."""


class Alert(SQLModel, table=True):
    """A problem that lasts: sent once when it starts, and once when it is over."""

    __tablename__ = "alerts"
    __table_args__ = (_partial("alerts_open", "cause", "supplier", where="solved_at IS NULL"),)

    id: int | None = Field(default=None, primary_key=True)  # null only before the row is written
    cause: str
    supplier: str | None = None  # null: it concerns the whole installation
    text: str
    since: datetime
    told_at: datetime | None = None  # null: not sent yet
    told_count: int | None = None  # the number of orders when it was sent; null: not sent yet
    solved_at: datetime | None = None  # null: it lasts
    solved_told_at: datetime | None = None  # null: it lasts, or its end was not sent yet


class Chore(SQLModel, table=True):
    """Periodic work, and when it was last done."""

    __tablename__ = "chores"

    name: str = Field(primary_key=True)
    done_at: datetime
    detail: str | None = None  # null: nothing to add
