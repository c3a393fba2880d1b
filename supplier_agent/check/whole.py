"""The second layer of `check`: keys that are valid alone, but together are probably a mistake."""

from collections.abc import Mapping
from datetime import datetime

from supplier_agent.base.errors import ConfigError
from supplier_agent.check.report import Report
from supplier_agent.settings import Settings
from supplier_agent.settings.hours import dated_until

EDIT = "correct it in the configuration, then: supplier-agent check --offline"
CACHE_OF_SEED = 1800


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
    schedule, zone = settings.schedule, settings.timezone
    hours = f"business hours {schedule.business_hours} in {zone.key}, where it is {now.astimezone(zone):%a %H:%M}"
    same: dict[str, list[str]] = {}
    for name in settings.suppliers:
        calendar = settings.calendar(name)
        at_work = "open" if calendar.is_open(now) else "closed"
        why = ", a holiday" if calendar.is_holiday(now.astimezone(zone).date()) else ""
        same.setdefault(f"{at_work}{why}, read every {settings.poll_interval(name, now):g} s", []).append(name)
    for said, names in same.items():
        report.good(f"{hours}: {said}" + (f" ({', '.join(names)})" if len(same) > 1 else ""))


def _of_all(settings: Settings) -> list[tuple[str, str]]:
    schedule, found = settings.schedule, []
    if settings.read_only:
        found.append(("read_only is set: orders are read, and nothing is acknowledged or shipped", "read_only = false"))
    if schedule.sweep_seconds < schedule.poll_seconds:
        what = (
            "sweep_seconds is shorter than poll_seconds: every read is a sweep, page by page through all of sweep_days"
        )
        found.append((what, "sweep_seconds = 21600 in [schedule]"))
    if settings.ship.after_lost_answer == "resend" and settings.ship.settle_seconds < CACHE_OF_SEED:
        what = "a lost ship call is sent again before the marketplace's cache (1800 s) could show whether it arrived"
        found.append((what, "settle_seconds = 1860 in [ship]"))
    if settings.http.timeout_seconds >= settings.schedule.poll_seconds:
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
