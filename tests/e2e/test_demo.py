"""`supplier-agent demo` as a visitor sees it: it ends well, says what happened, leaves nothing, and tells when a claim is false."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from supplier_agent.db.store import open_store
from supplier_agent.db.tables import Order
from supplier_agent.sandbox.demo.marketplace import compare
from supplier_agent.sandbox.world import World
from supplier_agent.settings import Settings

pytestmark = pytest.mark.slow  # it plays a whole day

LONGEST_SECONDS = 60  # about 12 on two free cores
Played = tuple[subprocess.CompletedProcess[str], float, Path]
DEMO = (sys.executable, "-m", "supplier_agent", "demo")


def environment(temporary: Path) -> dict[str, str]:
    """Return an environment in which every temporary file lies in that folder, with settings that must not reach the demo."""
    foreign = {"SUPPLIER_AGENT_STATE_DIR": str(temporary / "not-here"), "SUPPLIER_AGENT_SHIP__UNDO_SECONDS": "600"}
    return {**os.environ, **foreign, "TMPDIR": str(temporary), "PYTHONUNBUFFERED": "1"}


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple["subprocess.Popen[str]", Path]]:
    """Return a demo whose reader left after the first line, and its temporary folder."""
    folder, pipe = tmp_path_factory.mktemp("left"), subprocess.PIPE
    with subprocess.Popen(DEMO, env=environment(folder), stdout=pipe, stderr=pipe, text=True) as demo:
        assert demo.stdout is not None
        demo.stdout.readline()
        demo.stdout.close()
        yield demo, folder


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory, left: object) -> Played:  # noqa: ARG001 - that one plays meanwhile
    """Return one demo that ran to its end, how long it took, and its temporary folder."""
    folder = tmp_path_factory.mktemp("demo")
    started = time.monotonic()
    done = subprocess.run(DEMO, env=environment(folder), capture_output=True, text=True, check=False, timeout=120)
    return done, time.monotonic() - started, folder


def test_the_demo_ends_well_and_in_time(played: Played) -> None:
    done, seconds, _ = played
    assert done.returncode == 0, done.stdout + done.stderr
    assert seconds < LONGEST_SECONDS


def test_the_demo_leaves_nothing_behind(played: Played) -> None:
    _, _, folder = played
    assert not list(folder.iterdir())


def test_the_demo_is_plain_text_without_the_agents_log(
    played: Played,
) -> None:
    done, _, _ = played
    assert not done.stderr
    assert "\x1b" not in done.stdout
    assert '"event"' not in done.stdout


@pytest.mark.parametrize(
    "sentence",
    [
        r"agent +\d+_\d+ +acknowledged",
        r"agent +\d+_\d+ +label: not ready: .*; it is tried again",
        r"agent +\d+_\d+ +label stored",
        r"agent +notio +an entry is kept word for word, unused: menzzo_order_id is null",
        r"warehouse +\d+_\d+ +UPDATE orders SET shipped = 1 WHERE menzzo_order_id = '\d+_\d+'",
        r"warehouse +\d+_\d+ +supplier-agent ship ID: marked as shipped; it waits for its label",
        r"warehouse +\d+_\d+ +supplier-agent unship ID: no longer marked as shipped",
        r"but the database refuses: too late to undo",
        r"agent +\d+_\d+ +ship: OUTCOME UNKNOWN .* Not repeated; a person decides",
        r"\$ supplier-agent order \d+_\d+",
        r"ship: unknown",
        r"\$ supplier-agent resolve \d+_\d+ --shipped --by Anna",
        r"\d+_\d+: recorded as shipped; nothing is sent",
        r"marketplace +\d+_\d+ +is listed only now, with an old number",
        r"agent +\d+_\d+ +reported as shipped, and confirmed by the marketplace",
        r"agent +\d+_\d+ +made in the supplier's own shop, too",
        r"shop +\d+_\d+ +is completed in notio's own shop, as order \d+",
        r"agent +\d+_\d+ +marked as shipped: it is completed in the shop",
        r"erp +\d+_\d+ +the webhook says order.shipped; its signature is right",
        r"All of them are zero: the records match",
    ],
)
def test_the_demo_tells_it(played: Played, sentence: str) -> None:
    done, _, _ = played
    assert re.search(sentence, done.stdout), done.stdout


def test_every_difference_that_is_counted_is_zero(
    played: Played,
) -> None:
    done, _, _ = played
    counted = re.findall(
        r"^  (lost|invented|unasked|twice|forgotten|recorded|not|more|without)\b.*?((?: +\d+)+)$",
        done.stdout,
        re.MULTILINE,
    )
    assert len(counted) == 12
    assert all(set(numbers.split()) == {"0"} for _, numbers in counted)


def test_ctrl_c_ends_the_demo_at_once_and_leaves_nothing(tmp_path: Path) -> None:
    with subprocess.Popen(DEMO, env=environment(tmp_path), stdout=subprocess.PIPE, text=True) as demo:
        assert demo.stdout is not None
        for line in demo.stdout:
            if "acknowledged: " in line:
                break
        demo.send_signal(signal.SIGINT)
        rest, _ = demo.communicate(timeout=LONGEST_SECONDS)
    assert demo.returncode == 130
    assert rest.endswith("Stopped. Nothing is left behind.\n")
    assert not list(tmp_path.iterdir())


def test_a_reader_who_has_seen_enough_is_no_error(left: tuple["subprocess.Popen[str]", Path]) -> None:
    demo, folder = left
    assert demo.stderr is not None
    assert not demo.stderr.read()
    demo.wait(timeout=LONGEST_SECONDS)
    assert not list(folder.iterdir())


def test_a_claim_that_is_not_so_is_found(tmp_path: Path) -> None:
    now = datetime(2026, 11, 21, tzinfo=UTC)
    world = World.with_orders(3, today=date(2026, 11, 21), suppliers=("notio",))
    lost, unasked, invented_as_shipped = world.orders("notio")
    unasked.shipped_at.append(now)
    settings = Settings(base_url="http://127.0.0.1:1", state_dir=tmp_path, suppliers={"notio": {"token": "a-token"}})
    store = open_store(tmp_path / "agent.db", agent=True)
    with store.write() as tx:
        for number, claimed in enumerate((unasked, invented_as_shipped)):
            tx.add(
                Order(
                    supplier="notio",
                    menzzo_order_id=claimed.menzzo_order_id,
                    increment_id=claimed.increment_id,
                    sale_product_id=str(number),
                    first_seen_at=now,
                    ship_confirmed_at=now,
                )
            )
    with store.read() as tx:
        found = compare(tx, world, settings, flagged=())
    store.close()
    counts = {line.what: line.counts for line in found.lines if any(line.counts)}
    assert not found.holds
    assert counts["lost: listed, but not stored"] == (1,), lost
    assert counts["unasked: reported without a mark"] == (1,)
    assert counts["recorded differently"] == (1,)
