"""The watch on a real database and real sockets: each cause is told once, and told to be over; nothing leaks or hurts the loop."""

import sqlite3
from collections.abc import Callable
from datetime import timedelta
from typing import TypeAlias

import pytest

from supplier_agent.alerts import CAUSES, words
from supplier_agent.alerts.words import Message
from supplier_agent.db import state_folder
from supplier_agent.db.state_folder import InstanceLock
from supplier_agent.db.tables import Call
from supplier_agent.reports.heartbeat import AGENT, Heartbeat
from supplier_agent.reports.vitals import Trouble
from tests.alerts.conftest import Post, Service

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")  # apprise's, at its import

Services: TypeAlias = Callable[[], Service]
Installed: TypeAlias = Callable[..., Post]
DAY = 24 * 60
SWEEP = (
    "INSERT INTO runs (supplier, purpose, date_from, date_to, requested_at, started_at, ended_at, pages, listed, added, "
    "proof) VALUES"
)


def stuck(here: Post, state: str, number: int = 1) -> None:
    """Store an order of which a call waits for a person."""
    here.keep(number, acknowledged_at=here.clock.now(), label_path="x")
    with here.store.write() as tx:
        tx.add(Call(order_id=number, supplier="notio", kind="ship", state=state, owed_at=here.clock.now(), attempts=1))


def token_refused(here: Post) -> None:
    here.sql("UPDATE suppliers SET token_refused_at = ?", f"{here.clock.now():%Y-%m-%d %H:%M:%S.%f}")


def vanished(here: Post) -> None:
    """Store an order that two complete readings did not show: one set `vanished_at`, this one came after it."""
    here.keep(order_date=here.clock.now().date(), vanished_at=here.clock.now() - timedelta(hours=9))
    here.sql(
        f"{SWEEP} ('notio', 'sweep', '2026-11-20', '2026-11-24', '2026-11-23 08:30:00.000000', '2026-11-23 08:30:00.000000',"
        " '2026-11-23 08:31:00.000000', 1, 1, 0, 'complete')"
    )


def read_now(here: Post) -> None:
    """Note a reading that ends at this moment."""
    now = f"{here.clock.now():%Y-%m-%d %H:%M:%S.%f}"
    here.sql(
        "INSERT INTO runs (supplier, purpose, date_from, requested_at, started_at, ended_at, pages, listed, added, proof) "
        f"VALUES ('notio', 'poll', '2026-11-23', '{now}', '{now}', '{now}', 1, 0, 0, 'complete')"
    )
    here.sql(
        "INSERT INTO reads (run_id, supplier, url, started_at, ended_at, tries, outcome, listed, added) "
        f"VALUES ((SELECT max(id) FROM runs), 'notio', 'x', '{now}', '{now}', 1, 'listed', 0, 0)"
    )


TROUBLES: dict[str, Callable[[Post], object]] = {
    "token": token_refused,
    "paused": lambda here: here.sql(
        "UPDATE suppliers SET paused_at = '2026-11-23 08:00:00.000000', paused_by = 'Ann', paused_reason = 'stocktaking'"
    ),
    "token_old": lambda here: here.sql("UPDATE suppliers SET token_since = '2026-08-26 08:00:00.000000'"),
    "failing": lambda here: here.sql(
        "INSERT INTO lanes (supplier, lane, failures, failing_since, reason) "
        "VALUES ('notio', 'reads', 3, '2026-11-23 08:00:00.000000', 'the time was up')"
    ),
    "unknown": lambda here: stuck(here, "unknown"),
    "parked": lambda here: stuck(here, "parked"),
    "waiting": lambda here: here.keep(first_seen_at=here.clock.now() - timedelta(days=2)),
    "unflagged": lambda here: here.keep(acknowledged_at=here.clock.now() - timedelta(days=4), label_path="x"),
    "gone": vanished,
    "not_read": lambda here: here.sql(
        f"{SWEEP} ('notio', 'sweep', '2026-11-18', '2026-11-20', '2026-11-19 08:30:00.000000', '2026-11-19 08:30:00.000000',"
        " '2026-11-19 08:31:00.000000', 1, 1, 0, 'complete')"
    ),
    "rejected": lambda here: here.sql(
        "INSERT INTO rejected_entries (supplier, received_at, last_listed_at, raw, reason, sha256) VALUES "
        "('notio', '2026-11-23 08:00:00.000000', '2026-11-23 08:00:00.000000', '{}', 'it has no id', 'x')"
    ),
    "clock": lambda here: [
        here.sql(
            "INSERT INTO reads (supplier, url, started_at, ended_at, tries, outcome, listed, added, ahead_seconds) "
            "VALUES ('notio', 'x', '2026-11-23 08:00:00.000000', '2026-11-23 08:00:01.000000', 1, 'listed', 0, 0, -900)"
        )
        for _ in range(3)
    ],
    "configuration_refused": lambda here: here.sql(
        "INSERT INTO chores (name, done_at, detail) VALUES ('configuration', '2026-11-23 08:00:00.000000', 'no')"
    ),
    "supplier_unknown": lambda here: here.sql(
        "INSERT INTO orders (supplier, menzzo_order_id, increment_id, sale_product_id, first_seen_at, shipped) "
        "VALUES ('renamed', '15_1', '15', '1', '2026-11-23 08:00:00.000000', 0)"
    ),
    "held_though_marked": lambda here: here.keep(
        acknowledged_at=here.clock.now(), label_path="x", shipped=1, shipped_at=here.clock.now(), held_reason="restored"
    ),
}
"""How each cause comes about. The disk and silence have tests of their own."""
BESIDE = ("agent_hung", "workers_hung", "page_not_listening", "read_late")
"""What is seen beside the database."""


def test_every_cause_has_its_test() -> None:
    assert {*TROUBLES, *BESIDE, "disk", "silence"} == set(CAUSES)


@pytest.mark.parametrize("cause", TROUBLES)
def test_each_trouble_is_told_once_with_what_cures_it(services: Services, installed: Installed, cause: str) -> None:
    service = services()
    here = installed(service.url)
    here.after(0)
    assert here.sql("SELECT cause FROM alerts") == []
    TROUBLES[cause](here)
    for minutes in (10.1, 1.5, 5):
        here.after(minutes)
    assert here.sql("SELECT cause FROM alerts WHERE told_at IS NOT NULL") == [(cause,)]
    (body,) = service.bodies
    assert body.startswith("PROBLEM: ")
    assert service.messages[0]["title"] == "supplier-agent on here: 1 problem"


@pytest.mark.parametrize("cause", BESIDE)
def test_what_is_seen_from_outside_is_told_too(services: Services, installed: Installed, cause: str) -> None:
    service = services()
    here = installed(service.url)
    folder = here.store.path.parent
    lock = InstanceLock(folder / state_folder.LOCK, "run", here.clock)
    beat = Heartbeat(folder / AGENT, here.clock, "run")
    beat.beat()
    here.after(0)
    assert here.sql("SELECT cause FROM alerts") == []
    if cause in {"workers_hung", "page_not_listening"}:
        beat.keep("loop", [Trouble(cause, "something hangs")])
    here.clock.sleep(2 * 3600 + 61)
    if cause != "read_late":
        read_now(here)
    if cause != "agent_hung":
        beat.beat()
    here.after(0)
    here.clock.sleep(90)
    if cause != "agent_hung":
        beat.beat()
    here.after(0)
    assert here.sql("SELECT cause FROM alerts WHERE told_at IS NOT NULL") == [(cause,)]
    lock.release()


def test_silence_is_told_where_orders_came_every_hour(services: Services, installed: Installed) -> None:
    service = services()
    here = installed(service.url)
    with here.store.write() as tx:
        for number in reversed(range(24 * 7 * 5)):
            at = f"{here.clock.now() - timedelta(hours=number):%Y-%m-%d %H:%M:%S.%f}"
            tx.connection().exec_driver_sql(
                "INSERT INTO runs (supplier, purpose, date_from, requested_at, started_at, ended_at, pages, listed, added, proof)"
                " VALUES ('notio', 'poll', '2026-11-01', ?, ?, ?, 1, 1, ?, 'complete')",
                (at, at, at, int(number > 48)),
            )
    here.sql("UPDATE suppliers SET last_success_at = ?", f"{here.clock.now():%Y-%m-%d %H:%M:%S.%f}")
    here.after(0)
    here.after(1.5)
    assert here.sql("SELECT cause FROM alerts") == [("silence",)]
    assert "no order has come in since 2026-11-21 09:00" in service.bodies[0]


def test_a_disk_with_too_little_room_is_told(services: Services, installed: Installed) -> None:
    service = services()
    here = installed(service.url, disk_free_bytes=1 << 50)
    here.after(0)
    here.after(1.5)
    assert here.sql("SELECT cause, supplier FROM alerts") == [("disk", None)]
    assert "free some disk space" in service.bodies[0]


def test_good_again_is_told_too(services: Services, installed: Installed) -> None:
    service = services()
    here = installed(service.url)
    token_refused(here)
    here.after(0)
    here.after(1.5)
    here.sql("UPDATE suppliers SET token_refused_at = NULL")
    here.after(30)
    here.after(1.5)
    here.after(60)
    bad, good = service.messages
    assert good["title"] == "supplier-agent on here: well again"
    assert good["message"].startswith("solved: notio: ")
    assert bad["title"] == "supplier-agent on here: 1 problem"


def test_at_the_end_of_a_round_nothing_is_held_back(services: Services, installed: Installed) -> None:
    service = services()
    here = installed(service.url)
    token_refused(here)
    here.after(0, at_end_of_round=True)
    assert len(service.bodies) == 1


def test_a_service_that_fails_is_tried_again_alone_and_said_once(services: Services, installed: Installed) -> None:
    good, bad = services(), services()
    bad.status = 500
    here = installed(good.url, bad.url)
    token_refused(here)
    here.after(0)
    for _ in range(20):
        here.after(1.5)
    assert len(good.bodies) == 1
    assert bad.bodies == []
    bad.status = 200
    for _ in range(40):
        here.after(1.5)
    assert (len(good.bodies), len(bad.bodies)) == (1, 1)
    assert [event for event, _ in here.said] == ["problem.found", "problem.solved"]


def test_when_no_service_takes_it_the_trouble_stays_untold_and_is_tried_less_and_less_often(
    services: Services, installed: Installed
) -> None:
    service = services()
    service.status = 503
    here = installed(service.url)
    token_refused(here)
    for _ in range(30):
        here.after(1.5)
    assert here.sql("SELECT told_at FROM alerts") == [(None,)]
    service.status = 200
    for _ in range(40):
        here.after(1.5)
    assert len(service.bodies) == 1


def test_nothing_shows_the_address_or_its_password(
    services: Services, installed: Installed, capfd: pytest.CaptureFixture[str]
) -> None:
    service = services()
    service.status = 500
    here = installed(service.url, "nosuch://secret-word@somewhere")
    token_refused(here)
    for _ in range(5):
        here.after(2)
    captured = capfd.readouterr()
    shown = f"{here.said}{captured.out}{captured.err}{here.settings!r}{here.settings.model_dump_json()}"
    dumped = "\n".join(sqlite3.connect(here.store.path).iterdump())
    assert "alerts.urls, place 1 (json), alerts.urls, place 2 (nosuch)" in shown
    assert "secret-word" not in shown + dumped


def test_a_database_that_is_locked_is_said_once_and_hurts_nobody(services: Services, installed: Installed) -> None:
    service = services()
    here = installed(service.url)
    token_refused(here)
    here.store.path.rename(here.store.path.with_name("moved.db"))
    here.after(1)
    here.after(1)
    here.store.path.with_name("moved.db").rename(here.store.path)
    here.after(1)
    here.after(2)
    assert [event for event, _ in here.said][:1] == ["problem.found"]
    assert len(service.bodies) == 1


def test_without_addresses_the_table_is_kept_all_the_same(installed: Installed) -> None:
    here = installed()
    token_refused(here)
    here.after(0)
    here.after(5)
    assert here.sql("SELECT cause, told_at FROM alerts") == [("token", None)]


def test_the_daily_report_counts_what_happened_since_the_last(services: Services, installed: Installed) -> None:
    service = services()
    here = installed(service.url, digest_at="12:00")
    now = here.clock.now()  # 10:00 in Paris
    here.keep(1, acknowledged_at=now, label_path="x")
    here.keep(2, acknowledged_at=now, label_path="x", ship_confirmed_at=now, ship_evidence="confirmed")
    here.keep(3, first_seen_at=now - timedelta(days=3), acknowledged_at=now - timedelta(days=2))
    here.after(60)
    assert service.bodies == []
    here.after(61)
    here.after(60)
    (report,) = service.bodies
    assert report.startswith("notio: 2 came in, 2 acknowledged, 1 shipped; 2 open (1 acknowledged, 1 ready)")
    assert "0 problems" in report
    here.after(DAY)
    assert len(service.bodies) == 2


def test_a_message_is_tried_for_a_day_and_then_given_up(services: Services, installed: Installed) -> None:
    service = services()
    here = installed(service.url)
    post = here.watch._post  # noqa: SLF001 - what is owed has no other witness
    service.status = 500
    post.owed.clear()
    assert post.send(Message("t", "b"), 0.0) == ["alerts.urls, place 1 (json)"]
    assert post.owed == []  # nobody took it: it is not owed, but told anew


def test_the_daily_report_calls_a_problem_what_an_alert_calls_one(installed: Installed) -> None:
    here = installed()
    TROUBLES["unflagged"](here)
    here.after(0)
    now = here.clock.now()
    with here.store.read() as tx:
        body = words.report(tx, here.settings, now - timedelta(days=1), now, "here").body
    assert "\n1 problem:\n- 15000000000_1 notio: its label is ready since" in body
    assert "nobody has marked it as shipped" in body
