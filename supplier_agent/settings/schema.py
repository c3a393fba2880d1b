"""A JSON schema of the configuration file, with which editors complete keys, explain them and mark mistakes.

It is built from the model; the example provides the meaning of keys and how values are written (hours and days as text).
"""

from typing import Any

from supplier_agent.settings import example
from supplier_agent.settings.model import Settings

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema() -> dict[str, Any]:
    """Return the schema of the file."""
    whole = Settings.model_json_schema()
    tree, comments = example.tree(), example.comments()
    whole["properties"] = {
        name: _told(each, (name,), tree.get(name), comments) for name, each in whole["properties"].items()
    }
    for name, table in whole["properties"].items():
        model = whole["$defs"].get(table.get("$ref", "").rpartition("/")[2])
        values = tree.get(name)
        if model is not None and isinstance(values, dict):
            model["properties"] = {
                key: _told(each, (name, key), values.get(key), comments) for key, each in model["properties"].items()
            }
    supplier = whole["$defs"]["Supplier"]
    supplier["properties"] = {
        key: _told(each, ("suppliers", key), None, comments) for key, each in supplier["properties"].items()
    }
    return {
        "$schema": DIALECT,
        "title": "supplier-agent.toml",
        **{key: each for key, each in whole.items() if key != "title"},
    }


def _told(
    each: dict[str, Any], place: tuple[str, ...], written: object, comments: dict[tuple[str, ...], str]
) -> dict[str, Any]:
    """Return one key's schema, in the written form and with its meaning. A section keeps its references."""
    if isinstance(written, str) and each.get("type") != "string" and "enum" not in each:
        each = {"type": "string", "default": written}
    shown = {key: value for key, value in each.items() if key not in {"title", "writeOnly"}}
    if "$ref" in shown:
        shown.pop("default", None)
    return shown | ({"description": comments[place]} if place in comments else {})
