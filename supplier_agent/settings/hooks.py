"""The sections for other systems: `[[hooks]]`, who may send signed webhooks to the HTTP API."""

import base64
import binascii
import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator

from supplier_agent.base.errors import ConfigError
from supplier_agent.settings.values import Section, as_text, parse_list, parse_path

Right = Literal["ship", "unship", "hold", "release", "note"]
"""What a program may do besides reading."""
SHORTEST_SECRET_BYTES, LONGEST_SECRET_BYTES = 24, 64
"""The sizes that Standard Webhooks allows."""
PREFIX = "whsec_"
_READ_LIMIT = 4096
_SHAPE = "whsec_ and 24 to 64 bytes in base64, one secret on each line"


def parse_program(value: object) -> str:
    """Return the name of a program, which is part of an address and of the history."""
    text = as_text(value)
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,39}", text):
        raise ValueError("must be 1 to 40 small letters, digits and -, like erp")
    return text


def parse_secret_file(value: object) -> Path:
    """Return the absolute path of a file."""
    path = parse_path(value)
    if not path.is_absolute():
        raise ValueError('must be an absolute path, like "/etc/supplier-agent/hooks/erp"')
    return path


class Hook(Section):
    """One sender of signed webhooks. suppliers: whose orders it may name; empty: those of all."""

    name: Annotated[str, BeforeValidator(parse_program)]
    secret_file: Annotated[Path, BeforeValidator(parse_secret_file)]
    may: Annotated[tuple[Right, ...], BeforeValidator(lambda value: parse_list(value, '["ship", "hold"]'))]
    suppliers: Annotated[tuple[str, ...], BeforeValidator(lambda value: parse_list(value, '["notio"]'))] = ()

    def secrets(self) -> list[bytes]:
        """Return the secrets in the file as it is now: several while one replaces another. Raises ConfigError.

        No error contains a part of the file.
        """
        where = f"The secret file of hook {self.name}, {self.secret_file},"
        try:
            with self.secret_file.open("rb") as stream:
                lines = stream.read(_READ_LIMIT).decode("utf-8-sig", errors="replace").split()
        except OSError as error:
            raise ConfigError(
                f"{where} cannot be read: {error.strerror or type(error).__name__}.",
                "Create it, and let only the user that runs the agent read it.",
            ) from None
        found = [_secret(line) for line in lines]
        keys = [each for each in found if each is not None]
        if not keys or len(keys) < len(found):
            raise ConfigError(f"{where} {'does not hold secrets' if lines else 'is empty'}.", f"It holds: {_SHAPE}.")
        return keys


def _secret(line: str) -> bytes | None:
    """Return the bytes of a secret; None if the text is none."""
    try:
        key = base64.b64decode(line.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return None
    return key if SHORTEST_SECRET_BYTES <= len(key) <= LONGEST_SECRET_BYTES else None


def _hooks(value: object) -> list[object]:
    return parse_list(value, '[{ name = "erp", secret_file = "…", may = ["ship"] }]', separator=None)


def _named_once(hooks: tuple[Hook, ...]) -> tuple[Hook, ...]:
    if len({hook.name for hook in hooks}) != len(hooks):
        raise ValueError("has two hooks of one name")
    return hooks


Hooks = Annotated[tuple[Hook, ...], BeforeValidator(_hooks), AfterValidator(_named_once)]
