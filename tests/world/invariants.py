"""What must hold, written once: each rule compares the books of both sides and returns its faults, each in a few words.

test_invariants.py shows that each rule notices what it is for.
"""

import hashlib
import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from contextlib import closing
from itertools import pairwise
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from supplier_agent.db.ship_ledger import Ledger
from supplier_agent.db.state_folder import DATABASE, LEDGER
from supplier_agent.db.triggers import TRIGGERS
from supplier_agent.evidence import CLAIMED, faults
from supplier_agent.evidence.stored import blocks
from tests.world.books import CALLS_OF_ORDERS, Books, Sent, since

NOT_NOW = frozenset({401, 403, 429})
"""Answers that say for certain: not carried out, and not because of this order."""
ROUNDING_SECONDS = 0.000_01
ENDPOINTS = {"acknowledge-sale": "acknowledge", "ship-sale": "ship", "label": "label"}

Rule = Callable[[Books], list[str]]


def broken(rules: Iterable[Rule], books: Books) -> list[str]:
    """Return the faults, each with the name of the rule that it breaks."""
    return [f"{rule.__name__}: {fault}" for rule in rules for fault in rule(books)]


# -- at any moment -------------------------------------------------------------------------------------------------------


def nothing_is_sent_unasked(books: Books) -> list[str]:
    """Ship only what is flagged, and was when it was claimed: past its undo window, neither held nor closed."""
    found = []
    for sent in books.sent:
        this, at = sent.menzzo_order_id, sent.decided
        said = books.said.get(this)
        flagged = None if said is None else since(said.flags, at)
        if said is None or flagged is None:
            found.append(f"{this} was claimed at {at:.3f}, and was not flagged then")
        elif since(said.flags, sent.monotonic) is None:
            found.append(f"{this} was sent at {sent.monotonic:.3f}, after its flag had been taken back")
        elif since(said.holds, at) is not None or since(said.closings, at) is not None:
            found.append(f"{this} was claimed at {at:.3f}, and was held or closed then")
        elif at - flagged < books.undo_seconds - ROUNDING_SECONDS and not any(
            flagged <= moment <= at for moment in books.jumps
        ):
            found.append(f"{this} was claimed {at - flagged:.1f} s after its flag")
    asked_for = {this for this, said in books.said.items() if said.flags}
    return found + [f"{this} was never flagged, and has a ship call" for this in books.calls("ship").keys() - asked_for]


def nothing_is_sent_twice(books: Books) -> list[str]:
    """Repeat a ship call only if the answer said that it was not carried out, or if a person says so."""
    by_order: dict[str, list[Sent]] = defaultdict(list)
    for sent in sorted(books.sent, key=lambda sent: sent.monotonic):
        by_order[sent.menzzo_order_id].append(sent)
    found = []
    for this, sents in by_order.items():
        for before, after in pairwise(sents):
            said = books.said[this]
            # Taken back and flagged again is a person's word too; while nobody knows, it cannot be taken back.
            words = said.again + ([at for at, flag in said.flags if flag] if before.clear else [])
            if before.status not in NOT_NOW and not any(before.decided < at <= after.monotonic for at in words):
                found.append(f"{this} was sent at {before.monotonic:.3f}, and again at {after.monotonic:.3f}")
    return found + [
        f"{order.menzzo_order_id} took effect {len(order.shipped_at)} times"
        for order in books.listed().values()
        if len(order.shipped_at) > 1
    ]


def what_is_claimed_is_true(books: Books) -> list[str]:
    """Call nothing listed, acknowledged or shipped that is not."""
    listed, ships, found = books.listed(), books.calls("ship"), []
    for this, row in books.stored().items():
        order = listed.get(this)
        if order is None:
            found.append(f"{this} is stored, and was never listed")
            continue
        if row["acknowledged_at"] is not None and not order.acknowledged_at:
            found.append(f"{this} is called acknowledged, and is not")
        if row["ship_confirmed_at"] is not None and not order.shipped_at:
            found.append(f"{this} is called shipped, and is not")
        if this in ships and ships[this]["state"] == "done" and not order.shipped_at:
            found.append(f"the ship call of {this} is called done, and is not")
    return found


def unknown_is_what_nobody_can_know(books: Books) -> list[str]:
    """Call a ship call unknown if and only if its answer was lost, or the process died during it; until a person answers."""
    last = {sent.menzzo_order_id: sent for sent in sorted(books.sent, key=lambda sent: sent.monotonic)}
    stored, found = books.stored(), []
    for this, call in books.calls("ship").items():
        sent, died = last.get(this), (this, call["attempts"]) in books.doubtful
        lost = sent is not None and not sent.clear
        if call["state"] == "unknown":
            if not (died or lost or (sent is not None and sent.status == 404)):
                found.append(f"{this} is unknown, though the answer was {sent}")
            if stored[this]["ship_confirmed_at"] is not None:
                found.append(f"{this} is unknown, and confirmed")
        elif (died or lost) and not _answered(books, this, sent):
            found.append(f"{this} is {call['state']}, though nobody can know: {sent}, {call['detail']}")
    return found


def _answered(books: Books, this: str, sent: Sent | None) -> bool:
    return this in books.said and any(sent is None or at > sent.monotonic for at in books.said[this].answers)


def labels_are_whole(books: Books) -> list[str]:
    """Have every label that a row names on the disk, as the marketplace served it."""
    found = []
    for this, row in books.stored().items():
        if row["label_path"] is None:
            continue
        file = books.state_dir / row["label_path"]
        content = file.read_bytes() if file.exists() else b""
        if content not in books.served(this):
            found.append(f"the label of {this} is not what was served: {content[:60]!r}")
        elif (hashlib.sha256(content).hexdigest(), len(content)) != (row["label_sha256"], row["label_bytes"]):
            found.append(f"the label of {this} is not what its row says")
    return found


def what_waits_has_a_reason(books: Books) -> list[str]:
    """Give a reason for every call that waits for a person, and a time to every call that waits for its turn."""
    rows = books.ask(
        f"SELECT menzzo_order_id, kind, state FROM {CALLS_OF_ORDERS} "
        "WHERE (state IN ('parked', 'unknown') AND coalesce(detail, '') = '') OR (state = 'owed' AND due_at IS NULL)"
    )
    return [f"the {row['kind']} call of {row['menzzo_order_id']} is {row['state']} without a reason" for row in rows]


def every_request_was_noted(books: Books) -> list[str]:
    """Have an attempt in the database for every call that has arrived: it is claimed before it is sent."""
    rows = books.ask(f"SELECT c.kind, o.menzzo_order_id FROM {CALLS_OF_ORDERS} JOIN attempts a ON a.call_id = c.id")
    noted = Counter((row["kind"], row["menzzo_order_id"]) for row in rows)
    came = Counter(
        (ENDPOINTS[line.endpoint], line.menzzo_order_id)
        for line in books.world.requests(supplier=books.supplier)
        # Cut in two by a death, a request names no order.
        if line.endpoint in ENDPOINTS and (line.menzzo_order_id is not None or line.effect is not None)
    )
    return [
        f"{kind} of {this} arrived {n} times and was noted {noted[kind, this]} times"
        for (kind, this), n in came.items()
        if n > noted[kind, this]
    ]


def the_rate_is_kept(books: Books) -> list[str]:
    """Keep two requests an interval of the rate apart, deaths and restarts or not."""
    least = 1 / books.requests_per_second - ROUNDING_SECONDS
    return [
        f"{after.target} {after.monotonic - before.monotonic:.4f} s after {before.target}"
        for before, after in pairwise(books.world.requests(supplier=books.supplier))
        if after.monotonic - before.monotonic < least
    ]


def asked_within(seconds: float, reads: Iterable[tuple[str, float, float | None]]) -> list[str]:
    """Ask no URL again while the server would answer from its cache. A read: its URL, its start, and when its answer came."""
    found, answered = [], dict[str, float]()
    for url, began, ended in sorted(reads, key=lambda read: read[1]):
        if url in answered and began - answered[url] < seconds - ROUNDING_SECONDS:
            found.append(f"{url} was asked again {began - answered[url]:.3f} s after its answer")
        if ended is not None:
            answered[url] = ended
    return found


def no_read_is_disturbed(books: Books) -> list[str]:
    """Acknowledge nothing between two pages of one run: the list would shift under it."""
    found, acknowledged = [], False
    for line in books.world.requests(supplier=books.supplier):
        if line.endpoint == "get-sales":
            page = int(dict(parse_qsl(urlsplit(line.target).query))["page"])
            if page > 1 and acknowledged:
                found.append(f"{line.target} follows an acknowledge, at {line.at}")
            acknowledged = False
        acknowledged = acknowledged or line.endpoint == "acknowledge-sale"
    return found


# -- at rest: all faults are over, and the agent had time -----------------------------------------------------------------


def nothing_is_lost(books: Books) -> list[str]:
    """Have every order that was listed."""
    return [f"{this} was listed and is not stored" for this in books.listed().keys() - books.stored().keys()]


def nothing_unreadable_is_dropped(books: Books) -> list[str]:
    """Have every entry that cannot be understood, word for word."""
    kept = [json.loads(row["raw"]) for row in books.ask("SELECT raw FROM rejected_entries")]
    raw = [order.row_json for order in books.world.orders(books.supplier) if order.row_json is not None]
    return [f"{each} was listed and is not kept" for each in raw if json.loads(each) not in kept]


def everything_ends(books: Books) -> list[str]:
    """Bring every order to its end, but for what people keep back or must decide."""
    rows = books.ask(f"SELECT menzzo_order_id, kind FROM {CALLS_OF_ORDERS} WHERE state IN ('parked', 'unknown')")
    asks = {(row["menzzo_order_id"], row["kind"]) for row in rows}
    found = []
    for this, row in books.stored().items():
        if row["closed_reason"] is not None or row["held_reason"] is not None or row["ship_confirmed_at"] is not None:
            continue
        waits = {kind for kind in ENDPOINTS.values() if (this, kind) in asks}
        if row["acknowledged_at"] is None and "acknowledge" not in waits:
            found.append(f"{this} was never acknowledged")
        if row["label_path"] is None and "label" not in waits:
            found.append(f"{this} has no label")
        if row["shipped"] and not waits:
            found.append(f"{this} is flagged, and was never reported")
        elif (
            row["label_path"]
            and not waits
            and (books.state_dir / row["label_path"]).read_bytes() != books.served(this)[-1]
        ):
            found.append(f"{this} has an older label")
    return found


def nothing_is_in_the_middle(books: Books) -> list[str]:
    """Leave no call half made and no file half written; have the database sound, with its triggers."""
    calls = books.ask(f"SELECT menzzo_order_id, kind FROM {CALLS_OF_ORDERS} WHERE state = 'sending'")
    found = [f"the {row['kind']} call of {row['menzzo_order_id']} is being sent" for row in calls]
    found += [f"left over: {path.name}" for path in (books.state_dir / "labels").rglob("*.part")]
    found += [f"integrity: {row[0]}" for row in books.ask("PRAGMA integrity_check") if row[0] != "ok"]
    found += [f"foreign key: {tuple(row)}" for row in books.ask("PRAGMA foreign_key_check")]
    triggers = {row["name"] for row in books.ask("SELECT name FROM sqlite_master WHERE type = 'trigger'")}
    return found + [f"trigger: {name}" for name in sorted(triggers ^ TRIGGERS.keys())]


def the_evidence_is_whole(books: Books) -> list[str]:
    """Have every block fit its hash and the ship ledger, and have every attempt in them with its request."""
    with closing(sqlite3.connect(books.state_dir / DATABASE)) as connection:
        chain = list(blocks(connection))
    with closing(Ledger(books.state_dir / LEDGER)) as ledger:
        found = [f"block {number}: {why}" for number, why in faults(chain, ledger.heads())]
    lines = [json.loads(line) for block in chain for line in block.lines or ()]
    claimed = Counter((line["order"], line["kind"], line["attempt"]) for line in lines if line["what"] == CLAIMED)
    query = f"SELECT menzzo_order_id, kind, a.number FROM {CALLS_OF_ORDERS} JOIN attempts a ON a.call_id = c.id"
    attempts = Counter(tuple(row) for row in books.ask(query))
    return found + [
        f"attempt {number} of {kind} for {this} is not claimed" for this, kind, number in attempts - claimed
    ]


# -- where nothing goes wrong but deaths ----------------------------------------------------------------------------------


def nothing_waits(books: Books) -> list[str]:
    """Have every call done, or unknown; or dropped, where the order has what it was for."""
    has = {"acknowledge": "acknowledged_at", "label": "label_path"}
    stored, found = books.stored(), []
    for kind in ENDPOINTS.values():
        for this, call in books.calls(kind).items():
            needless = call["state"] == "dropped" and kind in has and stored[this][has[kind]] is not None
            if call["state"] not in {"done", "unknown"} and not needless:
                found.append(f"the {kind} call of {this} is {call['state']}")
    return found


ALWAYS: Final = (
    nothing_is_sent_unasked,
    nothing_is_sent_twice,
    what_is_claimed_is_true,
    labels_are_whole,
    what_waits_has_a_reason,
    every_request_was_noted,
    the_evidence_is_whole,
)
AT_REST: Final = (*ALWAYS, nothing_is_lost, nothing_unreadable_is_dropped, everything_ends, nothing_is_in_the_middle)
BY_DEATHS_ALONE: Final = (*AT_REST, unknown_is_what_nobody_can_know, nothing_waits)
