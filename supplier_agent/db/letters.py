"""What Menzzo was asked about orders and entries, so that nobody asks the same again each day."""

from collections.abc import Iterable
from datetime import datetime

from sqlmodel import Field, Session, SQLModel, col, select

from supplier_agent.db.columns import tolerate  # noqa: F401 - of each table that is defined from here on
from supplier_agent.db.tables import Event, Order

ASKED = "asked Menzzo"
"""What the history of an order says when Menzzo is asked about it."""
Key = tuple[str, str, str, str]
"""A question: supplier, subject, code, about."""


class LetterQuestion(SQLModel, table=True):
    """A question that Menzzo was asked. A new occurrence of the same problem is another question."""

    __tablename__ = "letter_questions"

    supplier: str = Field(primary_key=True)
    subject: str = Field(primary_key=True)  # the menzzo_order_id; of an entry without one: its hash (rejected_entries)
    code: str = Field(primary_key=True)  # of the problem, and after a blank the kind of call
    about: str = Field(primary_key=True)  # which occurrence: when the call was last tried, since when the order is missing, …
    first_asked_at: datetime
    asked_at: datetime  # the last time
    times: int = 1  # how often
    asked_by: str  # a person's name, or "agent"


def mark_asked(tx: Session, keys: Iterable[Key], now: datetime, who: str) -> int:
    """Record that Menzzo was asked these questions now, also in the history of their orders; return how many."""
    number, subjects = 0, dict[tuple[str, str], None]()
    for key in keys:
        row = tx.get(LetterQuestion, key)
        if row is None:
            names = dict(zip(("supplier", "subject", "code", "about"), key, strict=True))
            row = LetterQuestion(**names, first_asked_at=now, asked_at=now, times=0, asked_by=who)
        row.asked_at, row.asked_by, row.times = now, who, row.times + 1
        tx.add(row)
        number, subjects[key[0], key[1]] = number + 1, None
    for supplier, subject in subjects:
        order = tx.exec(select(Order.id).where(col(Order.supplier) == supplier, Order.menzzo_order_id == subject)).first()
        if order is not None:
            tx.add(Event(order_id=order, at=now, who=who, what=ASKED))
    return number
