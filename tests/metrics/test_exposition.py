"""The figures against the tables: what Prometheus reads is what SQL says, in every process, at the same cost after years."""

import gzip
import http.client
import json
import re
import shutil
import socket
import sqlite3
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine, event
from starlette.applications import Starlette

from supplier_agent.base.clock import SystemClock
from supplier_agent.cli import run as command
from supplier_agent.db import state_folder
from supplier_agent.db.state_folder import InstanceLock
from supplier_agent.db.store import Store, open_store
from supplier_agent.metrics.exposition import BOUNDS, LEAVE_ROWS, Exposition, Tally, encoded, exposition, leave
from supplier_agent.metrics.routes import Source, routes
from supplier_agent.reports.heartbeat import AGENT, Heartbeat
from supplier_agent.reports.vitals import STILL_SECONDS, Trouble
from supplier_agent.sandbox.semantics import Semantics
from supplier_agent.sandbox.world import World
from supplier_agent.settings import Settings
from tests.world.databases import store_at
from tests.world.harness import MONDAY, ManualClock, Site, settings_for

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOUR = 3600

Values = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def values_of(text: bytes) -> Values:
    """Return the samples by name and labels."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def value(values: Values, name: str, **labels: str) -> float:
    return values[f"supplier_agent_{name}", tuple(sorted(labels.items()))]


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Return an installation that has worked for a morning, one of whose orders was refused, and one shipped."""
    clock = ManualClock(MONDAY)
    world = World(clock, ["notio"])
    settings = settings_for(tmp_path_factory.mktemp("lived"), "notio", ship={"undo_seconds": 0}, requests_per_second=50)
    site = Site(settings, world, clock, Semantics())
    ids = [world.arrive("notio").menzzo_order_id for _ in range(3)]
    world.arrive_raw("notio", {"menzzo_order_id": "15000099999_1", "order_date": "2026-11-23"})
    site.start()
    site.run_for(HOUR)
    site.flag(ids[:1])
    site.run_for(HOUR)
    yield site
    site.stop()


def test_every_figure_is_what_the_tables_say(lived: Site) -> None:
    values = values_of(exposition(lived.agent.ctx.store, lived.settings, lived.clock.now()))
    stages = {
        stage: value(values, "orders", supplier="notio", stage=stage)
        for stage in ("shipped", "ready", "attention", "new")
    }
    assert stages == {"shipped": 1, "ready": 2, "attention": 1, "new": 0}
    assert value(values, "calls", supplier="notio", kind="acknowledge", state="parked") == 1
    assert value(values, "problems", supplier="notio", severity="warning") == 1
    assert value(values, "problems", supplier="notio", severity="urgent") == 0
    assert value(values, "problems", supplier="", severity="urgent") == 0
    assert value(values, "coverage_gap_days", supplier="notio") == 0
    assert value(values, "token_refused", supplier="notio") == 0
    (last,) = lived.ask("SELECT last_success_at FROM suppliers")[0]
    succeeded = datetime.fromisoformat(last).replace(tzinfo=UTC).timestamp()
    assert value(values, "last_success_timestamp_seconds", supplier="notio") == pytest.approx(succeeded)
    (started,) = lived.ask("SELECT max(started_at) FROM runs WHERE purpose = 'sweep'")[0]
    proved = datetime.fromisoformat(started).replace(tzinfo=UTC).timestamp()
    assert value(values, "coverage_proved_timestamp_seconds", supplier="notio") == pytest.approx(proved)


def test_the_histograms_hold_every_request_of_the_journals(lived: Site) -> None:
    values = values_of(exposition(lived.agent.ctx.store, lived.settings, lived.clock.now()))
    journal = lived.ask(
        "SELECT kind, attempts.started_at, attempts.ended_at FROM attempts JOIN calls ON calls.id = call_id"
        " UNION ALL SELECT 'get-sales', started_at, ended_at FROM reads"
    )
    for kind, endpoint in {
        "acknowledge": "acknowledge-sale",
        "label": "label",
        "ship": "ship-sale",
        "get-sales": "get-sales",
    }.items():
        took = [
            (datetime.fromisoformat(ended) - datetime.fromisoformat(began)).total_seconds()
            for each, began, ended in journal
            if each == kind
        ]
        assert took, f"no {endpoint} to count"
        labels = {"supplier": "notio", "endpoint": endpoint}
        assert value(values, "request_duration_seconds_count", **labels) == len(took)
        assert value(values, "request_duration_seconds_sum", **labels) == pytest.approx(sum(took), abs=0.01)
        for bound in BOUNDS:
            below = sum(each <= bound + 1e-4 for each in took)
            assert value(values, "request_duration_seconds_bucket", le=str(bound), **labels) == below
        totals = [
            number
            for (name, of), number in values.items()
            if name.endswith("_requests_total") and {*labels.items()} < {*of}
        ]
        assert sum(totals) == len(took)


def test_another_process_comes_to_the_same(lived: Site) -> None:
    first = Exposition(lived.agent.ctx.store, lived.settings)
    first.at(lived.clock.now())
    again, other = first.at(lived.clock.now()), exposition(lived.agent.ctx.store, lived.settings, lived.clock.now())
    drop = re.compile(rb"supplier_agent_disk_free_bytes .*")
    assert drop.sub(b"", again) == drop.sub(b"", other)


# -- the journals grow -------------------------------------------------------------------------------------------------


@pytest.fixture
def grown(tmp_path: Path) -> Iterator[tuple[Store, Settings]]:
    """Return an installation with nothing in it yet."""
    store = store_at(tmp_path / state_folder.DATABASE)
    yield store, Settings(state_dir=tmp_path, suppliers={"notio": {"token": "t"}})
    store.close()


def grow(store: Store, first: int, number: int, *, ended: bool = True) -> None:
    """Append shipped orders, each with one acknowledge that took a fifth of a second."""
    began, end = "2026-11-23 08:00:00.000000", "2026-11-23 08:00:00.200000"
    ids = range(first, first + number)
    with store.write() as tx:
        connection: Any = tx.connection().connection.driver_connection
        connection.executemany(
            "INSERT INTO orders (id, supplier, menzzo_order_id, increment_id, sale_product_id, first_seen_at, shipped, "
            "ship_confirmed_at, ship_evidence, planned_at) VALUES (?, 'notio', ?, '15', ?, ?, 0, ?, 'confirmed', ?)",
            [(each, f"15_{each}", str(each), began, began, began) for each in ids],
        )
        connection.executemany(
            "INSERT INTO calls (id, order_id, supplier, kind, subject, state, owed_at, attempts, strikes) "
            "VALUES (?, ?, 'notio', 'acknowledge', '', 'done', ?, 1, 0)",
            [(each, each, began) for each in ids],
        )
        connection.executemany(
            "INSERT INTO attempts (id, call_id, number, started_at, ended_at, outcome) VALUES (?, ?, 1, ?, ?, ?)",
            [(each, each, began, end if ended else None, "done" if ended else None) for each in ids],
        )


def acknowledged(text: bytes) -> float:
    return value(values_of(text), "requests_total", supplier="notio", endpoint="acknowledge-sale", outcome="done")


def test_an_attempt_is_counted_once_when_it_has_ended(grown: tuple[Store, Settings]) -> None:
    store, settings = grown
    figures = Exposition(store, settings)
    grow(store, 1, 3)
    grow(store, 4, 1, ended=False)
    assert acknowledged(figures.at(NOW)) == 3
    grow(store, 5, 1)
    assert acknowledged(figures.at(NOW)) == 4
    with store.write() as tx:
        tx.connection().exec_driver_sql(
            "UPDATE attempts SET ended_at = '2026-11-23 08:00:09.000000', outcome = 'done' WHERE id = 4"
        )
    assert [acknowledged(figures.at(NOW)) for _ in range(2)] == [5, 5]


def test_the_next_process_goes_on_from_the_sums_that_were_left_even_if_the_journal_was_shortened(
    grown: tuple[Store, Settings],
) -> None:
    store, settings = grown
    grow(store, 1, LEAVE_ROWS)
    Exposition(store, settings).at(NOW)
    with store.write() as tx:
        tx.connection().exec_driver_sql("DELETE FROM attempts WHERE id <= 1000")
    grow(store, LEAVE_ROWS + 1, 10)
    text = Exposition(store, settings).at(NOW)
    assert acknowledged(text) == LEAVE_ROWS + 10
    assert value(values_of(text), "orders", supplier="notio", stage="shipped") == LEAVE_ROWS + 10


def test_sums_of_another_shape_are_made_anew() -> None:
    assert Tally.from_json("{}") == Tally()
    assert Tally.from_json("no JSON") == Tally()
    assert Tally.from_json(json.dumps({"bounds": [1, 2]})) == Tally()


def test_a_scrape_costs_the_same_when_the_journal_is_longer(grown: tuple[Store, Settings]) -> None:
    store, settings = grown
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    def watch(connection: sqlite3.Connection, _record: object) -> None:
        connection.set_progress_handler(count, 100)

    def cost(figures: Exposition) -> int:
        nonlocal steps
        figures.at(NOW)
        steps = 0
        figures.at(NOW)
        return steps

    event.listen(Engine, "connect", watch)
    try:
        own = open_store(store.path)  # a connection of its own for each transaction, and each is watched
        figures = Exposition(own, settings)
        grow(store, 1, 200)
        before = cost(figures)
        grow(store, 201, 10_000)
        assert cost(figures) <= 1.5 * before + 20
        own.close()
    finally:
        event.remove(Engine, "connect", watch)


# -- the file for cron -------------------------------------------------------------------------------------------------


def test_once_leaves_the_figures_in_a_file_whole_or_not_at_all(
    lived: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "supplier-agent.prom"
    leave(file, lived.agent.ctx.store, lived.settings, lived.clock.now())
    assert value(values_of(file.read_bytes()), "orders", supplier="notio", stage="ready") == 2
    assert file.stat().st_mode & 0o777 == 0o644
    assert [each.name for each in tmp_path.iterdir()] == [file.name]
    assert command(["run", "--metrics-file", str(file)]) == 2
    assert "--once" in capsys.readouterr().err


# -- the addresses for machines ----------------------------------------------------------------------------------------


@contextmanager
def served(*of: Any) -> Iterator[Callable[[str], tuple[int, str, str]]]:  # noqa: ANN401 - the arguments of `routes`
    """Serve the routes on a socket; give what asks for a path and returns status, content type and text."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(
        uvicorn.Config(Starlette(routes=[*routes(*of)]), lifespan="off", ws="none", log_config=None)
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()

    def get(path: str) -> tuple[int, str, str]:
        connection = http.client.HTTPConnection("127.0.0.1", listener.getsockname()[1], timeout=10)
        connection.request("GET", path)
        answer = connection.getresponse()
        found = answer.status, answer.headers["content-type"], answer.read().decode()
        connection.close()
        return found

    try:
        yield get
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


def test_the_addresses_for_machines(grown: tuple[Store, Settings]) -> None:
    store, settings = grown
    clock = ManualClock()
    lock = InstanceLock(settings.state_dir / state_folder.LOCK, "run", clock)
    beat, source = Heartbeat(settings.state_dir / AGENT, clock, "run"), Source(store.path, settings)
    with served(source, settings, clock, lambda host: host.startswith("127.")) as get:
        status, content_type, text = get("/metrics")
        assert (status, content_type) == (200, "text/plain; version=0.0.4; charset=utf-8")
        assert value(values_of(text.encode()), "orders", supplier="notio", stage="new") == 0
        beat.beat()
        assert [get(path)[0] for path in ("/healthz", "/readyz")] == [200, 200]
        clock.sleep(STILL_SECONDS + 1)
        assert get("/healthz") == (503, "text/plain; charset=utf-8", "agent_hung\n")
        assert get("/readyz")[::2] == (503, "agent_hung\n")
        beat.keep("loop", [Trouble("database_locked", "it is locked")])
        beat.beat()
        assert get("/healthz")[0] == 200
        assert get("/readyz")[::2] == (503, "database_locked\n")
        beat.keep("loop", [])
        beat.beat()
        assert get("/readyz")[::2] == (200, "ready\n")
        store.path.rename(store.path.with_name("moved.db"))
        assert [get(path)[0] for path in ("/healthz", "/readyz", "/metrics")] == [200, 503, 503]
        store.path.with_name("moved.db").rename(store.path)
        assert [get(path)[0] for path in ("/healthz", "/readyz", "/metrics")] == [200, 200, 200]
    lock.release()
    source.close()


def test_the_addresses_for_machines_answer_to_our_own_names_alone(grown: tuple[Store, Settings]) -> None:
    store, settings = grown
    source = Source(store.path, settings)
    with served(source, settings, SystemClock(), lambda _host: False) as get:
        assert [get(path)[0] for path in ("/healthz", "/readyz", "/metrics")] == [421, 421, 421]
    source.close()


class SlowSource(Source):
    """A database in which a scrape takes as long as the test wants."""

    def __init__(self, database: Path, settings: Settings) -> None:
        super().__init__(database, settings)
        self.began, self.go_on = threading.Semaphore(0), threading.Event()

    def now(self) -> tuple[Store, Exposition]:
        if threading.current_thread() is not threading.main_thread() and not self.go_on.is_set():
            self.began.release()
            assert self.go_on.wait(60)
        return super().now()


def test_a_slow_scrape_holds_up_neither_health_nor_more_than_one_thread(grown: tuple[Store, Settings]) -> None:
    store, settings = grown
    clock, folder = SystemClock(), settings.state_dir
    source = SlowSource(store.path, settings)
    lock = InstanceLock(folder / state_folder.LOCK, "run", clock)
    with served(source, settings, clock, lambda _host: True) as get, ThreadPoolExecutor(4) as scrapers:
        scrapes = [scrapers.submit(get, "/metrics") for _ in range(4)]
        assert source.began.acquire(timeout=30)
        assert [get("/healthz")[0] for _ in range(5)] == [200] * 5
        assert not source.began.acquire(blocking=False)  # the other three wait without a thread
        source.go_on.set()
        assert [each.result()[0] for each in scrapes] == [200] * 4
    lock.release()
    source.close()


def test_where_no_agent_runs_none_hangs_and_whether_it_should_run_is_said_by_readyz(
    grown: tuple[Store, Settings],
) -> None:
    store, settings = grown
    source = Source(store.path, settings)
    with served(source, settings, ManualClock(), lambda _host: True) as get:
        assert get("/healthz")[::2] == (200, "alive; no agent runs\n")
        assert get("/readyz")[::2] == (503, "not_running\n")
    source.close()


# -- what is shipped beside the program --------------------------------------------------------------------------------

SHIPPED: dict[str, Callable[[str], list[str]]] = {
    "grafana-dashboard.json": lambda text: [
        target["expr"] for panel in json.loads(text)["panels"] for target in panel["targets"]
    ],
    "prometheus-alerts.yml": lambda text: [
        expression.strip() for expression in re.findall(r"(?ms)expr: (.*?)^ {8}(?:for|labels):", text)
    ],
}


@pytest.mark.parametrize("file", SHIPPED)
def test_dashboard_and_rules_name_only_metrics_and_labels_that_exist(lived: Site, file: str) -> None:
    text = exposition(lived.agent.ctx.store, lived.settings, lived.clock.now()).decode()
    families = list(text_string_to_metric_families(text))
    declared = set(re.findall(r"(?m)^# TYPE (\S+)", text))
    names = declared | {sample.name for family in families for sample in family.samples}
    labels = {label for family in families for sample in family.samples for label in sample.labels}
    labels |= {"cause"}  # of supplier_agent_alerts, of which none lasts here
    names, labels = names | {"up"}, labels | {"job"}  # Prometheus' own, one for each agent that it asks
    expressions = SHIPPED[file]((ROOT / "config" / file).read_text())
    assert len(expressions) >= 12
    for expression in expressions:
        used = set(re.findall(r"supplier_agent_\w+(?!.*\.\*)|\bup\b", expression))
        assert used, expression
        assert used <= names, expression
        bare = re.findall(r"[{,]\s*(\w+)\s*[=!]", expression)
        by = [each.strip() for group in re.findall(r"by \(([^)]*)\)", expression) for each in group.split(",")]
        assert {*bare, *by} <= labels, expression


def test_the_dashboard_shows_every_metric(lived: Site) -> None:
    text = exposition(lived.agent.ctx.store, lived.settings, lived.clock.now()).decode()
    shown = (ROOT / "config" / "grafana-dashboard.json").read_text()
    declared = set(re.findall(r"(?m)^# TYPE (\S+)", text))
    for_rules = {"build_info", "read_interval_seconds", "journal_rows_left"}
    assert {name for name in declared if name not in shown} == {f"supplier_agent_{name}" for name in for_rules}


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed (Debian: prometheus)")
def test_the_rules_see_one_dead_agent_of_two_and_a_supplier_that_missed_two_readings(tmp_path: Path) -> None:
    shutil.copy(ROOT / "config" / "prometheus-alerts.yml", tmp_path)
    shutil.copy(Path(__file__).with_name("alert_rules.yml"), tmp_path)
    for words in (("check", "rules", "prometheus-alerts.yml"), ("test", "rules", "alert_rules.yml")):
        done = subprocess.run(["promtool", *words], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_one_dead_agent_of_several_is_seen_and_no_span_of_time_is_fixed() -> None:
    rules = (ROOT / "config" / "prometheus-alerts.yml").read_text()
    down, absent, not_read, *_ = SHIPPED["prometheus-alerts.yml"](rules)
    assert down == 'up{job=~"supplier-agent.*"} == 0'
    assert absent == 'absent(up{job=~"supplier-agent.*"})'
    assert not_read.endswith("> 2 * supplier_agent_read_interval_seconds")


# -- a scrape that answers in time --------------------------------------------------------------------------------------


def test_a_first_scrape_of_many_rows_answers_in_steps_and_never_with_half_a_counter(lived: Site) -> None:
    store, whole = (
        lived.agent.ctx.store,
        values_of(exposition(lived.agent.ctx.store, lived.settings, lived.clock.now())),
    )
    with store.write() as tx:  # as if this were the first process
        tx.connection().exec_driver_sql("DELETE FROM chores WHERE name = 'metrics'")
    figures, lefts, values = Exposition(store, lived.settings, most_rows=3), list[float](), Values()
    for _ in range(100):
        values = values_of(figures.at(lived.clock.now()))
        lefts.append(value(values, "journal_rows_left"))
        assert value(values, "orders", supplier="notio", stage="shipped") == 1
        assert ("supplier_agent_requests_total" in {name for name, _ in values}) == (lefts[-1] == 0)
        if not lefts[-1]:
            break
    assert lefts == sorted(lefts, reverse=True)
    assert len(lefts) > 2
    free = ("supplier_agent_disk_free_bytes", ())
    assert values | {free: 0} == whole | {free: 0}


@pytest.mark.parametrize(
    ("accepted", "is_packed"), [("gzip", True), ("deflate, gzip;q=0.5", True), ("", False), ("identity", False)]
)
def test_the_figures_are_packed_for_who_can_unpack_them(accepted: str, *, is_packed: bool) -> None:
    text = b"supplier_agent_up 1\n" * 1000
    body, headers = encoded(text, accepted)
    assert (headers.get("Content-Encoding") == "gzip") is is_packed
    assert headers["Vary"] == "Accept-Encoding"
    assert (gzip.decompress(body) if is_packed else body) == text
    assert not is_packed or len(body) < len(text) / 10


def test_the_process_that_is_measured_is_the_agent_and_none_without_one(lived: Site) -> None:
    text = exposition(lived.agent.ctx.store, lived.settings, lived.clock.now())
    assert b"process_resident_memory_bytes" not in text
    held = InstanceLock(lived.settings.state_dir / state_folder.LOCK, "run", lived.clock)
    try:
        values = values_of(exposition(lived.agent.ctx.store, lived.settings, lived.clock.now()))
    finally:
        held.release()
    assert values["process_resident_memory_bytes", ()] > 10_000_000
    assert values["process_open_fds", ()] > 2


def test_nothing_ages_that_has_no_beginning(grown: tuple[Store, Settings]) -> None:
    store, settings = grown
    values = values_of(exposition(store, settings, NOW + timedelta(days=1)))
    names = {name for name, _ in values}
    assert "supplier_agent_token_age_seconds" not in names
    assert "supplier_agent_last_success_timestamp_seconds" not in names
