"""What `check` says of the HTTP API: whether it is on, who can reach it, and the secrets of hooks."""

import base64
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from supplier_agent.check import programs
from supplier_agent.db.store import open_store
from supplier_agent.settings import Settings
from supplier_agent.web import keys
from tests.check.conftest import Found

Configured = Callable[..., Settings]
SECRET = "whsec_" + base64.b64encode(b"0" * 32).decode()


def add(settings: Settings, *suppliers: str) -> None:
    with closing(open_store(settings.state_dir / "agent.db")) as store, store.write() as tx:
        keys.add(tx, "wms", ["ship"], suppliers, datetime(2026, 11, 23, tzinfo=UTC), "Lea")


def test_an_api_that_is_off_is_a_note(found: Found, settings: Configured) -> None:
    programs.look(found.report, settings())
    found.only("note", "HTTP API: it is off", "key add")


@pytest.mark.usefixtures("database")
def test_keys_without_a_page_reach_nothing(found: Found, settings: Configured) -> None:
    configured = settings()
    add(configured)
    programs.look(found.report, configured)
    found.only("warning", "HTTP API: there are keys or hooks, but the page", "[web] listen")


@pytest.mark.usefixtures("database")
def test_an_api_that_others_reach_without_https_is_doubted(found: Found, settings: Configured) -> None:
    configured = settings(web={"listen": "0.0.0.0:8080"})
    add(configured, "nobody")
    programs.look(found.report, configured)
    warned = found.of("warning")
    assert [each for each in warned if "without encryption" in each]
    assert [each for each in warned if "key wms is limited to nobody" in each]
    assert "HTTP API: 1 key, 0 for webhooks" in "".join(found.of("ok"))


def test_the_secret_of_a_hook_is_read_and_its_rights_are_checked(
    found: Found, settings: Configured, tmp_path: Path
) -> None:
    file = tmp_path / "erp"
    configured = settings(
        web={"listen": "127.0.0.1:8080"}, hooks=[{"name": "erp", "secret_file": str(file), "may": ["ship"]}]
    )
    programs.look(found.report, configured)
    assert "cannot be read" in "".join(found.of("warning"))
    file.write_text(SECRET)
    file.chmod(0o644)
    programs.look(found.report, configured)
    assert "every user of this machine can open" in "".join(found.of("warning"))
    file.chmod(0o640)
    programs.look(found.report, configured)
    assert "hook erp: 1 secret in" in "".join(found.of("ok"))
    assert SECRET not in str(found.of("warning") + found.of("ok"))
