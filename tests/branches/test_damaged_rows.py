"""Whatever staff write into a row: it is named, nothing is sent for it, and all else goes on. One cell at a time, every column."""

import itertools
import json
import sqlite3
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import date
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from supplier_agent.alerts import decide, watch
from supplier_agent.base.cells import unreadable
from supplier_agent.cli import run as command
from supplier_agent.db.plain_sql import within
from supplier_agent.db.schema import TABLES
from supplier_agent.db.tables import Call, Order
from supplier_agent.maintenance.export import SUBJECTS, Chosen, write
from supplier_agent.metrics.exposition import Tally
from supplier_agent.metrics.figures import gauges
from supplier_agent.order import damage
from supplier_agent.reading import coverage
from supplier_agent.reports import health, status
from supplier_agent.reports import orders as order_reports
from supplier_agent.sandbox.faults import Endpoint
from supplier_agent.sandbox.semantics import Semantics
from supplier_agent.sandbox.world import World
from supplier_agent.web import documents, problems_page, scan_page
from tests.web.visits import visit_of
from tests.world.harness import MONDAY, ManualClock, Site, arrive, settings_for

JUNK: tuple[str, ...] = (
    "x'00ff'",
    "CAST(x'e9b0' AS TEXT)",
    "CAST(x'610062' AS TEXT)",
    "''",
    "'hier'",
    "'28/11/2026'",
    "'2026-02-30'",
    "'2026-13-01 00:00:00.000000'",
    "'2026-02-30 10:00:00.000000'",
    "'9999-12-31'",
    "'9999-12-31 23:59:59.999999'",
    "'0001-01-01 00:00:00.000000'",
    "9223372036854775807",
    "-9223372036854775808",
    "-1",
    "1e300",
)
"""SQL literals, each written into the same column of an order of its own."""
SUPPLIERS = ("notio", "asir-group")
A_PERSONS = (
    "acknowledged_at",
    "shipped_at",
    "ship_confirmed_at",
    "override_by",
    "held_reason",
    "closed_reason",
    "fault",
)
"""Columns that nobody but a person can set right."""
PAGES = (scan_page.show, documents.to_ship, documents.pick_list, documents.hand_over, problems_page.problems)
TOGETHER = 10


def cells_of(columns: Sequence[str], every: int = 1) -> tuple[tuple[str, str], ...]:
    """Return columns with what is written into them: each junk into each column, or into every `every`-th one."""
    table = itertools.product(enumerate(columns), enumerate(JUNK))
    return tuple((column, junk) for (row, column), (place, junk) in table if (row + place) % every == 0)


COLUMNS = {
    table: [column.name for column in TABLES[table].columns if not column.primary_key] for table in ("orders", "calls")
}
Cell = tuple[str, str]
SOME = [
    pytest.param(table, cells_of(names[start : start + TOGETHER], every), marks=[pytest.mark.slow] * (every == 1))
    for every in (12, 1)
    for table, names in COLUMNS.items()
    for start in range(0, len(names), TOGETHER)
]
"""Some columns of a table at a time, every cell in an order of its own: every twelfth cell, or (slow) all."""


def site_of(tmp_path: Path, cells: int = 1, **sections: Any) -> Site:  # noqa: ANN401 - sections of the settings
    clock = ManualClock(MONDAY)
    world = World(clock, SUPPLIERS)
    for supplier in SUPPLIERS:
        arrive(world, supplier, cells + 1 if supplier == "notio" else 1)
    settings = settings_for(tmp_path / "state", *SUPPLIERS, requests_per_second=50, **sections)
    return Site(settings, world, clock, Semantics())


def again(site: Site, **changes: Any) -> Site:  # noqa: ANN401 - sections of the settings
    """Return the same installation under another configuration."""
    settings = site.settings.model_copy(update=changes)
    return replace(site, settings=settings)


def spoil(site: Site, table: str, cells: Sequence[Cell], kind: str) -> dict[int, str]:
    """Write each cell into an order's row, or into its call of that kind; return what the database took, by order."""
    mine = "id = ?" if table == "orders" else f"order_id = ? AND kind = '{kind}'"
    taken = {}
    with closing(sqlite3.connect(site.database, isolation_level=None)) as connection:
        rows = [row for (row,) in connection.execute("SELECT id FROM orders WHERE supplier = 'notio' ORDER BY id")]
        for row, (column, junk) in zip(rows, cells, strict=False):
            try:
                connection.execute(f"UPDATE {table} SET {column} = {junk} WHERE {mine}", (row,))
                taken[row] = f"{table}.{column} = {junk}"
            except sqlite3.IntegrityError:
                continue
    return taken


def damages(site: Site) -> dict[int, str]:
    """Return what is wrong with each order, by a look of its own."""
    with site.agent.ctx.store.read() as tx:
        calls: dict[int, list[Call]] = {}
        for call in tx.exec(select(Call)):
            calls.setdefault(call.order_id or 0, []).append(call)
        found = {order.id or 0: damage(order, calls.get(order.id or 0, ())) for order in tx.exec(select(Order))}
    return {row: why for row, why in found.items() if why}


def everybody_looks(site: Site, capsys: pytest.CaptureFixture[str]) -> Mapping[str, Any]:
    """Let every reader read everything; return what `status --json` says."""
    now, settings = site.clock.now(), site.settings
    with site.agent.ctx.store.read() as tx:
        look = within(tx)
        decide.group(health.judged(look, settings, now), settings, now)
        list(watch.slow(tx, settings, {}, now))
        tally = Tally()
        tally.catch_up(look)
        for gauge in gauges(tx, settings, tally.orders, now):
            dict(gauge.values)
        for name in SUPPLIERS:
            coverage.ledger(tx, settings, name, date(2026, 11, 20), date(2026, 11, 23), now)
        said = health.problems(tx, settings, now=now)
    rows = [row for (row,) in site.ask("SELECT id FROM orders ORDER BY id")]
    for handler, parts in (*((each, {}) for each in PAGES), *((documents.history, {"row": row}) for row in rows[::19])):
        visit = visit_of(site.agent.ctx.store, now, "lead", settings=settings, parts=parts)
        assert handler(visit).status_code == HTTPStatus.OK
    everything = Chosen(date(2000, 1, 1), date(2100, 1, 1), None, settings, now)
    for what in SUBJECTS:
        for form in ("csv", "json"):
            assert "".join(write(site.agent.ctx.store, what, form, everything))
    config = settings.state_dir / "c.toml"
    config.write_text(
        f'state_dir = "{settings.state_dir}"\n' + "".join(f'[suppliers.{name}]\ntoken = "t"\n' for name in SUPPLIERS)
    )
    config.chmod(0o600)
    for words in (["orders", "--json"], ["orders"]):
        assert command(["--config", str(config), *words]) == 0
    with site.agent.ctx.store.read() as tx:
        for order in tx.exec(select(Order)):
            assert json.dumps(order_reports.whole(tx, order, settings, now))
    for (each,) in site.ask("SELECT menzzo_order_id FROM orders WHERE id % 19 = 0"):
        assert command(["--config", str(config), "order", each, "--json"]) == 0
        assert command(["--config", str(config), "order", each]) == 0
    capsys.readouterr()
    told = status.tell(settings, site.clock)
    assert len(told.problems) >= len(said)
    return told.as_json()


def sent(site: Site, endpoint: Endpoint) -> list[str]:
    return [str(each.menzzo_order_id) for each in site.world.requests(endpoint)]


@pytest.mark.parametrize(("table", "cells"), SOME)
def test_an_unreadable_fact_is_named_and_keeps_its_order_back_and_no_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], table: str, cells: Sequence[Cell]
) -> None:
    """Orders that are ready and marked as shipped: nothing but the damage keeps them back."""
    first = site_of(tmp_path, len(cells), ship={"undo_seconds": 36000}, brakes={"flags_per_minute": 0})
    first.start()
    first.run_for(300)
    ids = dict(first.ask("SELECT id, menzzo_order_id FROM orders"))
    first.flag(ids.values())
    first.run_for(1)
    assert first.ask("SELECT count(*) FROM calls WHERE kind = 'ship' AND state = 'owed'") == [(len(ids),)]
    first.stop()
    site = again(first, ship=first.settings.ship.model_copy(update={"undo_seconds": 0}))
    taken = spoil(site, table, cells, "ship")
    site.start()
    at_once = damages(site)
    everybody_looks(site, capsys)
    site.run_for(300)
    still = damages(site)
    named = {each["menzzo_order_id"]: each["what"] for each in everybody_looks(site, capsys)["problems"]}
    shipped = Counter(sent(site, "ship-sale"))
    for row, this in ids.items():
        if row in still:
            assert shipped[this] == 0, (taken[row], still[row])
            assert f"row {row}" in named[this], taken[row]
            cell = taken[row].partition(" ")[0]
            assert cell == "orders.fault" or cell in named[this] or still[row].startswith("internal error"), named[this]
        elif row not in taken:
            assert shipped[this] == 1
        column = taken.get(row, "").partition(" ")[0].removeprefix("orders.")
        if row in at_once and column in A_PERSONS:
            assert row in still, f"nobody but a person sets it right: {taken[row]}"
    said = [facts for event, facts in site.said if event == "internal.error"]
    assert all("order_id" in taken.get(row, "order_id") for row in still if still[row].startswith("internal error"))
    assert said == [] or "order_id" in dict(cells)
    site.stop()


@pytest.mark.parametrize(("table", "cells"), SOME)
def test_no_order_with_an_unreadable_fact_is_acknowledged(tmp_path: Path, table: str, cells: Sequence[Cell]) -> None:
    first = site_of(tmp_path, len(cells), read_only=True)
    first.start()
    first.run_for(60)
    ids = dict(first.ask("SELECT id, menzzo_order_id FROM orders"))
    assert sent(first, "acknowledge-sale") == []
    first.stop()
    site = again(first, read_only=False)
    taken = spoil(site, table, cells, "acknowledge")
    site.start()
    site.run_for(120)
    bad, done = damages(site), sent(site, "acknowledge-sale")
    for row, this in ids.items():
        assert (this in done) <= (row not in bad), taken.get(row)
        assert row in taken or this in done
    site.stop()


def test_every_cell_that_cannot_be_read_is_known_to_the_index_and_no_sound_row_is(tmp_path: Path) -> None:
    """The condition in SQL finds every row that Python cannot read: `status` asks nothing else."""
    cells = {table: cells_of(columns) for table, columns in COLUMNS.items()}
    site = site_of(tmp_path, sum(map(len, cells.values())), read_only=True)
    site.collected()
    assert site.ask("SELECT (SELECT count(*) FROM damaged_orders) + (SELECT count(*) FROM damaged_calls)") == [(0,)]
    orders = spoil(site, "orders", cells["orders"], "")
    assert len(orders) > len(COLUMNS["orders"])
    for table in (Order, Call):
        if table is Call:
            spoil(site, "calls", cells["calls"], "acknowledge")
        with site.agent.ctx.store.read() as tx:
            found: list[Any] = [*tx.exec(select(table))]
            wrong = {row.id for row in found if unreadable(row)}
        listed = {row for (row,) in site.ask(f"SELECT id FROM damaged_{table.__tablename__}")}
        assert wrong <= listed
        assert wrong
    site.crash()
