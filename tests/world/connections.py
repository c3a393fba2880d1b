"""Every integration of one supplier, and the books of the other sides: the receiver of webhooks, the support API, a shop.

A platform joins by its name in the sandbox (PLATFORMS) and in the settings (CREDENTIALS).
"""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from supplier_agent.base.clock import Clock
from supplier_agent.sandbox.receiver import SECRET, Receiver
from supplier_agent.sandbox.shops import PLATFORMS, Shop, ShopSemantics, open_shop
from supplier_agent.sandbox.world import World
from supplier_agent.settings.shop import CREDENTIALS
from tests.world.books import Books

WEBHOOK = "erp"
KIND = f"webhook.{WEBHOOK}"
NAME = "Atelier"
WHO = f"{NAME} (program)"
"""Who marks what is fulfilled in the shop."""
STOP_WORDS = frozenset({"cancelled", "refunded", "holded"})
FRESH_SECONDS = 600.0
SHOPS = tuple(PLATFORMS)
_MARKS = (
    "SELECT e.id, menzzo_order_id, e.at FROM events e JOIN orders o ON o.id = e.order_id "
    "WHERE e.who = ? AND e.id > ? AND e.what = 'flagged as shipped' ORDER BY e.id"
)
_REFERENCE = re.compile(r'"([0-9]+_[0-9]+)"')


class Told(NamedTuple):
    """An event as the agent has stored it. order_id: None: of the supplier as a whole."""

    order_id: int | None
    type: str


class AboutSale(NamedTuple):
    """An answer of the support API that has reached the agent. asked: monotonic seconds. word: None: there is no such sale."""

    asked: float
    sale: str
    word: str | None


@dataclass
class Others:
    """What the other sides know, and what passed between them and the agent. Times are monotonic seconds."""

    platform: str
    shop: Shop
    receiver: Receiver
    is_strict: bool
    told: dict[str, Told] = field(default_factory=dict)
    """Every event that there ever was, the oldest first: old ones are removed from the database."""
    kept: set[str] = field(default_factory=set)
    """Those that are in the database now."""
    answers: list[AboutSale] = field(default_factory=list)
    doubtful: set[AboutSale] = field(default_factory=set)
    """Answers of which nobody knows whether the agent has stored them: it died soon after."""
    fulfilled: dict[str, list[tuple[float, bool]]] = field(default_factory=lambda: defaultdict(list))
    """What the shop's staff said of each order. True: it is fulfilled from then on."""
    marks: list[tuple[float, str]] = field(default_factory=list)
    """Every mark that the agent made because of the shop."""
    marks_read: int = 0
    """Up to which line of the histories marks were looked for."""
    stalls: list[tuple[float, float]] = field(default_factory=list)
    """From when to when the one thread of a simulation waited for one of the other sides: a worker would have."""

    def new_marks(self, ask: Callable[..., Sequence[Any]], clock: Clock) -> list[tuple[float, str]]:
        """Return what was marked because of the shop since the last look; no clock may have been set since."""
        found = []
        for number, this, at in ask(_MARKS, WHO, self.marks_read):
            self.marks_read = number
            ago = clock.now() - datetime.fromisoformat(at).replace(tzinfo=UTC)
            found.append((clock.monotonic() - ago.total_seconds(), str(this)))
        self.marks += found
        return found

    def note(self, books: Books) -> None:
        """Read which events there are: once a day at least, and before each check."""
        rows = books.ask("SELECT event_id, order_id, type FROM webhook_events ORDER BY id")
        self.told.update((row["event_id"], Told(row["order_id"], row["type"])) for row in rows)
        self.kept = {row["event_id"] for row in rows}

    def in_shop(self) -> Counter[str]:
        """Return how many orders the shop has for each of ours."""
        return Counter(self.references().values())

    def references(self) -> dict[int, str]:
        """Return which order of ours each order of the shop is: in whatever field a platform keeps it, it is there as a whole."""
        found = {}
        for number, placed in self.shop.store.orders.items():
            names = set(_REFERENCE.findall(json.dumps(placed.given)))
            assert len(names) == 1, f"order {number} of the shop names {names or 'no order of ours'}"
            (found[number],) = names
        return found

    def sells(self, world: World, supplier: str) -> None:
        """Have every product that the orders need in the shop."""
        there = {product.sku for product in self.shop.store.products.values()}
        for sku in dict.fromkeys(order.sku for order in world.orders(supplier)):
            if sku not in there:
                self.shop.store.sells(sku)

    def counted(self) -> Counter[str]:
        """Return how much there is at the other sides, by its name."""
        return Counter(
            {
                "orders in a shop": len(self.shop.store.orders),
                "marks by a shop": len(self.marks),
                "answers about sales": len(self.answers),
                "events": len(self.receiver.events),
                "events that came again": self.receiver.repeated,
            }
        )

    def stalled(self, begin: float, end: float) -> float:
        """Return for how many seconds of this time the one thread waited."""
        return sum(max(0.0, min(end, until) - max(begin, since)) for since, until in self.stalls)


def connect(
    world: World, receiver: Receiver, platform: str, *, is_strict: bool, semantics: ShopSemantics | None = None
) -> Others:
    """Open a shop in the world, and return the books of all other sides."""
    shop = world.shops[platform] = open_shop(platform, world.clock, semantics)
    return Others(platform, shop, receiver, is_strict)


def keys_of_supplier(folder: Path, base_url: str, world: World, platform: str, **support: Any) -> dict[str, Any]:  # noqa: ANN401 - keys are of many shapes
    """Return the sections `support` and `shop`. The credentials go into files."""
    section: dict[str, Any] = {"platform": platform, "url": f"{base_url}/{platform}", "name": NAME}
    folder.mkdir(parents=True, exist_ok=True)
    credentials = world.shops[platform].credentials.split("\n")
    for key, secret in zip(CREDENTIALS[platform], credentials, strict=True):
        (folder / key).write_text(secret)
        section[key] = str(folder / key)
    section |= {"requests_per_second": 50}
    asked = {"token": world.support.token, "requests_per_second": 50}
    return {"shop": section, "support": asked | support}


def webhooks(base_url: str) -> list[dict[str, Any]]:
    """Return the one webhook, which takes everything."""
    url = f"{base_url}/webhooks/{WEBHOOK}"
    return [{"name": WEBHOOK, "url": url, "secret": SECRET, "requests_per_second": 50}]


def streams(told: Mapping[str, Told], of: Collection[str] | None = None) -> Mapping[int | None, Sequence[str]]:
    """Return the events of each order, the oldest first; `of`: of these alone."""
    found: dict[int | None, list[str]] = defaultdict(list)
    for event_id, event in told.items():
        if of is None or event_id in of:
            found[event.order_id].append(event_id)
    return found
