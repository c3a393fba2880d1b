"""The guides are true: each command of them is run as it is written, against a real page."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.api.programs import API, key_of
from tests.web.stage import Stage, staged

ID = "15000012345_789"
GUIDES = Path(__file__).parents[2] / "docs" / "how-to"
WRITTEN = "http://127.0.0.1:8080"
SECRET_FILE = "/etc/supplier-agent/hooks/erp"
pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")


def shell(text: str, folder: Path) -> str:
    """Run a script as a person types it; return what it prints."""
    done = subprocess.run(["bash", "-euc", text], capture_output=True, text=True, cwd=folder, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def blocks(guide: str) -> list[str]:
    """Return the commands of a guide."""
    return re.findall(r"^```sh\n(.*?)^```$", (GUIDES / guide).read_text(), re.MULTILINE | re.DOTALL)


def test_the_examples_of_the_api_do_what_the_guide_says(stage: Stage, tmp_path: Path) -> None:
    row = stage.order(ID)
    begin = f"export KEY={key_of(stage, 'wms')} API={stage.url}{API}\n"
    tried = [each for each in blocks("http-api.md") if "curl" in each]
    said = [shell(begin + each, tmp_path) for each in tried]
    assert len(tried) == 3
    assert ID in said[0]
    assert (tmp_path / "label.pdf").read_bytes().startswith(b"%PDF")
    assert [each.what for each in stage.history(row)] == [
        "flagged as shipped", "flag taken back", "held", "released", "note",
    ]  # fmt: skip
    assert '"openapi":"3.1.0"' in said[2]
    assert f"{WRITTEN}{API}" in "".join(blocks("http-api.md"))


def test_the_examples_of_webhooks_do_what_the_guide_says(tmp_path: Path, pristine: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl")
    secret = tmp_path / "secret"
    make, send = (each.replace(SECRET_FILE, str(secret)) for each in blocks("webhooks-in.md") if "openssl" in each)
    shell(make, tmp_path)
    with staged(
        tmp_path, pristine=pristine, hooks=[{"name": "erp", "secret_file": str(secret), "may": ["ship"]}]
    ) as stage:
        row = stage.order(ID)
        said = shell(send.replace(WRITTEN, stage.url), tmp_path)
        assert '"said":"marked as shipped"' in said
        assert stage.history(row)[0].who == "erp (webhook)"
