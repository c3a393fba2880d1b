"""Commands for maintenance: backup, restore, export, pause, resume, approve. None of them calls the marketplace."""

import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from supplier_agent.base import files
from supplier_agent.base.errors import BusyError, UsageError
from supplier_agent.base.process import is_heard
from supplier_agent.cli.context import (
    FromOption,
    JsonOption,
    OnlySupplier,
    ReasonOption,
    Surroundings,
    ToOption,
    day,
    here,
    result,
    result_json,
    say,
)
from supplier_agent.db import state_folder
from supplier_agent.db.state_folder import InstanceLock, holder, is_held

if TYPE_CHECKING:
    from sqlmodel import Session

    from supplier_agent.maintenance.restore import Restored

SupplierName = Annotated[str, typer.Argument(metavar="SUPPLIER")]
STEPS = """To restore it, so that nothing is shipped twice:
  systemctl stop supplier-agent
  supplier-agent restore {file}
  systemctl start supplier-agent
Leave private/shipped.jsonl, the ship ledger, where it is: it knows what was shipped and decided since. Never put an older
one in its place."""


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    for command in (backup, restore, export, pause, resume, approve):
        app.command()(command)
    app.command("agree", hidden=True)(approve)  # the old name, which scripts may use


def backup(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE")],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace FILE if it exists.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write a consistent backup, also while the agent runs: FILE, and next to it the ship ledger."""
    from supplier_agent.maintenance.restore import back_up

    surroundings = here(context)
    typed = shlex.quote(str(file))
    if file.is_dir():
        raise UsageError(f"{file} is a folder", f"supplier-agent backup {shlex.quote(f'{file}/agent-backup.db')}")
    if file.exists() and surroundings.database.exists() and file.samefile(surroundings.database):
        raise UsageError(f"{file} is the database itself", "name another file")
    if file.exists() and not overwrite:
        raise UsageError(f"{file} already exists", f"name another file, or: supplier-agent backup {typed} --overwrite")
    with surroundings.store() as store:
        ledger = back_up(store, surroundings.settings.state_dir, file)
    if as_json:
        copied = {"file": str(file), "bytes": file.stat().st_size, "ledger": str(ledger) if ledger else None}
        result_json({"schema": 1, **copied})
        return
    and_ledger = (
        f", and next to it {ledger.name}, the ship ledger"
        if ledger
        else "; nothing was ever shipped, so there is no ship ledger"
    )
    result(f"{file}: {file.stat().st_size} bytes, checked{and_ledger}.")
    say(STEPS.format(file=typed))


def restore(
    context: typer.Context,
    file: Annotated[Path | None, typer.Argument(metavar="[FILE]")] = None,
    rolled_back: Annotated[
        bool, typer.Option("--rolled-back", help="Without FILE: the whole machine was reset to a snapshot.")
    ] = False,
    as_json: JsonOption = False,
) -> int:
    """Restore a backup; orders marked in it are held until `release`. The agent must be stopped."""
    from supplier_agent.maintenance import restore as putting_back

    surroundings = here(context)
    folder, now = surroundings.settings.state_dir, surroundings.clock.now()
    if (file is None) != rolled_back:
        raise UsageError(
            "name a copy, or say --rolled-back, not both",
            "supplier-agent restore FILE, or supplier-agent restore --rolled-back",
        )
    if file is not None and not file.is_file():
        raise UsageError(f"there is no file {file}", "name a file that `supplier-agent backup` wrote")
    if file is not None and surroundings.database.exists() and file.samefile(surroundings.database):
        raise UsageError(f"{file} is the database itself", "name a copy of it")
    if file is None:
        with surroundings.store():
            pass  # the configuration must exist
    page = folder / state_folder.PAGE_LOCK
    if is_held(page):  # the page writes too, and what it writes now would be lost
        raise BusyError(
            f"the page works on this state: {holder(page)}", "systemctl stop supplier-agent-page, then do it again"
        )
    state_folder.prepare(folder)
    with files.as_owner_of(folder):
        lock = InstanceLock(surroundings.lock_file, "restore", surroundings.clock)
    with lock:
        if file is None:
            with files.as_owner_of(folder):
                done = putting_back.rolled_back(folder, now)
        else:
            done = putting_back.put_back(file, folder, now)
    if as_json:
        result_json({"schema": 1, **_as_json(done)})
        return 1 if done.held else 0
    if file is not None:
        before = f"; the previous one is {done.aside}" if done.aside else ""
        result(f"{surroundings.database} is {file} now{before}")
    return _tell_restored(done)


def _as_json(done: "Restored") -> dict[str, object]:
    names = ("supplier", "menzzo_order_id", "what")
    return {
        "aside": str(done.aside) if done.aside else None,
        "learned": done.learned,
        "held": [
            {"supplier": each.supplier, "menzzo_order_id": each.order, "taken_back": each.taken_back or None}
            for each in done.held
        ],
        "taken_back": [dict(zip(names, each, strict=True)) for each in done.taken_back],
        "ledger_lost": done.ledger_lost or None,
        "ended": None if done.ended is None else list(done.ended),
    }


def _tell_restored(done: "Restored") -> int:
    """Print the state of the ledger, the decisions since the copy, and the held orders."""
    if done.learned:
        result(f"{done.learned} ship calls were added to the ship ledger, from the copy next to the file")
    if done.ledger_lost:
        result(f"the ship ledger of this machine does not match the copy: {done.ledger_lost}")
        say(
            "We do not know what was shipped after the copy was made. Ask Menzzo before you mark an order as shipped again."
        )
    for name in done.ended or ():
        result(f"no access, as before the restore: {name}")
    if done.ended is None:
        say(
            "The previous database cannot be read. People who were removed since the copy was made may have access again:\n"
            "see supplier-agent key list, and supplier-agent person list"
        )
    for supplier, order, what in done.taken_back:
        result(f"since the copy was made: {order} ({supplier}): {what}")
    for each in done.held:
        result(f"held: {each.order} ({each.supplier})" + (f": {each.taken_back}" if each.taken_back else ""))
    say("start the agent: systemctl start supplier-agent")
    if not done.held:
        return 0
    say(
        f"{len(done.held)} orders are held: they are marked in the copy, and may have been shipped since, or taken back.\n"
        "Ask Menzzo about each. Shipped: supplier-agent close ID --reason TEXT; to be reported: supplier-agent release ID;\n"
        "the list again: supplier-agent release --all; all of it: supplier-agent release --all --by NAME"
    )
    return 1


def export(
    context: typer.Context,
    what: Annotated[str, typer.Argument(metavar="orders|calls|events|evidence")],
    form: Annotated[str, typer.Option("--format", metavar="csv|json", help="The format.")] = "csv",
    from_: FromOption = "",
    to: ToOption = "",
    supplier: OnlySupplier = "",
) -> None:
    """Write orders, calls (with every attempt), events or the lines of the evidence as CSV or JSON to stdout."""
    from supplier_agent.maintenance.export import FORMS, SUBJECTS, Chosen, write

    if what not in SUBJECTS or form not in FORMS:
        raise UsageError(
            f"{what} --format {form} cannot be exported",
            "supplier-agent export orders|calls|events|evidence --format csv|json",
        )
    surroundings = here(context)
    chosen = Chosen(
        day("--from", from_), day("--to", to), supplier or None, surroundings.settings, surroundings.clock.now()
    )
    with surroundings.store() as store:
        for line in write(store, what, form, chosen):
            sys.stdout.write(line)
            if not is_heard():  # the reader (`| head`) has closed the pipe
                break


def _account(surroundings: Surroundings, name: str) -> str:
    """Return a supplier, another account of it that the agent has served (SUPPLIER/ACCOUNT), or a webhook (webhook.NAME)."""
    from supplier_agent.db.tables import Supplier
    from supplier_agent.verdict.supplier import owner_of

    if name in {each.kind for each in surroundings.settings.webhooks}:
        return name
    if owner_of(name) != name and owner_of(name) in surroundings.settings.suppliers:
        with surroundings.store() as store, store.read() as tx:
            if tx.get(Supplier, name) is not None:
                return name
    return surroundings.known(name)


def _tell(surroundings: Surroundings, name: str, act: "Callable[[Session], str]", *, as_json: bool) -> None:
    with surroundings.store() as store, store.write() as tx:
        said = act(tx)
    result_json({"schema": 1, "supplier": name, "said": said}) if as_json else result(f"{name}: {said}")


def pause(
    context: typer.Context,
    supplier: SupplierName,
    reason: ReasonOption = "no reason was given",
    as_json: JsonOption = False,
) -> None:
    """Pause a supplier: send nothing, not even reads, until `resume`."""
    from supplier_agent.suppliers import safety_stops

    surroundings = here(context)
    name, now = _account(surroundings, supplier), surroundings.clock.now()
    _tell(
        surroundings,
        name,
        lambda tx: safety_stops.pause(tx, name, now, surroundings.who, reason.strip() or "no reason was given"),
        as_json=as_json,
    )


def resume(context: typer.Context, supplier: SupplierName, as_json: JsonOption = False) -> None:
    """Resume a paused supplier."""
    from supplier_agent.suppliers import safety_stops

    surroundings = here(context)
    name = _account(surroundings, supplier)
    _tell(surroundings, name, lambda tx: safety_stops.resume(tx, name, surroundings.clock.now()), as_json=as_json)


def approve(context: typer.Context, supplier: SupplierName, as_json: JsonOption = False) -> None:
    """Approve a supplier's marked orders although there were unusually many within a minute."""
    from supplier_agent.suppliers import safety_stops

    surroundings = here(context)
    name = surroundings.known(supplier)
    _tell(surroundings, name, lambda tx: safety_stops.agree(tx, name, surroundings.clock.now()), as_json=as_json)
