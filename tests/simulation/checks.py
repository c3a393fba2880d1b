"""What must hold after every day, and at the end: each check compares database and truth, and returns its faults in words."""

import hashlib
import json
import sqlite3
from collections import defaultdict
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from tests.simulation.life import Life
from tests.simulation.mortal import Sent

UNDO_SECONDS = 120
NOT_NOW = frozenset({401, 403, 429})
"""Answers that say for certain: not carried out, and not for this order's sake."""
ROUNDING_SECONDS = 0.000_01


def each_day(life: Life) -> list[str]:
    """Return every promise that is broken by now."""
    checks = (asked_for, sent_once, called_shipped, not_knowing, acknowledged, labels, spacing, reasons)
    return [f"{check.__name__}: {fault}" for check in checks for fault in check(life)]


def at_the_end(life: Life) -> list[str]:
    """Return every promise that is broken once all faults are over and the agent had time."""
    checks = (nothing_lost, everything_ends, asked_again, still_reading, rest)
    return each_day(life) + [f"{check.__name__}: {fault}" for check in checks for fault in check(life)]


def asked_for(life: Life) -> list[str]:
    """Ship nothing but what was flagged at that moment, past its undo time, and neither held nor closed."""
    found = []
    for sent in life.site.wire.ships:
        said, this, at = life.people.said[sent.menzzo_order_id], sent.menzzo_order_id, sent.monotonic
        since = said.flagged_at(at)
        if since is None:
            found.append(f"{this} was sent at {at:.0f}, and was not flagged then")
        elif said.held_at(at) or said.closed_at(at):
            found.append(f"{this} was sent at {at:.0f}, and was held or closed")
        elif at - since < UNDO_SECONDS - ROUNDING_SECONDS and not any(
            since <= moment <= at for moment in (*life.jumps, *said.again)
        ):
            found.append(f"{this} was sent {at - since:.1f} s after its flag")
    return found


def sent_once(life: Life) -> list[str]:
    """Repeat no ship-sale by itself, unless the answer said that it was not carried out."""
    by_order: dict[str, list[Sent]] = defaultdict(list)
    for sent in life.site.wire.ships:
        by_order[sent.menzzo_order_id].append(sent)
    found = []
    for this, sents in by_order.items():
        said = life.people.said[this]
        anew = [at for at, flag in said.flags if flag]  # taken back and flagged again is a person's word too …
        for before, after in pairwise(sents):
            words = said.again + (anew if before.clear else [])  # … but it cannot be taken back while nobody knows
            if before.status in NOT_NOW or any(before.monotonic < at <= after.monotonic for at in words):
                continue
            found.append(f"{this} was sent at {before.monotonic:.0f}, and again at {after.monotonic:.0f} by itself")
    return found + [  # whoever says "again" has looked before, so even then it takes effect once
        f"{order.menzzo_order_id} took effect {len(order.shipped_at)} times"
        for order in life.world.orders(life.supplier)
        if len(order.shipped_at) > 1
    ]


def called_shipped(life: Life) -> list[str]:
    """Call nothing shipped that is not."""
    rows = life.ask("SELECT menzzo_order_id FROM orders WHERE ship_confirmed_at IS NOT NULL")
    return [f"{this} is called shipped, and is not" for (this,) in rows if not _truly(life, this, "shipped_at")]


def acknowledged(life: Life) -> list[str]:
    """Call nothing acknowledged that is not."""
    rows = life.ask("SELECT menzzo_order_id FROM orders WHERE acknowledged_at IS NOT NULL")
    return [
        f"{this} is called acknowledged, and is not" for (this,) in rows if not _truly(life, this, "acknowledged_at")
    ]


def _truly(life: Life, menzzo_order_id: str, what: str) -> bool:
    order = life.world.order(life.supplier, menzzo_order_id)
    return order is not None and bool(getattr(order, what))


def not_knowing(life: Life) -> list[str]:
    """Call unknown only what nobody on this side can know, and nothing else of that kind known."""
    last = {sent.menzzo_order_id: sent for sent in life.site.wire.ships}
    found = []
    rows = life.ask(
        "SELECT o.menzzo_order_id, c.attempts, c.state, c.detail FROM calls c JOIN orders o ON o.id = c.order_id "
        "WHERE c.kind = 'ship'"
    )
    for this, attempts, state, detail in rows:
        sent, died = last.get(this), (this, attempts) in life.doubtful
        by_ledger = "ledger" in (detail or "")
        lost = sent is not None and not sent.clear
        hint = sent is not None and sent.status == 404
        if state == "unknown" and not (died or lost or hint):
            found.append(f"{this} is unknown, though the answer was {sent}")
        if state in {"done", "parked"} and lost and not (died or by_ledger or "says that" in (detail or "")):
            found.append(f"{this} is {state}, though nobody can know: {sent}, {detail}")
    return found


def labels(life: Life) -> list[str]:
    """Have every label that a row names whole on the disk, as the marketplace served it."""
    found = []
    rows = life.ask(
        "SELECT menzzo_order_id, label_path, label_sha256, label_bytes FROM orders WHERE label_path IS NOT NULL"
    )
    for this, path, sha256, size in rows:
        file = life.site.settings.state_dir / path
        content = file.read_bytes() if file.exists() else b""
        if content not in life.labels[this]:
            found.append(f"the label of {this} is not what was served: {content!r}")
        elif (hashlib.sha256(content).hexdigest(), len(content)) != (sha256, size):
            found.append(f"the label of {this} is not what its row says")
    return found


def spacing(life: Life) -> list[str]:
    """Keep two requests an interval of the rate apart, deaths or not."""
    return [
        f"{after.target} {after.monotonic - before.monotonic:.4f} s after {before.target}"
        for before, after in pairwise(life.world.log)
        if after.monotonic - before.monotonic < 1 - ROUNDING_SECONDS
    ]


def reasons(life: Life) -> list[str]:
    """Give a reason for everything that waits for a person, and leave nothing in the middle while nothing is in flight."""
    rows = life.ask(
        "SELECT kind, order_id, state, detail FROM calls WHERE state IN ('parked', 'unknown') AND coalesce(detail, '') = '' "
        "UNION ALL SELECT kind, order_id, state, detail FROM calls WHERE state = 'owed' AND due_at IS NULL"
    )
    if not life.site.agent.in_flight():
        rows += life.ask("SELECT kind, order_id, state, detail FROM calls WHERE state = 'sending'")
    return [f"{kind} of order {number} is {state} without a reason" for kind, number, state, _ in rows]


def nothing_lost(life: Life) -> list[str]:
    """Have every order that was ever listed, and every entry that could not be understood, word for word."""
    stored = {this for (this,) in life.ask("SELECT menzzo_order_id FROM orders")}
    kept = [json.loads(raw) for (raw,) in life.ask("SELECT raw FROM rejected_entries")]
    lost = [
        o.menzzo_order_id
        for o in life.world.orders(life.supplier)
        if o.row_json is None and o.menzzo_order_id not in stored
    ]
    spoilt = [raw for raw in life.spoilt if json.loads(raw) not in kept]
    return [f"{this} was listed and is not stored" for this in lost] + [
        f"{raw} was listed and is not kept" for raw in spoilt
    ]


def everything_ends(life: Life) -> list[str]:
    """Bring every order to its end, or leave it to a person with a reason."""
    found = []
    waiting = {
        (this, kind)
        for this, kind in life.ask(
            "SELECT o.menzzo_order_id, c.kind FROM calls c JOIN orders o ON o.id = c.order_id "
            "WHERE c.state IN ('parked', 'unknown')"
        )
    }
    rows = life.ask(
        "SELECT menzzo_order_id, acknowledged_at, label_path, shipped, ship_confirmed_at FROM orders "
        "WHERE closed_reason IS NULL AND held_reason IS NULL"
    )
    for this, acknowledged_at, label_path, shipped, confirmed_at in rows:
        asks = {kind for kind in ("acknowledge", "label", "ship") if (this, kind) in waiting}
        if asks or confirmed_at is not None:
            continue
        if acknowledged_at is None:
            found.append(f"{this} was never acknowledged")
        if label_path is None:
            found.append(f"{this} has no label")
        elif shipped:
            found.append(f"{this} is flagged, and was never reported")
        elif (life.site.settings.state_dir / label_path).read_bytes() != life.labels[this][-1]:
            found.append(f"{this} has an older label")
    return found


def asked_again(life: Life) -> list[str]:
    """Ask no URL again while the server would answer from its cache. Of clocks that were set, nothing is asked."""
    cache = timedelta(seconds=life.site.settings.suppliers[life.supplier].cache_seconds)
    if life.jumps[:-1] or not cache:
        return []
    last: dict[str, datetime] = {}
    found = []
    for url, started_at, ended_at, outcome in life.ask(
        "SELECT url, started_at, ended_at, outcome FROM reads ORDER BY started_at"
    ):
        began = _at(started_at)
        if url in last and began - last[url] < cache:
            found.append(f"{url} at {started_at}, {began - last[url]} after its answer")
        if outcome == "listed":
            last[url] = _at(ended_at)
    return found


def still_reading(life: Life) -> list[str]:
    """Read again soon after the faults are over, and go on."""
    assert life.tail_began is not None
    interval = life.site.settings.schedule.off_hours_poll_seconds
    cache = life.site.settings.suppliers[life.supplier].cache_seconds
    good = [
        line.monotonic
        for line in life.world.requests("get-sales")
        if line.status == 200 and line.monotonic >= life.tail_began
    ]
    longest = max(after - before for before, after in pairwise([life.tail_began, *good, life.clock.monotonic()]))
    return [f"no read for {longest:.0f} s"] if longest > max(interval, cache) + 60 else []


def rest(life: Life) -> list[str]:
    """Write nothing where nothing is new."""
    agent = life.site.agent
    next_read = min(account.next_read.at for account in agent.accounts.values() if account.next_read is not None)
    if (next_read - life.clock.now()).total_seconds() < 60:
        life.run_until(life.clock.monotonic() + 90)
    with closing(sqlite3.connect(life.site.database)) as connection:

        def version() -> tuple[int, int]:
            log = len(life.world.log)
            return int(connection.execute("PRAGMA data_version").fetchone()[0]), log

        before = version()
        for _ in range(3):
            agent.look_again()
            agent.turn()
        return [] if version() == before else ["a tick with nothing new has written something"]


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
