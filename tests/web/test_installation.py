"""The page in the real program: people by command, `run` serves it beside the loop, a flag from it is reported, SIGTERM ends it."""

import io
import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from supplier_agent.base.clock import SystemClock
from supplier_agent.cli import run
from supplier_agent.db.store import open_store
from supplier_agent.sandbox.semantics import Semantics
from supplier_agent.sandbox.server import Sandbox
from supplier_agent.sandbox.world import World
from supplier_agent.web import people
from tests.e2e.installation import Site
from tests.web.stage import PIN, SALT, Stage, browsing
from tests.world.clocks import until

pytestmark = pytest.mark.slow

PAGE = '[web]\nlisten = "127.0.0.1:0"\n[ship]\nundo_seconds = 0.5\n'


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    clock = SystemClock()
    world = World.with_orders(3, today=clock.now().date(), days=1, clock=clock)
    with Sandbox(world, Semantics(cache_seconds={})) as sandbox:
        site = Site(tmp_path, sandbox)
        site.configure(PAGE)
        yield site
        for process in site.processes:
            if process.poll() is None:
                process.kill()
                process.communicate()


@dataclass
class Desk:
    """A shell in which commands are typed, in this very process."""

    config: Path
    capsys: pytest.CaptureFixture[str]
    monkeypatch: pytest.MonkeyPatch

    def __call__(self, *words: str, stdin: str = "", code: int = 0) -> str:
        self.monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        assert run(["--config", str(self.config), *words]) == code
        told = self.capsys.readouterr()
        return told.out or told.err


@pytest.fixture
def desk(stage: Stage, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Desk:
    config = stage.settings.state_dir.parent / "agent.toml"
    config.write_text(f'state_dir = "{stage.settings.state_dir}"\n[suppliers.notio]\n')
    return Desk(config, capsys, monkeypatch)


def test_people_are_added_listed_and_removed_by_command(desk: Desk) -> None:
    assert desk("person", "add", "Ben", stdin="4711\n").startswith("Ben: added: packer\n")
    assert desk("person", "add", "Mia", "--role", "lead", "--no-pin").startswith("Mia: added: lead\n")
    assert desk("person", "add", "Ben", "--role", "lead", stdin="0815\n").startswith("Ben: changed: lead\n")
    assert [
        (each["name"], each["role"], each["pin"]) for each in json.loads(desk("person", "list", "--json"))["people"]
    ] == [
        ("Anna", "packer", True),
        ("Ben", "lead", True),
        ("Lea", "lead", True),
        ("Mia", "lead", False),
    ]
    desk("person", "remove", "Ben")
    assert "Ben" not in desk("person", "list")
    assert "nobody with this name" in desk("person", "remove", "Ben", code=2)
    assert "4 to 64 characters" in desk("person", "add", "Ben", stdin="12\n", code=2)
    assert "there is no role" in desk("person", "add", "Ben", "--role", "boss", stdin="4711\n", code=2)


def test_a_flag_from_the_page_is_reported_by_the_loop_beside_it(site: Site) -> None:
    process = site.start()
    assert process.stderr
    url = ""
    while not url:
        found = re.search(r"http://127\.0\.0\.1:\d+", process.stderr.readline())
        url = found[0] if found else ""
    store = open_store(site.database)
    with store.write() as tx:
        people.add(tx, "Anna", people.PACKER, PIN, SALT, SystemClock().now())
    store.close()
    until(lambda: site.sql("SELECT 1 FROM orders WHERE label_path IS NOT NULL AND acknowledged_at IS NOT NULL"))
    query = "SELECT id, menzzo_order_id FROM orders WHERE label_path IS NOT NULL AND acknowledged_at IS NOT NULL"
    row, this = site.sql(query)[0]
    with browsing(url) as anna:
        anna.sign_in("Anna", "Page").scan(this).act("ship", row)
        assert anna.sign == "green"
        until(lambda: site.sql(f"SELECT ship_confirmed_at FROM orders WHERE id = {row}")[0][0])
        anna.get("/")
        assert "The marketplace confirmed it as shipped" in anna.said
        assert anna.client.get("/healthz").status_code == 200
    began = time.monotonic()
    site.stop(process)
    assert time.monotonic() - began < 10
    orders = [order for name in site.world.tokens for order in site.world.orders(name)]
    assert [order.menzzo_order_id for order in orders if order.shipped_at] == [this]


def test_a_port_that_is_taken_is_told_and_stops_nothing_else(site: Site) -> None:
    port = site.sandbox.url.rpartition(":")[2]
    site.configure(PAGE.replace(":0", f":{port}"))
    process = site.start()
    assert process.stderr
    said = ""
    while "cannot listen" not in said:
        said = process.stderr.readline()
    until(lambda: site.database.exists() and site.sql("SELECT count(*) FROM orders")[0][0])
    site.stop(process)
