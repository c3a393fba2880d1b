"""The fourth layer of `check`, with one read per supplier: the token, our clock against the marketplace's, the source of labels.

While an agent runs, it shows the agent's last reads instead: two must not send requests at the same time.
"""

import os
from collections.abc import Iterable, Mapping
from contextlib import ExitStack, closing
from datetime import timedelta

from supplier_agent.base.clock import Clock
from supplier_agent.base.errors import ConfigError
from supplier_agent.check.report import Report
from supplier_agent.db import state_folder
from supplier_agent.db.store import Store, open_store
from supplier_agent.marketplace import Listing, Means, Seen, Verdict
from supplier_agent.marketplace.client import Marketplace
from supplier_agent.marketplace.links import BadLink, allowed
from supplier_agent.marketplace.masking import mask_of
from supplier_agent.marketplace.rate_limit import Pace
from supplier_agent.marketplace.wire import Wire
from supplier_agent.reading import strategy
from supplier_agent.settings import Settings, egress
from supplier_agent.suppliers import snapshot
from supplier_agent.suppliers.read_log import asked, read_done, write
from supplier_agent.verdict.supplier import who_paused
from supplier_agent.words import say

NEW_TOKEN = "ask technique@menzzo.fr for a new one"  # noqa: S105 - a sentence
MOST_AHEAD_SECONDS = 120
"""The clock may differ by this much: days, business hours and a token's age need no more precision."""


def look(report: Report, settings: Settings, env: Mapping[str, str], clock: Clock, tokens: Mapping[str, str]) -> None:
    """Read once per supplier, or show the running agent's last reads."""
    lock_file = settings.state_dir / state_folder.LOCK
    if state_folder.is_held(lock_file):
        _last_reads(report, settings)
        return
    with ExitStack() as stack:
        store = None
        if settings.state_dir.is_dir():
            stack.enter_context(state_folder.InstanceLock(lock_file, "check", clock))
            database = settings.state_dir / state_folder.DATABASE
            store = stack.enter_context(closing(open_store(database, agent=True))) if _has_journal(settings) else None
        for name in settings.suppliers:
            try:
                token = tokens[name] if name in tokens else settings.token_of(name, env)
            except ConfigError:
                continue  # already reported
            _one_read(report, settings, name, token, clock, store)


def _has_journal(settings: Settings) -> bool:
    """Tell whether there is a journal, or one should be created: if answers are cached, the next read must know about this one.

    None is created in a folder that is not ours, because its files would not belong to the agent.
    """
    if (settings.state_dir / state_folder.DATABASE).exists():
        return True
    ours = settings.state_dir.stat().st_uid == os.geteuid()
    return ours and any(supplier.cache_seconds > 0 for supplier in settings.suppliers.values())


def _last_reads(report: Report, settings: Settings) -> None:
    with closing(open_store(settings.state_dir / state_folder.DATABASE)) as store, store.read() as tx:
        for name in settings.suppliers:
            supplier = snapshot.known_supplier(tx, name)
            if supplier.token_refused_at is not None:
                report.bad(f"{name}: the marketplace refuses the token", NEW_TOKEN, 77)
            elif supplier.last_success_at is None:
                report.doubt(f"{name}: the running agent has not read it yet", "supplier-agent status")
            else:
                at = f"{supplier.last_success_at:%Y-%m-%d %H:%M} UTC"
                report.good(f"{name}: last read successfully at {at} by the running agent")


def _one_read(report: Report, settings: Settings, name: str, token: str, clock: Clock, store: Store | None) -> None:
    account = Marketplace(
        supplier=name,
        base_url=settings.base_url,
        token=lambda: token,
        wire=Wire(clock, settings.http.timeout_seconds, egress=egress.of(settings)),
        pace=Pace(clock, settings.requests_per_second),
        max_label_bytes=settings.http.max_label_bytes,
        label_origins=settings.http.label_origins,
        clock=clock,
        stopping=lambda: True,  # one request, no retry
        mask=None if store is None else mask_of(settings.suppliers[name], state_folder.masking_key(settings.state_dir)),
    )
    today, earlier = clock.now().astimezone(settings.timezone).date(), frozenset[str]()
    if store is not None:
        with store.read() as tx:
            supplier = snapshot.known_supplier(tx, name)
            earlier = asked(tx, name, clock.now(), settings.suppliers[name].cache_seconds)
        if supplier.paused_at is not None:
            why = say("reason.paused", who_paused(supplier))
            report.doubt(f"{name}: not asked, because it is paused {why}", f"supplier-agent resume {name}")
            return
    query, started_at = strategy.probe(today, earlier).query, clock.now()
    answer = account.get_sales(query)
    if store is not None:
        with store.write() as tx:
            write(tx, name, read_done(query, answer, started_at, clock.now()), None)
    if isinstance(answer, Listing):
        took = (clock.now() - started_at) / timedelta(milliseconds=1)
        report.good(f"{name}: the token works (orders of today on the first page: {len(answer.rows)}; {took:.0f} ms)")
        _clock(report, name, answer.ahead_seconds)
        _labels(report, settings, name, [row.link_to_label for row in answer.rows if isinstance(row, Seen)])
    else:
        _failure(report, settings, name, answer)


def _failure(report: Report, settings: Settings, name: str, answer: Verdict) -> None:
    if answer.means is Means.TOKEN_REFUSED:
        report.bad(f"{name}: the marketplace refuses the token (HTTP {answer.http_status})", NEW_TOKEN, 77)
    elif answer.means is Means.NOT_FOUND:
        cure = f"is suppliers.{name} the name in your API's path, and base_url right? It asks {settings.base_url}/api/{name}/…"
        report.bad(f"{name}: the marketplace does not know this address (404)", cure, 78)
    else:
        cure = f"is base_url ({settings.base_url}) right, and does this machine reach it?"
        report.bad(f"{name}: the read failed: {answer.detail}", cure, 69)


def _clock(report: Report, name: str, ahead_seconds: int | None) -> None:
    if ahead_seconds is None:
        return
    if abs(ahead_seconds) > MOST_AHEAD_SECONDS:
        way = "behind" if ahead_seconds > 0 else "ahead of"
        what = f"this machine's clock is {abs(ahead_seconds)} s {way} the marketplace's"
        report.doubt(what, "set it: sudo timedatectl set-ntp true (see: timedatectl status)")
    else:
        report.good(f"{name}: our clock and the marketplace's clock agree within {max(1, abs(ahead_seconds))} s")


def _labels(report: Report, settings: Settings, name: str, links: Iterable[str | None]) -> None:
    """Check the links of the listed orders by the same rules as the download."""
    judged = [allowed(link, settings.base_url, settings.http.label_origins) for link in links if link]
    bad = sorted({each.reason for each in judged if isinstance(each, BadLink)})
    for reason in bad:
        cure = 'if that is where Menzzo keeps its labels: label_origins = ["https://…"] in [http]'
        report.doubt(f"{name}: labels would not be fetched: {reason}", cure)
    if judged and not bad:
        report.good(f"{name}: its {len(judged)} labels come from allowed places")
