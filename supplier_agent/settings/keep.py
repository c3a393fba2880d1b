"""The `[keep]` section: how long finished orders are kept in full. The `[brakes]` section: when a person is asked first."""

from pydantic import BaseModel, ConfigDict

from supplier_agent.settings.values import CountOrOff, DaysOrForEver


class Keep(BaseModel):
    """The `[keep]` section. Orders themselves have no key: one that was deleted would look new when it is listed again."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    labels_days: DaysOrForEver = 90
    journal_days: DaysOrForEver = 365


class Brakes(BaseModel):
    """The `[brakes]` section."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    flags_per_minute: CountOrOff = 0
    not_found_in_a_row: CountOrOff = 20
