"""What a run shows about the entries themselves: their fields, and whether texts were cut. Pure."""

from collections.abc import Iterator, Mapping

from supplier_agent.learning.listed import Entry, Listed
from supplier_agent.learning.questions import Estimate, Observation, Question

LEAST = 5
"""Fewer entries may lack a field, or have one, by chance."""
SEVERAL = 3
"""So many orders whose text is shorter than before are no corrections of single orders."""
DOCUMENTED = frozenset({"menzzo_order_id", "sku", "quantity", "price", "link_to_label", "order_date", "carrier"})
"""The fields of an entry (API notes, 3)."""


def fields(listed: Listed, known: Mapping[Question, Estimate]) -> Iterator[Observation]:  # noqa: ARG001 - as all estimators
    """Look at which fields every entry has. A field of some entries only is none that an entry can lose."""
    if len(listed.entries) >= LEAST:
        common = set.intersection(*(set(each.now) for each in listed.entries))
        yield _observed(Question.FIELDS, ",".join(sorted(common)), listed)


def texts(listed: Listed, known: Mapping[Question, Estimate]) -> Iterator[Observation]:  # noqa: ARG001 - as all estimators
    """Look whether entries are whole, or end earlier than when they were listed first."""
    if len(listed.entries) >= LEAST:
        number = sum(each.first is not None and is_cut(each.first, each.now) for each in listed.entries)
        yield _observed(Question.TEXTS, "cut" if number >= SEVERAL else "whole", listed)


def is_cut(before: Entry, now: Entry) -> bool:
    """Tell whether a text is the beginning of what it was before."""
    return any(
        isinstance(old, str)
        and isinstance(new := now.get(name), str)
        and 0 < len(new) < len(old)
        and old.startswith(new)
        for name, old in before.items()
    )


def _observed(question: Question, answer: str, listed: Listed) -> Observation:
    return Observation(question, answer, listed.ended_at, ("runs", listed.row), f"run{listed.row}")
