"""The signed cookie: who works at which station. It holds no secret, and nobody can change it without the key."""

import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from itsdangerous import BadSignature, URLSafeTimedSerializer

from supplier_agent.base.errors import StateError
from supplier_agent.db import private

NAME = "desk"
KEY_FILE = "page.key"
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


def read_key(state_dir: Path) -> str:
    """Return the key of this installation, made at the first start; nobody but the agent may read it.

    One that somebody else could have put there is put aside, and everybody signs in again.
    """
    folder = state_dir / private.FOLDER
    path = folder / KEY_FILE
    try:
        private.take_in(folder, KEY_FILE)
        with private.opened(folder) as opened:
            if opened.look(KEY_FILE):
                opened.write(KEY_FILE, secrets.token_hex(KEY_BYTES).encode())
            key = opened.read(KEY_FILE).decode().strip()
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
