"""The demo's scenario: a week of orders, planned failures, and the agent's configuration."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from supplier_agent.base.clock import Clock
from supplier_agent.sandbox import faults
from supplier_agent.sandbox.listing import Semantics
from supplier_agent.sandbox.orders import Order
from supplier_agent.sandbox.server import Sandbox
from supplier_agent.sandbox.world import World

ORDERS = 10
CACHE_SECONDS = 2.0
LABEL_LATE = timedelta(seconds=3)
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

    @property
    def world(self) -> World:
        """The marketplace's records."""
        return self.sandbox.world

    def sold(self, supplier: str | None = None) -> list[Order]:
        """Return the orders of a supplier, or of all, including future ones, without the unusable entry."""
        names = [supplier] if supplier else list(self.world.tokens)
        return [order for name in names for order in self.world.orders(name) if order.row_json is None]

    def late_is_listed(self) -> bool:
        """Tell whether the late order can be seen by now."""
        order = self.world.order("asir-group", self.late)
        return order is not None and order.visible(self.world.clock.now())

    def configuration(self) -> str:
        """Return the configuration of an agent for this marketplace. Its address must be known."""
        return _CONFIGURATION.format(url=self.sandbox.url, tokens=self.world.tokens, cache_seconds=CACHE_SECONDS)


def arrange(clock: Clock) -> Arrangement:
    """Return a marketplace that is not listening yet."""
    now = clock.now()
    world = World.with_orders(ORDERS, today=now.date(), clock=clock)
    late, slow_label, undone, left_alone, by_sql = world.orders("asir-group")
    lost_answer = world.orders("notio")[1]
    late.visible_from = now + ORDER_LATE
    slow_label.label_ready_from = now + LABEL_LATE
    world.arrive_raw("notio", {"sku": "CHAIR-SCANDI-X4-OAK", "quantity": 1, "price": 89.5})
    world.faults.arm("ship-sale", faults.close(applied=True), menzzo_order_id=lost_answer.menzzo_order_id)
    semantics = Semantics(cache_seconds={"asir-group": CACHE_SECONDS})
    parts = (late, slow_label, undone, left_alone, by_sql, lost_answer)
    return Arrangement(Sandbox(world, semantics), *(order.menzzo_order_id for order in parts))


def write_configuration(arrangement: Arrangement, folder: Path, *, page: bool) -> Path:
    """Write the agent's configuration, with the warehouse page if wanted; it holds tokens, so nobody else may read it."""
    path = folder / "supplier-agent.toml"
    path.touch(mode=0o600)
    path.write_text(arrangement.configuration() + (_PAGE if page else ""))
    return path
