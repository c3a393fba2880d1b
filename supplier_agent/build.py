"""Which commit this program was made from. `unknown` is an answer: nothing depends on it but people."""

import shutil
import subprocess
from pathlib import Path

LEFT = Path(__file__).with_name("COMMIT")
"""Written into the wheel by hatch_build.py; not there in a checkout."""
CHECKOUT = Path(__file__).parents[1]
GIT_SECONDS = 2.0


def commit(left: Path = LEFT, checkout: Path = CHECKOUT) -> str:
    """Return the commit, shortened, as the build left it or as git says in a checkout; else "unknown"."""
    try:
        return left.read_text(encoding="ascii").strip()[:12] or "unknown"
    except (OSError, ValueError):
        return _by_git(checkout) or "unknown"


def _by_git(checkout: Path) -> str:
    git = shutil.which("git")
    if git is None or not (checkout / ".git").exists():
        return ""
    question = [git, "-C", str(checkout), "rev-parse", "--short=12", "HEAD"]
    try:
        answer = subprocess.run(question, capture_output=True, text=True, check=False, timeout=GIT_SECONDS)  # noqa: S603 - words of ours
    except (OSError, subprocess.SubprocessError):
        return ""
    return answer.stdout.strip() if answer.returncode == 0 else ""
