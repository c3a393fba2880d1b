"""Commands about the whole installation: status, check."""

from typing import Annotated

import typer

from supplier_agent.cli.context import JsonOption, here, result, result_json, say


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(status)
    app.command()(check)


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
    from supplier_agent.reports.status.door import Asked, answer

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
