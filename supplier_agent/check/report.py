"""What `check` finds, line by line as it finds it, and the exit code that follows."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from supplier_agent.base.errors import AgentError
from supplier_agent.base.process import worst

HEADS = {"ok": "ok       ", "note": "note     ", "warning": "warning  ", "wrong": "WRONG    "}
BLANKS = " " * 9


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. `level` is ok, note, warning or wrong; `exit_code` is 0 unless it is wrong.

    A note is worth knowing, and there is nothing to fix.
    """

    layer: str
    level: str
    what: str
    cure: str = ""
    exit_code: int = 0

    def __str__(self) -> str:
        """Return it for people, the cure below it."""
        cure = "".join(f"\n{BLANKS}{line}" for line in self.cure.splitlines())
        return f"{HEADS[self.level]}{self.what}{cure}"


class Report:
    """Tells each finding at once: a read that hangs must not hide what was found before it."""

    def __init__(self, tell: Callable[[Finding], None]) -> None:
        self._tell, self._layer = tell, ""
        self._codes: set[int] = set()
        self.findings: list[Finding] = []

    @property
    def exit_code(self) -> int:
        """Return the first exit code that holds (public contract, "Exit codes"); doubts do not count."""
        return worst(self._codes | {finding.exit_code for finding in self.findings})

    def summary(self) -> str:
        """Return the last line. "Nothing is wrong" is never said next to a warning."""
        if self.exit_code:
            return "see above: each finding names what to do"
        warnings = sum(finding.level == "warning" for finding in self.findings)
        return f"{warnings} warning{'s' if warnings > 1 else ''}" if warnings else "nothing is wrong"

    def add(self, exit_code: int, findings: Iterable[Finding]) -> None:
        """Count what was found, and told, in another process."""
        self._codes.add(exit_code)
        self.findings += findings

    def layer(self, name: str) -> None:
        """Begin the next layer."""
        self._layer = name

    def good(self, what: str) -> None:
        """Note what is as it should be."""
        self._note(Finding(self._layer, "ok", what))

    def note(self, what: str, advice: str) -> None:
        """Note what is worth knowing, and cannot be fixed here."""
        self._note(Finding(self._layer, "note", what, advice))

    def doubt(self, what: str, cure: str) -> None:
        """Note what works, but is probably not what was meant."""
        self._note(Finding(self._layer, "warning", what, cure))

    def bad(self, what: str, cure: str, exit_code: int) -> None:
        """Note what does not work."""
        self._note(Finding(self._layer, "wrong", what, cure, exit_code))

    def error(self, error: AgentError) -> None:
        """Note an error that another room worded."""
        self.bad(error.what, error.cure, error.exit_code)

    def _note(self, finding: Finding) -> None:
        self.findings.append(finding)
        self._tell(finding)
