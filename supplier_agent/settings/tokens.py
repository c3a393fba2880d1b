"""Tokens: what one looks like, and where the present and the next one are read when needed. Never shown."""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

from pydantic import SecretStr

from supplier_agent.base.errors import ConfigError
from supplier_agent.settings.values import as_text

SECRETS_DIR = Path("/run/secrets")
"""Where containers mount their secrets."""

_TOKEN = re.compile(r"\A[\x21-\x7e]{1,4096}\Z")
_READ_LIMIT = 16_384
_SHAPE = 'a token is 1 to 4096 visible ASCII characters without spaces, and without the word "Bearer"'


def parse_token(value: object) -> SecretStr:
    """Return an inline token, trimmed. It is checked when it is used, like one from a file.

    So a bad token stops only its own supplier.
    """
    return SecretStr(as_text(value.get_secret_value() if isinstance(value, SecretStr) else value).strip())


def read_token(
    slug: str,
    inline: SecretStr | None,
    token_file: Path | None,
    env: Mapping[str, str],
    secrets_dir: Path = SECRETS_DIR,
) -> str:
    """Return the supplier's token as it is now: inline, else from `token_file`, else `token-SLUG` of a secrets folder.

    A file that was named must exist; of the folders ($CREDENTIALS_DIRECTORY of systemd, then `secrets_dir`), the first
    that has the file is used.
    """
    if inline is not None:
        return _usable(slug, "token", inline.get_secret_value())
    if token_file is not None:
        return _checked(slug, token_file, _read(slug, token_file))
    folders = secret_folders(env, secrets_dir)
    found = _first(slug, f"token-{slug}", folders)
    if found is not None:
        return found
    looked = " and ".join(str(folder / f"token-{slug}") for folder in folders)
    raise ConfigError(
        f"There is no token for supplier {slug}: suppliers.{slug} has neither token nor token_file, "
        f"and {looked} {'do' if len(folders) > 1 else 'does'} not exist.",
        f"Put the token into a file that only the agent may read, and set suppliers.{slug}.token_file to its path.",
    )


def read_next_token(
    slug: str, inline: SecretStr | None, token_file: Path | None, env: Mapping[str, str], secrets_dir: Path | None
) -> str | None:
    """Return the token that follows the present one; None: there is none yet.

    From the same places, with the name `token-SLUG-next`, unless `secrets_dir` is None. A file that was named may be missing
    until the new token comes.
    """
    if inline is not None:
        return _usable(slug, "token_next", inline.get_secret_value())
    if token_file is not None:
        return _first(slug, token_file.name, [token_file.parent])
    return None if secrets_dir is None else _first(slug, f"token-{slug}-next", secret_folders(env, secrets_dir))


def read_file(file: Path, named: str, cure: str, most_bytes: int = _READ_LIMIT) -> str:
    """Return the text of a file with a secret. named: how the message names the file. Raises ConfigError if it cannot be read."""
    try:
        with file.open("rb") as stream:
            return stream.read(most_bytes).decode("utf-8-sig", errors="replace")
    except OSError as error:
        raise ConfigError(f"{named} cannot be read: {error.strerror or type(error).__name__}.", cure) from None


def read_secret(key: str, file: Path) -> str:
    """Return the credential in a file that a key of the configuration names. Raises ConfigError if it cannot be used."""
    cure = "Create it, let the user that runs the agent read it, and nobody else."
    secret = read_file(file, f"The file {file} ({key})", cure).strip()
    if not _TOKEN.match(secret):
        fault = "is empty" if not secret else "does not hold a credential"
        raise ConfigError(f"The file {file} ({key}) {fault}.", "In one line: visible ASCII characters without spaces.")
    return secret


JOINT = "\n"
"""Between two credentials of one account, which are kept as one token: no credential contains it."""


def read_joined(section: str, files: Mapping[str, Path]) -> str:
    """Return the credentials in these files, by key of a section, joined by JOINT. Raises ConfigError if one cannot be read."""
    return JOINT.join(read_secret(f"{section}.{key}", file) for key, file in files.items())


def mark(slug: str, token: str) -> str:
    """Return a fingerprint that tells one token of a supplier from another: four bytes, which thousands of tokens share."""
    return hashlib.blake2b(token.encode(), key=slug.encode(), digest_size=4).hexdigest()


def secret_folders(env: Mapping[str, str], secrets_dir: Path) -> list[Path]:
    """Return the folders in which systemd and containers put secrets; the first that has a file is used."""
    credentials = env.get("CREDENTIALS_DIRECTORY", "")
    return ([Path(credentials)] if credentials else []) + [secrets_dir]


def _first(slug: str, name: str, folders: list[Path]) -> str | None:
    """Return the token in the first of these folders that has a file of that name."""
    for folder in folders:
        try:
            found = _read(slug, folder / name)
        except _MissingError:
            continue
        return _checked(slug, folder / name, found)
    return None


class _MissingError(ConfigError):
    """The file is not there."""


def _read(slug: str, file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            return stream.read(_READ_LIMIT)
    except (FileNotFoundError, NotADirectoryError):
        raise _MissingError(
            f"The token file of supplier {slug}, {file}, does not exist.",
            f"Create it, or correct suppliers.{slug}.token_file.",
        ) from None
    except OSError as error:
        raise ConfigError(
            f"The token file of supplier {slug}, {file}, cannot be read: {error.strerror or type(error).__name__}.",
            "Let the user that runs the agent read it, and nobody else.",
        ) from None


def _usable(slug: str, key: str, token: str) -> str:
    if not _TOKEN.match(token):
        fault = "is empty" if not token else "cannot be a token"
        raise ConfigError(f"The token of supplier {slug} (suppliers.{slug}.{key}) {fault}.", f"In quotes: {_SHAPE}.")
    return token


def _checked(slug: str, file: Path, found: bytes) -> str:
    # errors="replace": an exception from decoding would carry the content along.
    token = found.decode("utf-8-sig", errors="replace").strip()
    if not _TOKEN.match(token):
        fault = "is empty" if not token else "does not hold a token"
        raise ConfigError(f"The token file of supplier {slug}, {file}, {fault}.", f"In one line: {_SHAPE}.")
    return token
