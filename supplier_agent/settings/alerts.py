"""The `[alerts]` section: whom to tell, and from when on."""

from pydantic import BaseModel, ConfigDict


class Alerts(BaseModel):
    """The `[alerts]` section. Nobody is told unless there are `urls`."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
