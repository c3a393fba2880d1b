"""Turns a recording (`marketplace record`) into a world that lists and answers as was recorded.

Time in the recording begins when the sandbox starts, and runs `speed` times as fast. The agent here asks other addresses at other
times, so its requests are matched by what they are about, not by their text:

- a get-sales request lists what was listed at this time of the recording; the first one after a recorded failure fails, too
- the nth call of a kind for an order gets the nth recorded answer; after the last one, the sandbox answers by itself.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any, get_args, get_type_hints

from supplier_agent.base.clock import Clock
from supplier_agent.base.errors import UsageError
from supplier_agent.sandbox import faults
from supplier_agent.sandbox.faults import Fault, LogLine, Wire
from supplier_agent.sandbox.orders import Content, Order, position
from supplier_agent.sandbox.semantics import Semantics
from supplier_agent.sandbox.world import World

SCHEMA = 1
LATE_SECONDS = 2.0
"""A shorter delay changes nothing."""
LATEST_SECONDS = 60.0
HANGS_SECONDS = 5.0
"""A call without an answer that lasted so long ended by the caller's own time limit."""
ENDPOINTS = {"acknowledge": "acknowledge-sale", "ship": "ship-sale", "label": "label"}
NOT_FOUND, BAD_REQUEST, OK = 404, 400, 200
ELSEWHERE = "https://elsewhere.example/"

Line = Mapping[str, Any]


@dataclass
class Recording:
    """The lines of a file, by their kinds."""

    file: Path
    suppliers: Mapping[str, Any]
    lines: Mapping[str, Sequence[Line]]

    def of(self, kind: str, supplier: str) -> list[Line]:
        """Return the lines of a kind and a supplier, in their order."""
        return [line for line in self.lines.get(kind, ()) if line.get("supplier") == supplier]

    @property
    def began(self) -> datetime:
        """The time of the first thing that happened."""
        times = [line["at"] for lines in self.lines.values() for line in lines if line.get("at")]
        return datetime.fromisoformat(min(times)) if times else datetime.fromisoformat("2000-01-01T00:00:00+00:00")


@dataclass(frozen=True)
class Replay:
    """The world of a recording, and how it behaves.

    marks: the orders that were marked as shipped, with the times at which that is here. suppliers: their recorded settings.
    """

    world: World
    semantics: Semantics
    marks: Sequence[tuple[str, datetime]] = ()
    suppliers: Mapping[str, Mapping[str, object]] = field(default_factory=dict)


def read(file: Path) -> Recording:
    """Read a recording. Raises UsageError if it is none."""
    lines: dict[str, list[Line]] = {}
    with _explained(file), file.open(encoding="utf-8") as opened:
        for text in opened:
            line = json.loads(text)
            lines.setdefault(line["kind"], []).append(line)
        (head,) = lines["recording"]
        return {SCHEMA: Recording(file, head["suppliers"], lines)}[head["schema"]]


@contextmanager
def _explained(file: Path) -> Iterator[None]:
    make_one = "make one: supplier-agent marketplace record FILE"
    try:
        yield
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}", make_one) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:  # a line was changed or cut off
        raise UsageError(f"{file} is not a recording that this version can play", make_one) from error


def replay(recording: Recording, clock: Clock, speed: float = 1.0) -> Replay:
    """Return the world of a recording that begins now. Raises UsageError if a line of it cannot be understood."""
    with _explained(recording.file):
        began, now = recording.began, clock.now()

        def here(at: str) -> datetime:
            return now + (datetime.fromisoformat(at) - began) / speed

        world = World(clock, recording.suppliers)
        marks: list[tuple[str, datetime]] = []
        for supplier in recording.suppliers:
            for order in _orders(recording, supplier, here):
                world.add(order)
            _arm(world, recording, supplier, here, speed)
            marks += [(line["order"], here(line["at"])) for line in recording.of("mark", supplier)]
        return Replay(world, _semantics(recording), marks, recording.suppliers)


# What was listed, and when


def _orders(recording: Recording, supplier: str, here: Callable[[str], datetime]) -> Iterator[Order]:
    """Yield every order that was listed, with its contents in turn."""
    entries = {line["number"]: line for line in recording.of("entry", supplier)}
    gone = {line["order"]: line["at"] for line in recording.of("gone", supplier)}
    pages = {line["order"]: line["pages"] for line in recording.of("call", supplier) if line.get("pages")}
    turns = _turns(recording.of("read", supplier), entries)
    first_read = min((turn[0][0] for turn in turns.values()), default="")
    for place, (name, turn) in enumerate(turns.items(), 1):
        kept = [(at, entry) for at, number in turn if (entry := entries[number]["entry"]) is not None]
        if not kept:
            continue  # removed by the retention
        first, last = turn[0][0], turn[-1][0]
        contents = [_content(supplier, name, entry, at, here) for at, entry in kept if isinstance(entry, Mapping)]
        fields = contents[0].fields if contents else {}
        order = Order(
            supplier=supplier,
            menzzo_order_id=f"0_{place}" if name.startswith(NAMELESS) else name,
            sku=str(fields.get("sku", "")),
            quantity=_number(fields.get("quantity")),
            price_cents=0,
            carrier=str(fields.get("carrier", "")),
            order_date=_day(fields.get("order_date")) or here(first).date(),
            visible_from=here(first) if first > first_read else None,  # None: there from the start
            row_json=None if contents else json.dumps(kept[0][1]),
            contents=contents,
            pages=pages.get(name, 1),
        )
        if gone.get(name, "") > last:
            order.visible_until = here(last) + (here(gone[name]) - here(last)) / 2
        if order.position == (0, 0):
            order.position = position(f"0_{place}")
        yield order


NAMELESS = "#"
"""The names of entries without an id begin with it."""


def _turns(reads: Iterable[Line], entries: Mapping[int, Line]) -> Mapping[str, list[tuple[str, int]]]:
    """Return, by order, the numbers of its contents in turn, each with the time at which it was first listed."""
    found: dict[str, list[tuple[str, int]]] = {}
    for line in reads:
        for number in line["entries"] or ():
            if number in entries:
                turn = found.setdefault(entries[number]["order"] or f"{NAMELESS}{number}", [])
                if not turn or turn[-1][1] != number:
                    turn.append((line["at"], number))
    return found


def _content(supplier: str, name: str, entry: Line, at: str, here: Callable[[str], datetime]) -> Content:
    """Return what is listed from then on. The order is as old here as it was there."""
    day, link = _day(entry.get("order_date")), entry.get("link_to_label")
    shift = here(at).date() - datetime.fromisoformat(at).date()
    fields = {**entry, **({} if day is None else {"order_date": (day + shift).isoformat()})}
    if not isinstance(link, str) or not link:
        return Content(here(at), fields, None)
    return Content(here(at), fields, f"/api/files/labels/{supplier}/{name}.{link.rpartition('/')[2]}")


def _day(value: object) -> date | None:
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        return None


def _number(value: object) -> int:
    try:
        return int(str(value))
    except ValueError:
        return 1


# How requests were answered


def _arm(world: World, recording: Recording, supplier: str, here: Callable[[str], datetime], speed: float) -> None:
    for line in recording.of("read", supplier):
        fault = _failed_read(line, speed)
        if fault is not None:
            world.faults.arm(
                "get-sales",
                fault,
                supplier=supplier,
                when=_from(here(line["at"]), line["url"], world),
                times=line["tries"],
            )
    for (kind, order), lines in _by_order(recording.of("call", supplier)).items():
        answers = [fault for line in lines if (fault := _answered(line, speed)) is not None]
        for fault in answers:
            world.faults.arm(ENDPOINTS[kind], fault, supplier=supplier, menzzo_order_id=order, times=1)
        if kind == "label" and answers and lines[-1]["outcome"] != "done":
            for_ever = 1 << 30  # it never came
            world.faults.arm("label", answers[-1], supplier=supplier, menzzo_order_id=order, times=for_ever)


def _by_order(calls: Iterable[Line]) -> Mapping[tuple[str, str], list[Line]]:
    found: dict[tuple[str, str], list[Line]] = {}
    for line in calls:
        found.setdefault((line["call"], line["order"]), []).append(line)
    return found


def _from(at: datetime, url: str, world: World) -> Callable[[LogLine], bool]:
    """Return which requests a recorded failure is for: those after its time, with a cursor if it had one."""
    with_cursor = "last_menzzo_order_number" in url
    return lambda line: world.clock.now() >= at and with_cursor == ("last_menzzo_order_number" in line.target)


def _failed_read(line: Line, speed: float) -> Fault | None:
    """Return how a read failed; None: it was answered, or never left, or `Semantics` answers the same."""
    outcome, status = line["outcome"], line["http_status"]
    if outcome in {"listed", "not_sent"} or (status == NOT_FOUND and "page=1&" not in f"{line['url']}&"):
        return None
    if status is None:
        return _silence(line, applied=False)
    return _late(faults.status(status, body=_body(line["detail"])), line, speed)


def _answered(line: Line, speed: float) -> Fault | None:
    """Return how a call was answered; None: nothing was sent. Whether a lost call took effect is not known: it did."""
    outcome, status = line["outcome"], line["http_status"]
    if outcome in {"not_sent", None} and status is None:
        return None
    if line["call"] == "label":
        if outcome == "done":
            return Fault("recorded label", applied=True)
        if status == OK:
            return faults.html()
    if status is None:
        return _silence(line, applied=True) if outcome == "unknown" else None
    if 300 <= status < 400:  # noqa: PLR2004 - redirects
        return faults.redirect(ELSEWHERE, code=status)
    return _late(faults.status(status, body=_body(line.get("answer")), applied=outcome == "done"), line, speed)


def _body(said: object) -> bytes:
    return said.encode() if isinstance(said, str) else b""


def _silence(line: Line, *, applied: bool) -> Fault:
    return faults.hang(applied=applied) if _seconds(line) >= HANGS_SECONDS else faults.close(applied=applied)


def _seconds(line: Line) -> float:
    """Return how long one request took; 0: not known. A read's time is that of all its tries."""
    return float(line["seconds"] or 0) / (line.get("tries") or 1)


def _late(fault: Fault, line: Line, speed: float) -> Fault:
    seconds = _seconds(line) / speed
    if seconds < LATE_SECONDS:
        return fault
    return Fault(fault.name, fault.applied, Wire.LATE, fault.answer, min(seconds, LATEST_SECONDS))


# What the documentation leaves open


_KEYS: Mapping[str, tuple[str, Mapping[str, object]]] = {
    "order": ("order", {}),
    "cursor": ("cursor", {"refused": "always_refused"}),
    "cursor_in_cache_key": ("cursor_in_cache_key", {"yes": True, "no": False}),
    "page_honoured": ("page", {"yes": "honoured", "no": "ignored"}),
    "past_end": ("past_end", {"repeats": "repeat_last"}),
    "acknowledged_leave": ("acknowledged", {"yes": "vanish", "no": "stay"}),
    "shipped_leave": ("shipped", {"yes": "vanish", "no": "stay"}),
    "ship_body": ("success", {"no_success": "no_success_key"}),
    "label_token": ("labels_need_token", {"needed": True, "not_needed": False}),
}
"""What the agent learned, as keys of `Semantics`, with the values that have another name there."""
LEAST_PAGE = 50


def _semantics(recording: Recording) -> Semantics:
    """Return what the agent had learned when it was recorded. Two suppliers share one sandbox: the last one counts."""
    chosen: dict[str, Any] = {}
    hints = get_type_hints(Semantics)
    for line in recording.lines.get("learned", ()):
        if line["question"] == "page_size" and line["state"] != "unknown":
            chosen["page_size"] = int(line["answer"])
        key, values = _KEYS.get(line["question"], ("", {}))
        value = values.get(line["answer"], line["answer"])
        choices = get_args(hints.get(key, str))
        if key and (isinstance(value, bool) or value in choices):
            chosen[key] = value
    reads = recording.lines.get("read", ())
    longest = max((line["listed"] for line in reads), default=0)
    if any(line["http_status"] == NOT_FOUND and "page=1&" not in f"{line['url']}&" for line in reads):
        chosen["past_end"] = "not_found"
    caches = {name: each.get("cache_seconds", 0) for name, each in recording.suppliers.items()}
    by_number = frozenset(name for name, each in recording.suppliers.items() if each.get("order_number_filter"))
    return Semantics(
        **{"page_size": max(longest, LEAST_PAGE), **chosen}, cache_seconds=caches, order_number_for=by_number
    )
