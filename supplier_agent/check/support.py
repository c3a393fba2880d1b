"""The last layer of `check`: the token of the support API, proved with one read per supplier that uses it.

The read asks about the sale of the newest order that is known, or about no sale at all: 404 proves the token as well as an answer
does, because the API refuses a wrong token first (401).
"""

from collections.abc import Mapping
from contextlib import closing

from supplier_agent.base.clock import Clock
from supplier_agent.base.errors import AgentError, ConfigError
from supplier_agent.check.report import Report
from supplier_agent.db import state_folder
from supplier_agent.db.plain_sql import within
from supplier_agent.db.store import open_store
from supplier_agent.settings import Settings
from supplier_agent.verdict.sale import meaning
from supplier_agent.verdict.supplier import SUPPORT, account_name

NO_SALE = "0"
NEW_TOKEN = "ask technique@menzzo.fr for a new one"  # noqa: S105 - a sentence
TRIED = "the support API was tried against a stand-in only, made from its document"


def look(report: Report, settings: Settings, env: Mapping[str, str], clock: Clock) -> None:
    """Prove each token, or show what the running agent knows about it."""
    names = [name for name in settings.suppliers if settings.support_of(name) is not None]
    if not names:
        return
    report.layer("support")
    report.note(TRIED, "compare the first sale checks with what Menzzo shows: supplier-agent order ID")
    running = state_folder.is_held(settings.state_dir / state_folder.LOCK)
    for name in names:
        try:
            token = settings.support_token_of(name, env)
        except ConfigError as error:
            report.error(error)
            continue
        if running:
            _known(report, settings, name)
        else:
            _read(report, settings, name, token, clock)


def _known(report: Report, settings: Settings, name: str) -> None:
    with closing(open_store(settings.state_dir / state_folder.DATABASE)) as store, store.read() as tx:
        failing = "SELECT reason FROM lanes WHERE supplier = ? AND failing_since IS NOT NULL"
        row = within(tx).first(failing, account_name(name, SUPPORT))
    if row is not None:
        cure = "supplier-agent status; if the token is refused, ask technique@menzzo.fr for a new one"
        report.doubt(f"{name}: the running agent's calls to the support API fail: {row.reason}", cure)
    else:
        report.good(f"{name}: the running agent uses the support API, and no call to it fails")


def _read(report: Report, settings: Settings, name: str, token: str, clock: Clock) -> None:
    from supplier_agent.integrations.support import Support  # noqa: PLC0415 - not imported while it is off
    from supplier_agent.marketplace.rate_limit import Pace  # noqa: PLC0415 - as above
    from supplier_agent.marketplace.support import SaleFound  # noqa: PLC0415 - as above
    from supplier_agent.marketplace.wire import Wire  # noqa: PLC0415 - as above
    from supplier_agent.settings import egress  # noqa: PLC0415 - as above

    keys = settings.support_of(name)
    assert keys is not None  # noqa: S101 - see `look`
    wire = Wire(clock, settings.http.timeout_seconds, egress=egress.of(settings))
    client = Support(settings.base_url, lambda: token, wire, Pace(clock, keys.requests_per_second), clock)
    found = client.sale(_newest(settings, name))
    if not isinstance(found, SaleFound):
        if found.http_status in {401, 403}:
            report.bad(f"{name}: the support API refuses the token (HTTP {found.http_status})", NEW_TOKEN, 77)
        else:
            cure = (
                f"is base_url ({settings.base_url}) right? Ship calls go on without it, unless when_unreachable is hold"
            )
            report.doubt(f"{name}: the support API does not answer: {found.detail}", cure)
        return
    report.good(f"{name}: the token of the support API works")
    if found.found:
        sale = meaning(found.status, keys)
        report.good(f"{name}: the sale of its newest order is {found.status or 'without a usable status'}: {sale}")


def _newest(settings: Settings, name: str) -> str:
    """Return the customer's order number of the newest known order; "0" if there is none."""
    database = settings.state_dir / state_folder.DATABASE
    if not database.exists():
        return NO_SALE
    try:
        with closing(open_store(database)) as store, store.read() as tx:
            row = within(tx).first("SELECT increment_id FROM orders WHERE supplier = ? ORDER BY id DESC LIMIT 1", name)
    except AgentError:
        return NO_SALE  # reported by another layer
    return NO_SALE if row is None else str(row.increment_id)
