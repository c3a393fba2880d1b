"""The state folder: who may do what in it, whatever the umask was. Staff belong to the agent's group.

state_dir/            2770   agent.db, agent.lock  0660   labels/…, known.json  0640
state_dir/private/     700   shipped.jsonl (the ship ledger), page.key  0600   (private.py)
"""

import os
import stat
from pathlib import Path

from supplier_agent import private
from supplier_agent.errors import StateError

FOLDER_MODE = 0o2770
DATABASE, LOCK, LABELS = "agent.db", "agent.lock", "labels"
LEDGER = f"{private.FOLDER}/shipped.jsonl"


def prepare(state_dir: Path) -> None:
    """Create the folder if need be, and give it and the database the rights above if they are ours to give.

    A folder that holds other things is left as it is: `check` says what is wrong with it.
    """
    os.umask(0o007)  # SQLite and mkdir ask for more than we want others to have
    try:
        state_dir.mkdir(mode=0o770, parents=True, exist_ok=True)
        ours = (state_dir / DATABASE).exists() or not any(state_dir.iterdir())
        if ours:
            _allow(state_dir, FOLDER_MODE)
        (state_dir / LABELS).mkdir(mode=0o770, exist_ok=True)
    except OSError as error:
        raise StateError(
            f"the state folder {state_dir} cannot be used: {error.strerror}",
            f"create it for the agent's user (install -d -m 2770 {state_dir}), or set state_dir in the configuration",
        ) from error
    if (state_dir / DATABASE).exists():
        _allow(state_dir / DATABASE, 0o660)


def _allow(path: Path, mode: int) -> None:
    try:
        if stat.S_IMODE(path.stat().st_mode) != mode:
            path.chmod(mode)
    except PermissionError:
        pass  # another user's, or systemd forbids the setgid bit: then tmpfiles or StateDirectoryMode set it
