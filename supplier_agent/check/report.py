"""The findings of `check`, printed as they are found, and the exit code."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from supplier_agent.base.errors import AgentError
from supplier_agent.base.process import worst
from supplier_agent.settings import Settings

HEADS = {"ok": "ok       ", "note": "note     ", "warning": "warning  ", "wrong": "WRONG    "}
BLANKS = " " * 9


@dataclass(frozen=True)
class Finding:
    """One finding. `level` is ok, note, warning or wrong; `exit_code` is 0 unless it is wrong.

    A note is for information; there is nothing to fix.
    """

    layer: str
    level: str
    what: str
    cure: str = ""
    exit_code: int = 0

    def __str__(self) -> str:
        """Return it for people, with the fix below."""
        cure = "".join(f"\n{BLANKS}{line}" for line in self.cure.splitlines())
        return f"{HEADS[self.level]}{self.what}{cure}"


class Report:
    """Prints each finding at once, so that a read that hangs does not hide earlier findings."""

    def __init__(self, tell: Callable[[Finding], None]) -> None:
        self._tell, self._layer = tell, ""
        self._codes: set[int] = set()
        self.findings: list[Finding] = []

    @property
    def exit_code(self) -> int:
        """Return the most important exit code (public contract, "Exit codes"); warnings do not count."""
        return worst(self._codes | {finding.exit_code for finding in self.findings})

    def summary(self) -> str:
        """Return the last line. With warnings, it is never "Nothing is wrong"."""
        if self.exit_code:
            return "see above: each finding says what to do"
        warnings = sum(finding.level == "warning" for finding in self.findings)
        return f"{warnings} warning{'s' if warnings > 1 else ''}" if warnings else "nothing is wrong"

    def add(self, exit_code: int, findings: Iterable[Finding]) -> None:
        """Count findings that another process has printed."""
        self._codes.add(exit_code)
        self.findings += findings

    def layer(self, name: str) -> None:
        """Start the next layer."""
        self._layer = name

    def good(self, what: str) -> None:
        """Report what is right."""
        self._note(Finding(self._layer, "ok", what))

    def note(self, what: str, advice: str) -> None:
        """Report something that needs no action."""
        self._note(Finding(self._layer, "note", what, advice))

    def doubt(self, what: str, cure: str) -> None:
        """Report something that works but is probably a mistake."""
        self._note(Finding(self._layer, "warning", what, cure))

    def bad(self, what: str, cure: str, exit_code: int) -> None:
        """Report what does not work."""
        self._note(Finding(self._layer, "wrong", what, cure, exit_code))

    def error(self, error: AgentError) -> None:
        """Report an error of another module."""
        self.bad(error.what, error.cure, error.exit_code)

    def _note(self, finding: Finding) -> None:
        self.findings.append(finding)
        self._tell(finding)


def credential_files(report: Report, settings: Settings, section: str, files: Mapping[str, Path], folder: str) -> None:
    """Check where the credentials of another system are, and who may read them. files: by key of that section."""
    for key, file in files.items():
        if file.is_relative_to(settings.state_dir):
            what = f"{section}.{key} is in state_dir, which staff can read and every backup copies"
            report.doubt(what, f"move it to /etc/supplier-agent/{folder}/, and correct {key}")
        if file.exists() and file.stat().st_mode & 0o077:
            report.doubt(f"{section}.{key}: others may read {file}", f"chmod 600 {file}")
