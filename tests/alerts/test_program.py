"""The program itself, as processes: a round tells what is wrong, pings who was read, leaves figures; a daemon serves them."""

import json
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from supplier_agent.base.clock import SystemClock
from supplier_agent.cli import run as command
from supplier_agent.sandbox.semantics import Semantics
from supplier_agent.sandbox.server import Sandbox
from supplier_agent.sandbox.world import World
from tests.alerts.conftest import Service
from tests.e2e.installation import Site
from tests.world.clocks import until

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")  # apprise's, at its import

Services = Callable[[], Service]
ALERTS = (
    '[retry]\nonce_patience_seconds = 0\n[alerts]\nurls = ["{}", "json://secret-word@127.0.0.1:1/"]\ndigest_at = ""\n'
)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    clock = SystemClock()
    world = World(clock, ["asir-group", "notio"])
    world.arrive("notio")
    with Sandbox(world, Semantics(cache_seconds={})) as sandbox:
        site = Site(tmp_path, sandbox)
        yield site
        for process in site.processes:
            if process.poll() is None:
                process.kill()
                process.communicate()


def suppliers(site: Site, pinged: str, **tokens: str) -> str:
    """Return the sections of both suppliers, each with a dead-man address of its own."""
    return "".join(
        f'[suppliers.{name}]\ntoken = "{tokens.get(name.partition("-")[0], token)}"\ncache_seconds = 0\n'
        f'heartbeat_url = "{pinged}/{name}"\n'
        for name, token in site.world.tokens.items()
    )


def test_a_round_tells_what_is_wrong_pings_who_was_read_and_leaves_the_figures(
    site: Site, services: Services, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    service, figures = services(), tmp_path / "agent.prom"
    site.configure(
        ALERTS.format(service.url),
        suppliers=suppliers(site, service.origin, asir="wrong-token"),
    )
    site.run("run", "--once", "--metrics-file", str(figures), code=77)
    assert service.pinged == ["/notio"]
    (body,) = service.bodies
    assert body.startswith("URGENT: asir-group: ")
    assert 'supplier_agent_token_refused{supplier="asir-group"} 1.0' in figures.read_text()
    assert "secret-word" not in site.said
    assert command(["--config", str(site.config), "alerts", "list"]) == 1
    listed = capsys.readouterr()
    assert "asir-group: " in listed.out
    assert "UTC" not in listed.out
    assert "times are in Europe/Paris" in listed.err
    site.configure(ALERTS.format(service.url), suppliers=suppliers(site, service.origin))
    site.run("run", "--once")
    assert sorted(service.pinged) == ["/asir-group", "/notio", "/notio"]
    assert service.bodies[1].startswith("solved: asir-group: ")
    assert command(["--config", str(site.config), "alerts", "list", "--json"]) == 0
    (alert,) = json.loads(capsys.readouterr().out)["alerts"]
    assert alert["severity"] == "urgent"
    assert (alert["cause"], alert["supplier"]) == ("token_refused", "asir-group")
    assert alert["told_at"] < alert["solved_at"] <= alert["solved_told_at"]


def test_alerts_are_tried_with_a_command(site: Site, services: Services, capsys: pytest.CaptureFixture[str]) -> None:
    service = services()
    site.configure(ALERTS.format(service.url))
    assert command(["--config", str(site.config), "alerts", "test"]) == 1
    said = capsys.readouterr().out
    assert said == "ok      alerts.urls, place 1 (json)\nFAILED  alerts.urls, place 2 (json)\n"
    assert service.messages[0]["title"].endswith(": a test")
    site.configure()
    assert command(["--config", str(site.config), "alerts", "test"]) == 1
    assert "urls is empty" in capsys.readouterr().err


def test_a_daemon_serves_its_figures_and_its_health(site: Site) -> None:
    site.configure('[web]\nlisten = "127.0.0.1:0"\n')
    process = site.start()
    assert process.stderr is not None
    address = ""
    for line in process.stderr:
        if "page.started" in line:
            address = line.partition("http://")[2].partition('"')[0]
            break

    def asked(path: str) -> str:
        with urllib.request.urlopen(f"http://{address}{path}", timeout=10) as answer:
            return str(answer.read().decode())

    until(lambda: 'supplier_agent_orders{stage="ready",supplier="notio"} 1.0' in asked("/metrics"))
    assert asked("/healthz") == "alive\n"
    assert asked("/readyz") == "ready\n"
    site.stop(process)
