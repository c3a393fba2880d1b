"""What the marketplace really knows, as JSON for people, for the demo and for whoever wants to compare."""

from collections import Counter
from datetime import datetime
from itertools import pairwise

from supplier_agent.sandbox.exchange import LogLine
from supplier_agent.sandbox.orders import Order
from supplier_agent.sandbox.world import World


def truth(world: World) -> dict[str, object]:
    """Return every order with the effects that calls had on it, and a summary of the requests, by supplier."""
    with world.lock:
        now = world.clock.now()
        return {
            "now": now.isoformat(),
            "suppliers": {
                supplier: {
                    "orders": [_order(order, now) for order in world.orders(supplier)],
                    "requests": _summary(world.requests(supplier=supplier)),
                }
                for supplier in world.tokens
            },
        }


def _order(order: Order, now: datetime) -> dict[str, object]:
    return {
        "menzzo_order_id": order.menzzo_order_id,
        "sku": order.sku,
        "quantity": order.quantity,
        "price": f"{order.price_cents / 100:.2f}",
        "carrier": order.carrier,
        "order_date": order.order_date.isoformat(),
        "visible": order.visible(now),
        "label_ready": order.label_ready(now),
        "acknowledged": len(order.acknowledged_at),
        "shipped": len(order.shipped_at),
        "acknowledged_at": [at.isoformat() for at in order.acknowledged_at],
        "shipped_at": [at.isoformat() for at in order.shipped_at],
    }


def _summary(lines: list[LogLine]) -> dict[str, object]:
    gaps = [after.monotonic - before.monotonic for before, after in pairwise(lines)]
    return {
        "total": len(lines),
        "by_endpoint": dict(Counter(line.endpoint for line in lines)),
        "by_status": dict(Counter(str(line.status) if line.status else "unanswered" for line in lines)),
        "from_cache": sum(line.cached for line in lines),
        "without_right_token": sum(line.token in ("none", "wrong") for line in lines),
        "shortest_gap_seconds": round(min(gaps), 4) if gaps else None,
    }
