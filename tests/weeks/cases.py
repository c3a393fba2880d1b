"""What the marketplace may mean, as cases: everything that the documents leave open, and how it may change in mid-week."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from supplier_agent.sandbox.semantics import Semantics
from tests.weeks.covering import Row, covering

SUPPLIER = "notio"
READS: Mapping[str, Sequence[Any]] = {
    "page_size": (20, 1, 2, 100),
    "cursor": ("exclusive", "inclusive", "ignored", "refused_when_unknown", "always_refused"),
    "cursor_compares": ("number", "text", "increment", "date"),
    "cursor_in_cache_key": (False, True),
    "cache": (0, 300, 3600, 43200),
    "order": ("oldest", "newest", "shuffled", "by_date", "newest_ties_shuffled"),
    "page": ("honoured", "ignored_beside_cursor", "ignored"),
    "past_end": ("empty", "object", "repeat_last", "repeat_first", "not_found"),
    "acknowledged": ("stay", "at once", 600),
    "shipped": ("stay", "at once", 3600),
    "cancelled": ("stay", 86400),
    "list_days": (0, 7),
    "late_days": (0, 1, 5),
    "fields": ("documented", "more", "sometimes_more", "fewer", "cut"),
}
WRITES: Mapping[str, Sequence[Any]] = {
    "success": (
        "success_true", "empty", "no_content", "no_success_key", "one", "text_true", "text", "created", "mixed",
    ),
    "acknowledge_success": ("same", "empty", "mixed"),
    "labels_need_token": (True, False),
    "label_before_ready": ("not_found", "empty", "html", "no_link"),
    "repeat_acknowledge": ("accepted", "not_found"),
    "repeat_ship": ("accepted", "not_found"),
}  # fmt: skip
"""What reads show, and what the other calls show: these do not depend on each other. The first value is the plainest."""
LEAVES = ("acknowledged", "shipped", "cancelled")


@dataclass(frozen=True)
class Case:
    """One marketplace. chosen: what differs from the plainest. changed: the same, from the middle of the week on.

    sudden: the change is made at once; else it takes an hour in which both answer.
    """

    chosen: Mapping[str, Any] = field(default_factory=dict, hash=False)
    changed: Mapping[str, Any] = field(default_factory=dict, hash=False)
    sudden: bool = True

    def __str__(self) -> str:
        """Return what differs from the plainest reading, as a test's id."""
        first = {name: values[0] for name, values in {**READS, **WRITES}.items()}
        told = [f"{name}={value}" for name, value in self.chosen.items() if first.get(name) != value]
        then = [f"{name}={value}" for name, value in self.changed.items()]
        return (
            "-".join(told or ["plain"])
            + ("-then-" + "-".join(then) if then else "")
            + ("" if self.sudden else "-slowly")
        )

    @property
    def before(self) -> Semantics:
        """Return the sandbox's switches of the first days."""
        return semantics(self.chosen)

    @property
    def after(self) -> Semantics:
        """Return the sandbox's switches of the last days."""
        return semantics({**self.chosen, **self.changed})


def semantics(chosen: Mapping[str, Any]) -> Semantics:
    """Return the sandbox's switches."""
    given = dict(chosen)
    cache = given.pop("cache", 0)
    for name in LEAVES:
        how = given.pop(name, "stay")
        if how != "stay":
            given |= {name: "vanish", f"{name}_seconds": 0 if how == "at once" else how}
    known = {each.name for each in fields(Semantics)}
    assert given.keys() <= known, given.keys() - known
    return replace(Semantics(page_size=20), cache_seconds={SUPPLIER: cache}, **given)


def can_be_read(row: Row) -> bool:
    """Tell whether there is a way to every row: by page, or by a cursor that goes through the list in its order.

    A row that is not complete yet can be read if one of its completions can.
    """
    if row.get("page") != "ignored":
        return True
    return (
        row.get("order", "oldest") == "oldest"
        and row.get("cursor_compares", "number") == "number"
        and row.get("cursor", "exclusive") in {"exclusive", "inclusive", "refused_when_unknown"}
        and not (row.get("cursor") == "inclusive" and row.get("page_size") == 1)
        and row.get("cache", 0) == 0
        and row.get("page_size") != 1
    )


def every_pair(seed: int = 1) -> list[Case]:
    """Return cases in which every pair of values of READS occurs that is possible, and every pair of WRITES."""
    reads, writes = covering(READS, can_be_read, seed), covering(WRITES, lambda _: True, seed)
    rows = [
        {**reads[place % len(reads)], **writes[place % len(writes)]} for place in range(max(len(reads), len(writes)))
    ]
    return [Case(row if row["acknowledged"] == "stay" else row | _LINKED[row["label_before_ready"]]) for row in rows]


_LINKED: Mapping[str, Row] = {"no_link": {"label_before_ready": "not_found"}, "not_found": {}, "empty": {}, "html": {}}
"""Where an acknowledged order is listed no more, a link that it did not have yet is never learned: nobody could do better."""


CHANGES: tuple[Case, ...] = (
    Case({}, {"page_size": 7}),
    Case({"page_size": 7}, {"page_size": 20}),
    Case({"page_size": 7}, {"page_size": 3}, sudden=False),
    Case({"page_size": 7}, {"cursor": "ignored"}),
    Case({"page_size": 7}, {"cursor": "inclusive"}),
    Case({"page_size": 7}, {"cursor": "always_refused"}),
    Case({"page_size": 7}, {"order": "newest"}),
    Case({"page_size": 7, "order": "newest"}, {"order": "oldest"}, sudden=False),
    Case({"page_size": 7}, {"past_end": "not_found"}),
    Case({"page_size": 7}, {"past_end": "repeat_last"}),
    Case({}, {"acknowledged": "at once"}),
    Case({"acknowledged": "at once"}, {"acknowledged": "stay"}),
    Case({}, {"shipped": "at once"}),
    Case({}, {"success": "empty"}),
    Case({"success": "empty"}, {"success": "success_true"}, sudden=False),
    Case({"success": "empty"}, {"success": "no_success_key"}),
    Case({}, {"success": "created"}),
    Case({"success": "no_success_key"}, {"acknowledge_success": "empty"}),
    Case({}, {"fields": "more"}, sudden=False),
    Case({}, {"fields": "fewer"}),
    Case({}, {"fields": "cut"}, sudden=False),
    Case({"fields": "more"}, {"fields": "documented"}),
    Case({}, {"label_before_ready": "html"}),
    Case({}, {"answer_seconds": 6}),
)
"""One change each, in mid-week."""
