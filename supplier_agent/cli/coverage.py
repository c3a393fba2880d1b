"""The command that shows what runs prove: coverage."""

from typing import Annotated

import typer

from supplier_agent.cli.context import JsonOption, day, here, result, result_json, say


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(coverage)


def coverage(
    context: typer.Context,
    from_: Annotated[
        str, typer.Option("--from", metavar="DATE", help="The first day, YYYY-MM-DD [default: the days of the sweeps].")
    ] = "",
    to: Annotated[str, typer.Option("--to", metavar="DATE", help="The last day, YYYY-MM-DD [default: today].")] = "",
    supplier: Annotated[str, typer.Option(help="Only this supplier.")] = "",
    as_json: JsonOption = False,
) -> int:
    """Show for each day which run proves that no order was lost; exit code 1 if a day should be proved and is not."""
    from supplier_agent.base.errors import UsageError
    from supplier_agent.reading import coverage

    surroundings = here(context)
    settings, now = surroundings.settings, surroundings.clock.now()
    if supplier and supplier not in settings.suppliers:
        known = ", ".join(settings.suppliers)
        raise UsageError(f"there is no supplier {supplier} in the configuration", f"it has: {known}")
    first, last = day("--from", from_), day("--to", to)
    found = []
    with surroundings.store() as store, store.read() as tx:
        for name in [supplier] if supplier else settings.suppliers:
            usual = coverage.usual_range(tx, settings, name, now)
            begin, end = first or min(usual[0], last or usual[0]), last or max(usual[1], first or usual[1])
            if end < begin:
                raise UsageError(f"{begin} lies after {end}", f"supplier-agent coverage --from {end} --to {begin}")
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
