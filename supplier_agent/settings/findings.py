"""Mistakes in a configuration as sentences: place, key, what is wrong, what was probably meant. Never a value."""

import operator
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from supplier_agent.settings.layers import Environment, Place, fixed_keys, sections
from supplier_agent.settings.model import KNOWN_SUPPLIERS, Supplier
from supplier_agent.settings.values import close
from supplier_agent.settings.web import Station

_NUMBER = "must be a number"
_WHOLE = "must be a whole number"
_TEXT = "must be text in quotes"
_TABLE = "must be a section of keys"
_SENTENCES: Mapping[str, str] = {
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "dict_type": _TABLE,
    "finite_number": _NUMBER,
    "float_parsing": _NUMBER,
    "float_type": _NUMBER,
    "greater_than": "must be more than {gt:g}",
    "greater_than_equal": "must be at least {ge:g}",
    "int_from_float": _WHOLE,
    "int_parsing": _WHOLE,
    "int_parsing_size": "must be a smaller number",
    "int_type": _WHOLE,
    "less_than_equal": "must be at most {le:.10g}",
    "literal_error": "must be {expected}",
    "model_attributes_type": _TABLE,
    "model_type": _TABLE,
    "string_type": _TEXT,
}
_LONGEST_NAME = 80


@dataclass(frozen=True)
class Whereabouts:
    """Where each key was written."""

    environment: Environment
    path: Path | None = None
    lines: Mapping[Place, int] = field(default_factory=dict)

    def of(self, place: Place) -> tuple[int, str]:
        """Return the line (0: none) and the variable or FILE:LINE of a key, else of the nearest table around it."""
        for length in range(len(place), 0, -1):
            part = place[:length]
            for named, name in self.environment.names.items():
                if named == part or (named[:length] == part and part not in self.lines):
                    return 0, name
            if part in self.lines:
                return self.lines[part], f"{self.path}:{self.lines[part]}"
        return 0, str(self.path) if self.path else "environment"


def sentences(error: ValidationError | None, where: Whereabouts) -> list[str]:
    """Return one line for each mistake: those of the environment first, then those of the file from top to bottom."""
    found = [
        f"{_shown(name)}: there is no such setting" + (f"; did you mean {meant}?" if meant else "; unset it")
        for name, meant in where.environment.unknown.items()
    ]
    # The details of an error contain its input, so they are requested without it and stay here.
    details = error.errors(include_url=False, include_input=False) if error else []
    said = dict.fromkeys(_sentence(detail, where) for detail in details)
    return found + [sentence for _, sentence in sorted(said, key=operator.itemgetter(0))]


def _sentence(detail: ErrorDetails, where: Whereabouts) -> tuple[int, str]:
    place = tuple(str(part) for part in detail["loc"] if part != "[key]")
    key = _dotted(place)
    if detail["type"] == "extra_forbidden":
        said = f"is not a key of the configuration{_meant(place)}"
    elif detail["type"] == "value_error":
        said = str(detail["ctx"]["error"])
    else:
        said = _SENTENCES.get(detail["type"], "cannot be used").format_map(detail.get("ctx", {}))
    line, written = where.of(place)
    return line, f"{written}: {key} {said}"


def _meant(place: Place) -> str:
    table, name = place[:-1], place[-1]
    if name in KNOWN_SUPPLIERS and table == ():
        return f"; did you mean [suppliers.{name}]?"
    of_suppliers = table[:1] == ("suppliers",)
    of_stations = table[:2] == ("web", "stations")
    model = Supplier if of_suppliers else Station if of_stations else sections().get(table)
    own = [(*table, key) for key in model.model_fields] if model else []
    elsewhere = [*fixed_keys(), *(("suppliers", "NAME", key) for key in Supplier.model_fields)]
    meant = _named(_close(name, own), own) if of_stations else None
    meant = (
        meant or _named(name, elsewhere) or _named(_close(name, own), own) or _named(_close(name, elsewhere), elsewhere)
    )
    if meant is None:
        return "; leave it out"
    hint = ", which stands before the first [section]" if table and len(meant) == 1 else ""
    return f"; did you mean {_dotted(meant)}{hint}?"


def _named(name: str | None, places: list[Place]) -> Place | None:
    return next((place for place in places if place[-1] == name), None)


def _close(name: str, places: list[Place]) -> str | None:
    return close(name, [place[-1] for place in places])


def _dotted(place: Place) -> str:
    return ".".join(_shown(part) for part in place)


def _shown(name: str) -> str:
    shown = name if name.isprintable() else ascii(name)
    return shown if len(shown) <= _LONGEST_NAME else shown[:_LONGEST_NAME] + "…"
