"""What `check` finds, line by line as it finds it, and the exit code that follows."""

from collections.abc import Callable
from dataclasses import dataclass

from supplier_agent import health
from supplier_agent.errors import AgentError

HEADS = {"ok": "ok       ", "warning": "warning  ", "wrong": "WRONG    "}
BLANKS = " " * 9


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. `level` is ok, warning or wrong; `exit_code` is 0 unless it is wrong."""

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

    @property
    def exit_code(self) -> int:
        """Return the contract's first code of those that hold; doubts do not count."""
        return next((code for code in health.EXIT_ORDER if code in self._codes), 0)

    def add(self, exit_code: int) -> None:
        """Count what was found, and told, in another process."""
        self._codes.add(exit_code)

    def layer(self, name: str) -> None:
        """Begin the next layer."""
        self._layer = name

    def good(self, what: str) -> None:
        """Note what is as it should be."""
        self._tell(Finding(self._layer, "ok", what))

    def doubt(self, what: str, cure: str) -> None:
        """Note what works, but is probably not what was meant."""
        self._tell(Finding(self._layer, "warning", what, cure))

    def bad(self, what: str, cure: str, exit_code: int) -> None:
        """Note what does not work."""
        self._codes.add(exit_code)
        self._tell(Finding(self._layer, "wrong", what, cure, exit_code))

    def error(self, error: AgentError) -> None:
        """Note an error that another room worded."""
        self.bad(error.what, error.cure, error.exit_code)
