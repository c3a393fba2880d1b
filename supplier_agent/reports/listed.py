"""What was listed of an order: each content with its times and its changes, and the instructions for the packer. Read-only."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session

from supplier_agent.db.journal import Content, contents_of, rows_of
from supplier_agent.db.plain_sql import text as as_stored
from supplier_agent.db.plain_sql import within
from supplier_agent.reports.facts import OrderFacts
from supplier_agent.settings import Settings
from supplier_agent.words.formats import iso

LONGEST_INSTRUCTIONS = 300
_ABSENT = "(absent)"
_READS = """
    SELECT id, ended_at FROM reads WHERE supplier = ? AND ended_at BETWEEN ? AND ? AND outcome = 'listed' ORDER BY id
"""


@dataclass(frozen=True)
class Instructions:
    """What a packer is told. changed: the text is another one than when the label was last printed."""

    text: str
    changed: bool = False


@dataclass(frozen=True)
class Stretch:
    """A time in which an order was listed with one content, from the first to the last read that listed it so."""

    content: Content
    first: datetime
    last: datetime


def history(tx: Session, supplier: str, menzzo_order_id: str) -> list[dict[str, Any]]:
    """Return the contents of an order in turn: {"sha256", "first_listed_at", "last_listed_at", "entry", "changes"}.

    entry: null if it was removed by the retention. changes: [{"field", "before", "after"}], against the content before it.
    """
    found: list[dict[str, Any]] = []
    before: dict[str, object] | None = None
    for each in _stretches(tx, supplier, contents_of(tx, supplier, [menzzo_order_id]).get(menzzo_order_id, [])):
        entry = _entry(each.content)
        fields = None if entry is None else _flat(entry)
        found.append(
            {
                "sha256": each.content.sha256,
                "first_listed_at": iso(each.first),
                "last_listed_at": iso(each.last),
                "entry": entry,
                "changes": [] if before is None or fields is None else list(_changes(before, fields)),
            }
        )
        before = fields if fields is not None else before
    return found


def _stretches(tx: Session, supplier: str, contents: Sequence[Content]) -> list[Stretch]:
    """Return when each content was listed. A content that came back is there twice, if the answers of that time are still kept."""
    known = {each.row: each for each in contents}
    if len(contents) < 2:  # noqa: PLR2004 - nothing changed
        return [Stretch(each, each.first_listed_at, each.last_listed_at) for each in contents]
    first, last = min(each.first_listed_at for each in contents), max(each.last_listed_at for each in contents)
    reads = within(tx).rows(_READS, supplier, as_stored(first), as_stored(last))
    pages = rows_of(tx, [read.id for read in reads])
    found: list[Stretch] = []
    for read in reads:
        for row in (each for each in pages.get(read.id, ()) if each in known):
            if found and found[-1].content.row == row:
                found[-1] = Stretch(known[row], found[-1].first, read.ended_at)
            else:
                found.append(Stretch(known[row], read.ended_at, read.ended_at))
    seen = {each.content.row for each in found}
    rest = [Stretch(each, each.first_listed_at, each.last_listed_at) for each in contents if each.row not in seen]
    return sorted([*rest, *found], key=lambda each: each.first)


def _entry(content: Content) -> Any:  # noqa: ANN401 - any JSON value
    return None if content.text is None else json.loads(content.text)


def _flat(value: object, name: str = "") -> dict[str, object]:
    """Return the fields of an entry, those within with a dot, or their number in brackets."""
    if isinstance(value, Mapping) and value:
        pairs: Iterable[tuple[str, object]] = ((f"{name}.{key}" if name else key, each) for key, each in value.items())
    elif isinstance(value, list) and value:
        pairs = ((f"{name}[{place}]", each) for place, each in enumerate(value))
    else:
        return {name: value}
    return {inner: each for key, part in pairs for inner, each in _flat(part, key).items()}


def _changes(before: Mapping[str, object], after: Mapping[str, object]) -> Iterable[dict[str, object]]:
    for name in sorted({*before, *after}):
        old, new = before.get(name, _ABSENT), after.get(name, _ABSENT)
        if old != new:
            yield {"field": name, "before": old, "after": new}


def of_orders(tx: Session, settings: Settings, orders: Sequence[OrderFacts]) -> dict[int, Instructions]:
    """Return the instructions for these orders, by row id; an order without any is left out."""
    found: dict[int, Instructions] = {}
    named = {slug: each.instructions_field for slug, each in settings.suppliers.items() if each.instructions_field}
    for slug, field in named.items():
        mine = {each.order.menzzo_order_id: each for each in orders if each.order.supplier == slug}
        for menzzo_order_id, contents in contents_of(tx, slug, list(mine)).items():
            told = _told(contents, field, mine[menzzo_order_id].prints)
            if told is not None:
                found[mine[menzzo_order_id].order.id] = told
    return found


def as_json(tx: Session, order: OrderFacts, settings: Settings) -> Mapping[str, object]:
    """Return the part of `order ID --json`; nothing if no field of its supplier is named."""
    supplier = settings.suppliers.get(order.order.supplier)
    if supplier is None or not supplier.instructions_field:
        return {}
    told = of_orders(tx, settings, [order]).get(order.order.id, Instructions(""))
    return {"instructions": told.text or None, "instructions_changed": told.changed}


def _told(contents: Sequence[Content], field: str, prints: Sequence[Any]) -> Instructions | None:
    now = _text(max(contents, key=lambda each: (each.last_listed_at, each.first_listed_at)), field)
    then = _listed_at(contents, prints[-1].printed_at) if prints else None
    changed = then is not None and _text(then, field) != now
    return Instructions(now, changed) if now or changed else None


def _listed_at(contents: Sequence[Content], at: datetime) -> Content | None:
    """Return the content that was the newest at that time; None: none was known yet."""
    begun = [each for each in contents if each.first_listed_at <= at]
    return max(begun, key=lambda each: (min(each.last_listed_at, at), each.first_listed_at), default=None)


def _text(content: Content, field: str) -> str:
    """Return the text of a field, on one line and without what is not printable; "" if there is none."""
    value = _entry(content)
    for part in field.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    said = "".join(letter for letter in " ".join(str(value).split()) if letter.isprintable())
    return said if len(said) <= LONGEST_INSTRUCTIONS else said[: LONGEST_INSTRUCTIONS - 1] + "…"
