"""The state folder and its rights, whatever the umask. Staff are members of the agent's group.

state_dir/            2770   agent.db, *.lock  0660   labels/…, known.json, health.json, page.json  0640
state_dir/private/     700   shipped.jsonl (the ship ledger), page.key, page.tries  0600   (private.py)
"""

import os
import pwd
import shlex
from contextlib import suppress
from pathlib import Path

from supplier_agent import private, trusted
from supplier_agent.errors import StateError
from supplier_agent.places import DATABASE, STATE_DIR

FOLDER_MODE = 0o2770
LOCK, PAGE_LOCK, LABELS = "agent.lock", "page.lock", "labels"
LEDGER = f"{private.FOLDER}/shipped.jsonl"
SERVICE_USER = "supplier-agent"
"""The account that install.sh makes."""

__all__ = ["DATABASE", "FOLDER_MODE", "LABELS", "LEDGER", "LOCK", "PAGE_LOCK", "SERVICE_USER", "prepare"]


def prepare(state_dir: Path) -> None:
    """Create the folder if necessary, and set the rights above on it and the database if we may.

    A folder with other contents is left as it is: `check` says what is wrong with it.
    """
    os.umask(0o007)  # SQLite and mkdir would give others more rights than we want
    try:
        _make(state_dir)
        with trusted.as_owner_of(state_dir):
            # The administrator may make the folder a link; links inside it are not followed.
            if (state_dir / DATABASE).exists() or not any(state_dir.iterdir()):
                _allow(state_dir.resolve(), FOLDER_MODE)
            trusted.folder(state_dir / LABELS)
            for name in (DATABASE, LOCK):
                _allow(state_dir / name, 0o660)
    except OSError as error:
        raise StateError(
            f"the state folder {state_dir} cannot be used: {error.strerror}",
            f"create it for the agent's user (install -d -m 2770 {shlex.quote(str(state_dir))}), "
            "or set state_dir in the configuration",
        ) from error


def _make(state_dir: Path) -> None:
    """Create the folder if it is missing. The service's folder belongs to its user, even if root creates it."""
    if state_dir.exists():
        return
    state_dir.mkdir(mode=0o770, parents=True, exist_ok=True)
    if os.geteuid() == 0 and state_dir == STATE_DIR:
        with suppress(KeyError):
            account = pwd.getpwnam(SERVICE_USER)
            os.chown(state_dir, account.pw_uid, account.pw_gid)


def _allow(path: Path, mode: int) -> None:
    with suppress(FileNotFoundError, PermissionError):
        # It belongs to another user, or systemd forbids the setgid bit; then tmpfiles or StateDirectoryMode set it.
        trusted.allow(path, mode)
