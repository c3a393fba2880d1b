"""What a worker has for a call to the support API, and how it is made from the settings."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from supplier_agent.base.clock import Clock
from supplier_agent.integrations.support.client import Support
from supplier_agent.integrations.support.pictures import PictureFolder
from supplier_agent.marketplace.rate_limit import Pace
from supplier_agent.marketplace.support import Picture
from supplier_agent.marketplace.wire import Wire
from supplier_agent.settings import Settings


@dataclass(frozen=True)
class SupportTools:
    """The requests, and the folder of pictures."""

    support: Support
    pictures: PictureFolder

    def keep_picture(self, supplier: str, sku: str, picture: Picture) -> str | None:
        """Store a picture in the state folder; return its path there, None if it cannot be stored."""
        return self.pictures.keep(supplier, sku, picture)


def make_tools(
    supplier: str, settings: Settings, wire: Wire, pace: Pace, clock: Clock, token: Callable[[], str]
) -> Callable[[Callable[[float], None]], SupportTools]:
    """Return what makes the tools of a worker; its argument receives the network seconds of each answer."""
    keys = settings.suppliers[supplier].support
    assert keys is not None  # noqa: S101 - the caller has looked
    client = Support(settings.base_url, token, wire, pace, clock, keys.picture_origins, keys.max_picture_bytes)
    pictures = PictureFolder(settings.state_dir, keys.pictures_bytes)
    return lambda heard: SupportTools(replace(client, heard=heard), pictures)
