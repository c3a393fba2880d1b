"""`check`: finds mistakes before the first order comes. Each finding has its fix.

Layers: every field (settings/, whose errors have line, key and the likely meaning), the whole (whole.py), the environment
(environment.py, rights.py), and with a network the marketplace (reads.py). If root runs it, it tests as the agent's user.
"""

import json
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from supplier_agent.base import files
from supplier_agent.base.clock import Clock
from supplier_agent.check import environment, reads, rights, whole
from supplier_agent.check.report import Finding, Report
from supplier_agent.settings import Settings

CREDSTORE = Path("/etc/credstore")
"""Where systemd looks for credentials without a path. Only root may read it."""

__all__ = ["Finding", "Report", "prove"]


def prove(
    report: Report, settings: Settings, env: Mapping[str, str], clock: Clock, *, offline: bool, thorough: bool = False
) -> int:
    """Check everything, print each finding, and return the exit code (public contract, "Exit codes")."""
    report.layer("fields")
    report.good(f"configuration: {settings.config_path or 'from the environment alone'}, every key is understood")
    report.layer("whole")
    whole.fits_together(report, settings, env, clock.now())
    report.layer("environment")
    rights.staff(report, settings.state_dir)
    agent = rights.user_to_become(settings.state_dir)
    tokens = _credentials(settings, env) if agent is not None else {}

    def environment_as_it_is() -> int:
        rights.configuration(report, settings.config_path)
        environment.look(report, settings, env, clock, tokens, thorough=thorough)
        return report.exit_code

    if agent is None:
        environment_as_it_is()
    else:
        report.good(f"the agent's user is {agent}; the checks below run as that user")
        _in_a_child(report, agent, environment_as_it_is)
    if not offline:
        report.layer("marketplace")
        with files.as_owner_of(settings.state_dir):
            reads.look(report, settings, env, clock, tokens)
    return report.exit_code


def _in_a_child(report: Report, agent: rights.User, look: Callable[[], int]) -> None:
    """Check as another user; the child's findings are counted here."""
    before = len(report.findings)
    with tempfile.TemporaryFile("w+", encoding="utf-8") as left:

        def look_and_leave() -> int:
            code = look()
            json.dump([vars(finding) for finding in report.findings[before:]], left)
            left.flush()
            return code

        code = rights.run_as(agent, look_and_leave)
        left.seek(0)
        text = left.read()
    report.add(code, [Finding(**each) for each in json.loads(text or "[]")])


def _credentials(settings: Settings, env: Mapping[str, str]) -> dict[str, str]:
    """Return the tokens that systemd would pass to the service; only root can read them."""
    found = {}
    for name, supplier in settings.suppliers.items():
        file = CREDSTORE / f"token-{name}"
        if (
            supplier.token is None
            and supplier.token_file is None
            and "CREDENTIALS_DIRECTORY" not in env
            and file.exists()
        ):
            found[name] = settings.token_of(name, {**env, "CREDENTIALS_DIRECTORY": str(CREDSTORE)})
    return found
