"""The demo's marketplace: a week of orders, planned failures, a supplier's own shop, and the configuration of an agent for them.

At the end, its records are compared with the agent's, line by line. Indented lines must be zero.
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sqlmodel import Session, select

from supplier_agent.base.clock import Clock
from supplier_agent.db.tables import Order, RejectedEntry
from supplier_agent.sandbox import faults
from supplier_agent.sandbox.faults import LogLine
from supplier_agent.sandbox.options import open_shops
from supplier_agent.sandbox.orders import Order as Sold
from supplier_agent.sandbox.receiver import SECRET
from supplier_agent.sandbox.semantics import Semantics
from supplier_agent.sandbox.server import Sandbox
from supplier_agent.sandbox.shops import Shop, ShopSemantics
from supplier_agent.sandbox.shops.store import Placed
from supplier_agent.sandbox.world import World
from supplier_agent.settings import Settings

ORDERS = 10
SHOP = "woocommerce"
CACHE_SECONDS = 2.0
NOT_IN_TIME = timedelta(hours=1)
ORDER_LATE = timedelta(seconds=5)

_CONFIGURATION = """\
# The agent of the demo. Everything is fast here: undo 2 s, back-offs of a second, a sweep every 7 s.
base_url = "{url}"
state_dir = "state"
requests_per_second = 20

[schedule]
poll_seconds = 2
off_hours_poll_seconds = 2
sweep_seconds = 7

[retry]
first_seconds = 1
max_seconds = 4
label_first_seconds = 1

[ship]
undo_seconds = 2

[suppliers.asir-group]
token = "{tokens[asir-group]}"
cache_seconds = {cache_seconds}

[suppliers.notio]
token = "{tokens[notio]}"

[suppliers.notio.shop]
platform = "woocommerce"
url = "{url}/woocommerce"
name = "Atelier"
key_file = "shop-key"
secret_file = "shop-secret"
requests_per_second = 20
read_back_seconds = 2

[[webhooks]]
name = "erp"
url = "{url}/webhooks/erp"
secret = "{secret}"
events = ["order.shipped", "order.attention"]
"""


_PAGE = """
[web]
listen = "127.0.0.1:0"
stations = [{ name = "Bench 1", page = "100x150" }, { name = "Bench 2", one_scan = true }]
"""


@dataclass(frozen=True)
class Arrangement:
    """The sandbox, and the orders (`menzzo_order_id`) with a special role."""

    sandbox: Sandbox
    late: str  # listed late with an old number: behind the cursor
    slow_label: str
    undone: str
    left_alone: str
    by_sql: str
    lost_answer: str  # its ship-sale takes effect, and the answer never arrives
    by_shop: str  # completed in the supplier's own shop

    @property
    def world(self) -> World:
        """The marketplace's records."""
        return self.sandbox.world

    def sold(self, supplier: str | None = None) -> list[Sold]:
        """Return the orders of a supplier, or of all, including future ones, without the unusable entry."""
        names = [supplier] if supplier else list(self.world.tokens)
        return [order for name in names for order in self.world.orders(name) if order.row_json is None]

    def finish_label(self) -> None:
        """Let the marketplace have the label that was not ready."""
        order = self.world.order("asir-group", self.slow_label)
        assert order is not None  # noqa: S101 - `arrange` made it
        order.label_ready_from = self.world.clock.now()

    def late_is_listed(self) -> bool:
        """Tell whether the late order can be seen by now."""
        order = self.world.order("asir-group", self.late)
        return order is not None and order.visible(self.world.clock.now())

    @property
    def shop(self) -> Shop:
        """The supplier's own shop."""
        return self.world.shops[SHOP]

    def in_shop(self, menzzo_order_id: str) -> Placed | None:
        """Return the order that the agent has made in the shop; None: not yet."""
        placed = [*self.shop.store.orders.values()]
        return next((each for each in placed if menzzo_order_id in json.dumps(each.given)), None)

    def configuration(self) -> str:
        """Return the configuration of an agent for this marketplace. Its address must be known."""
        return _CONFIGURATION.format(
            url=self.sandbox.url, tokens=self.world.tokens, cache_seconds=CACHE_SECONDS, secret=SECRET
        )


def arrange(clock: Clock) -> Arrangement:
    """Return a marketplace that is not listening yet."""
    now = clock.now()
    world = World.with_orders(ORDERS, today=now.date(), clock=clock)
    late, slow_label, undone, left_alone, by_sql = world.orders("asir-group")
    by_shop, lost_answer, *_ = world.orders("notio")
    late.visible_from = now + ORDER_LATE
    slow_label.label_ready_from = now + NOT_IN_TIME  # until it is marked, however slow the machine is
    world.arrive_raw("notio", {"sku": "CHAIR-SCANDI-X4-OAK", "quantity": 1, "price": 89.5})
    world.faults.arm("ship-sale", faults.close(applied=True), menzzo_order_id=lost_answer.menzzo_order_id)
    semantics = Semantics(cache_seconds={"asir-group": CACHE_SECONDS})
    open_shops(world, (SHOP,), ShopSemantics())
    parts = (late, slow_label, undone, left_alone, by_sql, lost_answer, by_shop)
    return Arrangement(Sandbox(world, semantics), *(order.menzzo_order_id for order in parts))


def write_configuration(arrangement: Arrangement, folder: Path, *, page: bool) -> Path:
    """Write the agent's configuration, with the warehouse page if wanted; it holds tokens, so only its owner may read it."""
    path = folder / "supplier-agent.toml"
    path.touch(mode=0o600)
    path.write_text(arrangement.configuration() + (_PAGE if page else ""))
    for name, secret in zip(("shop-key", "shop-secret"), arrangement.shop.credentials.split("\n"), strict=True):
        file = folder / name
        file.touch(mode=0o600)
        file.write_text(secret)
    return path


TOLERANCE = 1.05
"""Tolerance for a rate that is measured by two clocks."""


@dataclass(frozen=True)
class Line:
    """One line of the table: what is counted, and the count of each supplier."""

    what: str
    counts: tuple[int, ...]
    must_be_zero: bool = False


@dataclass(frozen=True)
class Comparison:
    """The table. `holds`: the records match."""

    suppliers: tuple[str, ...]
    lines: tuple[Line, ...]

    @property
    def holds(self) -> bool:
        """Tell whether everything that must be zero is zero."""
        return not any(any(line.counts) for line in self.lines if line.must_be_zero)

    def table(self) -> list[str]:
        """Return the lines to print."""
        rows = [("", *self.suppliers)]
        rows += [("  " * line.must_be_zero + line.what, *(str(count) for count in line.counts)) for line in self.lines]
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        return [
            row[0].ljust(widths[0])
            + "".join(cell.rjust(width + 3) for cell, width in zip(row[1:], widths[1:], strict=True))
            for row in rows
        ]


def compare(tx: Session, world: World, settings: Settings, flagged: Collection[str]) -> Comparison:
    """Compare. `flagged`: the ids that the warehouse shipped, by its own list."""
    suppliers = tuple(settings.suppliers)
    with world.lock:
        columns = [_of_supplier(tx, world, settings, name, flagged) for name in suppliers]
    lines = [
        Line(each[0].what, tuple(line.counts[0] for line in each), each[0].must_be_zero)
        for each in zip(*columns, strict=True)
    ]
    return Comparison(suppliers, tuple(lines))


def _of_supplier(tx: Session, world: World, settings: Settings, name: str, flagged: Collection[str]) -> Sequence[Line]:
    now = world.clock.now()
    listed = {each.menzzo_order_id: each for each in world.orders(name) if each.visible(now)}
    unusable = [json.loads(each.row_json) for each in listed.values() if each.row_json is not None]
    sold = {this: each for this, each in listed.items() if each.row_json is None}
    stored = {each.menzzo_order_id: each for each in tx.exec(select(Order).where(Order.supplier == name))}
    kept = [json.loads(each.raw) for each in tx.exec(select(RejectedEntry).where(RejectedEntry.supplier == name))]
    acknowledged = {this for this, each in sold.items() if each.acknowledged_at}
    shipped = {this for this, each in sold.items() if each.shipped_at}
    says_acknowledged = {this for this, each in stored.items() if each.acknowledged_at}
    says_shipped = {this for this, each in stored.items() if each.ship_confirmed_at}
    labels = {this for this, each in stored.items() if each.label_path}
    requests = world.requests(supplier=name)
    sent = [line.menzzo_order_id for line in requests if line.endpoint == "ship-sale"]
    most = round(settings.requests_per_second * TOLERANCE)
    return (
        Line("orders listed", (len(sold),)),
        _zero("lost: listed, but not stored", sold.keys() - stored.keys()),
        _zero("invented: stored, but never listed", stored.keys() - sold.keys()),
        Line("acknowledged", (len(acknowledged),)),
        _zero("forgotten: not acknowledged", sold.keys() - acknowledged),
        _zero("recorded differently", acknowledged ^ says_acknowledged),
        Line("shipped", (len(shipped),)),
        _zero("forgotten: marked, but not reported", sold.keys() & set(flagged) - shipped),
        _zero("unasked: reported without a mark", shipped - set(flagged)),
        _zero("twice: reported more than once", {this for this in sent if sent.count(this) > 1}),
        _zero("recorded differently", shipped ^ says_shipped),
        Line("labels on disk", (len(labels),)),
        _zero(
            "not equal, byte for byte",
            {this for this in labels if not _equal(stored[this], sold.get(this), settings.state_dir)},
        ),
        Line("entries that cannot be used", (len(unusable),)),
        _zero("not kept word for word", [row for row in unusable if row not in kept]),
        Line("requests in the busiest second", (_busiest(requests),)),
        _zero(f"more than {settings.requests_per_second:g}, the rate in the settings", range(most, _busiest(requests))),
        _zero("without the right token", [line for line in requests if line.token != "right"]),  # noqa: S105 - a word of the log
    )


def _zero(what: str, found: Collection[object]) -> Line:
    return Line(what, (len(found),), must_be_zero=True)


def _equal(order: Order, sold: Sold | None, state_dir: Path) -> bool:
    return sold is not None and (state_dir / (order.label_path or "")).read_bytes() == sold.pdf()


def _busiest(requests: Sequence[LogLine]) -> int:
    """Return the highest number of requests within one second."""
    times = [line.monotonic for line in requests]
    return max((sum(start <= each < start + 1 for each in times) for start in times), default=0)
