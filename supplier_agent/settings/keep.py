"""The `[keep]` section: how long finished work is kept. The `[brakes]` section: when a person is asked first."""

from pydantic import BaseModel, ConfigDict


class Keep(BaseModel):
    """The `[keep]` section."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Brakes(BaseModel):
    """The `[brakes]` section."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
