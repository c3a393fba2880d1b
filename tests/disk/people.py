"""Ordinary users, by setpriv: the agent, a member of its group (staff), and somebody else. Root passes every check, they do not."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
LIBRARIES = [str(ROOT), *(path for path in sys.path if path.endswith("-packages"))]


@dataclass(frozen=True)
class User:
    """An ordinary user, as numbers: no account is needed."""

    uid: int
    gid: int
    groups: tuple[int, ...] = ()

    def words(self, umask: str, *command: str) -> list[str]:
        """Return a command as this user types it."""
        groups = [f"--groups={','.join(map(str, self.groups))}"] if self.groups else ["--clear-groups"]
        drop = ["setpriv", f"--reuid={self.uid}", f"--regid={self.gid}", *groups]
        return [*drop, "sh", "-c", f'umask {umask}; exec "$@"', "sh", *command]

    def run(self, *command: str, umask: str = "022", cwd: str = "/") -> "subprocess.CompletedProcess[str]":
        """Run a command to its end."""
        words = self.words(umask, *command)
        env = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(LIBRARIES), "PYTHONDONTWRITEBYTECODE": "1"}
        return subprocess.run(words, cwd=cwd, env=env, capture_output=True, text=True, timeout=60, check=False)

    def agent(
        self, config: Path | None, *words: str, umask: str = "022", cwd: str = "/"
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command of ours, as the console script does: without the current folder in the way of imports.

        None: under the configuration that it finds by itself.
        """
        named = [] if config is None else ["--config", str(config)]
        done = self.run(interpreter(), "-P", "-m", "supplier_agent", *named, *words, umask=umask, cwd=cwd)
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def python(self, code: str, *arguments: str, umask: str = "022") -> "subprocess.CompletedProcess[str]":
        """Run a few lines of Python that import nothing of ours."""
        return self.run(interpreter(), "-S", "-c", code, *arguments, umask=umask)


AGENT = User(23001, 23001)
STAFF = User(23002, 23002, (23001,))
STRANGER = User(23003, 23003)
ROOT_USER = User(0, 0)

SQL = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=5)
print(connection.execute(sys.argv[2]).fetchall())
"""


@cache
def interpreter() -> str:
    """Return a Python that ordinary users may run, with the libraries of this one; "" if there is none."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for candidate in (sys.executable, f"/usr/local/bin/{version}", f"/usr/bin/{version}"):
        if STRANGER.run(candidate, "-c", "import supplier_agent.cli, pydantic_core").returncode == 0:
            return candidate
    return ""


def why_not() -> str | None:
    """Return why ordinary users cannot be played here, or None."""
    if os.geteuid() != 0:
        return "only root may become somebody else"
    if shutil.which("setpriv") is None:
        return "setpriv is needed"
    return None if interpreter() else "ordinary users cannot run this Python, or cannot enter this checkout"


@contextmanager
def hall() -> Iterator[Path]:
    """Make a folder that everybody may enter, and remove it."""
    folder = Path(tempfile.mkdtemp(prefix="hall-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def install(folder: Path, url: str, token: str) -> Path:
    """Install as README says: the folder is the agent's, staff may read the configuration, nobody else the token."""
    state_dir, config, token_file = folder / "state", folder / "agent.toml", folder / "token"
    state_dir.mkdir()
    token_file.write_text(token)
    config.write_text(
        f'base_url = "{url}"\nstate_dir = "state"\nrequests_per_second = 100\n'
        "[retry]\nfirst_seconds = 0.05\nmax_seconds = 0.1\nonce_patience_seconds = 1\n[ship]\nundo_seconds = 0\n"
        f'[suppliers.notio]\ntoken_file = "{token_file}"\n'
    )
    for path, mode in ((state_dir, 0o2770), (config, 0o640), (token_file, 0o600)):
        os.chown(path, AGENT.uid, AGENT.gid)
        path.chmod(mode)
    return config
