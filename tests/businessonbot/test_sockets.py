"""The message over real sockets: what each answer means, whatever goes wrong on the way."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from supplier_agent.base.clock import SystemClock
from supplier_agent.calls import CALLS, Ending, Job
from supplier_agent.calls.dispatched import TOO_OLD
from supplier_agent.integrations.businessonbot import Bot
from supplier_agent.marketplace.rate_limit import Pace
from supplier_agent.marketplace.wire import Wire
from supplier_agent.outbox import DONE, LATER, NOT_SENT, REFUSED, UNKNOWN
from supplier_agent.sandbox import faults
from supplier_agent.sandbox.businessonbot import BotSemantics
from supplier_agent.sandbox.server import Sandbox
from supplier_agent.sandbox.world import World
from supplier_agent.settings import Settings

CALL, BOT, KEY = CALLS["dispatched"], "businessonbot", "sandbox-guest"
AT = datetime(2026, 11, 23, 6, tzinfo=UTC)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(World(SystemClock(), ("notio",))) as served:
        yield served


@pytest.fixture(autouse=True)
def fresh(sandbox: Sandbox) -> None:
    sandbox.world.bot.messages.clear()
    sandbox.world.bot.semantics = BotSemantics()


def told(
    sandbox: Sandbox, *, url: str = "", key: str = KEY, number: str = "1581", owed_at: datetime | None = None
) -> Ending:
    clock = SystemClock()
    bot = Bot(url or f"{sandbox.url}/businessonbot", lambda: key, Wire(clock, 0.7), Pace(clock, 1000), clock)
    job = Job(
        kind="dispatched", call_id=1, number=1, order_id=None, supplier="notio", menzzo_order_id="notio/101/dispatched",
        increment_id="", order_date=None, link_to_label=None, owed_at=owed_at or clock.now(), strikes=0, lane_was_failing=False,
        not_found_since=None, asked=frozenset(), facts={"shop_id": "101", "number": number, "dispatched_at": AT},
    )  # fmt: skip
    ending = CALL.perform(job, bot.for_call(lambda _seconds: None))
    assert isinstance(ending, Ending)
    assert KEY not in ending.outcome.detail
    return ending


def answered(code: object, status: str = "failure") -> bytes:
    return f'{{"status":"{status}","statusCode":{code},"error":"of +33612345678"}}'.encode()


def test_the_body_is_the_documented_one(sandbox: Sandbox) -> None:
    assert told(sandbox).outcome.kind == DONE
    assert sandbox.world.bot.messages == [
        {
            "delivery_id": "101-dispatched", "id": "101", "id_alias": "1581", "fulfillment_id": "101", "status": "Dispatched",
            "delivered_at": "2026-11-23T06:00:00Z",
        }
    ]  # fmt: skip
    told(sandbox, number="101")
    assert "id_alias" not in sandbox.world.bot.messages[1]


CASES = [
    # It may have arrived: not repeated, and a person decides.
    (faults.close(applied=True), UNKNOWN), (faults.reset(applied=True), UNKNOWN), (faults.half_head(applied=True), UNKNOWN),
    (faults.half_body(applied=True), UNKNOWN), (faults.hang(applied=True), UNKNOWN), (faults.garbage(applied=True), UNKNOWN),
    (faults.drip_body(0.2, applied=True), UNKNOWN), (faults.gzip_bomb(applied=True), UNKNOWN), (faults.html(applied=True), UNKNOWN),
    (faults.status(500, applied=True), UNKNOWN), (faults.status(503, applied=True), UNKNOWN), (faults.status(408), UNKNOWN),
    (faults.status(200, body=b""), UNKNOWN), (faults.status(204), UNKNOWN), (faults.status(200, body=b"null"), UNKNOWN),
    (faults.status(200, body=b"x" * (1 << 20)), UNKNOWN), (faults.status(200, body=b"[" * 60_000), UNKNOWN),
    (faults.status(200, body=b'{"status":"success"}'), UNKNOWN), (faults.status(200, body=b'{"statusCode":200}'), UNKNOWN),
    (faults.status(200, body=answered("true", "success")), UNKNOWN), (faults.status(200, body=answered(200, "success")), UNKNOWN),
    (faults.status(200, body=b'{"status":"success","statusCode":200,"statusCode":400}'), UNKNOWN),
    (faults.status(200, body=answered(500)), UNKNOWN), (faults.status(500, body=answered(500)), UNKNOWN),
    # It was refused: a person decides.
    (faults.status(400, body=answered(400)), REFUSED), (faults.status(200, body=answered(400)), REFUSED),
    (faults.status(404, body=answered(404)), REFUSED), (faults.status(400), REFUSED), (faults.status(422), REFUSED),
    (faults.redirect("http://127.0.0.1:9/else"), REFUSED),
    # It certainly did not arrive: sent later.
    (faults.status(404), NOT_SENT), (faults.status(429), LATER), (faults.status(401), LATER), (faults.status(403), LATER),
    (faults.status(200, body=answered(401)), LATER), (faults.status(200, body=answered(429)), LATER),
]  # fmt: skip


def test_each_answer_means_what_may_be_done_next(sandbox: Sandbox) -> None:
    for place, (fault, kind) in enumerate(CASES):
        sandbox.world.faults.arm(BOT, fault, times=1)
        ending = told(sandbox)
        assert ending.outcome.kind == kind, (place, fault.name, ending)
        assert "336" not in ending.outcome.detail, "nothing of an answer is kept"


def test_a_wrong_key_pauses_the_account_wherever_the_answer_stands(sandbox: Sandbox) -> None:
    for failures in ("status", "body"):
        sandbox.world.bot.semantics = BotSemantics(failures=failures)
        assert told(sandbox, key="expired").token_refused


def test_a_limit_says_how_long_to_wait(sandbox: Sandbox) -> None:
    sandbox.world.faults.arm(BOT, faults.status(429, headers=(("Retry-After", "120"),)), times=1)
    assert told(sandbox).quiet_seconds == 120


def test_without_a_connection_it_was_not_sent(sandbox: Sandbox) -> None:
    assert told(sandbox, url="http://127.0.0.1:9").outcome.kind == NOT_SENT


def test_old_news_are_not_sent(sandbox: Sandbox) -> None:
    ending = told(sandbox, owed_at=datetime.now(UTC) - TOO_OLD - timedelta(minutes=1))
    assert (ending.outcome.kind, sandbox.world.bot.messages) == (REFUSED, [])


def test_it_is_sent_once() -> None:
    assert CALL.ONCE
    assert not CALL.repeats_lost(Settings(suppliers={"notio": {"token": "x"}}))


def test_while_it_is_off_nothing_of_it_is_imported() -> None:
    code = (
        "import sys; from supplier_agent.runtime import wiring; from supplier_agent import cli, check, agent; "
        "from supplier_agent.web import app; "
        "print([each for each in sys.modules if 'web.bot' in each or 'integrations' in each or 'own_orders' in each"
        " and not each.endswith('reading.own_orders')])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"
