"""The how-to, as it is written: its section is read, its requests are answered as it says, its order of the sandbox is told."""

import json
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from supplier_agent import cli
from supplier_agent.base.clock import SystemClock
from supplier_agent.sandbox.server import Sandbox
from supplier_agent.sandbox.shops import open_shop
from supplier_agent.sandbox.world import World
from supplier_agent.settings import load
from tests.businessonbot.test_asking import ID, KEY, pristine, suppliers
from tests.shops.conftest import shop_section
from tests.web.stage import staged

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "businessonbot.md").read_text()
KEY_FILE = "/etc/supplier-agent/businessonbot/notio"
__all__ = ["pristine"]
pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")


def blocks(language: str) -> list[str]:
    found = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return [re.sub(r"^ {3}", "", each, flags=re.MULTILINE) for each in found]


def shell(text: str) -> str:
    done = subprocess.run(["bash", "-euc", text], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_its_requests_are_answered_as_it_says(tmp_path: Path, pristine: Path) -> None:
    show, cancel = [each for each in blocks("sh") if "$PAGE" in each]
    (shown,) = blocks("json")
    with staged(tmp_path, pristine=pristine, suppliers=suppliers(tmp_path)) as stage:
        stage.order(ID)
        begin = f"PAGE={stage.url} KEY={KEY}\n"
        assert json.loads(shell(begin + show)) == json.loads(shown)
        assert '"cancellation_asked":true' in shell(begin + cancel)


def test_its_section_works_and_the_customer_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    world = World(SystemClock(), ("notio",))
    shop = world.shops["woocommerce"] = open_shop("woocommerce", world.clock)
    (tmp_path / "guest").write_text("sandbox-guest")
    (tmp_path / "guest").chmod(0o600)
    with Sandbox(world) as sandbox:
        section = blocks("toml")[0].replace(KEY_FILE, str(tmp_path / "guest"))
        section = section.replace("https://bot.example.com", f"{sandbox.url}/businessonbot")
        assert tomllib.loads(section)["suppliers"]["notio"]["businessonbot"].keys() >= {
            "send_dispatched",
            "answer_requests",
        }
        keys = shop_section(tmp_path, "woocommerce", shop.credentials, url=f"{sandbox.url}/woocommerce")
        own = "\n".join(
            f"{key} = {json.dumps(str(value) if isinstance(value, Path) else value)}" for key, value in keys.items()
        )
        file = tmp_path / "agent.toml"
        file.write_text(
            f'base_url = "{sandbox.url}"\nstate_dir = "{tmp_path / "state"}"\nrequests_per_second = 50\n'
            f'[ship]\nundo_seconds = 0\n[suppliers.notio]\ntoken = "sandbox-notio"\n'
            f"[suppliers.notio.shop]\nrequests_per_second = 50\n{own}\n{section}"
        )
        file.chmod(0o600)
        assert load(file, {}).bot_of("notio") is not None
        assert cli.run(["--config", str(file), "check", "--offline"]) in {0, 1}
        said = capsys.readouterr().out
        assert "stand-in only" in said
        assert "those of Menzzo never are" in said
        (tried,) = [each for each in blocks("sh") if "$SANDBOX" in each]
        assert cli.run(["--config", str(file), "run", "--once"]) == 0
        placed, fulfil, look = [f"SANDBOX={sandbox.url}\n{each}" for each in _steps(tried)]
        order = shell(placed + "\necho $ORDER").strip()
        shell(f"ORDER={order}\n{fulfil}")
        assert cli.run(["--config", str(file), "run", "--once"]) == 0
        (message,) = json.loads(shell(look))
        assert (message["id"], message["status"]) == (order, "Dispatched")
        capsys.readouterr()
        assert cli.run(["--config", str(file), "businessonbot", "list", "--all", "--json"]) == 0
        (row,) = json.loads(capsys.readouterr().out)["businessonbot"]
        assert (row["messages"]["done"], row["listed"][0]["state"]) == (1, "done")


def _steps(text: str) -> list[str]:
    return [each for each in text.splitlines() if each]
