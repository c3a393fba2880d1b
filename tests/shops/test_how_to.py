"""The how-to of each platform, as it is written: its section is read, its SKU map is read, its command works."""

import re
import tomllib
from pathlib import Path

import pytest

from supplier_agent import cli
from supplier_agent.integrations.shops.client import platform_of
from supplier_agent.integrations.shops.sku_map import read_map
from supplier_agent.sandbox.server import Sandbox
from supplier_agent.settings import load
from tests.shops.test_sockets import sandbox, shop_of

HOW_TO = Path(__file__).parents[2] / "docs" / "how-to"
__all__ = ["sandbox"]


def blocks(page: str, language: str) -> list[str]:
    return [
        re.sub(r"^ {3}", "", each, flags=re.MULTILINE)
        for each in re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)
    ]


def test_what_it_says_works(
    sandbox: Sandbox,
    platform: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    page = (HOW_TO / f"shop-{platform}.md").read_text()
    (section,) = blocks(page, "toml")
    (csv,) = blocks(page, "csv")
    shop = shop_of(sandbox, platform)
    text = section.replace("/etc/supplier-agent/shops", str(tmp_path))
    text, urls = re.subn(r'^url = "https://.*"$', f'url = "{sandbox.url}/{platform}"', text, flags=re.MULTILINE)
    assert urls == 1
    given = tomllib.loads(text)["suppliers"]["notio"]["shop"]
    keys = [key for key in ("key_file", "secret_file", "token_file") if key in given]
    for key, secret in zip(keys, shop.credentials.split("\n"), strict=True):
        Path(given[key]).write_text(secret)
        Path(given[key]).chmod(0o600)
    Path(given["sku_map"]).write_text(csv)
    assert read_map(Path(given["sku_map"])) == {"SOFA-3P": "CANAPE-3-BEIGE"}
    file = tmp_path / "agent.toml"
    file.write_text(
        f'base_url = "{sandbox.url}"\nstate_dir = "{tmp_path / "state"}"\n[suppliers.notio]\ntoken = "x"\n{text}'
    )
    file.chmod(0o600)
    found = load(file, {}).shop_of("notio")
    assert found is not None
    assert found.who == "Atelier (program)"
    assert platform_of(found).API.partition(" (")[0] in page.replace("\n", " ")
    (command,) = [each for each in blocks(page, "sh") if each.startswith("supplier-agent")]
    code = cli.run(["--config", str(file), *command.split()[1:]])
    said = capsys.readouterr().out
    assert (code, "may read orders" in said, "stand-in only" in said) == (0, True, True)
