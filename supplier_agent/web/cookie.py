"""The signed cookie: who works at which station. It holds no secret, and nobody can change it without the key."""

import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from itsdangerous import BadSignature, URLSafeTimedSerializer

from supplier_agent.errors import StateError

NAME = "desk"
KEY_FILE, TRIES_FILE = "page.key", "page.tries"
KEY_BYTES = 32


@dataclass(frozen=True)
class Session:
    """What a browser brings along. `last` is the submission whose answer stands on its screen."""

    who: str
    station: str
    mark: str  # of the PIN with which it began
    seed: str  # of the token in its forms
    language: str = ""  # empty: that of the station
    last: str = ""  # empty: nothing was done yet


def private(state_dir: Path) -> Path:
    """Return the folder of what only the page itself may trust."""
    return state_dir


def read_key(state_dir: Path) -> str:
    """Return the key of this installation, made at the first start; nobody but the agent may read it."""
    path = private(state_dir) / KEY_FILE
    try:
        if not path.exists():
            part = path.with_suffix(".part")
            descriptor = os.open(part, os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_hex(KEY_BYTES))
            part.replace(path)
        key = path.read_text().strip()
    except OSError as error:
        raise StateError(
            f"the page's key {path} cannot be used: {error.strerror}", f"give it to the agent: {path}"
        ) from error
    if len(key) < KEY_BYTES:
        raise StateError(f"the page's key {path} is too short", f"delete {path}; everybody then signs in again")
    return key


class Seal:
    """Signs and reads sessions. `hours` is how long one lasts."""

    def __init__(self, key: str, hours: int) -> None:
        self._serializer = URLSafeTimedSerializer(key, salt="supplier-agent page")
        self.seconds = hours * 3600

    def sign(self, session: Session) -> str:
        """Return the cookie's value."""
        return self._serializer.dumps(list(asdict(session).values()))

    def read(self, value: str) -> Session | None:
        """Return the session, or None if it is not ours, or too old."""
        try:
            return Session(*self._serializer.loads(value, max_age=self.seconds))
        except (BadSignature, TypeError):
            return None
