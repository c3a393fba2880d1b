"""What a program may read: pages of orders, one order, its label."""

import base64
import binascii
import hashlib
import json

from sqlmodel import Session
from starlette.responses import Response

from supplier_agent.actions import find
from supplier_agent.base.errors import TwoSuppliersError, UsageError
from supplier_agent.db.plain_sql import within
from supplier_agent.db.tables import Order
from supplier_agent.labels.folder import stored
from supplier_agent.reports import facts, status
from supplier_agent.reports.orders import Filter, Judge, summary, whole
from supplier_agent.web.api.gate import Asking
from supplier_agent.web.api.models import Query, Which
from supplier_agent.web.api.problems import Refused, answer
from supplier_agent.words import Words


def orders(asking: Asking) -> Response:
    """Return one page of orders, in the order in which they were first stored.

    A page begins after the last order of the page before. So while orders change, none is listed twice, and none that matches all
    the time is left out.
    """
    wanted, room = asking.sent, asking.room
    assert isinstance(wanted, Query)  # noqa: S101 - routes.py pairs them
    chosen = Filter(
        wanted.supplier or "",
        wanted.stage or "",
        (wanted.text or "").strip(),
        wanted.since,
        is_open=not (wanted.all or wanted.stage),
    )
    after = _after(wanted.cursor, chosen)
    with room.store.read() as tx:
        look = within(tx)
        where, values = chosen.where(", ".join(str(each.order.id) for each in status.damaged(look)))
        sql = f"SELECT id FROM orders WHERE ({where}) AND id > ? ORDER BY id LIMIT ?"  # noqa: S608 - our own texts, and question marks
        ids = [row.id for row in look.rows(sql, *values, after, wanted.limit + 1)]
        judge, words = Judge(look, room.settings, asking.now), Words()
        found = facts.orders_of(look, ids[: wanted.limit], codes=True)
        rows = [summary(each, judge.of(each), words) for each in found]
    more = len(ids) > wanted.limit
    return answer({"orders": rows, "next": _cursor(ids[wanted.limit - 1], chosen) if more else None})


def _mark(chosen: Filter) -> str:
    return hashlib.sha256(repr(chosen).encode("utf-8", "replace")).hexdigest()[:8]


def _cursor(row: int, chosen: Filter) -> str:
    return base64.urlsafe_b64encode(json.dumps([row, _mark(chosen)]).encode()).decode().rstrip("=")


def _after(cursor: str | None, chosen: Filter) -> int:
    """Return the row id that a page begins after. Raises Refused for a cursor of other parameters, or none of ours."""
    if cursor is None:
        return 0
    try:
        row, mark = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if type(row) is int and 0 <= row < 2**63 and mark == _mark(chosen):
            return row
    except (ValueError, TypeError, binascii.Error, RecursionError):
        pass
    raise Refused("content_wrong", "cursor: it is none of ours, or belongs to other parameters")


def order(asking: Asking) -> Response:
    """Return everything about one order."""
    with asking.room.store.read() as tx:
        found = named(tx, asking)
        return answer({"schema": 1, **whole(tx, found, asking.room.settings, asking.now)})


def label(asking: Asking) -> Response:
    """Return the label of an order, as it was stored. Nothing is recorded: only the page knows what is printed."""
    with asking.room.store.read() as tx:
        found = named(tx, asking)
    content = stored(asking.room.settings.state_dir, found.label_path, found.label_sha256)
    if content is None:
        why = "the file is missing or damaged" if found.label_path else "it is not downloaded yet"
        raise Refused("no_label", why)
    headers = {"ETag": f'"{found.label_sha256}"', "Cache-Control": "private, no-store"}
    return Response(content, media_type="application/pdf", headers=headers)


def named(tx: Session, asking: Asking, order: str = "") -> Order:
    """Return the order that a request names, in its path unless it is given. Raises Refused if there is none, or two."""
    supplier = asking.sent.supplier if isinstance(asking.sent, Which) else getattr(asking.sent, "supplier", None)
    try:
        return find(tx, order or asking.parts["order"], supplier)
    except TwoSuppliersError:
        raise Refused("two_suppliers", "say which: supplier") from None
    except UsageError:
        raise Refused("no_such_order", "no order with this id is known here") from None
