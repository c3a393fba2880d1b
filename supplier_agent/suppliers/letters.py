"""Marks what Menzzo was asked about a supplier."""

from collections.abc import Iterable
from datetime import datetime

from sqlmodel import Session, select

from supplier_agent.db.letters import LetterQuestion
from supplier_agent.db.tables import Event, Order

ASKED = "asked Menzzo"
"""What the history of an order says when Menzzo is asked about it."""
Key = tuple[str, str, str, str]
"""A question: supplier, subject, code, about (the key of letter_questions)."""


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
        order = tx.exec(select(Order.id).where(Order.supplier == supplier, Order.menzzo_order_id == subject)).first()
        if order is not None:
            tx.add(Event(order_id=order, at=now, who=who, what=ASKED))
    return number
