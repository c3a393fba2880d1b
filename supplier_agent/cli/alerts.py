"""Commands about alerts: alerts list, alerts test."""

import typer

from supplier_agent.cli.context import JsonOption, here, result, result_json, say

LAST = 20

app = typer.Typer(no_args_is_help=True, help="Show present and past problems; test the addresses for alerts.")


def register(main: typer.Typer) -> None:
    """Add the commands of this module."""
    main.add_typer(app, name="alerts")


@app.command("list")
def list_(
    context: typer.Context,
    as_json: JsonOption = False,
) -> int:
    """List present and recent problems; exit code 1 if there is a present one."""
    from sqlmodel import col, select

    from supplier_agent.base.process import on_one_line
    from supplier_agent.db.store import is_there
    from supplier_agent.db.tables import Alert
    from supplier_agent.reports.order_report import instant
    from supplier_agent.verdict.codes import severity_of

    surroundings = here(context)
    found: list[Alert] = []
    if is_there(surroundings.database):
        with surroundings.store() as store, store.read() as tx:
            query = select(Alert).where(Alert.cause != "digest")
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
            | {name: instant(getattr(alert, name)) for name in times}
            for alert in found
        ]
        result_json({"schema": 1, "alerts": shown})
        return 1 if lasting else 0
    zone = surroundings.settings.timezone
    for alert in found:
        what, _, cure = alert.text.partition("\n")
        until = f" to {alert.solved_at.astimezone(zone):%Y-%m-%d %H:%M}" if alert.solved_at is not None else ""
        told = "" if alert.told_at is not None else " (not told)"
        severity = severity_of(alert.cause)
        about = f"{alert.supplier}: " if alert.supplier else ""
        state = "solved" if until else "WRONG "
        since = f"{alert.since.astimezone(zone):%Y-%m-%d %H:%M}"
        result(f"{state}  {since}{until}  {alert.cause} ({severity}){told}")
        result(on_one_line(f"        {about}{what}"))
        if cure and not until:
            result(on_one_line(f"        {cure}"))
    say(f"{len(lasting)} of {len(found)} last; times are in {zone}" if found else "nothing has been wrong")
    return 1 if lasting else 0


@app.command(name="test")
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
        say("is the address spelt as apprise wants it, is the password right, and does this machine reach it?")
    return 0 if all(taken) else 1
