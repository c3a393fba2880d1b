"""The commit that this program was built from, for people. It may be `unknown`."""

import shutil
import subprocess
from pathlib import Path

LEFT = Path(__file__).with_name("COMMIT")
"""Written into the wheel by hatch_build.py; missing in a checkout."""
CHECKOUT = Path(__file__).parents[1]
GIT_SECONDS = 2.0


def commit(left: Path = LEFT, checkout: Path = CHECKOUT) -> str:
    """Return the short commit, from the build or from git in a checkout; else "unknown"."""
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
