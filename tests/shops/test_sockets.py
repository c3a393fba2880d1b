"""The same with real sockets, real processes and SIGKILL: however an answer is lost, the shop has one order."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from supplier_agent.base.clock import SystemClock
from supplier_agent.calls import CALLS, Job
from supplier_agent.calls.shop_order import SETTLE
from supplier_agent.integrations.shops.account import make_client
from supplier_agent.integrations.shops.client import ShopClient
from supplier_agent.marketplace import Means
from supplier_agent.marketplace.wire import Wire
from supplier_agent.outbox import DONE, LATER, NOT_SENT, REFUSED, UNKNOWN
from supplier_agent.sandbox import faults
from supplier_agent.sandbox.server import Sandbox
from supplier_agent.sandbox.shops import PLATFORMS, Shop, open_shop
from supplier_agent.sandbox.world import World
from supplier_agent.settings import Settings
from supplier_agent.settings.shop import CREDENTIALS
from tests.shops.conftest import CREATES, SUPPLIER, does, shop_section

CALL = CALLS["shop_order"]
REFERENCE = "15000012345_789"


@pytest.fixture
def sandbox(platform: str) -> Iterator[Sandbox]:
    world = World(SystemClock(), (SUPPLIER,))
    world.shops[platform] = open_shop(platform, world.clock)
    with Sandbox(world) as served:
        yield served


def shop_of(sandbox: Sandbox, platform: str) -> Shop:
    return sandbox.world.shops[platform]


def client(sandbox: Sandbox, platform: str, folder: Path, seconds: float = 1.0) -> ShopClient:
    shop = shop_of(sandbox, platform)
    section = shop_section(
        folder, platform, shop.credentials, url=f"{sandbox.url}/{platform}", requests_per_second=1000
    )
    settings = Settings(state_dir=folder, suppliers={SUPPLIER: {"token": "x", "shop": section}})
    clock = SystemClock()
    made = make_client(settings, SUPPLIER, Wire(clock, seconds), clock, lambda: shop.credentials)
    return made.for_call(lambda _seconds: None)


def job(maybe_sent_at: datetime | None = None) -> Job:
    now = datetime.now(UTC)
    return Job(
        kind="shop_order", call_id=1, number=1, order_id=1, supplier=SUPPLIER, menzzo_order_id=REFERENCE,
        increment_id="15000012345", order_date=None, link_to_label=None, owed_at=now, strikes=0, lane_was_failing=False,
        not_found_since=None, maybe_sent_at=maybe_sent_at, asked=frozenset(),
        facts={"sku": "SOFA-3P", "quantity": 1, "price_cents": 24905},
    )  # fmt: skip


DROPS = [
    faults.close(applied=True),
    faults.reset(applied=True),
    faults.half_head(applied=True),
    faults.half_body(applied=True),
    faults.hang(applied=True),
    faults.garbage(applied=True),
    faults.drip_body(0.2, applied=True),
    faults.gzip_bomb(applied=True),
    faults.html(applied=True),
    faults.status(502, applied=True),
    faults.redirect("http://127.0.0.1:9/else", applied=True),
]


OF_ALL = {"close", "html", "status 502"}
"""What every platform is tried with: the others are met by the code that all of them share."""
CASES = [
    pytest.param(platform, fault, id=f"{platform}-{fault.name}", marks=[pytest.mark.slow] * (platform != "woocommerce"))
    for platform in PLATFORMS
    for fault in DROPS
    if platform == "woocommerce" or fault.name in OF_ALL
]


@pytest.mark.parametrize(("platform", "fault"), CASES, indirect=["platform"])
def test_a_dropped_answer_is_found_by_the_next_try(
    sandbox: Sandbox, platform: str, tmp_path: Path, fault: faults.Fault
) -> None:
    shop = shop_of(sandbox, platform)
    shop.store.sells("SOFA-3P")
    sandbox.world.faults.arm(platform, fault, when=lambda line: does(line) == CREATES[platform])
    first = CALL.perform(job(), client(sandbox, platform, tmp_path))
    assert first.outcome.kind in {UNKNOWN, REFUSED}  # type: ignore[union-attr]
    assert len(shop.store.orders) == 1
    second = CALL.perform(job(datetime.now(UTC)), client(sandbox, platform, tmp_path))
    assert second.outcome.kind == DONE  # type: ignore[union-attr]
    assert len(shop.store.orders) == 1


def test_a_try_that_may_be_at_work_is_waited_for(sandbox: Sandbox, platform: str, tmp_path: Path) -> None:
    shop = shop_of(sandbox, platform)
    shop.store.sells("SOFA-3P")
    soon, long_ago = datetime.now(UTC), datetime.now(UTC) - 2 * SETTLE
    waits = CALL.perform(job(soon), client(sandbox, platform, tmp_path))
    assert (waits.outcome.kind, len(shop.store.orders)) == (LATER, 0)  # type: ignore[union-attr]
    made = CALL.perform(job(long_ago), client(sandbox, platform, tmp_path))
    assert (made.outcome.kind, len(shop.store.orders)) == (DONE, 1)  # type: ignore[union-attr]


def test_nothing_is_made_if_the_search_fails(sandbox: Sandbox, platform: str, tmp_path: Path) -> None:
    sandbox.world.faults.arm(platform, faults.close(applied=False), when=lambda line: does(line) == "GET", times=5)
    ended = CALL.perform(job(), client(sandbox, platform, tmp_path))
    assert (ended.outcome.kind, ended.outage) == (NOT_SENT, True)  # type: ignore[union-attr]
    assert shop_of(sandbox, platform).store.orders == {}


def test_what_is_no_answer_of_the_shop_proves_no_right(sandbox: Sandbox, platform: str, tmp_path: Path) -> None:
    rights = len(client(sandbox, platform, tmp_path).platform.scopes())
    for fault in (faults.html(), faults.empty(), faults.status(204)):
        sandbox.world.faults.arm(platform, fault, times=rights)
        assert [verdict.means for _, verdict in client(sandbox, platform, tmp_path).prove()] == [Means.UNCLEAR] * rights
    assert [verdict.means for _, verdict in client(sandbox, platform, tmp_path).prove()] == [Means.CONFIRMED] * rights


def test_no_secret_is_in_what_a_refusal_says(sandbox: Sandbox, platform: str, tmp_path: Path) -> None:
    shop = shop_of(sandbox, platform)
    echo = faults.status(400, body=f"you sent {shop.credentials}".encode())
    sandbox.world.faults.arm(platform, echo, times=5)
    ended = CALL.perform(job(), client(sandbox, platform, tmp_path))
    for secret in shop.credentials.split("\n"):
        assert secret not in ended.outcome.detail  # type: ignore[union-attr]


def write_configuration(folder: Path, sandbox: Sandbox, platform: str) -> Path:
    section = shop_section(folder, platform, shop_of(sandbox, platform).credentials, url=f"{sandbox.url}/{platform}")
    keys = "\n".join(f"{key} = {json.dumps(str(value))}" for key, value in section.items())
    file = folder / "agent.toml"
    file.write_text(
        f'base_url = "{sandbox.url}"\nstate_dir = "{folder / "state"}"\nrequests_per_second = 100\n'
        f'[suppliers.{SUPPLIER}]\ntoken = "sandbox-{SUPPLIER}"\n'
        f"[suppliers.{SUPPLIER}.shop]\nrequests_per_second = 50\n{keys}\n"
    )
    file.chmod(0o600)
    return file


def agent(configuration: Path, *words: str) -> list[str]:
    return [sys.executable, "-m", "supplier_agent", "--config", str(configuration), *words]


def env() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("SUPPLIER_AGENT")}


@pytest.mark.slow
def test_killed_between_the_order_and_its_settling_it_makes_no_second_one(
    sandbox: Sandbox, platform: str, tmp_path: Path
) -> None:
    shop = shop_of(sandbox, platform)
    order = sandbox.world.arrive(SUPPLIER)
    shop.store.sells(order.sku)
    file = write_configuration(tmp_path, sandbox, platform)
    sandbox.world.faults.arm(platform, faults.hang(applied=True), when=lambda line: does(line) == CREATES[platform])
    process = subprocess.Popen(
        agent(file, "run", "--once"), env=env(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        for _ in range(1500):  # its own time: on a busy machine it takes long to start
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.2)
                break
            if shop.store.orders:
                break
        assert len(shop.store.orders) == 1
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    again = subprocess.run(agent(file, "run", "--once"), env=env(), capture_output=True, text=True, check=False)
    assert len(shop.store.orders) == 1, again.stderr
    made = [line for line in sandbox.world.log if line.endpoint == platform and does(line) == CREATES[platform]]
    assert len(made) == 1
    listed = subprocess.run(
        agent(file, "shop", "list", "--json"), env=env(), capture_output=True, text=True, check=False
    )
    (line,) = json.loads(listed.stdout)["shops"]
    assert (line["calls"]["done"], line["seen"]) == (1, 1), again.stderr


def test_shop_check_proves_by_reads_alone(sandbox: Sandbox, platform: str, tmp_path: Path) -> None:
    file = write_configuration(tmp_path, sandbox, platform)
    words = agent(file, "shop", "check", SUPPLIER, "--json")
    good = subprocess.run(words, env=env(), capture_output=True, text=True, check=False)
    said = json.loads(good.stdout)
    proved = [True] * (3 if platform == "shopify" else 2)
    assert (good.returncode, [each["proved"] for each in said["rights"]], said["stand_in_only"]) == (0, proved, True)
    assert {does(line) for line in sandbox.world.log} == {"GET"}
    (tmp_path / CREDENTIALS[platform][-1]).write_text("wrong")
    bad = subprocess.run(words, env=env(), capture_output=True, text=True, check=False)
    rights = [each["proved"] for each in json.loads(bad.stdout)["rights"]]
    assert (bad.returncode, rights) == (77, [False] * len(proved))


def test_without_a_shop_nothing_of_it_is_imported() -> None:
    code = (
        "import sys; from supplier_agent.runtime import wiring; from supplier_agent import cli, check, agent; "
        "print([each for each in sys.modules if 'integrations' in each or 'read_back' in each])"
    )
    said = subprocess.run([sys.executable, "-c", code], env=env(), capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"
