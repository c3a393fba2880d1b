"""Keeps what each get-sales answer listed: every entry once per change, and the answers as lists of entries.

Nothing depends on it to collect or to ship. So an error here is returned, and the page is stored without its entries.
"""

import json
import zlib
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.exc import OperationalError
from sqlmodel import Session, col, select, update

from supplier_agent.db.journal import ListedField, ListedPage, RawEntry
from supplier_agent.marketplace.entries import Entry

BATCH = 400
MOST_FIELDS = 1000
"""Of one supplier: an object whose keys are data would add rows for ever."""


def keep(tx: Session, supplier: str, read_id: int, entries: Sequence[Entry], now: datetime) -> Exception | None:
    """Store the entries of one answer, in list order; return the error that prevented it.

    A full or locked disk is raised, because it concerns the whole transaction.
    """
    nested = tx.begin_nested()
    try:
        _keep(tx, supplier, read_id, entries, now)
        nested.commit()
    except OperationalError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, the orders of this page are stored
        nested.rollback()
        return error
    return None


def _keep(tx: Session, supplier: str, read_id: int, entries: Sequence[Entry], now: datetime) -> None:
    contents = {(entry.menzzo_order_id, entry.sha256): entry for entry in entries}
    known = _ids(tx, supplier, list(contents))
    seen = list(known.values())
    for start in range(0, len(seen), BATCH):
        again = update(RawEntry).where(col(RawEntry.id).in_(seen[start : start + BATCH]))
        tx.connection().execute(again.values(last_listed_at=now))
    new = [each for each in contents if each not in known]
    if new:
        rows = [
            {
                "supplier": supplier,
                "menzzo_order_id": menzzo_order_id,
                "sha256": sha256,
                "first_listed_at": now,
                "last_listed_at": now,
                "body": zlib.compress(contents[menzzo_order_id, sha256].text.encode()),
            }
            for menzzo_order_id, sha256 in new
        ]
        tx.connection().execute(RawEntry.__table__.insert(), rows)  # type: ignore[attr-defined]  # SQLModel adds it
        known |= _ids(tx, supplier, new)
    order = [known[entry.menzzo_order_id, entry.sha256] for entry in entries]
    listed = zlib.compress(json.dumps(order, separators=(",", ":")).encode())
    page = {"read_id": read_id, "supplier": supplier, "entries": listed}
    tx.connection().execute(ListedPage.__table__.insert(), page)  # type: ignore[attr-defined]  # as above
    _note_fields(tx, supplier, frozenset().union(*(entry.names for entry in contents.values())), now)


def _ids(tx: Session, supplier: str, contents: Sequence[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """Return the rows of these contents. Plain SQL: through the ORM, an empty menzzo_order_id would look damaged."""
    found: dict[tuple[str, str], int] = {}
    for start in range(0, len(contents), BATCH):
        some = contents[start : start + BATCH]
        sql = _KNOWN.format(",".join(["(?, ?)"] * len(some)))
        values = (*(value for content in some for value in content), supplier)
        found.update({(one, sha256): row for one, sha256, row in tx.connection().exec_driver_sql(sql, values)})
    return found


_KNOWN = """
    WITH some (menzzo_order_id, sha256) AS (VALUES {})
    SELECT e.menzzo_order_id, e.sha256, e.id FROM some CROSS JOIN raw_entries e
     WHERE e.supplier = ? AND e.menzzo_order_id = some.menzzo_order_id AND e.sha256 = some.sha256
"""
"""CROSS JOIN: SQLite then looks up each content by the index, and does not read all entries of the supplier."""


def _note_fields(tx: Session, supplier: str, names: frozenset[str], now: datetime) -> None:
    mine = col(ListedField.supplier) == supplier
    known = set(tx.exec(select(ListedField.name).where(mine)))
    if names & known:
        again = update(ListedField).where(mine, col(ListedField.name).in_(sorted(names & known)))
        tx.connection().execute(again.values(last_listed_at=now, seen=ListedField.seen + 1))
    new = sorted(names - known)[: MOST_FIELDS - len(known)]
    if new:
        at = {"supplier": supplier, "first_listed_at": now, "last_listed_at": now, "seen": 1}
        tx.connection().execute(ListedField.__table__.insert(), [{**at, "name": name} for name in new])  # type: ignore[attr-defined]  # as above
