"""The sections of carriers, `[suppliers.SLUG.laposte]` and so on: who is asked whether a parcel was scanned, and with what.

Without such a section, no carrier is asked anything.
"""

from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import BeforeValidator, Field

from supplier_agent.settings.tokens import read_joined
from supplier_agent.settings.values import BaseUrl, Count, Location, Positive, Rate, Section, parse_list

LAPOSTE, DHL, UPS, FEDEX = "laposte", "dhl", "ups", "fedex"
CARRIERS = (LAPOSTE, DHL, UPS, FEDEX)
"""The carriers that can be asked: the names of their sections, and the kinds of their accounts."""
LONGEST_NAME, MOST_NAMES = 60, 50

Days = Annotated[int, Field(ge=1, le=90)]


def parse_names(value: object) -> tuple[str, ...]:
    """Return names of carriers in lower case, as orders have them, from a list or from text with commas."""
    names = tuple(str(each).strip().casefold() for each in parse_list(value, '["Chronopost*", "Colissimo"]'))
    usable = all(name and len(name) <= LONGEST_NAME and name.isprintable() for name in names)
    if not names or len(names) > MOST_NAMES or not usable:
        raise ValueError('must be a list of names like ["Chronopost*", "Colissimo"]; * matches any text')
    return tuple(dict.fromkeys(names))


Names = Annotated[tuple[str, ...], BeforeValidator(parse_names)]


class Carrier(Section):
    """What all carriers share. names: of which orders it is asked, by their carrier."""

    CREDENTIALS: ClassVar[tuple[str, ...]] = ("key_file",)
    """The keys that name a file with a credential."""

    names: Names
    url: BaseUrl
    key_file: Location
    requests_per_second: Rate
    codes_per_day: Count
    never_scanned_hours: Annotated[float, Field(ge=1, le=24 * 60)] = 48
    again_seconds: Positive = 86_400
    give_up_days: Days = 14

    def takes(self, carrier: str | None) -> bool:
        """Tell whether an order whose carrier is called so is one of its orders."""
        name = (carrier or "").strip().casefold()
        return bool(name) and any(fnmatchcase(name, each) for each in self.names)

    @property
    def credential_files(self) -> dict[str, Path]:
        """The files of the credentials, by key."""
        return {key: getattr(self, key) for key in self.CREDENTIALS}

    def credentials(self, slug: str, kind: str) -> str:
        """Return the credentials as they are now, joined by JOINT. Raises ConfigError if one cannot be read."""
        return read_joined(f"suppliers.{slug}.{kind}", self.credential_files)


class LaPoste(Carrier):
    """La Poste, Colissimo and Chronopost: one key of developer.laposte.fr."""

    names: Names = ("*la poste*", "*laposte*", "*colissimo*", "*chronopost*")
    url: BaseUrl = "https://api.laposte.fr"
    requests_per_second: Rate = 1.0
    codes_per_day: Count = 5000


class Dhl(Carrier):
    """DHL, every division: one key of developer.dhl.com. Its first service level has 250 calls a day, one in five seconds."""

    names: Names = ("*dhl*",)
    url: BaseUrl = "https://api-eu.dhl.com"
    requests_per_second: Rate = 0.2
    codes_per_day: Count = 200


class Ups(Carrier):
    """UPS: client id and secret of an app at developer.ups.com."""

    CREDENTIALS: ClassVar[tuple[str, ...]] = ("key_file", "secret_file")

    names: Names = ("ups", "ups *")
    url: BaseUrl = "https://onlinetools.ups.com"
    secret_file: Location
    requests_per_second: Rate = 1.0
    codes_per_day: Count = 1000


class FedEx(Carrier):
    """FedEx: API key and secret key of a project at developer.fedex.com."""

    CREDENTIALS: ClassVar[tuple[str, ...]] = ("key_file", "secret_file")

    names: Names = ("*fedex*",)
    url: BaseUrl = "https://apis.fedex.com"
    secret_file: Location
    requests_per_second: Rate = 1.0
    codes_per_day: Count = 5000
