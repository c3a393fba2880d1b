"""The context of a command: configuration, environment, user, terminal or not; and the examples that its help shows."""

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from supplier_agent.base import files
from supplier_agent.base.clock import Clock, SystemClock
from supplier_agent.base.errors import UsageError
from supplier_agent.base.process import printable
from supplier_agent.db import state_folder
from supplier_agent.db.state_folder import DATABASE, LOCK

if TYPE_CHECKING:
    from datetime import date

    from supplier_agent.db.store import Store
    from supplier_agent.settings import Settings


JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
FromOption = Annotated[str, typer.Option("--from", metavar="DATE", help="The first day, YYYY-MM-DD.")]
ToOption = Annotated[str, typer.Option("--to", metavar="DATE", help="The last day, YYYY-MM-DD.")]
OnlySupplier = Annotated[str, typer.Option("--supplier", help="Only this supplier.")]
SeesSuppliers = Annotated[
    list[str] | None,
    typer.Option(
        "--supplier", metavar="NAME", help="Sees only the orders of this supplier. May be repeated; without it: of all."
    ),
]
WhichSupplier = Annotated[str, typer.Option("--supplier", help="The supplier, if two have this id.")]
ReasonOption = Annotated[str, typer.Option("--reason", help="The reason, for others to read.")]
YEARS = range(2000, 2100)
"""Days outside this range are typing errors; far outside, date arithmetic fails."""


class Surroundings:
    """Created once per command. Everything is read only when needed."""

    def __init__(
        self, config: str, env: Mapping[str, str], *, is_quiet: bool = False, is_verbose: bool = False
    ) -> None:
        self.config = config
        self.env = env
        self.is_quiet, self.is_verbose = is_quiet, is_verbose
        self.clock: Clock = SystemClock()

    @cached_property
    def settings(self) -> "Settings":
        """The configuration. Raises ConfigError."""
        from supplier_agent.settings import load

        settings = load(Path(self.config) if self.config else None, self.env)
        if settings.calls:  # otherwise there is nothing to check, and the calls are not imported
            from supplier_agent.calls import CALLS

            CALLS.check(settings)
        return settings

    @property
    def database(self) -> Path:
        """Where the state database is."""
        return self.settings.state_dir / DATABASE

    @property
    def lock_file(self) -> Path:
        """Where the instance lock is."""
        return self.settings.state_dir / LOCK

    @contextmanager
    def store(self, *, new: bool = False) -> "Iterator[Store]":
        """Open the state database as a command does: no upgrade, no checkpoint. In this block, root acts as the folder's owner.

        new: create the database if it is missing, with nothing in it.
        """
        from supplier_agent.db.store import is_there, open_store

        with files.as_owner_of(self.settings.state_dir):
            is_new = new and not is_there(self.database)
        if is_new:
            state_folder.prepare(self.settings.state_dir)
        with files.as_owner_of(self.settings.state_dir):
            if is_new and self.settings.state_dir.stat().st_uid == os.geteuid():  # nobody else may give it its owner
                with state_folder.InstanceLock(self.lock_file, "a command that creates the database", self.clock):
                    open_store(self.database, agent=True).close()
            store = open_store(self.database)
            try:
                yield store
            finally:
                store.close()

    def known(self, supplier: str) -> str:
        """Return the name of a supplier. Raises UsageError if the configuration has none of that name."""
        have = self.settings.suppliers
        if supplier not in have:
            raise UsageError(f"there is no supplier {supplier} in the configuration", f"it has: {', '.join(have)}")
        return supplier

    def suppliers(self, only: str) -> list[str]:
        """Return the names of all suppliers, or of this one ("": all). Raises UsageError if it is not in the configuration."""
        return [self.known(only)] if only else list(self.settings.suppliers)

    @property
    def who(self) -> str:
        """The person who runs the command, for the history of an order."""
        return self.env.get("SUDO_USER") or self.env.get("USER") or self.env.get("LOGNAME") or "command line"


current: ContextVar[Surroundings | None] = ContextVar("current", default=None)
"""The context of the running command, for messages; None outside of a command."""


def here(context: typer.Context) -> Surroundings:
    """Return the context of a command."""
    found = context.find_object(Surroundings)
    assert found is not None  # noqa: S101 - the callback made it
    return found


def say(text: str) -> None:
    """Print a message that is not a result; not with --quiet."""
    typed = current.get()
    if typed is None or not typed.is_quiet:
        complain(text)


def complain(text: str) -> None:
    """Print an error."""
    print(printable(text), file=sys.stderr)  # noqa: T201 - messages go to stderr


def result(text: str) -> None:
    """Print a result."""
    print(printable(text))  # noqa: T201 - results go to stdout


def result_json(value: object) -> None:
    """Print a result as JSON, alone on stdout."""
    result(json.dumps(value, indent=2))


def stdin_lines() -> list[str]:
    """Return the lines of stdin. Raises UsageError if they are not text."""
    try:
        return [line.rstrip("\n") for line in sys.stdin]
    except UnicodeDecodeError as error:
        raise UsageError("stdin is not UTF-8 text", "save it as UTF-8, or type the ids") from error


def day(option: str, text: str) -> "date | None":
    """Return the day of an option; None if it is empty. Raises UsageError for an impossible day."""
    from datetime import date

    try:
        found = date.fromisoformat(text) if text else None
    except ValueError as error:
        raise UsageError(f"{option} {text} is not a day", "write it as YYYY-MM-DD") from error
    if found is not None and found.year not in YEARS:
        raise UsageError(f"{option} {text} is not a day of this century", "write it as YYYY-MM-DD")
    return found


@contextmanager
def progress() -> Iterator[Callable[[str], None]]:
    """Show a progress line, on a terminal only. Other output goes above it."""
    surroundings = current.get()
    if not sys.stderr.isatty() or (surroundings is not None and surroundings.is_quiet):
        yield lambda _text: None
        return
    from rich.console import Console
    from rich.live import Live
    from rich.spinner import Spinner
    from rich.text import Text

    colours = surroundings is None or "NO_COLOR" not in surroundings.env
    spinner = Spinner("dots", Text("…"))
    # Redirected results go to their own target, not to this terminal.
    with Live(
        spinner,
        console=Console(stderr=True, no_color=not colours),
        transient=True,
        redirect_stdout=sys.stdout.isatty(),
    ):
        yield lambda text: spinner.update(text=Text(text))


EXAMPLES: Mapping[str, tuple[str, ...]] = {
    "run": (
        "supplier-agent run",
        "supplier-agent run --once --dry-run",
        "supplier-agent run --once --dry-run --json",
        "supplier-agent run --once --metrics-file /var/lib/prometheus/node-exporter/supplier-agent.prom",
    ),
    "page": ("supplier-agent page",),
    "resync": ("supplier-agent resync --from 2026-11-01 --to 2026-11-20 --supplier notio",),
    "sandbox": (
        "supplier-agent sandbox --orders 6",
        "supplier-agent sandbox --fault webhook:500 --fault sale-details:500:3 --semantics support.sale_status=canceled",
        "supplier-agent sandbox --fault laposte:429:3 --semantics carrier.parcels=unknown",
        "supplier-agent sandbox --shop woocommerce --fault woocommerce:lost:1 --semantics shop.search=nothing",
        "supplier-agent sandbox --replay case.jsonl --speed 60",
    ),
    "demo": ("supplier-agent demo", "supplier-agent demo --keep"),
    "shop list": ("supplier-agent shop list", "supplier-agent shop list --json"),
    "shop check": ("supplier-agent shop check notio", "supplier-agent shop check notio --json"),
    "orders": (
        "supplier-agent orders --stage ready",
        "supplier-agent orders --all --search SOFA --since 2026-11-01",
        "supplier-agent orders --json --limit 100",
    ),
    "order": (
        "supplier-agent order 15000012345_789",
        "supplier-agent order 15000012345_789 --json",
        "supplier-agent order 15000012345_789 --raw",
    ),
    "ship": (
        "supplier-agent ship 15000012345_789 15000012346_790",
        "supplier-agent ship - < ids.txt",
        "supplier-agent ship --file left.csv --success ok.csv --failure no.csv",
        "supplier-agent ship 15000012345_789 --override Anna",
    ),
    "unship": ("supplier-agent unship 15000012345_789",),
    "resolve": (
        "supplier-agent resolve 15000012345_789 --shipped --by Anna",
        "supplier-agent resolve 15000012345_789 --send-again --by Anna",
    ),
    "retry": ("supplier-agent retry 15000012345_789", "supplier-agent retry --all --supplier notio"),
    "hold": ('supplier-agent hold 15000012345_789 --reason "wrong colour?"',),
    "release": (
        "supplier-agent release 15000012345_789",
        "supplier-agent release --all",
        "supplier-agent release --all --by Anna",
    ),
    "note": ('supplier-agent note 15000012345_789 --text "the customer asked for the morning"',),
    "close": ('supplier-agent close 15000012345_789 --reason "shipped by hand on Monday"',),
    "reopen": ("supplier-agent reopen 15000012345_789",),
    "status": (
        "supplier-agent status",
        "supplier-agent status --watch",
        "supplier-agent status --json",
        "supplier-agent status --alive",
    ),
    "check": ("supplier-agent check", "supplier-agent check --offline", "supplier-agent check --offline --thorough"),
    "config init": ("supplier-agent config init", "supplier-agent config init /etc/supplier-agent/supplier-agent.toml"),
    "config show": ("supplier-agent config show", "supplier-agent config show --json"),
    "config check": ("supplier-agent config check", "supplier-agent --config new.toml config check"),
    "config schema": ("supplier-agent config schema > supplier-agent.schema.json",),
    "person add": ("supplier-agent person add Anna --role packer", "supplier-agent person add Piotr --role lead"),
    "person list": ("supplier-agent person list",),
    "person remove": ("supplier-agent person remove Anna",),
    "key add": (
        "supplier-agent key add erp",
        "supplier-agent key add wms --may ship,unship,hold --supplier notio",
    ),
    "key list": ("supplier-agent key list",),
    "key revoke": ("supplier-agent key revoke wms",),
    "articles import": (
        "supplier-agent articles import articles.csv",
        "supplier-agent articles import articles.csv --supplier notio",
    ),
    "articles list": ("supplier-agent articles list", "supplier-agent articles list --csv > articles.csv"),
    "after-sales": ("supplier-agent after-sales", "supplier-agent after-sales --supplier notio --days 30 --json"),
    "sav": (
        'supplier-agent sav 15000012345_789 --type damage --text "One leg is broken."',
        'supplier-agent sav 15000012345_789 --type damage --text "One leg is broken." --send --by Anna',
    ),
    "settle": ("supplier-agent settle 15000012345_789 --by Ana",),
    "webhooks list": ("supplier-agent webhooks list", "supplier-agent webhooks list --json"),
    "webhooks test": ("supplier-agent webhooks test erp",),
    "webhooks replay": (
        "supplier-agent webhooks replay erp --parked",
        "supplier-agent webhooks replay erp --since 2026-11-21",
        "supplier-agent webhooks replay erp --order 15000012345_789",
    ),
    "businessonbot list": ("supplier-agent businessonbot list", "supplier-agent businessonbot list --all --json"),
    "businessonbot settle": (
        "supplier-agent businessonbot settle 1581 --told",
        "supplier-agent businessonbot settle 1581 --send-again --supplier notio",
    ),
    "coverage": (
        "supplier-agent coverage",
        "supplier-agent coverage --from 2026-11-01 --to 2026-11-20 --supplier notio",
    ),
    "backup": ("supplier-agent backup /var/backups/supplier-agent.db --overwrite",),
    "restore": ("supplier-agent restore /var/backups/supplier-agent.db", "supplier-agent restore --rolled-back"),
    "export": (
        "supplier-agent export orders --from 2026-11-01 --to 2026-11-30 > november.csv",
        "supplier-agent export calls --format json > calls.json",
    ),
    "pause": ('supplier-agent pause notio --reason "stocktaking"',),
    "resume": ("supplier-agent resume notio",),
    "approve": ("supplier-agent approve notio",),
    "alerts list": ("supplier-agent alerts list",),
    "alerts test": ("supplier-agent alerts test",),
    "marketplace": ("supplier-agent marketplace", "supplier-agent marketplace --json"),
    "marketplace probe": ("supplier-agent marketplace probe --supplier notio",),
    "marketplace record": (
        "supplier-agent marketplace record case.jsonl",
        "supplier-agent marketplace record case.jsonl --supplier notio --since 2026-11-28",
    ),
    "help": ("supplier-agent help ship", "supplier-agent help config init"),
}


def epilog(command: str) -> str | None:
    """Return the examples for the end of a help; None for a command without examples."""
    lines = EXAMPLES.get(command)
    return None if lines is None else "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)
