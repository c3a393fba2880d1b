"""The commented example, part of every installation: `config init` writes it, and the schema uses its comments."""

import re
import tomllib
from pathlib import Path

from supplier_agent.settings.layers import Place, Tree

NAME = "supplier-agent.example.toml"
_PACKAGE = Path(__file__).parents[1]
_SECTION = re.compile(r"\A\[+([^\]]+)\]+")
_KEY = re.compile(r"\A(?:# )?([a-z_]+) = ")


def text() -> str:
    """Return the path of the example: in the package of an installation (see pyproject.toml), in config/ of a checkout."""
    installed = _PACKAGE / NAME
    return (installed if installed.exists() else _PACKAGE.parent / "config" / NAME).read_text(encoding="utf-8")


def tree() -> Tree:
    """Return the text of the example."""
    return tomllib.loads(text())


def comments() -> dict[Place, str]:
    """Return the comment on each key, the lines right above it. Names of suppliers are left out."""
    found: dict[Place, str] = {}
    section: Place = ()
    block: list[str] = []
    for line in text().splitlines():
        if header := _SECTION.match(line):
            section, block = tuple(header[1].split("."))[:1], []
        elif key := _KEY.match(line):
            if block:
                found.setdefault((*section, key[1]), " ".join(block))
        elif line.startswith("#"):
            block.append(line.lstrip("# "))
            continue
        elif line.strip():
            continue
        block = []
    return found
