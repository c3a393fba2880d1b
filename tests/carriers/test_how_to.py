"""The how-to, as it is written: its sections are read, its check proves each carrier, and its command settles."""

import re
import tomllib
from pathlib import Path

import pytest

from supplier_agent import cli
from supplier_agent.base.clock import SystemClock
from supplier_agent.integrations.carriers.client import carrier_of
from supplier_agent.sandbox.carriers import DESKS, open_carrier
from supplier_agent.sandbox.server import Sandbox
from supplier_agent.sandbox.world import World
from supplier_agent.settings import load
from tests.carriers.conftest import Ship

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "carriers.md").read_text()


def blocks(language: str) -> list[str]:
    found = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return [re.sub(r"^ {3}", "", each, flags=re.MULTILINE) for each in found]


def test_what_it_says_works(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    world = World(SystemClock(), ("notio",))
    world.carriers |= {name: open_carrier(name, world.clock) for name in DESKS}
    (sections,) = blocks("toml")
    given = tomllib.loads(sections)["suppliers"]["notio"]
    made = sections.replace("/etc/supplier-agent/carriers", str(tmp_path))
    with Sandbox(world) as sandbox:
        for name, keys in given.items():
            secrets = world.carriers[name].credentials.split("\n")
            for key, secret in zip(("key_file", "secret_file"), secrets, strict=False):
                file = tmp_path / Path(keys[key]).name
                file.write_text(secret)
                file.chmod(0o600)
            made = made.replace(
                f"[suppliers.notio.{name}]\n", f'[suppliers.notio.{name}]\nurl = "{sandbox.url}/{name}"\n'
            )
        file = tmp_path / "agent.toml"
        head = f'base_url = "{sandbox.url}"\nstate_dir = "{tmp_path / "state"}"\n[suppliers.notio]\ntoken = "sandbox-notio"\n'
        file.write_text(head + made)
        file.chmod(0o600)
        settings = load(file, {})
        assert settings.carrier_for("notio", "CHRONOPOST 13H") == "laposte"
        assert settings.carrier_for("notio", "UPS Standard") == "ups"
        assert settings.carrier_for("notio", "DPD") is settings.carrier_for("notio", None) is None
        assert settings.suppliers["notio"].carriers["ups"].never_scanned_hours == 36
        assert "supplier-agent check" in blocks("sh")[1]
        cli.run(["--config", str(file), "check"])
        said = capsys.readouterr().out
    for name in given:
        assert f"{name} answers, and the credentials work" in said
        assert "stand-in only" in said
        assert world.carriers[name].depot.asked


def test_it_names_every_api() -> None:
    assert all(carrier_of(name).API in PAGE.replace("\n", " ") for name in DESKS)


@pytest.mark.parametrize("carrier", ["laposte"])
def test_its_command_settles(ship: Ship, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shipped = ship(never_scanned_hours=24)
    shipped.desk.depot.states["6A12345678901"] = "unknown"
    shipped.days(1.5)
    assert "never_scanned" in {code for code, _ in shipped.problems()}
    (this,) = shipped.site.ask("SELECT menzzo_order_id FROM orders")[0]
    key = shipped.site.settings.suppliers["notio"].carriers["laposte"].key_file
    file = tmp_path / "agent.toml"
    file.write_text(
        f'state_dir = "{shipped.site.settings.state_dir}"\n[suppliers.notio]\ntoken = "x"\n'
        f'[suppliers.notio.laposte]\nkey_file = "{key}"\nnever_scanned_hours = 24\n'
    )
    file.chmod(0o600)
    (command,) = [each for each in blocks("sh") if "settle" in each]
    words = [this if "_" in word else word for word in command.split()[1:]]
    assert cli.run(["--config", str(file), *words]) == 0
    assert "settled" in capsys.readouterr().out
    assert "never_scanned" not in {code for code, _ in shipped.problems()}
    assert shipped.site.ask("SELECT settled_by FROM order_scans") == [("Ana",)]
    assert cli.run(["--config", str(file), *words]) == 1
    assert "nothing to settle" in capsys.readouterr().err


@pytest.mark.parametrize("carrier", ["laposte"])
def test_order_and_status_tell_people_about_the_scans(
    ship: Ship, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shipped = ship(2)
    shipped.desk.depot.states["6A12345678902"] = "unknown"
    shipped.days(1.5)
    (this,) = shipped.site.ask("SELECT menzzo_order_id FROM orders")[0]
    file = tmp_path / "agent.toml"
    key = shipped.site.settings.suppliers["notio"].carriers["laposte"].key_file
    file.write_text(
        f'state_dir = "{shipped.site.settings.state_dir}"\n[suppliers.notio]\ntoken = "x"\n'
        f'[suppliers.notio.laposte]\nkey_file = "{key}"\n'
    )
    file.chmod(0o600)
    assert cli.run(["--config", str(file), "order", this]) == 0
    said = capsys.readouterr().out
    assert "6A12345678901 (laposte, scanned), 6A12345678902 (laposte, not scanned yet)" in said
    cli.run(["--config", str(file), "status"])
    assert "orders with a parcel that was not scanned yet: 1" in capsys.readouterr().out
