"""How it stands with the webhooks, as data. Read-only. Without a configured webhook, its table is empty."""

from __future__ import annotations

from typing import TYPE_CHECKING

from supplier_agent.verdict.webhooks import Endpoint
from supplier_agent.words.formats import iso_or_null

if TYPE_CHECKING:
    from supplier_agent.db.plain_sql import Look

OF_EACH = """
SELECT webhook_endpoints.name, webhook_endpoints.since AS since_at, delivered_at, lost, lost_at,
       failing_since, resume_at, reason, paused_at, paused_reason, quiet_until,
       (SELECT count(*) FROM calls WHERE supplier = 'webhook.' || webhook_endpoints.name
           AND kind = calls.supplier AND state = 'owed') AS owed,
       (SELECT count(*) FROM calls WHERE state IN ('sending', 'parked', 'unknown') AND order_id IS NULL
           AND kind = 'webhook.' || webhook_endpoints.name AND state <> 'sending') AS parked
  FROM webhook_endpoints
  LEFT JOIN lanes ON lanes.supplier = 'webhook.' || webhook_endpoints.name AND lane = 'others'
  LEFT JOIN suppliers ON suppliers.name = 'webhook.' || webhook_endpoints.name
 ORDER BY webhook_endpoints.name
"""
"""By the indexes calls_owed and calls_stuck."""


def endpoints(look: Look, *, read_only: bool = False) -> list[Endpoint]:
    """Return all webhooks that the agent has been run with. read_only: nothing is sent now, so their events wait."""
    found = []
    for row in look.rows(OF_EACH):
        state, reason, since = "ok", "", None
        if row.paused_at is not None:
            state, reason, since = "paused", str(row.paused_reason), row.paused_at
        elif not read_only and row.failing_since is not None and (row.owed or row.parked):
            state, reason, since = "failing", str(row.reason), row.failing_since
        elif read_only:
            state, reason = "paused", "read_only: nothing is sent, and its events wait"
        again = row.resume_at if state == "failing" else None
        found.append(
            Endpoint(row.name, state, reason, since, again, row.delivered_at, row.owed, row.parked, int(row.lost))
        )
    return found


def as_json(endpoint: Endpoint) -> dict[str, object]:
    """Return what `status --json` and `webhooks list --json` say of one."""
    at = {name: iso_or_null(getattr(endpoint, name)) for name in ("since", "again_at", "delivered_at")}
    number = {name: getattr(endpoint, name) for name in ("owed", "parked", "lost")}
    return {"state": endpoint.state, "reason": endpoint.reason or None, **at, **number}
