"""Column types that accept damaged cells (cells.py), so that no row makes a query fail, and the SQL that finds such rows."""

from collections.abc import Callable
from datetime import date
from typing import Any

from sqlalchemy import Column, Date, DateTime, Integer, LargeBinary, MetaData, Table, event, types
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.sql.operators import OperatorType
from sqlmodel import SQLModel
from sqlmodel.sql.sqltypes import AutoString, UTCDateTime

from supplier_agent.base import cells

Reader = Callable[[Any], Any]

INSTANT = "[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9] [0-2][0-9]:[0-5][0-9]:[0-5][0-9].[0-9][0-9][0-9][0-9][0-9][0-9]"
DAY = "[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9]"
ODD = f"*[{chr(0x80)}-{chr(0xBF)}{chr(0xFFFD)}]*"
"""SQLite reads most bytes that are not UTF-8 as one of these characters. Few real texts contain them."""
FOREIGN = f"*[^{chr(1)}-{chr(0x7F)}]*"
"""Any character that is not ASCII. It matches every byte that is not UTF-8, but also every accent."""
USUAL = f"BETWEEN '{cells.FIRST_YEAR}' AND '{cells.LAST_YEAR}'"


class Instant(UTCDateTime):
    """An instant in UTC."""

    cache_ok = True

    def result_processor(self, dialect: Dialect, coltype: object) -> Reader | None:  # noqa: D102 - as SQLAlchemy's own
        return cells.instant if dialect.name == "sqlite" else super().result_processor(dialect, coltype)


class Day(types.TypeDecorator[date]):
    """A day."""

    impl = Date
    cache_ok = True

    def coerce_compared_value(self, op: OperatorType | None, value: Any) -> Any:  # noqa: ANN401, D102 - as SQLAlchemy's own
        return self.impl_instance.coerce_compared_value(op, value)

    def result_processor(self, dialect: Dialect, coltype: object) -> Reader | None:  # noqa: D102 - as above
        return cells.day if dialect.name == "sqlite" else super().result_processor(dialect, coltype)


class Number(types.TypeDecorator[int]):
    """A whole number between bounds."""

    impl = Integer
    cache_ok = True

    def coerce_compared_value(self, op: OperatorType | None, value: Any) -> Any:  # noqa: ANN401, D102 - as above
        return self.impl_instance.coerce_compared_value(op, value)

    def __init__(self, least: int = -cells.MOST, most: int = cells.MOST) -> None:
        super().__init__()
        self.least, self.most = least, most

    def result_processor(self, dialect: Dialect, coltype: object) -> Reader | None:  # noqa: ARG002, D102 - as above
        return lambda value: cells.number(value, self.least, self.most)


class Text(AutoString):
    """A text. `empty`: whether it may be ''."""

    cache_ok = True

    def __init__(self, *, empty: bool = True) -> None:
        super().__init__()
        self.empty = empty

    def result_processor(self, dialect: Dialect, coltype: object) -> Reader | None:  # noqa: ARG002, D102 - as above
        return cells.text if self.empty else cells.some_text


class Raw(types.TypeDecorator[bytes]):
    """Bytes. Any other value counts as null, because the text in another column has the same content."""

    impl = LargeBinary
    cache_ok = True

    def result_processor(self, dialect: Dialect, coltype: object) -> Reader | None:  # noqa: ARG002, D102 - as above
        return lambda value: value if isinstance(value, bytes) else None


@event.listens_for(Table, "after_parent_attach")
def tolerate(table: Table, metadata: MetaData) -> None:
    """Give every column of a table of ours the type that can read any value. A row id is always a number.

    It is called for each table as it is defined, wherever that is. A migration has other tables, which keep their types.
    """
    if metadata is SQLModel.metadata:
        for column in table.columns:
            column.type = _tolerant(column)


def _tolerant(column: "Column[Any]") -> "types.TypeEngine[Any]":
    if isinstance(column.type, (UTCDateTime, DateTime)):
        return Instant()
    if isinstance(column.type, Date):
        return Day()
    if isinstance(column.type, Integer):
        return column.type if column.primary_key else Number(*cells.BOUNDS.get(column.name, (-cells.MOST, cells.MOST)))
    if isinstance(column.type, LargeBinary):
        return Raw()
    return Text(empty=column.name not in cells.NEVER_EMPTY)


def is_damaged(table: Table, matters: str, always: str = "") -> str:
    """Return the SQL condition for rows that may have an unreadable cell. It matches every such row, and some sound ones.

    SQLite cannot recognise UTF-8. So every text with an accent matches in the rows for which `matters` is true, and in the
    column `always`. In other rows, where accents accumulate, only unusual characters match.
    """
    columns = [column for column in table.columns if not column.primary_key]
    foreign = [f"{each.name} GLOB '{FOREIGN}'" for each in columns if isinstance(each.type, Text)]
    conditions = [_damaged(column) for column in columns]
    conditions += [f"{always} GLOB '{FOREIGN}'"] if always else []
    return " OR ".join([*conditions, f"{matters} AND ({' OR '.join(foreign)})"])


def _damaged(column: "Column[Any]") -> str:
    name, kind = column.name, column.type
    if isinstance(kind, Instant):
        seconds = f"substr({name}, 1, 19)"  # without the fraction, which SQLite rounds: up to the next second
        usual = f"datetime({seconds}, '+0 days') IS {seconds} AND substr({name}, 1, 4) {USUAL}"
        return f"CASE WHEN typeof({name}) = 'text' AND {name} GLOB '{INSTANT}' THEN NOT ({usual}) ELSE {name} IS NOT NULL END"
    if isinstance(kind, Day):
        usual = f"date({name}, '+0 days') IS {name} AND substr({name}, 1, 4) {USUAL}"
        return (
            f"CASE WHEN typeof({name}) = 'text' AND {name} GLOB '{DAY}' THEN NOT ({usual}) ELSE {name} IS NOT NULL END"
        )
    if isinstance(kind, Number):
        return (
            f"{name} IS NOT NULL AND (typeof({name}) <> 'integer' OR {name} NOT BETWEEN {kind.least} AND {kind.most})"
        )
    assert isinstance(kind, Text)  # noqa: S101 - `tolerate` gives no other
    empty = "" if kind.empty else f" OR {name} = ''"
    odd = f"typeof({name}) <> 'text' OR {name} GLOB '{ODD}' OR instr({name}, char(0)){empty}"
    return f"{name} IS NOT NULL AND ({odd})"
