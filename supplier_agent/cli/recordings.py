"""The command `marketplace record`: the journal as a file that another person may read and play."""

import os
import secrets
import shlex
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Annotated

import typer

from supplier_agent.base.errors import UsageError
from supplier_agent.cli.context import OnlySupplier, day, here, result
from supplier_agent.cli.marketplace import marketplace

EVER = datetime(2000, 1, 1, tzinfo=UTC)


def register(_app: typer.Typer) -> None:
    """Add the command of this module."""
    marketplace.command()(record)


def record(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE")],
    supplier: OnlySupplier = "",
    since: Annotated[str, typer.Option(metavar="DAY", help="Only what happened on that day or later.")] = "",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace FILE if it exists.")] = False,
) -> None:
    """Write what the marketplace listed and answered into FILE, without ids, secrets and personal data."""
    from supplier_agent.maintenance.recording import record as lines_of

    surroundings = here(context)
    settings, first = surroundings.settings, day("--since", since)
    if file.exists() and not overwrite:
        again = f"supplier-agent marketplace record {shlex.quote(str(file))} --overwrite"
        raise UsageError(f"{file} already exists", f"name another file, or: {again}")
    names = surroundings.suppliers(supplier)
    begin = EVER if first is None else datetime.combine(first, time(0), settings.timezone)
    try:
        opened = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror}", "name a file in a folder of yours") from error
    with os.fdopen(opened, "w", encoding="utf-8") as written, surroundings.store() as store, store.read() as tx:
        count = 0
        for line in lines_of(tx, names, settings, begin, surroundings.clock.now(), secrets.token_bytes(32)):
            written.write(f"{line}\n")
            count += 1
    result(f"{file}: {count} lines. Play it: supplier-agent sandbox --replay {shlex.quote(str(file))}")
