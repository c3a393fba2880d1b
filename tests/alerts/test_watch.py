"""The watch on a real database and real sockets: each problem is sent once, and its end once; nothing leaks or delays the loop."""

import sqlite3
from collections.abc import Callable
from datetime import timedelta
from typing import TypeAlias

import pytest

from supplier_agent.alerts import decide, post
from supplier_agent.db import state_folder
from supplier_agent.db.state_folder import InstanceLock
from supplier_agent.db.tables import Call
from supplier_agent.reports import health
from supplier_agent.reports.heartbeat import AGENT, Heartbeat
from supplier_agent.reports.vitals import Trouble
from supplier_agent.verdict import Problem, ProblemCode
from supplier_agent.verdict.codes import severity_of
from supplier_agent.words import Words
from supplier_agent.words.alerts import ALERTS, TITLES
from tests.alerts.conftest import Post, Service
from tests.web.catalogues import TRANSLATED, WORDS

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


def reported(here: Post) -> None:
    """Store an order that a packer has reported."""
    here.keep(acknowledged_at=here.clock.now(), label_path="x")
    here.sql(
        "INSERT INTO events (order_id, at, who, what, detail, station) VALUES "
        "(1, '2026-11-23 08:05:00.000000', 'Anna', 'problem reported', 'damaged: leg broken', 'Bench 1')"
    )


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
    "token_refused": token_refused,
    "paused": lambda here: here.sql(
        "UPDATE suppliers SET paused_at = '2026-11-23 08:00:00.000000', paused_by = 'Ann', paused_reason = 'stocktaking'"
    ),
    "token_old": lambda here: here.sql("UPDATE suppliers SET token_since = '2026-08-26 08:00:00.000000'"),
    "reads_failing": lambda here: here.sql(
        "INSERT INTO lanes (supplier, lane, failures, failing_since, reason) "
        "VALUES ('notio', 'reads', 3, '2026-11-23 08:00:00.000000', 'the time was up')"
    ),
    "call_unknown": lambda here: stuck(here, "unknown"),
    "call_parked": lambda here: stuck(here, "parked"),
    "order_reported": reported,
    "waiting": lambda here: here.keep(first_seen_at=here.clock.now() - timedelta(days=2)),
    "unflagged": lambda here: here.keep(acknowledged_at=here.clock.now() - timedelta(days=4), label_path="x"),
    "order_vanished": vanished,
    "not_read": lambda here: here.sql(
        f"{SWEEP} ('notio', 'sweep', '2026-11-18', '2026-11-20', '2026-11-19 08:30:00.000000', '2026-11-19 08:30:00.000000',"
        " '2026-11-19 08:31:00.000000', 1, 1, 0, 'complete')"
    ),
    "entry_rejected": lambda here: here.sql(
        "INSERT INTO rejected_entries (supplier, received_at, last_listed_at, raw, reason, sha256) VALUES "
        "('notio', '2026-11-23 08:00:00.000000', '2026-11-23 08:00:00.000000', '{}', 'it has no id', 'x')"
    ),
    "clock_off": lambda here: [
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
"""How some problems come about. The disk and silence have tests of their own; that nothing is left out, tests/verdict holds."""
BESIDE = ("agent_hung", "workers_hung", "page_not_listening", "read_late")
"""What is seen beside the database."""


@pytest.mark.parametrize("code", ProblemCode)
def test_every_problem_of_the_verdict_is_worth_an_alert_and_has_its_words(
    installed: Installed, code: ProblemCode
) -> None:
    here = installed()
    long_ago = here.clock.now() - timedelta(days=1)
    problems = [Problem(code, "notio", number, long_ago, {"what": "a", "fix": "b"}) for number in (None, "1_1", "1_2")]
    found = decide.group(problems[:1], here.settings, here.clock.now())
    assert [(fact.code, fact.count) for fact in found] == ([] if code in decide.UNSENDABLE else [(code, 1)])
    for of in (problems[:1], problems[1:2], problems[1:]):
        for fact in decide.group(of, here.settings, here.clock.now()):
            what, _ = post.about(fact, Words())
            assert what
            assert all(problem.order in what for problem in of if problem.order)


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
    (message,) = service.messages
    severity = severity_of(cause)
    assert message["message"].startswith(f"{'URGENT' if severity == 'urgent' else 'PROBLEM'}: ")
    assert message["title"] == f"supplier-agent on here: 1 problem{' (1 urgent)' if severity == 'urgent' else ''}"
    assert message["type"] == {"urgent": "failure", "warning": "warning"}[severity]


def test_a_packers_report_is_told_and_its_end_when_a_lead_settles_it(services: Services, installed: Installed) -> None:
    service = services()
    here = installed(service.url)
    reported(here)
    here.after(0)
    here.after(1.5)
    assert "PROBLEM: notio: 15000000000_1: Anna (Bench 1) reported at 2026-11-23 09:05" in service.bodies[0]
    assert "It is damaged: leg broken" in service.bodies[0]
    here.sql(
        "INSERT INTO events (order_id, at, who, what) VALUES (1, '2026-11-23 11:00:00.000000', 'Lea', 'problem settled')"
    )
    here.after(0)
    here.after(1.5)
    assert service.bodies[1:] == ["solved: notio: packers reported a problem with orders\nTimes: Europe/Paris."]


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
    assert "no order has arrived since 2026-11-21 09:00:00, which is unusual" in service.bodies[0]
    assert "Times: Europe/Paris." in service.bodies[0]


def test_status_lists_what_only_the_alerts_find_out(installed: Installed) -> None:
    here = installed()
    TROUBLES["not_read"](here)
    arrived = here.clock.now() - timedelta(hours=3)
    here.sql("UPDATE runs SET added = 1, ended_at = ?", f"{arrived:%Y-%m-%d %H:%M:%S.%f}")
    now = f"{here.clock.now():%Y-%m-%d %H:%M:%S.%f}"
    here.sql("INSERT INTO alerts (cause, supplier, text, since) VALUES ('silence', 'notio', 'nothing', ?)", now)
    with here.store.read() as tx:
        listed = {each.code: each for each in health.judged(tx, here.settings, here.clock.now())}
    assert ProblemCode.NOT_READ not in listed, "nobody has looked yet"
    assert listed[ProblemCode.SILENCE].since == arrived
    here.after(0)
    with here.store.read() as tx:
        listed = {each.code: each for each in health.judged(tx, here.settings, here.clock.now())}
    assert ProblemCode.SILENCE not in listed, "a look found that it is none"
    said = Words().worded(listed[ProblemCode.NOT_READ])
    assert said.what.startswith("not proved complete: ")
    assert said.cure == "supplier-agent coverage --supplier notio"


def test_a_disk_with_too_little_room_is_told(services: Services, installed: Installed) -> None:
    service = services()
    here = installed(service.url, disk_free_bytes=1 << 50)
    here.after(0)
    here.after(1.5)
    assert here.sql("SELECT cause, supplier FROM alerts") == [("disk_low", None)]
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
    assert (good["title"], good["type"]) == ("supplier-agent on here: all problems are solved", "success")
    assert good["message"].startswith("solved: notio: the marketplace refuses the token")
    assert bad["title"] == "supplier-agent on here: 1 problem (1 urgent)"


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
    assert here.sql("SELECT cause, told_at FROM alerts") == [("token_refused", None)]


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
    assert report.startswith("notio: 2 received, 2 acknowledged, 1 shipped; 2 open (1 no label yet, 1 ready)")
    assert "No problems." in report
    here.after(DAY)
    assert len(service.bodies) == 2


def test_a_message_is_tried_for_a_day_and_then_given_up(services: Services, installed: Installed) -> None:
    good, bad = services(), services()
    bad.status = 500
    here = installed(good.url, bad.url)
    token_refused(here)
    for _ in range(27):
        here.after(60)
    bad.status = 200
    for _ in range(3):
        here.after(60)
    assert (len(good.bodies), len(bad.bodies)) == (1, 0)


def test_the_daily_report_calls_a_problem_what_an_alert_calls_one(services: Services, installed: Installed) -> None:
    service = services()
    here = installed(service.url, digest_at="12:00", group_seconds=0)
    TROUBLES["unflagged"](here)
    here.after(121)
    alert, report = service.bodies
    said = (
        "notio: 15000000000_1: its label has been ready since 2026-11-19 10:00:00, but nobody has marked it as shipped"
    )
    assert alert.startswith(f"PROBLEM: {said}\n")
    assert f"\n1 problem:\n- {said}\n" in report


class House:
    """Three services: for everything, for what is urgent, and for one supplier's own people."""

    def __init__(self, services: Services, installed: Installed, **alerts: object) -> None:
        self.all, self.phone, self.team = services(), services(), services()
        urls = [self.all.url, {"url": self.phone.url, "severity": "urgent"}]
        team = [{"url": self.team.url, "severity": "warning"}]
        suppliers = {"notio": {"token": "t"}, "asir-group": {"token": "t", "alert_urls": team}}
        self.here = installed(*urls, suppliers=suppliers, **alerts)
        self.here.sql("INSERT INTO suppliers (name) VALUES ('asir-group')")

    @property
    def numbers(self) -> tuple[int, int, int]:
        """How many messages each has."""
        return len(self.all.bodies), len(self.phone.bodies), len(self.team.bodies)


def paused(here: Post, supplier: str) -> None:
    here.sql("UPDATE suppliers SET paused_at = '2026-11-23 08:00:00.000000', paused_by = 'A' WHERE name = ?", supplier)


def test_each_address_hears_of_its_supplier_and_from_its_severity_on(services: Services, installed: Installed) -> None:
    house = House(services, installed)
    here = house.here
    TROUBLES["unflagged"](here)  # notio's, a warning
    paused(here, "asir-group")  # a warning
    here.after(0)
    here.after(1.5)
    assert house.numbers == (1, 0, 1)
    assert "asir-group" in house.team.bodies[0]
    assert "notio" not in house.team.bodies[0]
    token_refused(here)  # of both, urgent
    here.sql("UPDATE suppliers SET paused_at = NULL")
    here.after(1)
    here.after(1.5)
    assert house.numbers == (2, 1, 2)
    assert house.all.bodies[1].startswith("URGENT: ")
    assert "asir-group" in house.phone.bodies[0]
    assert "paused" not in house.phone.bodies[0], "who did not hear that it began does not hear that it is over"
    assert here.sql("SELECT count(*) FROM alerts WHERE told_at IS NULL") == [(0,)]


def test_what_nobody_wants_to_hear_is_kept_and_not_sent(services: Services, installed: Installed) -> None:
    service = services()
    here = installed({"url": service.url, "severity": "urgent"}, digest_at="12:00")
    TROUBLES["unflagged"](here)
    for _ in range(5):
        here.after(60)
    assert service.bodies == []
    assert here.sql("SELECT cause, told_at FROM alerts") == [("unflagged", None)]


def test_the_daily_report_goes_to_whom_wants_everything_and_of_one_supplier_to_its_own_people(
    services: Services, installed: Installed
) -> None:
    service, team = services(), services()
    suppliers = {"notio": {"token": "t"}, "asir-group": {"token": "t", "alert_urls": [team.url]}}
    urgent = {"url": services().url, "severity": "warning"}
    here = installed(service.url, urgent, suppliers=suppliers, digest_at="12:00", group_seconds=10**6)
    here.keep(1)
    paused(here, "notio")
    here.after(121)
    (whole,), (own,) = service.bodies, team.bodies
    assert whole.startswith("notio: 1 received")
    assert "\nasir-group: 0 received" in whole
    assert "- notio: paused by A" in whole
    assert own.startswith("asir-group: 0 received")
    assert "notio" not in own
    assert "No problems." in own


def test_what_a_resting_address_missed_is_owed_to_it_without_what_it_will_hear_anyway(
    services: Services, installed: Installed
) -> None:
    house = House(services, installed)
    here = house.here
    house.team.status = 500
    paused(here, "asir-group")
    here.after(0)
    here.after(1.5)
    assert house.numbers == (1, 0, 0)
    house.team.status = 200
    here.after(3)
    here.after(60)
    assert house.numbers == (1, 0, 1)
    assert house.team.bodies[0].count("asir-group") >= 1


def test_an_address_that_fails_delays_no_other(services: Services, installed: Installed) -> None:
    house = House(services, installed)
    here = house.here
    house.all.status = house.phone.status = 500
    paused(here, "asir-group")
    here.after(0)
    here.after(1.5)
    assert house.numbers == (0, 0, 1)
    house.all.status = 200
    here.after(2)
    here.after(30)
    assert house.numbers == (1, 0, 1)


def test_messages_are_in_the_language_of_the_warehouse_and_the_table_in_english(
    services: Services, installed: Installed
) -> None:
    service = services()
    here = installed(service.url, web={"language": "fr"}, digest_at="12:00", group_seconds=0)
    TROUBLES["unflagged"](here)
    here.after(121)
    alert, report = service.messages
    assert alert["title"] == "supplier-agent sur here : 1 problème"
    said = "notio: 15000000000_1: son étiquette est prête depuis 2026-11-19 10:00:00, mais personne"
    assert alert["message"].startswith(f"PROBLÈME : {said}")
    assert "\n    if it has left: supplier-agent ship 15000000000_1" in alert["message"], (
        "commands are for IT, in English"
    )
    assert report["title"] == "supplier-agent sur here : rapport du 2026-11-23"
    assert f"\n1 problème :\n- {said}" in report["message"]
    assert report["message"].endswith("Heures : Europe/Paris.")
    assert here.sql("SELECT text FROM alerts WHERE cause = 'unflagged'")[0][0].startswith("15000000000_1: its label")


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_sentence_of_alerts_is_translated(language: str) -> None:
    said = {message.id: message.string for message in WORDS.read(language)}
    mine = {code: text for code, text in {**ALERTS, **TITLES}.items() if not code.startswith("fix.")}
    assert [code for code, text in mine.items() if not said.get(text)] == []
