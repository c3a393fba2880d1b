"""The settings as one process hands them to another that may know no secret: as JSON, without whatever is hidden when shown."""

import json
from typing import Any

from pydantic import BaseModel, SecretStr

from supplier_agent.settings.model import Settings


def without_secrets(settings: Settings) -> str:
    """Return the settings as JSON. A file that holds a token is named, as in `status`; what is in it is not."""
    return json.dumps(_open(settings))


def read_back(text: str) -> Settings:
    """Return the settings that were handed over. Raises ValueError if they are none."""
    return Settings(**json.loads(text))


def _open(model: BaseModel) -> dict[str, Any]:
    """Return what is no secret: a secret is a SecretStr, or a field that is left out of `repr`."""
    found = model.model_dump(mode="json")
    for name, field in type(model).model_fields.items():
        value = getattr(model, name)
        if not field.repr or _is_secret(value):
            del found[name]
        elif isinstance(value, BaseModel):
            found[name] = _open(value)
        elif isinstance(value, dict):
            found[name] = {key: _open(each) for key, each in value.items()}
    return found


def _is_secret(value: object) -> bool:
    return isinstance(value, SecretStr) or (isinstance(value, tuple) and any(map(_is_secret, value)))
