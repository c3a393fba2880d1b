"""One installation of the agent in a folder of its own, next to a cheap marketplace."""

import json
import sqlite3
import ssl
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.figure import Sizes
from tests.bench.measure import ROOT, Cost, Started, run, wait_for

SUPPLIER = "bench"
UNLIMITED = 10_000.0
"""The highest rate that the settings allow: the rate limit is never what is waited for."""
LABELLED = "SELECT count(*) FROM orders WHERE label_path IS NOT NULL AND acknowledged_at IS NOT NULL"
CONFIRMED = "SELECT count(*) FROM orders WHERE ship_confirmed_at IS NOT NULL"


def python(*words: str) -> list[str]:
    """Return the command line of a Python program in this tree."""
    return [sys.executable, *words]


@contextmanager
def folder() -> Iterator[Path]:
    """Give a new folder, and remove it afterwards."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        yield Path(name)


@dataclass(frozen=True)
class Server:
    """The marketplace's process."""

    url: str
    context: ssl.SSLContext | None

    def report(self) -> dict[str, Any]:
        """Return the requests since the last report, their number by kind, and the server's processor seconds so far."""
        with urllib.request.urlopen(f"{self.url}/report", timeout=30, context=self.context) as answer:  # noqa: S310 - loopback
            told: dict[str, Any] = json.load(answer)
        return told


@contextmanager
def serving(limit: float, certificate: Path | None = None, **options: object) -> Iterator[Server]:
    """Run a marketplace. certificate: where one is made, for TLS."""
    context = None
    if certificate is not None:
        key = certificate.with_suffix(".key")
        make = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=loopback"
        files = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
        subprocess.run([*make.split(), *files], check=True, capture_output=True)
        options["tls"] = (str(certificate), str(key))
        context = ssl.create_default_context(cafile=str(certificate))
    words = python("-m", "tests.bench.server", json.dumps({**options, "limit": limit}))
    process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield Server(f"http{'s' if context else ''}://127.0.0.1:{int(process.stdout.readline())}", context)
    finally:
        process.kill()
        process.communicate()


@dataclass
class Site:
    """A folder with a configuration and a state."""

    folder: Path
    url: str
    sizes: Sizes
    suppliers: Sequence[str] = (SUPPLIER,)
    rate: float = UNLIMITED
    more: str = ""  # of the configuration

    def __post_init__(self) -> None:
        text = f'base_url = "{self.url}"\nstate_dir = "state"\nrequests_per_second = {self.rate or UNLIMITED}\n'
        text += f"[ship]\nundo_seconds = 0\n{self.more}"
        for name in self.suppliers:
            text += f'[suppliers.{name}]\ntoken = "{name}"\ncache_seconds = 0\norder_number_filter = false\n'
        self.config = self.folder / "supplier-agent.toml"
        self.config.write_text(text)
        self.config.chmod(0o600)
        self.database = self.folder / "state" / "agent.db"

    def words(self, *words: str) -> list[str]:
        return python("-P", "-m", "supplier_agent", "--config", str(self.config), *words)

    def run(self, *words: str, before: Sequence[str] = (), codes: Sequence[int] = (0,)) -> Cost:
        """Run a command to its end. before: what runs it."""
        return run([*before, *self.words(*words)], self.sizes.limit, codes)

    def daemon(self) -> Started:
        return Started(self.words("run"), self.sizes.limit)

    def opened(self) -> "closing[sqlite3.Connection]":
        """Return a connection to the database, to be closed by `with`."""
        return closing(sqlite3.connect(self.database, timeout=10, isolation_level=None))

    def sql(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Run a statement as staff do."""
        with self.opened() as connection:
            return connection.execute(statement, values).fetchall()

    def count(self, statement: str) -> int:
        """Return the number that a statement finds; 0 while there is no database."""
        try:
            return int(self.sql(statement)[0][0]) if self.database.exists() else 0
        except sqlite3.OperationalError:  # its tables are being made
            return 0

    def wait_for(self, statement: str, number: int) -> None:
        """Wait until a statement counts so many."""
        wait_for(lambda: self.count(statement) >= number, self.sizes.limit, statement)

    def mark_all(self) -> None:
        """Mark every order as shipped."""
        self.sql("UPDATE orders SET shipped = 1 WHERE shipped = 0")
