"""A new outward call is a rule and a file: the loop, the reports, the dry run and the rest serve it without naming it."""

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from supplier_agent import actions
from supplier_agent.base.errors import ConfigError
from supplier_agent.base.log import Log
from supplier_agent.calls import CALLS, Calls
from supplier_agent.db.plain_sql import within
from supplier_agent.db.tables import Order
from supplier_agent.labels import LabelFolder
from supplier_agent.maintenance.retention import Retention
from supplier_agent.metrics.exposition import Tally
from supplier_agent.metrics.figures import gauges
from supplier_agent.order import WANTED, Rule
from supplier_agent.outbox import LATER, NOT_SENT, REFUSED, UNKNOWN
from supplier_agent.reports import health, orders
from supplier_agent.reports.facts import SHIPPED_AND_STUCK
from supplier_agent.runtime.dry_run import Rehearsal, Rehearsed, RehearsedLabels
from supplier_agent.settings import load
from supplier_agent.settings.dump import HIDDEN, Shown, read_back, shown, without_secrets
from supplier_agent.tick import plan
from supplier_agent.words import say
from supplier_agent.words.english import add_sentences
from tests.calls.conftest import SUPPLIER, Raise, ids, state
from tests.calls.new_call import AFTER, BEFORE, DELAY_SECONDS, NOTIFY, Notify, Scripted, ends, with_notify
from tests.world.harness import AtOnce, Site, settings_for

DAY = 20000


@pytest.fixture(params=[False, True], ids=["repeatable", "once"])
def once(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture(params=[BEFORE, AFTER], ids=["before shipping", "after shipping"])
def rule(request: pytest.FixtureRequest) -> Rule:
    wanted: Rule = request.param
    return wanted


def reach(site: Site, seconds: float = 120, *, flag: bool = True) -> None:
    """Let the order be acknowledged, labelled, marked and confirmed; then the call is wanted in either case."""
    site.run_for(2000, DAY)
    site.flag(ids(site) if flag else [])
    site.run_for(seconds, DAY)


def order_of(site: Site) -> dict[str, object]:
    ctx = site.agent.ctx
    with ctx.store.read() as tx:
        order = tx.exec(select(Order)).one()
        return orders.whole(tx, order, ctx.settings, site.clock.now(), kinds=ctx.calls)


def test_it_is_planned_waits_for_its_time_and_is_delivered_once(
    installation: Raise,
    once: bool,  # noqa: FBT001 - a fixture
    rule: Rule,
) -> None:
    call = Scripted(Notify(once=once))
    site = installation(with_notify(call, rule))
    reach(site, 10)
    assert state(site, "ship") == ("done", 1)
    (due,) = site.ask("SELECT due_at FROM calls WHERE kind = 'notify'")
    (since,) = site.ask(f"SELECT {'ship_confirmed_at' if rule is AFTER else 'acknowledged_at'} FROM orders")
    assert call.made == [] or rule is BEFORE
    assert due[0] is None or (due[0] > since[0] and rule is AFTER)
    site.run_for(2 * DELAY_SECONDS)
    assert state(site, NOTIFY) == ("done", 1)
    site.run_for(DAY, DAY)
    assert call.made == ids(site), "its own row says that it is done"


def test_it_is_off_until_its_own_setting_switches_it_on(installation: Raise, rule: Rule) -> None:
    call = Scripted(Notify(once=False))
    site = installation(with_notify(call, rule), calls={})
    reach(site, DAY)
    assert state(site, NOTIFY) == ("never owed", 0)
    assert state(site, "ship") == ("done", 1)


def test_one_that_is_switched_off_while_it_is_owed_is_not_made(installation: Raise) -> None:
    call = Scripted(Notify(once=False))
    site = installation(with_notify(call))
    site.run_for(10)
    assert state(site, NOTIFY) == ("owed", 0)
    site.stop()
    site.settings = site.settings.model_copy(update={"calls": {}})
    site.start()
    site.run_for(DAY, DAY)
    assert (state(site, NOTIFY), call.made) == (("dropped", 0), [])


@pytest.mark.parametrize(("kind", "status"), [(LATER, None), (NOT_SENT, None), (UNKNOWN, 500)])
def test_after_a_failure_it_is_tried_again_unless_it_may_have_arrived_and_goes_once(
    installation: Raise,
    once: bool,  # noqa: FBT001 - a fixture
    rule: Rule,
    kind: str,
    status: int | None,
) -> None:
    call = Scripted(Notify(once=once), ends(kind, status))
    site = installation(with_notify(call, rule))
    reach(site, 2 * DAY)
    lost = once and kind == UNKNOWN
    assert state(site, NOTIFY) == (("unknown", 1) if lost else ("done", 2))
    assert len(call.made) == (1 if lost else 2)


def test_a_refused_one_is_parked_and_a_person_may_have_it_tried_again(
    installation: Raise,
    once: bool,  # noqa: FBT001 - a fixture
    rule: Rule,
) -> None:
    call = Scripted(Notify(once=once), ends(REFUSED, 422))
    site = installation(with_notify(call, rule))
    reach(site, DAY, flag=rule is AFTER)  # one that is wanted before shipping is dropped by it
    assert state(site, NOTIFY) == ("parked", 1)
    with site.agent.ctx.store.write() as tx:
        actions.retry(tx, tx.exec(select(Order)).one(), site.clock.now(), "Ana")
    site.run_for(300, DAY)
    assert state(site, NOTIFY) == ("done", 2)


@pytest.mark.parametrize(("kind", "code"), [(REFUSED, "call_parked"), (UNKNOWN, "call_unknown")])
def test_one_of_a_shipped_order_that_waits_for_a_person_is_a_problem(installation: Raise, kind: str, code: str) -> None:
    site = installation(with_notify(Scripted(Notify(once=True), ends(kind, 422)), AFTER))
    reach(site, DAY)
    ctx, (this,) = site.agent.ctx, ids(site)
    with ctx.store.read() as tx:
        (found,) = health.problems(tx, ctx.settings, now=site.clock.now())
        plan = tx.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {SHIPPED_AND_STUCK}").all()
    assert (found.code, found.order, found.what.startswith("notification call: ")) == (code, this, True)
    assert "calls_stuck" in str(plan)
    told = order_of(site)
    assert (told["stage"], told["problem_codes"], told["next_code"]) == ("shipped", [code], code.removeprefix("call_"))
    if kind == UNKNOWN:
        asks = (
            f"ask the shop whether it has arrived, then: supplier-agent resolve {this} --supplier {SUPPLIER} --arrived"
        )
        assert found.cure.startswith(asks)
        assert {"resolve", "send_again"} <= set(told["may"])  # type: ignore[call-overload]
        assert "--arrived --by NAME" in str(told["next"])
        assert "whether the shop received its notification call" in str(told["next"])
    if kind == REFUSED:
        assert (found.cure, "retry" in told["may"]) == (f"supplier-agent retry {this} --supplier {SUPPLIER}", True)  # type: ignore[operator]


@pytest.mark.parametrize("arrived", [True, False])
def test_a_person_answers_for_one_whose_outcome_is_unknown(installation: Raise, arrived: bool) -> None:  # noqa: FBT001 - a case
    call = Scripted(Notify(once=True), ends(UNKNOWN))
    site = installation(with_notify(call))
    site.run_for(300, DAY)
    assert state(site, NOTIFY) == ("unknown", 1)
    with site.agent.ctx.store.write() as tx:
        said = actions.resolve(tx, tx.exec(select(Order)).one(), site.clock.now(), "Ana", shipped=arrived)
    assert said == f"its notify call is {'recorded as done' if arrived else 'sent again'}"
    site.run_for(300, DAY)
    assert state(site, NOTIFY) == ("done", 1 if arrived else 2)
    assert site.ask("SELECT ship_confirmed_at FROM orders") == [(None,)], "nothing is said of the order itself"


def test_whether_its_trouble_makes_the_order_attention_is_its_own_affair(installation: Raise) -> None:
    call = Scripted(Notify(once=False), ends(REFUSED, 422))
    site = installation(with_notify(call))
    site.run_for(300, DAY)
    assert order_of(site)["stage"] == "attention"
    quiet = Rule(BEFORE.when, by_row=True, attention=frozenset())
    site.agent.ctx.calls = with_notify(call, quiet)
    assert order_of(site)["stage"] == "ready"
    site.agent.ctx.settings = site.settings.model_copy(update={"calls": {}})
    assert order_of(site)["stage"] == "ready", (
        "also if it is switched off, or on the page, which knows no keys of calls"
    )


def test_it_is_explained_with_every_attempt(installation: Raise, once: bool) -> None:  # noqa: FBT001 - a fixture
    call = Scripted(Notify(once=once), ends(NOT_SENT))
    site = installation(with_notify(call))
    site.run_for(10)
    told = order_of(site)
    assert (told["next_code"], "notification call" in str(told["next"])) == ("later", True)
    site.run_for(DAY, DAY)
    told = order_of(site)
    (notify,) = [each for each in told["calls"] if each["kind"] == NOTIFY]  # type: ignore[attr-defined]
    assert [each["outcome"] for each in notify["attempts"]] == ["not_sent", "done"]
    assert told["next_code"] == "warehouse", "what its row says is done is not due any more"


def test_status_loads_the_calls_only_for_one_that_declares_its_own_sentences() -> None:
    code = """
import sys
from supplier_agent.reports.health import load_sentences
from supplier_agent.verdict import Problem, ProblemCode
for kind in ("ship", "notify"):
    load_sentences([Problem(ProblemCode.CALL_PARKED, facts={"kind": kind})])
    print("supplier_agent.calls" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"], "they bring HTTP and ORM along"


def test_its_sentences_replace_none_of_the_programs_and_without_them_its_code_is_shown() -> None:
    add_sentences(
        {"stage.ready": "never", "fix.call_parked.thing": "look at the shop, then: supplier-agent retry %(order)s"}
    )
    assert say("stage.ready") == "ready"
    parked = {"order": "1_1", "supplier": SUPPLIER, "detail": "no"}
    assert say("fix.call_parked", {**parked, "kind": "ship"}).startswith("supplier-agent retry 1_1")
    assert say("fix.call_parked", {**parked, "kind": "thing"}) == "look at the shop, then: supplier-agent retry 1_1"
    assert say("problem.call_unknown", {**parked, "kind": "other"}) == (
        "other call: we do not know whether the receiver received it: no"
    )


def test_it_is_rehearsed_and_not_made(installation: Raise, once: bool, rule: Rule) -> None:  # noqa: FBT001 - a fixture
    call = Scripted(Notify(once=once))
    calls = with_notify(call, rule)
    site = installation(calls)
    site.stop()
    site.executor = rehearsal = Rehearsal(site.clock, calls, AtOnce())
    site.start()
    site.agent.ctx.labels = RehearsedLabels(site.settings.state_dir)
    reach(site, DAY)
    assert call.made == []
    lines = list(Rehearsed(0, rehearsal.calls, (), (), calls).lines())
    (this,) = ids(site)
    assert lines.count(f"would notify the shop of {this} ({SUPPLIER})") == 1


def test_it_is_counted(installation: Raise) -> None:
    call = Scripted(Notify(once=False), ends(REFUSED, 422))
    site = installation(with_notify(call))
    site.run_for(300, DAY)
    ctx, tally = site.agent.ctx, Tally()
    with ctx.store.read() as tx:
        tally.catch_up(within(tx), kinds=ctx.calls)
        figures = {each.name: dict(each.values) for each in gauges(tx, ctx.settings, tally.orders, site.clock.now())}
    assert tally.outcomes[SUPPLIER, "notification", "refused"] == 1
    assert figures["calls"][SUPPLIER, NOTIFY, "parked"] == 1


def test_what_is_unfinished_is_kept(installation: Raise) -> None:
    call = Scripted(Notify(once=False), ends(LATER), ends(REFUSED, 422))
    site = installation(with_notify(call, AFTER), keep={"labels_days": 1, "journal_days": 1})
    reach(site, 2 * DAY)
    assert state(site, NOTIFY) == ("parked", 2)
    ctx = site.agent.ctx
    retention = Retention(ctx.store, LabelFolder(ctx.settings.state_dir), site.clock, Log(None), lambda: ctx.settings)
    site.clock.sleep(60 * DAY)
    retention.go_round(lambda: False)
    attempts = "SELECT count(*) FROM attempts JOIN calls ON calls.id = call_id WHERE kind = 'notify'"
    assert site.ask(attempts) == [(2,)]
    with ctx.store.write() as tx:
        actions.retry(tx, tx.exec(select(Order)).one(), site.clock.now(), "Ana")
    site.run_for(300, DAY)
    site.clock.sleep(90 * DAY)
    retention.go_round(lambda: False)
    assert (state(site, NOTIFY), site.ask(attempts)) == (("done", 3), [(1,)])


def test_a_clock_that_is_set_back_delays_it_by_no_more_than_its_longest_wait(installation: Raise) -> None:
    call = Scripted(Notify(once=False))
    site = installation(with_notify(call))
    site.run_for(10)
    with site.agent.ctx.store.write() as tx:
        tx.connection().exec_driver_sql("UPDATE calls SET due_at = '2027-06-01 00:00:00.000000' WHERE kind = 'notify'")
    plan.clock_changed(site.agent.ctx)
    site.run_for(DAY, DAY)
    assert state(site, NOTIFY) == ("done", 1)


def test_a_kind_that_is_not_known_holds_its_order_and_is_said(installation: Raise) -> None:
    site = installation(with_notify(Scripted(Notify(once=False))))
    site.run_for(10)
    site.stop()
    site.calls = CALLS  # the program of before, without that call
    site.start()
    site.run_for(60)
    told = order_of(site)
    assert (told["stage"], "calls.kind" in str(told["problem"])) == ("attention", True)


@pytest.mark.parametrize("missing", ["call", "rule"])
def test_a_rule_without_its_call_and_a_call_without_its_rule_are_refused(missing: str) -> None:
    calls, rules = {**CALLS, NOTIFY: Notify(once=False)}, {**WANTED, NOTIFY: BEFORE}
    del {"call": calls, "rule": rules}[missing][NOTIFY]  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match=r"notify: a call needs a rule in order\.WANTED and a file in calls/"):
        Calls(calls, rules)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"notify": {"enabld": True}},
            "calls.notify.enabld is not a key of the configuration; did you mean calls.notify.enabled?",
        ),
        ({"notify": {"enabled": "perhaps"}}, "calls.notify.enabled: Input should be a valid boolean"),
        ({"notfy": {"enabled": True}}, "calls.notfy is not an outward call; did you mean calls.notify?"),
        ({"zzz": {}}, "calls.zzz is not an outward call; leave it out"),
    ],
)
def test_a_mistake_in_its_section_is_said(tmp_path: Path, given: dict[str, dict[str, object]], said: str) -> None:
    calls = with_notify(Notify(once=False))
    with pytest.raises(ConfigError) as caught:
        calls.check(settings_for(tmp_path, SUPPLIER, calls=given))
    assert said in caught.value.what
    calls.check(settings_for(tmp_path, SUPPLIER, calls={"notify": {"enabled": True}}))


@pytest.mark.parametrize("is_on", [True, False])
def test_the_page_knows_without_its_keys_whether_it_is_on(tmp_path: Path, is_on: bool) -> None:  # noqa: FBT001 - a parameter of the test
    calls = with_notify(Notify(once=False))
    settings = settings_for(tmp_path, SUPPLIER, calls={"notify": {"enabled": is_on}})
    again = read_back(without_secrets(settings, calls.rules(settings)), {})
    assert not again.calls
    assert (NOTIFY in calls.rules(settings), NOTIFY in calls.rules(again)) == (is_on, is_on)


def test_its_keys_come_from_a_file_or_from_variables(tmp_path: Path) -> None:
    file = tmp_path / "agent.toml"
    file.write_text('state_dir = "state"\n[calls.notify]\nenabled = false\n[suppliers.notio]\ntoken = "t"\n')
    calls = with_notify(Notify(once=False))
    assert not calls.is_on(NOTIFY, load(file, {}))
    env = {"SUPPLIER_AGENT_CALLS__NOTIFY__ENABLED": "true"}
    assert calls.is_on(NOTIFY, load(file, env))
    assert calls.is_on("ship", load(file, {})), "it has no such key"
    assert Shown("calls.notify.enabled", HIDDEN, "SUPPLIER_AGENT_CALLS__NOTIFY__ENABLED") in shown(file, env)
    assert Shown("calls.notify.enabled", HIDDEN, f"{file}:3") in shown(file, {})
    with pytest.raises(ConfigError, match="SUPPLIER_AGENT_CALLS__NOTIFY: there is no such setting"):
        load(file, {"SUPPLIER_AGENT_CALLS__NOTIFY": "true"})


def test_of_the_calls_of_this_program_the_most_urgent_goes_first_and_one_alone_goes_once() -> None:
    assert [call.PRIORITY for call in CALLS.values()] == sorted(call.PRIORITY for call in CALLS.values())
    assert [kind for kind in CALLS if kind in {"ship", "acknowledge", "label"}] == ["ship", "acknowledge", "label"]
    assert ("ship" in CALLS.once, CALLS.ledgered) == (True, "ship")
    assert timedelta(0) == CALLS["label"].delay(settings_for(Path(), SUPPLIER))
