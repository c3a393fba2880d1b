"""The tables of what Menzzo was asked, so that nobody asks the same again each day, and of what it answered."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from supplier_agent.db.columns import tolerate  # noqa: F401 - of each table that is defined from here on


class LetterQuestion(SQLModel, table=True):
    """A question that Menzzo was asked. A new occurrence of the same problem is another question."""

    __tablename__ = "letter_questions"

    supplier: str = Field(primary_key=True)
    subject: str = Field(primary_key=True)  # the menzzo_order_id; of an entry without one: its hash (rejected_entries)
    code: str = Field(primary_key=True)  # of the problem, and after a blank the kind of call
    about: str = Field(
        primary_key=True
    )  # which occurrence: when the call was last tried, since when the order is missing, …
    first_asked_at: datetime
    asked_at: datetime  # the last time
    times: int = 1  # how often
    asked_by: str  # a person's name, or "agent"


class LetterAnswer(SQLModel, table=True):
    """An answer of Menzzo that a person entered from a file. The same answer again changes nothing."""

    __tablename__ = "letter_answers"

    order_id: int = Field(primary_key=True, foreign_key="orders.id")
    answer: str = Field(primary_key=True)
    note: str = Field(primary_key=True)  # "": none
    at: datetime
    who: str
