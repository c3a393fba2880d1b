"""The real program in processes of its own, against the sandbox on loopback."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from supplier_agent.base.clock import SystemClock
from supplier_agent.sandbox.semantics import Semantics
from supplier_agent.sandbox.server import Sandbox
from supplier_agent.sandbox.world import SUPPLIERS, World

DEADLINE_SECONDS = 30.0


@dataclass
class Site:
    """One installation: a folder with a configuration, next to a marketplace."""

    folder: Path
    sandbox: Sandbox
    processes: list["subprocess.Popen[str]"] = field(default_factory=list)

    @property
    def world(self) -> World:
        return self.sandbox.world

    @property
    def config(self) -> Path:
        return self.folder / "supplier-agent.toml"

    @property
    def database(self) -> Path:
        return self.folder / "state" / "agent.db"

    def configure(self, text: str = "", *, suppliers: str | None = None) -> None:
        tokens = suppliers or "".join(
            f'[suppliers.{name}]\ntoken = "{token}"\ncache_seconds = 0\n' for name, token in self.world.tokens.items()
        )
        top, _, rest = text.partition("[")
        head = f'base_url = "{self.sandbox.url}"\nstate_dir = "state"\n'
        if "requests_per_second" not in top:
            head += "requests_per_second = 50\n"
        self.config.write_text(head + top + ("[" + rest if rest else "") + "\n" + tokens)
        self.config.chmod(0o600)

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "supplier_agent", "--config", str(self.config), *words]

    def run(self, *words: str, code: int = 0, stdin: str = "") -> str:
        """Run a command to its end and return its stdout."""
        done = subprocess.run(
            self.command(*words), input=stdin, capture_output=True, text=True, timeout=DEADLINE_SECONDS, check=False
        )
        assert done.returncode == code, f"{words} ended with {done.returncode}: {done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        self.said = done.stderr
        return done.stdout

    def json(self, *words: str, code: int = 0) -> Any:  # noqa: ANN401 - JSON
        return json.loads(self.run(*words, "--json", code=code))

    def start(self, *options: str) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            self.command("run", *options),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"NO_COLOR": "1"},
        )
        self.processes.append(process)
        return process

    def stop(self, process: "subprocess.Popen[str]") -> str:
        """Stop a daemon as systemd does; return what it said."""
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=DEADLINE_SECONDS)
        assert process.returncode == 0, said
        return said

    def sql(self, statement: str) -> list[tuple[Any, ...]]:
        """Run a statement as staff do, in a connection of their own."""
        with sqlite3.connect(self.database, timeout=5) as connection:
            rows = connection.execute(statement).fetchall()
        connection.close()
        return rows


@contextmanager
def installed(
    folder: Path,
    orders: int,
    *,
    suppliers: Sequence[str] = SUPPLIERS,
    days: int = 1,
    page_size: int = 50,
    make: type[Site] = Site,
) -> Iterator[Site]:
    """Open an installation next to a marketplace with so many orders of the last days; end its processes with it."""
    clock = SystemClock()
    world = World.with_orders(orders, today=clock.now().date(), days=days, clock=clock, suppliers=suppliers)
    with Sandbox(world, Semantics(page_size=page_size, cache_seconds={})) as sandbox:
        site = make(folder, sandbox)
        yield site
        for process in site.processes:
            if process.poll() is None:
                process.kill()
                process.communicate()
