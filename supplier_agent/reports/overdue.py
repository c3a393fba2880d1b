"""What should have happened by now and has not, and whether our clock may be believed: asked of plain rows. Reads, never writes."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from supplier_agent.db.plain_sql import READS, Look, last_good, supplier_of
from supplier_agent.reading.schedule import Pauses, Readings, next_read
from supplier_agent.reports import vitals
from supplier_agent.reports.known import Known
from supplier_agent.reports.vitals import Problem, Signs

READ_LATE = "read_late"
LEAST_SECONDS = 30.0
"""No read is called late for less: the loop itself notices the opening hour only by then."""
LAST_READS, LAST_READS_OF_ALL = 200, 5000
AGREE = 3
"""So many answers in a row must find our clock wrong: one server's slip is no reason to get anyone up."""
LAST_READ_OF_EACH = """
SELECT supplier, max(id) AS id, ended_at FROM reads
 WHERE id > (SELECT max(id) FROM reads) - ? AND run_id IS NOT NULL GROUP BY +supplier
"""
"""Not the reads that belong to a call: they prove nothing of the list.

Of a supplier that is not among these, nothing was read for long.
"""


def clock_off(look: Look, most_seconds: float) -> list[Problem]:
    """Return whether this machine's clock is off, by the last answers of any supplier."""
    rows = look.rows(
        "SELECT ahead_seconds FROM reads WHERE id > (SELECT max(id) FROM reads) - ? AND ahead_seconds IS NOT NULL "
        "ORDER BY id DESC LIMIT ?",
        LAST_READS, AGREE,
    )  # fmt: skip
    found = [row.ahead_seconds for row in rows]
    off = min(found, key=abs) if len(found) == AGREE else 0
    if abs(off) <= most_seconds or len({each > 0 for each in found}) != 1:
        return []
    away = f"{abs(off) / 60:.0f} min" if abs(off) < 7200 else f"{abs(off) / 3600:.0f} h"  # noqa: PLR2004 - two hours
    what = f"this machine's clock is about {away} {'behind' if off > 0 else 'ahead of'} the marketplace's"
    return [Problem("", None, what, "set it: timedatectl set-ntp true", 1, vitals.CLOCK_OFF)]


def late_reads(look: Look, what: Known, signs: Signs | None) -> Mapping[str, Problem]:
    """Return the suppliers whose due read is later than its interval, though an agent runs: it is alive, and does not do its work.

    Asked of the instant one interval ago: was the read due even then, and has nothing been read since? So the opening hour, which
    shortens the interval, is not late at once. A pause, silence asked for and a back-off are no lateness, nor is a refused token,
    which is a problem of its own. After a clock was set, lateness counts from then: what was read before proves nothing.
    """
    if signs is None or not signs.runs or signs.holder is None:
        return {}
    now = signs.now
    begun = (signs.holder.since, signs.own.steady_since if signs.own is not None else None)
    late = {}
    asked = {row.supplier: row.ended_at for row in look.rows(LAST_READ_OF_EACH, LAST_READS_OF_ALL)}
    for name, supplier in what.suppliers.items():
        seconds = max(what.interval(now), supplier.cache_seconds, LEAST_SECONDS)
        at = now - timedelta(seconds=seconds)
        since = max((each for each in (*begun, asked.get(name)) if each is not None and each <= now), default=now)
        row = supplier_of(look, name)
        if since > at or row.paused_at is not None or row.token_refused_at is not None:
            continue
        if next_read_at(look, what, name, at, resyncs=False) <= at:
            text = f"nothing was read since {since:%Y-%m-%d %H:%M} UTC, though the agent runs; it should be every {seconds:g} s"
            late[name] = Problem(name, None, text, vitals.RESTART, 1, READ_LATE)
    return late


def next_read_at(look: Look, what: Known, name: str, now: datetime, *, resyncs: bool = True) -> datetime:
    """Return when the loop will read next: the same rule, asked of plain rows. `resyncs`: requests of a person count."""
    supplier = supplier_of(look, name)
    resync = "SELECT * FROM runs WHERE supplier = ? AND purpose = 'resync' AND started_at IS NULL ORDER BY id LIMIT 1"
    sweep, poll = (last_good(look, name, purpose) for purpose in ("sweep", "poll"))
    pauses = Pauses(what.interval(now), what.sweep_seconds, what.suppliers[name].cache_seconds)
    reads = look.first("SELECT resume_at FROM lanes WHERE supplier = ? AND lane = ?", name, READS)
    waits = (now, reads.resume_at if reads is not None else None, supplier.quiet_until)
    earliest = max(each for each in waits if each is not None)
    requested = look.first(resync, name) if resyncs else None
    return next_read(Readings(supplier, requested, sweep, poll), pauses, earliest, now).at
