"""The units: hardened alike, accepted by systemd, and never both the daemon and the timer."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

SERVICES = ("supplier-agent.service", "supplier-agent-once.service")
PAGE = "supplier-agent-page.service"
UNITS = (*SERVICES, PAGE, "supplier-agent-once.timer")
MOST_EXPOSED = 15  # tenths; ours measure 11
ANALYZE = shutil.which("systemd-analyze")

needs_systemd = pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not installed here")


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(ANALYZE), *arguments], capture_output=True, text=True, check=False)


def hardening(unit: Path) -> list[str]:
    block = unit.read_text().partition("# --- hardening")[2].partition("# --- end of hardening")[0]
    return [line for line in block.splitlines()[1:] if not line.startswith("#")]


def setting(unit: Path, name: str) -> list[str]:
    return re.findall(rf"^{name}=(.*)$", unit.read_text(), re.MULTILINE)


@needs_systemd
@pytest.mark.parametrize("name", [*SERVICES, PAGE])
def test_a_service_is_hardened(root: Path, name: str) -> None:
    unit = root / "systemd" / name
    answer = analyze("security", "--offline=true", f"--threshold={MOST_EXPOSED}", "--no-pager", str(unit))
    assert answer.returncode == 0, answer.stdout.splitlines()[-1:] + answer.stderr.splitlines()


@needs_systemd
@pytest.mark.parametrize("name", UNITS)
def test_systemd_complains_of_nothing_but_the_missing_program(root: Path, name: str) -> None:
    answer = analyze("verify", "--man=no", str(root / "systemd" / name))
    ours = [line for line in answer.stderr.splitlines() if "supplier-agent" in line]
    assert not [line for line in ours if not line.endswith("is not executable: No such file or directory")]


@needs_systemd
def test_systemd_understands_the_hours_of_the_timer(root: Path) -> None:
    for hours in setting(root / "systemd" / "supplier-agent-once.timer", "OnCalendar"):
        assert analyze("calendar", hours).returncode == 0, hours


def test_all_services_are_hardened_alike(root: Path) -> None:
    daemon, once, page = (hardening(root / "systemd" / name) for name in (*SERVICES, PAGE))
    assert daemon
    assert daemon == once == page


def test_the_page_can_reach_no_token(root: Path) -> None:
    page = root / "systemd" / PAGE
    assert not [line for line in page.read_text().splitlines() if re.match("(Load|Import|Set)Credential", line)]
    assert [name for name in setting(page, "Environment") if "TOKEN" in name] == []
    hidden = {each.removeprefix("-") for each in setting(page, "InaccessiblePaths")[0].split()}
    assert hidden >= {
        "/etc/supplier-agent/tokens",
        "/etc/credstore",
        "/etc/credstore.encrypted",
        "/run/credentials",
        "/run/secrets",
    }


def test_the_page_shares_the_state_with_the_daemon_and_comes_before_it(root: Path) -> None:
    daemon, page = root / "systemd" / SERVICES[0], root / "systemd" / PAGE
    for name in ("Environment", "User", "Group", "StateDirectory", "StateDirectoryMode", "UMask", "WorkingDirectory"):
        assert setting(daemon, name)
        assert setting(daemon, name) == setting(page, name)
    assert setting(page, "Before") == [SERVICES[0]]


def test_both_services_get_the_same_tokens_and_leave_the_same_traces(root: Path) -> None:
    daemon, once = (root / "systemd" / name for name in SERVICES)
    for name in ("LoadCredential", "Environment", "User", "Group", "StateDirectory", "StateDirectoryMode", "UMask"):
        assert setting(daemon, name)
        assert setting(daemon, name) == setting(once, name)


def test_the_daemon_and_the_timer_exclude_each_other(root: Path) -> None:
    assert setting(root / "systemd" / "supplier-agent.service", "Conflicts") == ["supplier-agent-once.timer"]
    assert setting(root / "systemd" / "supplier-agent-once.timer", "Conflicts") == ["supplier-agent.service"]


def test_a_restart_is_not_tried_where_only_a_person_can_help(root: Path) -> None:
    assert setting(root / "systemd" / "supplier-agent.service", "RestartPreventExitStatus") == ["77 78"]
