"""The section `[suppliers.SLUG.shop]`: the supplier's own shop, and its credentials, which are read when they are needed."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from supplier_agent.settings.tokens import read_joined
from supplier_agent.settings.values import BaseUrl, Location, NotNegative, Rate, Section, as_text

Platform = Literal["woocommerce", "magento", "shopify", "bigcommerce"]
CREDENTIALS = {
    "woocommerce": ("key_file", "secret_file"),
    "magento": ("token_file",),
    "shopify": ("key_file", "secret_file"),
    "bigcommerce": ("token_file",),
}
"""The keys that name a file with a credential, by platform."""
OTHER_CREDENTIALS = {"shopify": ("token_file",)}
"""Those that a platform accepts in their place."""
LONGEST_NAME = 40
DEFAULT_STATUS = "processing"
"""Each platform has its own status for an order that is paid and not sent; where it has another name, this means that one."""


def parse_name(value: object) -> str:
    """Return a name for the history of orders."""
    text = as_text(value).strip()
    if not text.isprintable() or len(text) > LONGEST_NAME:
        raise ValueError(f"must be printable, and at most {LONGEST_NAME} characters")
    return text


def parse_status(value: object) -> str:
    """Return a status of the shop: how it is written in the shop's API."""
    text = as_text(value).strip()
    if not text.replace("-", "").replace("_", "").isalnum() or not text.isascii():
        raise ValueError('is no status; write it as the API does, like "processing"')
    return text


def parse_fulfilled(value: object) -> str:
    """Return a status, or "" for the platform's usual sign."""
    return "" if value == "" else parse_status(value)


def parse_country(value: object) -> str:
    """Return a country's code."""
    text = as_text(value)
    if len(text) != 2 or not text.isalpha() or not text.isascii() or not text.isupper():  # noqa: PLR2004 - ISO 3166
        raise ValueError('must be the code of a country, like "FR"')
    return text


Status = Annotated[str, BeforeValidator(parse_status)]


class Shop(Section):
    """One `[suppliers.SLUG.shop]` section. fulfilled: "" is the platform's usual sign, see the how-to of the platform."""

    platform: Platform
    url: BaseUrl
    name: Annotated[str, BeforeValidator(parse_name)] = ""
    key_file: Location | None = None
    secret_file: Location | None = None
    token_file: Location | None = None
    sku_map: Location | None = None  # None: the shop uses the marketplace's SKUs
    mirror: bool = True
    status: Status = DEFAULT_STATUS
    read_back_seconds: NotNegative = 300
    fulfilled: Annotated[str, BeforeValidator(parse_fulfilled)] = ""
    country: Annotated[str, BeforeValidator(parse_country)] = "FR"
    store_id: Annotated[int, Field(ge=0, le=65535)] = 1
    # None: orders are made in the shop's first channel, and those of all are read.
    channel_id: Annotated[int, Field(ge=1)] | None = None
    requests_per_second: Rate = 1.0

    @model_validator(mode="after")
    def _credentials_of_its_platform(self) -> Self:
        needed = self.credential_keys
        every = {key for keys in CREDENTIALS.values() for key in keys}
        missing = [key for key in needed if getattr(self, key) is None]
        odd = [key for key in sorted(every - {*needed}) if getattr(self, key) is not None]
        if missing:
            raise ValueError(f"needs {' and '.join(missing)}, because its platform is {self.platform}")
        if odd:
            raise ValueError(f"has {' and '.join(odd)}, which {self.platform} does not use; leave it out")
        return self

    @model_validator(mode="after")
    def _words_of_bigcommerce(self) -> Self:
        if self.platform != "bigcommerce":
            return self
        if self.url.endswith(("/v2", "/v3")):
            raise ValueError("has a url with the version of an API; let it end with the store's hash")
        if self.status != DEFAULT_STATUS and not self.status.isdecimal():
            raise ValueError('has a status that BigCommerce does not have; write its status_id, like "11"')
        if self.fulfilled and not self.fulfilled.isdecimal():
            raise ValueError('has a fulfilled that BigCommerce does not have; write its status_id, like "2"')
        return self

    @property
    def credential_keys(self) -> tuple[str, ...]:
        """The keys that name a file with a credential of this shop."""
        other = OTHER_CREDENTIALS.get(self.platform, ())
        return other if any(getattr(self, key) is not None for key in other) else CREDENTIALS[self.platform]

    @property
    def who(self) -> str:
        """The name in the history of an order: a program's, not a person's."""
        return f"{self.name or self.platform} (program)"

    @property
    def credential_files(self) -> dict[str, Path]:
        """The files of the credentials, by key. The validator has seen that each is named."""
        return {key: getattr(self, key) for key in self.credential_keys}

    def credentials(self, slug: str) -> str:
        """Return the credentials as they are now, joined by JOINT. Raises ConfigError if one cannot be read."""
        return read_joined(f"suppliers.{slug}.shop", self.credential_files)
