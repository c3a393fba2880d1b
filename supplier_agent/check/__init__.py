"""`check`: finds mistakes before the first order comes. Each finding has its fix.

Layers: every field (settings/, whose errors have line, key and the likely meaning), the whole (keys that are valid alone, but
together are probably a mistake), the environment (environment.py, rights.py), the warehouse page (page.py), and with a network
the marketplace (reads.py).
If root runs it, it tests as the agent's user.
"""

import json
import tempfile
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

from supplier_agent.base import files
from supplier_agent.base.clock import Clock
from supplier_agent.base.errors import ConfigError
from supplier_agent.check import environment, page, programs, reads, rights, support
from supplier_agent.check.report import Finding, Report
from supplier_agent.settings import Settings
from supplier_agent.settings.schedule import dated_until

EDIT = "correct it in the configuration, then: supplier-agent check --offline"
CACHE_OF_SEED = 1800
CREDSTORE = Path("/etc/credstore")
"""Where systemd looks for credentials without a path. Only root may read it."""

__all__ = ["Finding", "Report", "prove"]


def prove(
    report: Report, settings: Settings, env: Mapping[str, str], clock: Clock, *, offline: bool, thorough: bool = False
) -> int:
    """Check everything, print each finding, and return the exit code (public contract, "Exit codes")."""
    report.layer("fields")
    report.good(f"configuration: {settings.config_path or 'from the environment alone'}, every key is understood")
    report.layer("whole")
    fits_together(report, settings, env, clock.now())
    report.layer("environment")
    rights.staff(report, settings.state_dir)
    agent = rights.user_to_become(settings.state_dir)
    tokens = _credentials(settings, env) if agent is not None else {}

    def environment_as_it_is() -> int:
        rights.configuration(report, settings.config_path)
        environment.look(report, settings, env, clock, tokens, thorough=thorough)
        report.layer("page")
        page.look(report, settings, offline=offline)
        programs.look(report, settings)
        if any(supplier.businessonbot is not None for supplier in settings.suppliers.values()):
            from supplier_agent.check import businessonbot  # noqa: PLC0415 - only where there is a bot

            businessonbot.look(report, settings)
        if any(supplier.shop is not None for supplier in settings.suppliers.values()):
            from supplier_agent.check import shops  # noqa: PLC0415 - only where there is a shop

            report.layer("shops")
            shops.look(report, settings, clock, offline=offline)
        if any(supplier.carriers for supplier in settings.suppliers.values()):
            from supplier_agent.check import carriers  # noqa: PLC0415 - only where a carrier is asked

            report.layer("carriers")
            carriers.look(report, settings, clock, offline=offline)
        return report.exit_code

    if agent is None:
        environment_as_it_is()
    else:
        report.good(f"the agent's user is {agent}; the checks below run as that user")
        _in_a_child(report, agent, environment_as_it_is)
    if not offline:
        report.layer("marketplace")
        with files.as_owner_of(settings.state_dir):
            reads.look(report, settings, env, clock, tokens)
            support.look(report, settings, env, clock)
    return report.exit_code


def _in_a_child(report: Report, agent: rights.User, look: Callable[[], int]) -> None:
    """Check as another user; the child's findings are counted here."""
    before = len(report.findings)
    with tempfile.TemporaryFile("w+", encoding="utf-8") as left:

        def look_and_leave() -> int:
            code = look()
            json.dump([vars(finding) for finding in report.findings[before:]], left)
            left.flush()
            return code

        code = rights.run_as(agent, look_and_leave)
        left.seek(0)
        text = left.read()
    report.add(code, [Finding(**each) for each in json.loads(text or "[]")])


def _credentials(settings: Settings, env: Mapping[str, str]) -> dict[str, str]:
    """Return the tokens that systemd would pass to the service; only root can read them."""
    found = {}
    for name, supplier in settings.suppliers.items():
        file = CREDSTORE / f"token-{name}"
        if (
            supplier.token is None
            and supplier.token_file is None
            and "CREDENTIALS_DIRECTORY" not in env
            and file.exists()
        ):
            found[name] = settings.token_of(name, {**env, "CREDENTIALS_DIRECTORY": str(CREDSTORE)})
    return found


# -- The whole.


def fits_together(report: Report, settings: Settings, env: Mapping[str, str], now: datetime) -> None:
    """Find contradictions. Tokens are compared, never shown."""
    found = [*_of_all(settings), *_of_suppliers(settings, now), *_same_tokens(settings, env)]
    for warning in settings.warnings:
        what, _, cure = warning.partition("; run: ")
        found.append((what, cure or EDIT))
    for what, cure in found:
        report.doubt(what, cure)
    _say_hours(report, settings, now)
    if not found:
        report.good("the keys fit together")


def _say_hours(report: Report, settings: Settings, now: datetime) -> None:
    """Report whether suppliers are open now: one line for all suppliers, or one for each group that differs."""
    zone = settings.timezone
    same: dict[str, list[str]] = {}
    for name in settings.suppliers:
        calendar = settings.calendar(name)
        hours = f"business hours {calendar.hours} in {zone.key}, where it is {now.astimezone(zone):%a %H:%M}"
        at_work = "open" if calendar.is_open(now) else "closed"
        why = ", a holiday" if calendar.is_holiday(now.astimezone(zone).date()) else ""
        said = f"{hours}: {at_work}{why}, read every {settings.poll_interval(name, now):g} s"
        same.setdefault(said, []).append(name)
    for said, names in same.items():
        report.good(said + (f" ({', '.join(names)})" if len(same) > 1 else ""))


def _of_all(settings: Settings) -> list[tuple[str, str]]:
    found = []
    if settings.read_only:
        found.append(("read_only is set: orders are read, and nothing is acknowledged or shipped", "read_only = false"))
    intervals = [settings.schedule_of(name).poll_seconds for name in settings.suppliers]
    if settings.schedule.sweep_seconds < max(intervals):
        what = (
            "sweep_seconds is shorter than poll_seconds: every read is a sweep, page by page through all of sweep_days"
        )
        found.append((what, "sweep_seconds = 21600 in [schedule]"))
    if settings.ship.after_lost_answer == "resend" and settings.ship.settle_seconds < CACHE_OF_SEED:
        what = "a lost ship call is sent again before the marketplace's cache (1800 s) could show whether it arrived"
        found.append((what, "settle_seconds = 1860 in [ship]"))
    if settings.http.timeout_seconds >= min(intervals):
        found.append(("timeout_seconds is longer than the time between two reads", "timeout_seconds = 20 in [http]"))
    if settings.base_url.startswith("http:"):
        found.append((f"base_url is {settings.base_url}: a test server on this machine, not the marketplace", EDIT))
    return found


def _of_suppliers(settings: Settings, now: datetime) -> list[tuple[str, str]]:
    found = []
    for station in settings.web.stations:
        if "@" in station.printer.partition("://")[2].partition("/")[0]:
            what = f"the printer's address of station {station.name} contains a name or a password, so nothing is printed there"
            found.append((what, "remove it from the address"))
    for name, supplier in settings.suppliers.items():
        if supplier.read_only:
            what = f"suppliers.{name}.read_only is set: its orders are read, and nothing is acknowledged or shipped"
            found.append((what, "read_only = false"))
        if supplier.start_date is not None and supplier.start_date > now.astimezone(settings.timezone).date():
            what = f"suppliers.{name}.start_date is in the future: no order of today is acknowledged or shipped"
            found.append((what, "right if the other tool still does the work; else correct it"))
        until = dated_until(settings.calendar(name).holidays)
        if until is not None and until < now.astimezone(settings.timezone).date():
            what = f"every holiday of {name} with a year is over (the last was {until})"
            found.append((what, "add the coming ones to holidays, or remove the old ones"))
        if supplier.token_file is not None and supplier.token_file.is_relative_to(settings.state_dir):
            what = f"suppliers.{name}.token_file is in state_dir, which staff can read and every backup copies"
            found.append((what, f"move it to /etc/supplier-agent/tokens/{name}, and correct token_file"))
    return found


def _same_tokens(settings: Settings, env: Mapping[str, str]) -> list[tuple[str, str]]:
    first: dict[str, str] = {}
    found = []
    for name in settings.suppliers:
        try:
            token = settings.token_of(name, env)
        except ConfigError:
            continue  # reported in the next layer
        if token in first:
            what = f"{name} and {first[token]} have the same token; the marketplace gives each supplier its own"
            found.append((what, f"set the token of {name}"))
        first.setdefault(token, name)
    return found
