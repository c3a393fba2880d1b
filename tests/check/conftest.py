"""What the tests of `check` share: a way to look, and what was found as plain lines."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from supplier_agent.check import Finding, Report
from supplier_agent.settings import Settings
from tests.unit.conftest import settings_of
from tests.world.databases import store_at


class Found:
    """A report, and what went into it."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self.report = Report(self.findings.append)

    def of(self, level: str) -> list[str]:
        """Return what was found of that level, each with its cure."""
        return [f"{each.what}\n{each.cure}" for each in self.findings if each.level == level]

    def only(self, level: str, *words: str) -> str:
        """Return the one finding of that level; all these words are in it."""
        (finding,) = self.of(level)
        assert all(word in finding for word in words), finding
        return finding


@pytest.fixture
def found() -> Found:
    return Found()


@pytest.fixture
def settings(tmp_path: Path) -> Callable[..., Settings]:
    """Return what makes a configuration whose state folder is as it should be."""
    state_dir = tmp_path / "state"
    state_dir.mkdir(mode=0o2770)
    state_dir.chmod(0o2770)

    def settings(**sections: Any) -> Settings:  # noqa: ANN401 - any section
        return settings_of(**({"state_dir": state_dir, "suppliers": {"notio": {"token": "t"}}} | sections))

    return settings


@pytest.fixture
def database(settings: Callable[..., Settings]) -> Path:
    """Return a state database in which nothing has happened."""
    path = settings().state_dir / "agent.db"
    store_at(path).close()
    return path
