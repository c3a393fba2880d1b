"""Commands about the whole installation: status, check, coverage, alerts."""

from typing import Annotated

import typer

from supplier_agent.base.errors import UsageError
from supplier_agent.base.process import on_one_line
from supplier_agent.cli.context import JsonOption, OnlySupplier, day, here, result, result_json, say


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(status)
    app.command()(check)
    app.command()(coverage)
    app.add_typer(alerts, name="alerts")


def status(
    context: typer.Context,
    as_json: JsonOption = False,
    watch: Annotated[bool, typer.Option("--watch", help="On a terminal: refresh until Ctrl-C.")] = False,
    alive: Annotated[
        bool,
        typer.Option(
            "--alive",
            help="For a container's health check: exit code 1 only if the agent or its page cannot work at all, else 0.",
        ),
    ] = False,
) -> int:
    """Show the status: suppliers, counts, and problems with the command that fixes each."""
    from supplier_agent.reports.screen import Asked, answer

    surroundings = here(context)
    return answer(Asked(surroundings.config, as_json, watch, alive), surroundings.env, surroundings.clock)


def check(
    context: typer.Context,
    offline: Annotated[bool, typer.Option("--offline", help="Do not contact the marketplace.")] = False,
    thorough: Annotated[
        bool, typer.Option("--thorough", help="Check the whole database, however large; this may take minutes.")
    ] = False,
    as_json: JsonOption = False,
) -> int:
    """Check the configuration, folders, rights, clock and (without --offline) each supplier's token, with one read."""
    from supplier_agent.check import Finding, Report, prove

    surroundings, found = here(context), list[Finding]()
    report = Report(found.append if as_json else lambda finding: result(str(finding)))
    code = prove(
        report, surroundings.settings, surroundings.env, surroundings.clock, offline=offline, thorough=thorough
    )
    if as_json:
        result_json({"schema": 1, "exit_code": code, "findings": [vars(finding) for finding in found]})
    else:
        say(report.summary())
    return code


def coverage(
    context: typer.Context,
    from_: Annotated[
        str, typer.Option("--from", metavar="DATE", help="The first day, YYYY-MM-DD [default: the days of the sweeps].")
    ] = "",
    to: Annotated[str, typer.Option("--to", metavar="DATE", help="The last day, YYYY-MM-DD [default: today].")] = "",
    supplier: OnlySupplier = "",
    as_json: JsonOption = False,
) -> int:
    """Show which run proves, for each day, that no order was lost; exit code 1 if a day should be proved but is not."""
    from supplier_agent.reading import coverage

    surroundings = here(context)
    settings, now = surroundings.settings, surroundings.clock.now()
    names = surroundings.suppliers(supplier)
    first, last = day("--from", from_), day("--to", to)
    found = []
    with surroundings.store() as store, store.read() as tx:
        for name in names:
            usual = coverage.usual_range(tx, settings, name, now)
            begin, end = first or min(usual[0], last or usual[0]), last or max(usual[1], first or usual[1])
            if end < begin:
                raise UsageError(f"{begin} is after {end}", f"supplier-agent coverage --from {end} --to {begin}")
            found.append(coverage.ledger(tx, settings, name, begin, end, now))
    if as_json:
        result_json({"schema": 1, "suppliers": {told.supplier: coverage.as_json(told) for told in found}})
    else:
        result("\n\n".join(coverage.page(told, now, settings.timezone) for told in found))
    wanting = sum(each.is_overdue for told in found for each in told.days)
    if wanting and not as_json:
        say(
            f"{wanting} day{'s' if wanting > 1 else ''} should be proved complete by now, and {'are' if wanting > 1 else 'is'} not"
        )
    return 1 if wanting else 0


LAST = 20

alerts = typer.Typer(no_args_is_help=True, help="Show present and past problems; test the addresses for alerts.")


@alerts.command("list")
def list_(
    context: typer.Context,
    as_json: JsonOption = False,
) -> int:
    """List present and recent problems; exit code 1 if there is a present one."""
    from sqlmodel import col, select

    from supplier_agent.db.store import is_there
    from supplier_agent.db.tables import DIGEST, Alert
    from supplier_agent.verdict.codes import severity_of
    from supplier_agent.words.formats import iso_or_null

    surroundings = here(context)
    found: list[Alert] = []
    if is_there(surroundings.database):
        with surroundings.store() as store, store.read() as tx:
            query = select(Alert).where(Alert.cause != DIGEST)
            found += tx.exec(query.where(col(Alert.solved_at).is_(None)).order_by(col(Alert.id)))
            over = query.where(col(Alert.solved_at).is_not(None)).order_by(col(Alert.id).desc()).limit(LAST)
            found += reversed(tx.exec(over).all())
    lasting = [alert for alert in found if alert.solved_at is None]
    if as_json:
        names = ("cause", "supplier", "text")
        times = ("since", "told_at", "solved_at", "solved_told_at")
        shown = [
            {name: getattr(alert, name) for name in names}
            | {"severity": severity_of(alert.cause).value}
            | {name: iso_or_null(getattr(alert, name)) for name in times}
            for alert in found
        ]
        result_json({"schema": 1, "alerts": shown})
        return 1 if lasting else 0
    zone = surroundings.settings.timezone
    for alert in found:
        what, _, cure = alert.text.partition("\n")
        until = f" to {alert.solved_at.astimezone(zone):%Y-%m-%d %H:%M}" if alert.solved_at is not None else ""
        told = "" if alert.told_at is not None else " (not sent)"
        severity = severity_of(alert.cause)
        about = f"{alert.supplier}: " if alert.supplier else ""
        state = "solved" if until else "WRONG "
        since = f"{alert.since.astimezone(zone):%Y-%m-%d %H:%M}"
        result(f"{state}  {since}{until}  {alert.cause} ({severity}){told}")
        result(on_one_line(f"        {about}{what}"))
        if cure and not until:
            result(on_one_line(f"        {cure}"))
    say(f"{len(lasting)} of {len(found)} are open; times are in {zone}" if found else "no problems were recorded")
    return 1 if lasting else 0


@alerts.command(name="test")
def send_test(context: typer.Context, as_json: JsonOption = False) -> int:
    """Send a test message to every address, and show which accepted it; exit code 1 if any did not."""
    import socket

    from supplier_agent.alerts import Post, post
    from supplier_agent.settings import egress

    settings = here(context).settings
    office = Post(settings, egress.of(settings))
    if not office.boxes:
        say("no alerts are sent: [alerts] urls is empty")
        return 1
    message = post.trial(socket.gethostname(), post.words_of(settings))
    names = [box.recipient.name for box in office.boxes]
    taken = [office.try_one(box, message) for box in office.boxes]
    if as_json:
        sent = [{"address": name, "taken": took} for name, took in zip(names, taken, strict=True)]
        result_json({"schema": 1, "addresses": sent})
        return 0 if all(taken) else 1
    for name, took in zip(names, taken, strict=True):
        result(f"{'ok    ' if took else 'FAILED'}  {name}")
    if not all(taken):
        say(
            "check that the address is in apprise's format, that the password is right, and that this machine can reach it"
        )
    return 0 if all(taken) else 1
