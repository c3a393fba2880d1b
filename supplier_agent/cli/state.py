"""Commands about the whole: status, check, backup."""

from pathlib import Path
from typing import Annotated

import typer

from supplier_agent.cli.surroundings import here, result, result_json, say

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON alone.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this room."""
    app.command()(status)
    app.command()(check)
    app.command()(backup)


def status(context: typer.Context, as_json: JsonOption = False) -> int:
    """Tell how things stand: suppliers, counts, problems with the command that cures each."""
    from supplier_agent.lock import is_held
    from supplier_agent.status import NOT_RUNNING, NOTHING_YET, before_the_first_run, table, tell
    from supplier_agent.store import is_there

    surroundings = here(context)
    running, now = is_held(surroundings.lock_file), surroundings.clock.now()
    if not is_there(surroundings.database):
        result_json(before_the_first_run(surroundings.settings, running=running)) if as_json else result(NOTHING_YET)
        return NOT_RUNNING
    with surroundings.store() as store, store.read() as tx:
        told = tell(tx, surroundings.settings, now, running=running)
    if as_json:
        result_json(told.as_json())
    else:
        result(table(told, now))
    return told.exit_code


def check(
    context: typer.Context,
    offline: Annotated[bool, typer.Option("--offline", help="Ask the marketplace nothing.")] = False,
) -> int:
    """Prove the configuration, folders, rights, clock and (without --offline) each supplier's token with one read."""
    from supplier_agent.check import Report, environment, marketplace

    surroundings = here(context)
    report = Report(result)
    report.good(f"configuration: {surroundings.settings.config_path or 'from the environment'}")
    for warning in surroundings.settings.warnings:
        report.doubt(warning)
    environment(report, surroundings.settings, surroundings.env, surroundings.clock)
    if not offline:
        marketplace(report, surroundings.settings, surroundings.env, surroundings.clock)
    say("nothing is wrong" if report.exit_code == 0 else "see above: each finding names what cures it")
    return report.exit_code


def backup(context: typer.Context, file: Annotated[Path, typer.Argument(metavar="FILE")]) -> None:
    """Write a consistent copy of the state while the agent runs."""
    from supplier_agent.errors import UsageError

    surroundings = here(context)
    if file.is_dir():
        raise UsageError(f"{file} is a folder", f"supplier-agent backup {file}/agent-backup.db")
    with surroundings.store() as store:
        if file.exists() and file.samefile(store.path):
            raise UsageError(f"{file} is the database itself", "name another file")
        store.backup(file)
    result(
        f"{file}: {file.stat().st_size} bytes, checked. Keep the ship ledger (shipped.jsonl) where it is: it goes on from the copy."
    )
