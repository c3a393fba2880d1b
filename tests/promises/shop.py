"""A supplier's shop: a marketplace that can be made to fail, a configuration, a state folder, and the real command line on them."""

import contextlib
import io
import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from supplier_agent import cli
from supplier_agent.base.clock import SystemClock
from supplier_agent.sandbox.orders import Order
from supplier_agent.sandbox.server import Sandbox
from supplier_agent.sandbox.world import World
from tests.world.clocks import until

ROOT = Path(__file__).parents[2]
SUPPLIER = "notio"
PATIENCE_SECONDS = 20.0

QUICK: Mapping[str, Any] = {
    "requests_per_second": 2000,
    "retry": {"first_seconds": 0.02, "max_seconds": 0.05, "label_first_seconds": 0.02, "once_patience_seconds": 2},
    "schedule": {"poll_seconds": 0.3, "off_hours_poll_seconds": 0.3, "sweep_seconds": 3600},
    "ship": {"undo_seconds": 0},
    "http": {"timeout_seconds": 5},
}
"""Everything as in life, but a thousand times as fast."""


@dataclass(frozen=True)
class Told:
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:  # noqa: ANN401 - whatever it printed
        return json.loads(self.out)


class Shop:
    """One supplier with its marketplace."""

    def __init__(self, folder: Path, sandbox: Sandbox) -> None:
        self.sandbox, self.world, self.folder = sandbox, sandbox.world, folder
        self.state_dir, self.config = folder / "state", folder / "agent.toml"
        self.said: list[str] = []
        self.configure()

    def configure(self, **changes: dict[str, Any] | float | str) -> None:
        """Write the configuration: quick, with these sections changed."""
        sections: dict[str, Any] = {"base_url": self.sandbox.url, "state_dir": str(self.state_dir), **QUICK}
        for name, value in changes.items():
            sections[name] = {**sections.get(name, {}), **value} if isinstance(value, dict) else value
        plain = [f"{name} = {json.dumps(value)}" for name, value in sections.items() if not isinstance(value, dict)]
        tables = [f"[{name}]\n{_table(value)}" for name, value in sections.items() if isinstance(value, dict)]
        token = f"[suppliers.{SUPPLIER}]\ntoken = {json.dumps(self.world.tokens[SUPPLIER])}"
        self.config.write_text("\n".join([*plain, *tables, token]) + "\n")
        self.config.chmod(0o600)

    def run(self, *arguments: str) -> Told:
        """Run one command in this process, as its console script would."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = cli.run(["--config", str(self.config), *arguments])
        told = Told(code, out.getvalue(), err.getvalue())
        self.said += [told.out, told.err]
        return told

    def cycle(self) -> int:
        """Run one `run --once`; return its exit code."""
        return self.run("run", "--once").code

    def start(self, *arguments: str, env: Mapping[str, str] | None = None) -> "subprocess.Popen[str]":
        """Start a command in a process of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "supplier_agent", "--config", str(self.config), *arguments],
            cwd=ROOT,
            env={**os.environ, **(env or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    @contextmanager
    def daemon(self, env: Mapping[str, str] | None = None) -> Iterator["subprocess.Popen[str]"]:
        """Let the daemon run meanwhile; end it as systemd would."""
        process = self.start("run", env=env)
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            self.said += process.communicate(timeout=PATIENCE_SECONDS)

    def until_it_runs(self) -> None:
        """Wait until a daemon has read this marketplace."""
        before = len(self.world.requests("get-sales"))
        until(lambda: len(self.world.requests("get-sales")) > before, "the daemon reads")

    def sql(self, statement: str, *values: object) -> list[Any]:
        """Type a statement into the database, as staff do."""
        with closing(sqlite3.connect(self.state_dir / "agent.db", isolation_level=None)) as connection:
            connection.row_factory = sqlite3.Row
            return connection.execute(statement, values).fetchall()

    def flag(self, *ids: str) -> None:
        """Mark orders as shipped; all of them if none is named."""
        for each in ids or [order.menzzo_order_id for order in self.orders]:
            self.sql("UPDATE orders SET shipped = 1 WHERE menzzo_order_id = ?", each)

    @property
    def orders(self) -> list[Order]:
        """The orders that the marketplace really has."""
        return self.world.orders(SUPPLIER)

    def row(self, menzzo_order_id: str) -> Any:  # noqa: ANN401 - a row
        """Return what the database has of an order."""
        (row,) = self.sql("SELECT * FROM orders WHERE menzzo_order_id = ?", menzzo_order_id)
        return row

    def whole(self, menzzo_order_id: str) -> Any:  # noqa: ANN401 - JSON
        """Return `order ID --json`."""
        return self.run("order", menzzo_order_id, "--json").json

    def call(self, menzzo_order_id: str, kind: str) -> Any:  # noqa: ANN401 - JSON
        """Return one call of `order ID --json`, None if it was never owed."""
        return next((call for call in self.whole(menzzo_order_id)["calls"] if call["kind"] == kind), None)

    def ships(self, menzzo_order_id: str | None = None) -> int:
        """Return how many ship-sale requests have arrived."""
        return len(self.world.requests("ship-sale", SUPPLIER, menzzo_order_id))

    def everything_written(self) -> bytes:
        """Return all that the agent ever printed, and the bytes of every file of its state."""
        files = [path.read_bytes() for path in self.state_dir.rglob("*") if path.is_file()]
        return b"\0".join([*(text.encode() for text in self.said), *files])


def _table(values: Mapping[str, Any]) -> str:
    return "\n".join(f"{name} = {json.dumps(value)}" for name, value in values.items())


@contextmanager
def open_shop(folder: Path, orders: int) -> Iterator[Shop]:
    """Open a shop whose marketplace has that many orders, dated over the last days."""
    clock = SystemClock()
    today = (clock.now() - timedelta(days=1)).date()
    world = World.with_orders(orders, today=today, clock=clock, suppliers=[SUPPLIER])
    with Sandbox(world) as sandbox:
        yield Shop(folder, sandbox)
