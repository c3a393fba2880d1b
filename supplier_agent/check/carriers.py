"""The carriers in `check`: credentials, and with a network one read, which uses one call of the quota. Writes nothing.

The read asks about a code that no parcel has: the documented answer that it is unknown proves the credentials as a scan would.
"""

from supplier_agent.base.clock import Clock
from supplier_agent.base.errors import AgentError
from supplier_agent.check.report import Report, credential_files
from supplier_agent.db import state_folder
from supplier_agent.integrations.carriers.client import carrier_of, make_client
from supplier_agent.marketplace import Means, Verdict
from supplier_agent.marketplace.wire import Wire
from supplier_agent.settings import Settings, egress
from supplier_agent.settings.carriers import DHL, FEDEX, LAPOSTE, UPS, Carrier

HOW_TO = "docs/how-to/carriers.md"
NOBODYS = {LAPOSTE: "6A00000000000", DHL: "0000000000", UPS: "1Z0000000000000000", FEDEX: "000000000000"}
"""Codes that have the form of one, and that no parcel has."""


def here(report: Report, settings: Settings, name: str, kind: str, keys: Carrier) -> str | None:
    """Check what needs no network; return the credentials, or None if they cannot be used."""
    carrier = carrier_of(kind)
    what = f"{name}: {kind} is asked by {carrier.API}, tried against a stand-in only; {carrier.LIMITS}"
    report.note(what, f"compare the first answers with what the carrier's own page shows ({HOW_TO})")
    credential_files(report, settings, f"suppliers.{name}.{kind}", keys.credential_files, "carriers")
    try:
        return keys.credentials(name, kind)
    except AgentError as error:
        report.error(error)
        return None


def prove(report: Report, settings: Settings, name: str, kind: str, credentials: str, clock: Clock) -> None:
    """Make one read, and report what it proves."""
    keys = settings.carrier_of(name, kind)
    assert keys is not None  # noqa: S101 - the caller has looked
    wire = Wire(clock, settings.http.timeout_seconds, egress=egress.of(settings))
    found = make_client(settings, name, kind, wire, clock, lambda: credentials).last_scan(NOBODYS[kind])
    if not isinstance(found, Verdict):
        report.good(f"{name}: {kind} answers, and the credentials work")
        return
    said = f"{name}: not proved that {kind} answers: {found.detail}"[:500]
    if found.means is Means.TOKEN_REFUSED:
        report.bad(said, f"get new credentials, as in {HOW_TO}", 77)
    elif found.means is Means.TOO_MANY:
        report.doubt(said, "the quota is used up; try again later, or ask the carrier for more")
    else:
        report.doubt(said, f"does this machine reach {keys.url}? Orders go on without it")


def look(report: Report, settings: Settings, clock: Clock, *, offline: bool) -> None:
    """Check the carriers of every supplier. While an agent runs, it has the rate: then nothing is asked."""
    running = state_folder.is_held(settings.state_dir / state_folder.LOCK)
    for name, supplier in settings.suppliers.items():
        for kind, keys in supplier.carriers.items():
            credentials = here(report, settings, name, kind, keys)
            if credentials is None or offline:
                continue
            if running:
                report.good(f"{name}: the running agent asks {kind}; supplier-agent status shows whether that fails")
            else:
                prove(report, settings, name, kind, credentials, clock)
