"""The codes of an order: those on its label, and its tracking number; and which of them a carrier is asked about.

A label has codes of many kinds: the tracking number of each parcel, routing, the order. Only a code that has the form of a tracking
number of the carrier is one. The forms are published by the carriers; a form that is missing here is never asked about.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from supplier_agent.base.cells import known
from supplier_agent.db.plain_sql import Look
from supplier_agent.settings.carriers import DHL, FEDEX, LAPOSTE, UPS

AT_ONCE = 500
_HASHED = "sha256:"
"""The prefix of a code that is stored as a hash (typed.alias), because it may contain an address."""
_S10 = r"[A-Z]{2}[0-9]{9}[A-Z]{2}"
"""UPU standard S10, which Chronopost and registered post use."""
_FORMS: Mapping[str, re.Pattern[str]] = {
    LAPOSTE: re.compile(rf"[0-9][A-Z][0-9]{{11}}|{_S10}", re.ASCII),
    DHL: re.compile(rf"[0-9]{{10}}|[0-9]{{12}}|[0-9]{{20}}|J[A-Z]{{2,3}}[0-9]{{9,20}}|{_S10}", re.ASCII),
    UPS: re.compile(r"1Z[0-9A-Z]{16}", re.ASCII),
    FEDEX: re.compile(r"[0-9]{12}|[0-9]{15}|96[0-9]{20}", re.ASCII),
}
_FEDEX_BARCODE = re.compile(r"(?:1001[0-9]|96[0-9]{3})[0-9]{15}00([0-9]{12})", re.ASCII)
"""The long bar code of a FedEx label, which ends in the tracking number."""
_NUMBER = re.compile(r"[0-9A-Za-z]{7,40}", re.ASCII)
CODES = """
SELECT barcodes.order_id, code, page FROM barcodes JOIN orders ON orders.id = barcodes.order_id
 WHERE barcodes.order_id IN ({}) AND barcodes.label_sha256 = orders.label_sha256 AND code <> menzzo_order_id
 ORDER BY barcodes.id
"""
TRACKING = "SELECT order_id, tracking FROM sale_checks WHERE tracking IS NOT NULL AND order_id IN ({})"


@dataclass(frozen=True)
class Codes:
    """The codes of one order.

    label: those on its current label, except its own id, each with its page (None: on several). tracking: its number by the
    support API; None: none is known.
    """

    label: tuple[tuple[str, int | None], ...] = ()
    tracking: str | None = None

    @property
    def shown(self) -> list[str]:
        """The codes on the label that are stored as they are."""
        return [code for code, _ in self.label if not code.startswith(_HASHED)]


NO_CODES = Codes()


def codes_of(look: Look, rows: Sequence[int]) -> dict[int, Codes]:
    """Return the codes of these orders, by row id; an order without any is left out."""
    label, tracking = dict[int, list[tuple[str, int | None]]](), dict[int, str]()
    for start in range(0, len(rows), AT_ONCE):
        ids = rows[start : start + AT_ONCE]
        marks = ", ".join("?" * len(ids))
        for row in look.rows(CODES.format(marks), *ids):
            if isinstance(code := known(row.code), str):
                page = known(row.page)
                label.setdefault(row.order_id, []).append((code, page if isinstance(page, int) else None))
        for row in look.rows(TRACKING.format(marks), *ids):
            if isinstance(number := known(row.tracking), str):
                tracking[row.order_id] = number
    return {row: Codes(tuple(label.get(row, ())), tracking.get(row)) for row in {**label, **tracking}}


def numbers_of(carrier: str, codes: Codes, own: Collection[str]) -> dict[str, int | None]:
    """Return what the carrier is asked about, each number with its page.

    own: the order's ids, which may have the form of a number. Those on the label; if there are none, the tracking number, whatever
    its form: a person has named it as such.
    """
    found: dict[str, int | None] = {}
    for code, page in codes.label:
        number = _number_of(carrier, code.upper())
        if number is not None and number not in own:
            found[number] = page if found.get(number, page) == page else None
    tracking = "".join((codes.tracking or "").split())
    if not found and _NUMBER.fullmatch(tracking):
        found[tracking.upper()] = None
    return found


def _number_of(carrier: str, code: str) -> str | None:
    if carrier == FEDEX and (long := _FEDEX_BARCODE.fullmatch(code)):
        return long[1]
    return code if _FORMS[carrier].fullmatch(code) else None
