"""The section `[suppliers.SLUG.businessonbot]`: the supplier's own WhatsApp bot. Without it, nothing is sent nor answered."""

import re
from pathlib import Path
from typing import Self

from pydantic import model_validator

from supplier_agent.base.errors import ConfigError
from supplier_agent.settings.shop import Shop
from supplier_agent.settings.tokens import read_file
from supplier_agent.settings.values import BaseUrl, Location, Rate, Section

_KEY = re.compile(r"\A[\x21-\x7e]{1,512}\Z")
_SHAPE = "It holds the guest API key in one line: visible ASCII characters without spaces. A second line is the key before it."
PATH = "/businessonbot"
"""Where the page answers it; the supplier follows."""
PLATFORMS = ("woocommerce",)
"""The platforms that say how an order was placed, without data of its customer."""
MOST_KEYS = 2
"""While one key replaces another, requests with either are answered."""


class BusinessOnBot(Section):
    """One `[suppliers.SLUG.businessonbot]` section. Each direction has a switch of its own, and both are off by default.

    url: where it receives messages; None: nothing is sent. key_file: its guest API key, which both directions use.
    """

    key_file: Location
    url: BaseUrl | None = None
    send_dispatched: bool = False
    answer_requests: bool = False
    requests_per_second: Rate = 1.0

    @model_validator(mode="after")
    def _has_an_address(self) -> Self:
        if self.send_dispatched and self.url is None:
            raise ValueError("needs url, because send_dispatched is set")
        return self

    @staticmethod
    def must_fit(shop: Shop | None) -> None:
        """Raise ValueError if messages cannot be sent with this shop, because its own orders are not read."""
        if shop is None or shop.platform not in PLATFORMS or not shop.read_back_seconds:
            raise ValueError(
                "has businessonbot.send_dispatched, which needs a shop that is read back (read_back_seconds) and whose platform"
                f" says who placed an order: {', '.join(PLATFORMS)}"
            )

    def keys(self, slug: str) -> list[str]:
        """Return the keys in the file as it is now, the present one first. Raises ConfigError; its text has no key."""
        return read_keys(slug, self.key_file)

    def key(self, slug: str) -> str:
        """Return the key that is sent. Raises ConfigError."""
        return self.keys(slug)[0]


def read_keys(slug: str, file: Path) -> list[str]:
    """Return the keys in a file. Raises ConfigError."""
    where = f"The key file of BusinessOnBot for {slug}, {file},"
    cure = "Create it, and let only the user that runs the agent read it."
    found = read_file(file, where, cure).split()
    if not found or len(found) > MOST_KEYS or not all(_KEY.match(each) for each in found):
        raise ConfigError(f"{where} {'does not hold a key' if found else 'is empty'}.", _SHAPE)
    return found
