"""The section `[suppliers.X.support]`: Menzzo's customer-support API. Without it, nothing of that API is used."""

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, SecretStr, model_validator

from supplier_agent.settings.tokens import parse_token
from supplier_agent.settings.values import (
    Bytes,
    Count,
    CountOrOff,
    Location,
    NotNegative,
    Origins,
    Rate,
    Section,
    parse_list,
)

_LONGEST_WORD = 40
STOP_WORDS = ("cancelled", "canceled", "refunded", "holded")
"""With these words as its status, a sale is not shipped. The document's list, and the other spelling of the first."""
GO_WORDS = ("processing", "complete")
"""The status words in the document's examples. Every other word is a warning."""


def parse_words(value: object) -> tuple[str, ...]:
    """Return words in lower case, from a list or from text with commas."""
    words = tuple(str(each).strip().casefold() for each in parse_list(value, '["cancelled", "refunded"]'))
    if not all(word and len(word) <= _LONGEST_WORD and word.isprintable() for word in words):
        raise ValueError('must be a list of words like ["cancelled", "refunded"]')
    return tuple(dict.fromkeys(words))


Words = Annotated[tuple[str, ...], BeforeValidator(parse_words)]


class Support(Section):
    """One `[suppliers.SLUG.support]` section. Without `token` and `token_file` the token is a system or container secret."""

    token: Annotated[SecretStr, BeforeValidator(parse_token)] | None = None
    token_file: Location | None = None
    requests_per_second: Rate = 1.0
    stop_words: Words = STOP_WORDS
    go_words: Words = GO_WORDS
    when_unreachable: Literal["warn", "hold"] = "warn"
    wait_seconds: NotNegative = 5
    products: bool = True
    picture_origins: Origins = ()
    pictures_bytes: Bytes = 104_857_600
    max_picture_bytes: Count = 1_048_576
    after_sales_per_day: CountOrOff = 200
    open_sav: bool = False

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.token is not None and self.token_file is not None:
            raise ValueError("has both token and token_file; keep one")
        if both := set(self.stop_words) & set(self.go_words):
            raise ValueError(f"has a word in stop_words and in go_words: {', '.join(sorted(both))}")
        return self

    @property
    def is_strict(self) -> bool:
        """Whether no order is reported as shipped without a sale check."""
        return self.when_unreachable == "hold"


def secret_of(slug: str) -> str:
    """Return the name under which messages and secrets know the support token of a supplier: `token-asir-group.support`."""
    return f"{slug}.support"


__all__ = ["GO_WORDS", "STOP_WORDS", "Support", "secret_of"]
