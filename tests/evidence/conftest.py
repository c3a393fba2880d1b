"""What the tests of the evidence share: an installation with orders, its chain, and the script of the document."""

import contextlib
import io
import json
import re
import sqlite3
import subprocess
import sys
import zlib
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from supplier_agent import cli
from supplier_agent.db.ship_ledger import Ledger
from supplier_agent.db.state_folder import LEDGER
from supplier_agent.evidence import faults
from supplier_agent.evidence.stored import blocks
from supplier_agent.sandbox.world import World
from tests.world.harness import ManualClock, Site, settings_for

DOCUMENT = Path(__file__).parents[2] / "docs" / "how-to" / "check-evidence.md"


def new_site(folder: Path, *suppliers: str, orders: int = 2) -> Site:
    """Return an installation with so many orders of each supplier; it has not been started."""
    clock = ManualClock()
    clock.sleep(3600)
    world = World.with_orders(orders, today=clock.now().date(), days=1, clock=clock, suppliers=suppliers)
    return Site(settings_for(folder / "state", *suppliers, ship={"undo_seconds": 0}), world, clock)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return new_site(tmp_path, "notio")


def ids(site: Site, supplier: str = "notio") -> list[str]:
    return [order.menzzo_order_id for order in site.world.orders(supplier)]


def ended(site: Site) -> Site:
    """End the agent as wiring.py does."""
    site.agent.ctx.evidence.stop(site.agent.ctx.store, site.clock.now())
    site.agent.ctx.rollback.end(site.clock.now())
    site.stop()
    return site


def shipped(site: Site) -> Site:
    """Live through the life of every order, and end."""
    site.start()
    site.run_for(60)
    site.flag()
    site.run_for(60)
    return ended(site)


def lines_of(database: Path) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(database)) as connection:
        found = connection.execute("SELECT lines FROM evidence WHERE lines IS NOT NULL ORDER BY number").fetchall()
    return [json.loads(line) for (content,) in found for line in zlib.decompress(content).decode().split("\n")]


def whole(site: Site) -> list[tuple[int, str]]:
    """Check the whole chain with every head of the ship ledger."""
    with (
        closing(sqlite3.connect(site.database)) as connection,
        closing(Ledger(site.settings.state_dir / LEDGER)) as ledger,
    ):
        return list(faults(blocks(connection), ledger.heads()))


def change(database: Path, sql: str, *values: object) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute(sql, values)
        connection.commit()


def told(site: Site, *words: str) -> "subprocess.CompletedProcess[str]":
    """Run a command on the installation's state."""
    config = site.settings.state_dir.parent / "supplier-agent.toml"
    suppliers = "".join(f'[suppliers.{name}]\ntoken = "t"\n' for name in site.settings.suppliers)
    config.write_text(f'state_dir = "{site.settings.state_dir}"\n{suppliers}')
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = cli.run(["--config", str(config), *words])
    return subprocess.CompletedProcess(words, code, out.getvalue(), err.getvalue())


def file_of(site: Site, *words: str) -> list[dict[str, Any]]:
    done = told(site, "evidence", *words)
    assert done.returncode == 0, done.stderr
    return [json.loads(row) for row in done.stdout.splitlines()]


def script() -> str:
    (found,) = re.findall(r"^```python\n(.*?)^```$", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)
    return str(found)


def checked(rows: list[dict[str, Any]], folder: Path) -> "subprocess.CompletedProcess[str]":
    """Check a file as a stranger does: with the script alone, in a Python without this program."""
    file, program = folder / "evidence.jsonl", folder / "check_evidence.py"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    program.write_text(script())
    return subprocess.run([sys.executable, "-I", program, file], capture_output=True, text=True, check=False)
