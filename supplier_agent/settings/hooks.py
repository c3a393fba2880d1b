"""The sections for other systems: `[[hooks]]`, who may send signed webhooks to the HTTP API."""

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator

from supplier_agent.base.errors import ConfigError
from supplier_agent.base.standard_webhooks import LEAST_BYTES, MOST_BYTES, MOST_FILE_BYTES, PREFIX, key_of
from supplier_agent.settings.tokens import read_file
from supplier_agent.settings.values import Section, as_text, named_once, parse_list, parse_path

Right = Literal["ship", "unship", "hold", "release", "note"]
"""What a program may do besides reading."""
_SHAPE = f"{PREFIX} and {LEAST_BYTES} to {MOST_BYTES} bytes in base64, one secret on each line"


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
        cure = "Create it, and let only the user that runs the agent read it."
        lines = read_file(self.secret_file, where, cure, MOST_FILE_BYTES).split()
        found = [key_of(line) for line in lines]
        keys = [each for each in found if each is not None]
        if not keys or len(keys) < len(found):
            raise ConfigError(f"{where} {'does not hold secrets' if lines else 'is empty'}.", f"It holds: {_SHAPE}.")
        return keys


def _hooks(value: object) -> list[object]:
    return parse_list(value, '[{ name = "erp", secret_file = "…", may = ["ship"] }]', separator=None)


Hooks = Annotated[tuple[Hook, ...], BeforeValidator(_hooks), AfterValidator(named_once("hooks"))]
