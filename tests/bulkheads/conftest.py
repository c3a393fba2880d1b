"""The real program as a process of its own, on a stand-in of the marketplace and a stand-in of systemd."""

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from supplier_agent.base.clock import SystemClock
from supplier_agent.sandbox.server import Sandbox
from supplier_agent.sandbox.world import World

ROOT = Path(__file__).parents[2]
STOP_SECONDS = 45.0
"""What is promised: SIGTERM ends within it, whatever hangs."""


class Plant:
    """A daemon with its marketplace, its configuration and its state folder."""

    def __init__(self, folder: Path, sandbox: Sandbox) -> None:
        self.folder, self.sandbox, self.world = folder, sandbox, sandbox.world
        self.state_dir, self.config = folder / "state", folder / "agent.toml"
        self._systemd = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._systemd.bind(str(folder / "notify"))
        self._systemd.setblocking(False)  # noqa: FBT003 - the standard library's own
        self.process: subprocess.Popen[str] | None = None
        self.log = folder / "log"

    def configure(self, suppliers: Mapping[str, Mapping[str, object]] | None = None, **sections: Any) -> None:  # noqa: ANN401 - sections of the settings
        """Write the configuration. `suppliers`: what each has beside its token."""
        plain = {"base_url": self.sandbox.url, "state_dir": str(self.state_dir)}
        plain |= {name: value for name, value in sections.items() if not isinstance(value, dict)}
        tables = {name: value for name, value in sections.items() if isinstance(value, dict)}
        for name, token in self.world.tokens.items():
            tables[f"suppliers.{name}"] = {"token": token, **(suppliers or {}).get(name, {})}
        lines = [f"{name} = {json.dumps(value)}" for name, value in plain.items()]
        for table, values in tables.items():
            lines += [f"[{table}]", *(f"{name} = {json.dumps(value)}" for name, value in values.items())]
        self.config.write_text("\n".join(lines) + "\n")
        self.config.chmod(0o600)

    def start(self, *arguments: str, env: Mapping[str, str] | None = None) -> None:
        """Start the program."""
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "supplier_agent", "--config", str(self.config), *(arguments or ("run",))],
                cwd=ROOT,
                env={**os.environ, "NOTIFY_SOCKET": str(self.folder / "notify"), **(env or {})},
                stdout=log,
                stderr=log,
                text=True,
            )

    def stop(self) -> float:
        """Ask it to stop; return after how many seconds it ended."""
        assert self.process is not None
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(2 * STOP_SECONDS)
        finally:
            self.process.kill()
        return time.monotonic() - began

    def heard(self) -> list[str]:
        """Return what systemd was notified of since the last time."""
        messages = []
        while True:
            try:
                messages.append(self._systemd.recv(4096).decode())
            except BlockingIOError:
                return messages

    def sql(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Type a statement into the database, as staff do."""
        with closing(sqlite3.connect(self.state_dir / "agent.db", isolation_level=None, timeout=20)) as connection:
            return connection.execute(statement, values).fetchall()

    def close(self) -> None:
        """End what is left."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._systemd.close()


@pytest.fixture
def build(tmp_path: Path) -> Iterator[Callable[[Sequence[str], int], Plant]]:
    """Return what builds a plant with these suppliers, each with so many orders."""
    plants: list[Plant] = []
    sandboxes: list[Sandbox] = []

    def make(suppliers: Sequence[str], orders: int) -> Plant:
        clock = SystemClock()
        world = World.with_orders(orders * len(suppliers), today=clock.now().date(), clock=clock, suppliers=suppliers)
        sandboxes.append(Sandbox(world).start())
        plants.append(Plant(tmp_path, sandboxes[-1]))
        return plants[-1]

    yield make
    for plant in plants:
        plant.close()
    for sandbox in sandboxes:
        sandbox.stop()
