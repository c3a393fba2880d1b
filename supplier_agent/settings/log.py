"""The `[log]` section: level and format."""

from typing import Literal

from pydantic import BaseModel, ConfigDict


class Log(BaseModel):
    """The `[log]` section."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    format: Literal["auto", "console", "json", "journal"] = "auto"
    level: Literal["debug", "info", "warning", "error"] = "info"
