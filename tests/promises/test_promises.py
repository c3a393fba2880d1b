"""The promises of README, one test each, over real HTTP, with the real command line, against a marketplace that fails."""

import hashlib
import json
import shutil
import signal
import socket
import sqlite3
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from supplier_agent.agent import Agent
from supplier_agent.base import log
from supplier_agent.base.clock import SystemClock
from supplier_agent.runtime.wiring import assemble
from supplier_agent.sandbox import faults
from supplier_agent.sandbox.faults import Endpoint, Fault
from supplier_agent.sandbox.orders import Order
from supplier_agent.sandbox.server import Sandbox
from supplier_agent.sandbox.world import World
from supplier_agent.settings import load
from tests.promises.shop import SUPPLIER, Shop, open_shop
from tests.world.clocks import until

NEVER_MIND_LABELS = {"label_first_seconds": 3600, "max_seconds": 3600}
"""A label that is not ready is not asked for again within a test."""
IMPATIENT = {"timeout_seconds": 1.0}
"""For tests in which the marketplace falls silent, and all else answers at once."""


def test_no_listed_order_is_lost(tmp_path: Path) -> None:
    with open_shop(tmp_path, 25) as shop:
        shop.sandbox.api.semantics = shop.sandbox.api.semantics.__class__(page_size=4)
        shop.configure(schedule={"sweep_seconds": 1.0})
        shop.world.faults.arm("get-sales", faults.html(), nth=3)  # a proxy's page in the middle of the first reading
        shop.world.faults.arm("get-sales", faults.half_body(applied=True), nth=6)
        assert shop.cycle() == 0
        # Late orders: one with a lower number than all that is known, one dated days ago.
        day = (SystemClock().now() - timedelta(days=13)).date()
        shop.world.add(Order(SUPPLIER, "14_1", "LATE", 1, 100, "GLS", shop.orders[-1].order_date))
        shop.world.add(Order(SUPPLIER, "15000012346_1", "LATER", 1, 100, "GLS", day))
        last = "SELECT max(started_at) < strftime('%Y-%m-%d %H:%M:%f', 'now', '-1 seconds') FROM runs WHERE purpose = 'sweep'"
        until(lambda: shop.sql(last)[0][0], "the last sweep is a second old")
        assert shop.cycle() == 0
        assert _stored(shop) == {order.menzzo_order_id for order in shop.orders}
    (tmp_path / "poll").mkdir()
    _a_poll_that_breaks_off_between_two_pages(tmp_path / "poll")


def _a_poll_that_breaks_off_between_two_pages(folder: Path) -> None:
    """Newest first, so that a cursor that moved with the first page would leave the second one to the next sweep."""
    with open_shop(folder, 4) as shop:
        shop.sandbox.api.semantics = shop.sandbox.api.semantics.__class__(page_size=4, order="newest")
        shop.configure(retry={"once_patience_seconds": 0.1})
        assert shop.cycle() == 0
        for _ in range(10):
            shop.world.arrive(SUPPLIER)
        unusable = {"menzzo_order_id": None}
        shop.world.arrive_raw(SUPPLIER, unusable)
        shop.world.faults.arm("get-sales", faults.html(), when=lambda line: "page=2" in line.target, times=1000)
        assert shop.cycle() == 69
        shop.world.faults.disarm()
        shop.cycle()
        read = shop.sql("SELECT purpose FROM runs WHERE proof = 'complete'")
        assert [row["purpose"] for row in read].count("sweep") == 1, "no sweep has made up for it"
        usable = {order.menzzo_order_id for order in shop.orders if order.row_json is None}
        assert _stored(shop) == usable


def _stored(shop: Shop) -> set[str]:
    return {row["menzzo_order_id"] for row in shop.sql("SELECT menzzo_order_id FROM orders")}


def test_nothing_unreadable_is_dropped_in_silence(shop: Shop) -> None:
    shop.configure(retry=NEVER_MIND_LABELS)
    hopeless = [{"menzzo_order_id": None, "sku": "A"}, "what", 5, {"menzzo_order_id": "../../x_1\n"}, {"sku": "é<b>"}]
    for row in hopeless:
        shop.world.arrive_raw(SUPPLIER, row)
    odd = {"menzzo_order_id": "77_1", "sku": "OK", "quantity": 1, "price": "free", "order_date": "soon", "carrier": 7}
    shop.world.arrive_raw(SUPPLIER, odd)
    shop.world.arrive_raw(SUPPLIER, {"menzzo_order_id": "77_2", "quantity": 1, "price": 1, "order_date": "2026-01-01"})
    assert shop.cycle() == 1
    kept = [json.loads(row["raw"]) for row in shop.sql("SELECT raw FROM rejected_entries")]
    assert sorted(map(repr, kept)) == sorted(map(repr, hopeless))
    assert len(shop.sql("SELECT 1 FROM orders")) == 6 + 2, "the good rows beside them are stored"
    status = shop.run("status", "--json").json
    assert status["suppliers"][SUPPLIER]["rejected_entries"] == len(hopeless)
    assert sum("rejected_entries" in problem["cure"] for problem in status["problems"]) == len(hopeless)
    told = shop.whole("77_1")
    assert (told["price"], told["order_date"], told["carrier"]) == (None, None, None)
    assert "price" in told["problem"]
    assert "order_date" in told["problem"]
    assert "carrier" in told["problem"]
    assert shop.whole("77_2")["stage"] == "attention", "without a sku a person must look before it is acknowledged"
    assert not shop.world.requests("acknowledge-sale", SUPPLIER, "77_2")
    assert shop.cycle() == 1
    assert len(shop.sql("SELECT 1 FROM rejected_entries")) == len(hopeless), "the same entry is kept once"
    # Word for word, however long: a number that is written 1.50 stays so, and two long entries with one beginning are two.
    long = [f'{{"price": 1.50, "note": "{"x" * 70_000}{end}"}}' for end in ("a", "b")]
    for row in long:
        shop.world.arrive_text(SUPPLIER, row)
    shop.configure(schedule={"sweep_seconds": 0.1}, retry=NEVER_MIND_LABELS)
    assert shop.cycle() == 1
    assert {row["raw"] for row in shop.sql("SELECT raw FROM rejected_entries")} >= set(long)


def test_every_stored_order_is_acknowledged_at_least_once(tmp_path: Path) -> None:
    lost = [
        faults.close(applied=True),
        faults.reset(applied=False),
        faults.half_head(applied=True),
        faults.garbage(applied=False),
        faults.hang(applied=False),
        faults.html(),
        faults.says([]),
        faults.status(502),
        faults.status(429, headers=(("Retry-After", "1"),)),
    ]
    with open_shop(tmp_path, len(lost)) as shop:
        shop.configure(http=IMPATIENT)
        for order, fault in zip(shop.orders, lost, strict=True):
            shop.world.faults.arm("acknowledge-sale", fault, menzzo_order_id=order.menzzo_order_id)
        assert shop.cycle() == 0
        assert all(order.acknowledged_at for order in shop.orders)
        assert not shop.sql("SELECT 1 FROM orders WHERE acknowledged_at IS NULL")
        met = {line.fault for line in shop.world.requests("acknowledge-sale") if line.fault}
        assert met == {fault.name for fault in lost}, "each fault was met"
        denied = shop.world.arrive(SUPPLIER).menzzo_order_id
        shop.world.faults.arm(
            "acknowledge-sale", faults.says({"success": False, "error": "no"}), menzzo_order_id=denied
        )
        assert shop.cycle() == 1
        assert shop.row(denied)["acknowledged_at"] is None, "a no is not an acknowledgement"
        assert shop.run("retry", denied).code == 0
        assert shop.cycle() == 0
        assert shop.row(denied)["acknowledged_at"] is not None


def test_ship_is_never_sent_unasked(tmp_path: Path) -> None:
    with open_shop(tmp_path, 7) as shop:
        flagged, undone, held, closed, bare, other, refused = (order.menzzo_order_id for order in shop.orders)
        shop.world.faults.arm("label", faults.html(), menzzo_order_id=bare, times=1000)
        shop.world.faults.arm("acknowledge-sale", faults.status(422), menzzo_order_id=refused, times=1000)
        shop.configure(retry=NEVER_MIND_LABELS)
        assert shop.cycle() == 1
        assert shop.ships() == 0, "nobody flagged anything"
        assert shop.run("hold", held, "--reason", "the customer called").code == 0
        assert shop.run("close", closed, "--reason", "shipped by hand").code == 0
        shop.configure(ship={"undo_seconds": 3600}, retry=NEVER_MIND_LABELS)
        shop.flag(undone)
        shop.cycle()
        assert shop.ships() == 0, "its undo window is open"
        (row,) = shop.sql(
            "SELECT due_at, shipped_at FROM calls JOIN orders ON orders.id = order_id WHERE kind = 'ship'"
        )
        window = datetime.fromisoformat(row["due_at"]) - datetime.fromisoformat(row["shipped_at"])
        assert window == timedelta(seconds=3600), "the whole window, to the second"
        shop.sql("UPDATE orders SET shipped = 0 WHERE menzzo_order_id = ?", undone)
        shop.configure(retry=NEVER_MIND_LABELS)
        shop.flag(flagged, held, closed, bare, refused)
        shop.cycle()
        shop.run("retry", "--all")
        shop.run("resync", "--from", "2026-01-01", "--to", "2026-01-02")
        shop.cycle()
        with shop.daemon() as daemon:
            shop.until_it_runs()
            shop.world.arrive(SUPPLIER)
        assert daemon.returncode == 0
        assert [line.menzzo_order_id for line in shop.world.requests("ship-sale")] == [flagged]
        assert shop.row(other)["shipped"] == 0
        assert shop.whole(held)["stage"] == "held"
        assert shop.whole(bare)["next"].startswith("It is flagged") or shop.whole(bare)["stage"] == "flagged"
        _a_restore_brings_a_mark_back(shop, shop.world.arrive(SUPPLIER).menzzo_order_id)


def _a_restore_brings_a_mark_back(shop: Shop, marked: str) -> None:
    """Neither `restore` nor a plain copy of an older database sends what a person has taken back since; a release does."""
    shop.cycle()
    before = shop.ships()
    shop.configure(ship={"undo_seconds": 3600}, retry=NEVER_MIND_LABELS)
    shop.flag(marked)
    shop.cycle()
    copy = shop.folder / "copy.db"
    assert shop.run("backup", str(copy)).code == 0
    assert shop.run("unship", marked).code == 0
    shop.cycle()
    shop.configure(retry=NEVER_MIND_LABELS)
    put_back = shop.run("restore", str(copy))
    assert put_back.code == 1
    assert marked in put_back.out, "it is named as held"
    shop.cycle()
    assert shop.row(marked)["shipped"] == 1
    assert shop.whole(marked)["stage"] == "held"
    assert shop.ships() == before
    shutil.copyfile(copy, shop.state_dir / "agent.db")
    for tail in ("-wal", "-shm"):
        (shop.state_dir / f"agent.db{tail}").unlink(missing_ok=True)
    shop.cycle()
    assert shop.whole(marked)["stage"] == "held"
    assert shop.ships() == before
    assert shop.run("release", marked).code == 0
    until(lambda: shop.cycle() in {0, 1} and shop.ships() == before + 1, "a person let it go")


LOST: list[Fault] = [
    *(
        make(applied=applied)
        for make in (faults.close, faults.reset, faults.half_head, faults.half_body)
        for applied in (True, False)
    ),
    faults.hang(applied=True),
    faults.garbage(applied=True),
    faults.drip_head(0.1),
    faults.drip_body(0.1),
    faults.two_lengths(),
    faults.gzip_bomb(megabytes=4, applied=True),
    faults.html(applied=True),
    faults.says([], applied=True),
    faults.says(None),
    faults.says({"success": "perhaps"}, applied=True),
    faults.says({"success": True, "order": {"id": "1_1"}}),
    faults.says({"success": True, "menzzo_order_id": "1_1"}),
    faults.status(500, applied=True),
    faults.status(502),
    faults.status(503, headers=(("Retry-After", "1"),), applied=True),
    faults.status(201, body=b"{", applied=True),
]
"""Endings after which nobody here can know whether ship-sale took effect."""


def test_ship_is_sent_at_most_once_without_a_person(tmp_path: Path) -> None:
    refusals = [faults.redirect("/elsewhere"), faults.status(400), faults.status(409), faults.says({"error": "no"})]
    with open_shop(tmp_path, len(LOST) + len(refusals) + 1) as shop:
        assert shop.cycle() == 0
        shop.configure(http=IMPATIENT)
        *rest, good = shop.orders
        for order, fault in zip(rest, [*LOST, *refusals], strict=True):
            shop.world.faults.arm("ship-sale", fault, menzzo_order_id=order.menzzo_order_id, times=100)
        shop.flag()
        until(lambda: shop.cycle() == 1 and shop.ships() > len(rest), "every flagged order had its turn")
        for _ in range(3):
            shop.cycle()
        with shop.daemon():
            shop.until_it_runs()
        sent = Counter(line.menzzo_order_id for line in shop.world.requests("ship-sale"))
        assert sent == dict.fromkeys((order.menzzo_order_id for order in shop.orders), 1)
        states = [row["state"] for row in shop.sql("SELECT state FROM calls WHERE kind = 'ship' ORDER BY order_id")]
        assert states == ["unknown"] * len(LOST) + ["parked"] * len(refusals) + ["done"]
        assert good.shipped_at
    (tmp_path / "killed").mkdir()
    _killed_while_it_waits_for_the_answer(tmp_path / "killed")


def _killed_while_it_waits_for_the_answer(folder: Path) -> None:
    """Start again after a death: its own intent is found and a person is asked; `resend` lets it go once more, never twice."""
    with open_shop(folder, 1) as shop:
        assert shop.cycle() == 0
        shop.world.faults.arm("ship-sale", faults.hang(applied=True), times=100)
        shop.flag()
        with shop.daemon() as daemon:
            until(lambda: shop.ships() == 1, "the ship call has left")
            daemon.kill()
        for _ in range(2):
            assert shop.cycle() == 1
        assert shop.ships() == 1
        shop.configure(http=IMPATIENT, ship={"after_lost_answer": "resend", "settle_seconds": 0})
        for _ in range(3):
            shop.cycle()
        assert shop.ships() == 2


NO_YES: list[Fault] = [
    faults.html(applied=True),
    faults.status(200, body=b'{"success": true', applied=True),
    faults.says([{"success": True}], applied=True),
]
"""Whole answers with status 200 that are no word of the marketplace's."""


def test_not_knowing_is_said(shop: Shop) -> None:
    shop.cycle()
    taken_in, not_taken_in, *others = (order.menzzo_order_id for order in shop.orders)
    shop.world.faults.arm("ship-sale", faults.close(applied=True), menzzo_order_id=taken_in)
    shop.world.faults.arm("ship-sale", faults.close(applied=False), menzzo_order_id=not_taken_in)
    shop.flag(taken_in, not_taken_in)
    assert shop.cycle() == 1
    assert len(others) >= len(NO_YES), "each of these answers needs an order"
    unclear = others[: len(NO_YES)]
    for each, fault in zip(unclear, NO_YES, strict=True):
        shop.world.faults.arm("ship-sale", fault, menzzo_order_id=each)
    shop.flag(*unclear)
    until(lambda: shop.cycle() == 1 and all(shop.ships(each) for each in unclear), "each had its turn")
    for each in unclear:
        told = shop.whole(each)
        assert (told["stage"], told["ship_confirmed_at"], told["ship_evidence"]) == ("attention", None, None)
        (attempt,) = shop.call(each, "ship")["attempts"]
        assert (attempt["outcome"], attempt["http_status"]) == ("unknown", 200)
        assert f"resolve {each}" in told["next"]
        assert any(
            p["menzzo_order_id"] == each and p["code"] == "call_unknown"
            for p in shop.run("status", "--json").json["problems"]
        )
    for each in (taken_in, not_taken_in):
        told = shop.whole(each)
        assert (told["stage"], told["ship_confirmed_at"]) == ("attention", None)
        assert f"resolve {each}" in told["next"]
        (attempt,) = shop.call(each, "ship")["attempts"]
        assert attempt["outcome"] == "unknown"
        assert "without an answer" in attempt["detail"]
        problem = next(p for p in shop.run("status", "--json").json["problems"] if p["menzzo_order_id"] == each)
        assert problem["code"] == "call_unknown"
        assert f"resolve {each}" in problem["cure"]
    assert not shop.run("status", "--json").json["healthy"]
    assert shop.run("unship", taken_in).code == 1, "what may have happened cannot be undone"
    with pytest.raises(sqlite3.IntegrityError, match="too late to undo"):
        shop.sql("UPDATE orders SET shipped = 0 WHERE menzzo_order_id = ?", taken_in)
    for each in (taken_in, *unclear):
        assert shop.run("resolve", each, "--shipped", "--by", "Ana").code == 0
    assert shop.run("resolve", not_taken_in, "--send-again", "--by", "Ana").code == 0
    assert shop.cycle() == 0
    assert shop.ships(taken_in) == 1
    assert shop.ships(not_taken_in) == 2
    for each in (taken_in, not_taken_in):
        assert shop.whole(each)["stage"] == "shipped"
        assert any(event["who"] == "Ana" for event in shop.whole(each)["history"])
    # Neither a yes nor a no: a proxy's page, half an answer, an error of the server.
    for fault in (faults.html(applied=True), faults.status(200, body=b'{"success": tr'), faults.status(500)):
        doubtful = shop.world.arrive(SUPPLIER).menzzo_order_id
        shop.world.faults.arm("ship-sale", fault, menzzo_order_id=doubtful, times=100)
        shop.cycle()
        shop.flag(doubtful)
        until(lambda each=doubtful: shop.cycle() == 1 and shop.ships(each) == 1, "its turn has come")  # type: ignore[misc]
        told = shop.whole(doubtful)
        assert (told["stage"], told["ship_confirmed_at"]) == ("attention", None), fault.name
        assert shop.call(doubtful, "ship")["state"] == "unknown", fault.name
        assert shop.run("resolve", doubtful, "--shipped", "--by", "Ana").code == 0


def test_shipped_means_confirmed(tmp_path: Path) -> None:
    """Shipped says on what evidence: a yes to that very request, an answer that did not deny it, or a person's name."""
    answers: list[tuple[Fault | None, str | None]] = [  # None: it is not shipped
        (None, "confirmed"),
        (faults.says({"success": 1}, applied=True), "confirmed"),
        (faults.extra_bytes(applied=True), "confirmed"),
        (faults.empty(applied=True), "unverified"),
        (faults.status(204, applied=True), "unverified"),
        (faults.says({}, applied=True), "unverified"),
        (faults.says({"message": "ok"}, applied=True), "unverified"),
        (faults.says({"success": False, "error": "unknown order"}), None),
        (faults.says({"status": "error"}), None),
        (faults.says({"code": 401}), None),
        (faults.says({"errors": ["unknown order"]}), None),
        (faults.says({"success": "yes"}), None),
        (faults.says({"success": None}), None),
        (faults.says([{"success": True}]), None),
        (faults.says(None), None),
        (faults.html(applied=True), None),
        (faults.status(200, body=b'{"success": true', applied=True), None),
        (faults.status(200, body=b'{"success": true, "success": true}'), None),
        (faults.says({"success": True, "error": "but not really"}), None),
        (faults.says({"success": True, "menzzo_order_id": "9_9"}), None),
        (faults.says({"success": True, "data": [{"sale": {"order_id": "9_9"}}]}), None),
        (faults.status(404), None),
        (faults.says({"success": True}, code=500), None),
    ]
    with open_shop(tmp_path, len(answers)) as shop:
        shop.cycle()
        for order, (fault, _) in zip(shop.orders, answers, strict=True):
            if fault is not None:
                shop.world.faults.arm("ship-sale", fault, menzzo_order_id=order.menzzo_order_id, times=100)
        shop.flag()
        until(lambda: shop.cycle() == 1 and shop.ships() >= len(answers), "every flagged order had its turn")
        rows = {row["menzzo_order_id"]: row for row in shop.run("orders", "--all", "--json").json}
        table = shop.run("orders", "--all").out
        for order, (_, evidence) in zip(shop.orders, answers, strict=True):
            this = order.menzzo_order_id
            row, words = rows[this], shop.whole(this)["next"]
            assert row["stage"] == ("attention" if evidence is None else "shipped")
            assert row["ship_evidence"] == shop.row(this)["ship_evidence"] == evidence
            assert (row["ship_confirmed_at"] is None) == (evidence is None)
            assert ("confirmed it as shipped" in words) == (evidence == "confirmed")
            assert ("(unverified)" in words) == (evidence == "unverified")
            (line,) = (line for line in table.splitlines() if line.startswith(this + " "))
            assert line.endswith(evidence or "-")
            assert bool(order.shipped_at) or evidence is None
        doubtful = shop.orders[[evidence for _, evidence in answers].index(None) + 4].menzzo_order_id
        assert shop.run("resolve", doubtful, "--shipped", "--by", "Ana").code == 0
        assert shop.whole(doubtful)["ship_evidence"] == "person"
        assert "a person said" in shop.whole(doubtful)["next"]
        counted = shop.run("status", "--json").json["suppliers"][SUPPLIER]["ship_evidence"]
        assert counted == {"confirmed": 3, "unverified": 4, "person": 1, "not_recorded": 0}
        assert "shipped, but not confirmed by the marketplace: 4 unverified, 1 person" in shop.run("status").out


def test_two_agents_never_send_the_same_call(tmp_path: Path) -> None:
    with open_shop(tmp_path, 12) as shop:
        shop.cycle()
        with shop.daemon() as daemon:
            shop.until_it_runs()
            told = shop.run("run", "--once")
            assert told.code == 75
            assert f"pid {daemon.pid}" in told.err
        # The lock is one guard. Without it, the claim alone must do: two agents on one database, at the same time.
        for _ in range(12):
            shop.world.arrive(SUPPLIER)
        clock, settings = SystemClock(), load(shop.config, {})
        with ExitStack() as stack, ThreadPoolExecutor(8) as executor:
            both = []
            for _ in range(2):
                agent, close = assemble(settings, {}, clock, executor, log.Log(log.set_up({})), round_at=clock.now())
                stack.callback(close)
                agent.start()
                both.append(agent)
            shop.flag(*(order.menzzo_order_id for order in shop.orders[:12]))
            begin, over = threading.Barrier(2), threading.Event()
            with ThreadPoolExecutor(2) as threads:
                serving = [threads.submit(_serve, agent, begin, over) for agent in both]
                try:
                    until(lambda: _all_is_done(shop, 24) or any(each.done() for each in serving), "all is done")
                finally:
                    over.set()
            for each in serving:
                each.result()
        calls: dict[Endpoint, list[Order]] = {
            "ship-sale": shop.orders[:12],
            "acknowledge-sale": shop.orders,
            "label": shop.orders,
        }
        for endpoint, orders in calls.items():
            sent = Counter(line.menzzo_order_id for line in shop.world.requests(endpoint, SUPPLIER))
            assert sent == dict.fromkeys((order.menzzo_order_id for order in orders), 1), endpoint


def _serve(agent: Agent, begin: threading.Barrier, over: threading.Event) -> None:
    begin.wait()
    while not over.is_set() or agent.ctx.in_flight():
        agent.stopping = over.is_set()
        agent.ctx.inbox.wait(min(agent.turn(), 0.01))


def _all_is_done(shop: Shop, orders: int) -> bool:
    done = "label_path IS NOT NULL AND acknowledged_at IS NOT NULL AND (shipped = 0 OR ship_confirmed_at IS NOT NULL)"
    return len(shop.sql(f"SELECT 1 FROM orders WHERE {done}")) == orders


def test_a_label_on_disk_is_whole(tmp_path: Path) -> None:
    broken = [
        faults.truncated(0.5),
        faults.truncated(0.99),
        faults.half_body(applied=True),
        faults.half_body(applied=True, measured=False),
        faults.html(),
        faults.empty(),
        faults.gzip_bomb(megabytes=32),
        faults.status(200, body=b"%PDF-1.4\n%%EOF\n"),
        faults.hang(applied=True),
    ]
    with open_shop(tmp_path, len(broken) + 1) as shop:
        shop.configure(retry=NEVER_MIND_LABELS, http=IMPATIENT)
        for order, fault in zip(shop.orders, broken, strict=False):
            shop.world.faults.arm("label", fault, menzzo_order_id=order.menzzo_order_id, times=3)
        seen_at_once = threading.Event()
        bad: list[str] = []

        def watch() -> None:
            while not seen_at_once.is_set():
                for path in (shop.state_dir / "labels").glob("*/*.pdf"):
                    order = shop.world.order(SUPPLIER, path.stem)
                    if order is None or path.read_bytes() != order.pdf():
                        bad.append(path.name)

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            shop.cycle()
            shop.world.faults.disarm()
            shop.sql("UPDATE calls SET state = 'parked', due_at = NULL WHERE kind = 'label' AND state = 'owed'")
            shop.run("retry", "--all")
            assert shop.cycle() == 0
        finally:
            seen_at_once.set()
            watcher.join()
        assert not bad
        for order in shop.orders:
            row = shop.row(order.menzzo_order_id)
            content = (shop.state_dir / row["label_path"]).read_bytes()
            assert content == order.pdf()
            assert row["label_sha256"] == hashlib.sha256(content).hexdigest()
        assert not list(shop.state_dir.rglob("*.part"))


def test_it_tells_when_it_stops(shop: Shop, tmp_path: Path) -> None:
    beats = f"{shop.sandbox.url}/sandbox/truth"
    shop.configure(heartbeat_url=beats)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(20)
        with shop.daemon({"NOTIFY_SOCKET": str(tmp_path / "notify")}) as daemon:
            until(lambda: len(shop.world.requests("sandbox")) >= 2, "the dead-man URL is pinged round after round")
            assert shop.run("status").code == 0
            shop.world.faults.arm("get-sales", faults.html(), seconds=60)
            until(lambda: shop.run("status").code == 69, "status says that the marketplace fails")
            beats_before = len(shop.world.requests("sandbox"))
            failed_before = len(shop.world.requests("get-sales"))
            until(lambda: len(shop.world.requests("get-sales")) > failed_before + 5, "it goes on trying")
            assert len(shop.world.requests("sandbox")) <= beats_before + 1, "no round, no ping"
            shop.world.faults.disarm()
            until(lambda: shop.run("status").code == 0, "and recovers")
            daemon.send_signal(signal.SIGTERM)
            assert daemon.wait(20) == 0
        heard = b"\n".join(iter(lambda: systemd.recv(4096), b"STOPPING=1"))
    assert heard.startswith(b"READY=1")
    assert b"WATCHDOG=1" in heard
    until(lambda: shop.run("status").code == 3, "status says that nothing runs any more")
    told = shop.run("status", "--json").json
    assert (told["healthy"], told["running"]) == (False, False)
    assert told["problems"][0]["code"] == "not_running"
    shop.configure(retry={"once_patience_seconds": 0.1})
    shop.world.faults.arm("get-sales", faults.html(), seconds=60)
    assert shop.cycle() == 69
    shop.world.faults.disarm()
    shop.world.tokens[SUPPLIER] = "another"
    assert shop.cycle() == 77
    assert "token" in shop.run("status").out


def test_the_token_goes_nowhere_else(shop: Shop) -> None:
    token = shop.world.tokens[SUPPLIER] = "canary-2b7e151628aed2a6"
    shop.configure()
    first, second, third, fourth, *_ = shop.orders
    today = (SystemClock().now() - timedelta(days=1)).date()
    elsewhere = World.with_orders(4, today=today, suppliers=[SUPPLIER])
    with Sandbox(elsewhere) as other:
        away = f"{other.url}/api/files/labels/{SUPPLIER}/x.pdf"
        first.link = away
        second.link = f"{shop.sandbox.url.replace('127.0.0.1', '127.0.0.1@127.0.0.1')}/x.pdf"
        shop.world.faults.arm("label", faults.redirect(away, code=302), menzzo_order_id=third.menzzo_order_id)
        shop.world.faults.arm("get-sales", faults.redirect(f"{other.url}/api/{SUPPLIER}/get-sales", code=302))
        shop.world.faults.arm("acknowledge-sale", faults.redirect(f"{other.url}/api/{SUPPLIER}/acknowledge-sale"))
        echo = faults.says({"error": f"Bearer {token} is not welcome"}, code=422)
        shop.world.faults.arm("acknowledge-sale", echo, menzzo_order_id=fourth.menzzo_order_id)
        shop.world.faults.arm("get-sales", faults.says({"error": f"token={token}"}), nth=4)
        shop.cycle()
        shop.cycle()
        assert elsewhere.log == [], "no other server heard of us"
    met = {line.fault for line in shop.world.log if line.fault}
    assert {"status 302", "status 307", "says 422"} <= met
    assert {line.token for line in shop.world.log} == {"right"}
    for command in (
        ["status"],
        ["status", "--json"],
        ["orders", "--all", "--json"],
        ["check"],
        ["check", "--offline"],
        ["--version"],
    ):
        shop.run(*command)
    for order in shop.orders:
        shop.run("order", order.menzzo_order_id)
        shop.run("order", order.menzzo_order_id, "--json")
    shop.run("backup", str(shop.state_dir / "copy.db"))
    shop.configure(retry={"once_patience_seconds": 0.1})
    shop.world.tokens[SUPPLIER] = "changed"
    assert shop.cycle() == 77
    written = shop.everything_written()
    assert b"[token] is not welcome" in written, "the answer that names the token is kept, without it"
    assert token.encode() not in written
