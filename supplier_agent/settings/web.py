"""The `[web]` section: the warehouse page. Off unless `listen` is set."""

from pydantic import BaseModel, ConfigDict


class Web(BaseModel):
    """The `[web]` section."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    listen: str = ""
