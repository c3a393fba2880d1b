"""The state folder: who may do what in it, whatever the umask was. Staff belong to the agent's group.

state_dir/            2770   agent.db, agent.lock  0660   labels/…, known.json, health.json, page.json  0640
state_dir/private/     700   shipped.jsonl (the ship ledger), page.key  0600   (private.py)
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
LOCK, LABELS = "agent.lock", "labels"
LEDGER = f"{private.FOLDER}/shipped.jsonl"
SERVICE_USER = "supplier-agent"
"""The account that install.sh makes."""

__all__ = ["DATABASE", "FOLDER_MODE", "LABELS", "LEDGER", "LOCK", "SERVICE_USER", "prepare"]


def prepare(state_dir: Path) -> None:
    """Create the folder if need be, and give it and the database the rights above if they are ours to give.

    A folder that holds other things is left as it is: `check` says what is wrong with it.
    """
    os.umask(0o007)  # SQLite and mkdir ask for more than we want others to have
    try:
        _make(state_dir)
        with trusted.as_owner_of(state_dir):
            # A link to the folder is the administrator's business; a link in it is not followed.
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
    """Make the folder if it is not there. The service's own is its user's, even if root comes first."""
    if state_dir.exists():
        return
    state_dir.mkdir(mode=0o770, parents=True, exist_ok=True)
    if os.geteuid() == 0 and state_dir == STATE_DIR:
        with suppress(KeyError):
            account = pwd.getpwnam(SERVICE_USER)
            os.chown(state_dir, account.pw_uid, account.pw_gid)


def _allow(path: Path, mode: int) -> None:
    with suppress(FileNotFoundError, PermissionError):
        # Not ours: another user's, or systemd forbids the setgid bit; then tmpfiles or StateDirectoryMode set it.
        trusted.allow(path, mode)
