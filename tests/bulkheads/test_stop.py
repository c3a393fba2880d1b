"""SIGTERM ends the program within 45 s, whatever hangs, and nothing is lost or done twice by it."""

import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from supplier_agent.labels.pdf import SECONDS
from supplier_agent.sandbox import faults
from supplier_agent.sandbox.faults import Endpoint
from tests.bulkheads.conftest import STOP_SECONDS, Plant
from tests.world.clocks import until

pytestmark = pytest.mark.slow

SUPPLIERS = ("asir-group", "notio")
ENDPOINTS: tuple[Endpoint, ...] = ("get-sales", "acknowledge-sale", "ship-sale", "label")
NEVER_ENDING = 3600
HANGING = """
import socket, sys, time

real = socket.getaddrinfo

def look_up(host, *rest, **more):
    if host == "nowhere.example":
        time.sleep(3600)
    return real(host, *rest, **more)

socket.getaddrinfo = look_up
if "supplier_agent.labels.pdf_worker" in sys.orig_argv:
    time.sleep(3600)
"""
"""Read by each Python at its start: a name that the resolver never answers for, and a PDF process that never begins."""

Build = Callable[[Sequence[str], int], Plant]
QUICK = {"poll_seconds": 1, "off_hours_poll_seconds": 1}


@pytest.fixture
def hanging(tmp_path: Path) -> dict[str, str]:
    """Return the environment in which the resolver and the PDF process hang."""
    folder = tmp_path / "hanging"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(HANGING)
    return {"PYTHONPATH": str(folder)}


def test_a_stop_while_everything_hangs_at_once(build: Build, hanging: dict[str, str]) -> None:
    """A hung server, a hung resolver, a hung PDF process, a hung ping, a hung alert and a locked database."""
    plant = build(SUPPLIERS, 6)
    dead = "http://nowhere.example/"
    plant.configure(
        {name: {"heartbeat_url": dead} for name in SUPPLIERS},
        requests_per_second=20,
        heartbeat_url=plant.sandbox.url + "/hung",
        schedule=QUICK,
        ship={"undo_seconds": 0},
        http={"timeout_seconds": 60},
        alerts={"urls": ["json://nowhere.example/"], "group_seconds": 1},
    )
    plant.start(env=hanging)
    until(lambda: plant.world.requests("label"), "the first labels, whose checks hang")
    for endpoint in ENDPOINTS:
        plant.world.faults.arm(endpoint, faults.hang(applied=True), seconds=NEVER_ENDING)
    one = plant.world.orders("notio")[0]
    plant.sql(
        "UPDATE orders SET shipped = 1, acknowledged_at = first_seen_at WHERE menzzo_order_id = ?", one.menzzo_order_id
    )
    plant.sql("UPDATE orders SET override_by = 'test' WHERE menzzo_order_id = ?", one.menzzo_order_id)
    until(lambda: any(line.fault for line in plant.world.log), "a request that hangs")
    with closing(sqlite3.connect(plant.state_dir / "agent.db", isolation_level=None, timeout=20)) as editor:
        editor.execute("BEGIN IMMEDIATE")
        seconds = plant.stop()
        editor.execute("ROLLBACK")
    assert seconds < STOP_SECONDS
    assert plant.process is not None
    assert plant.process.returncode == 0, "it came to its end by itself"
    sys.stdout.write(f"stopped after {seconds:.1f} s\n")


def test_a_stop_with_a_hung_pdf_process_alone_is_quick_and_owes_the_labels_again(
    build: Build, hanging: dict[str, str]
) -> None:
    plant = build(SUPPLIERS, 6)
    plant.configure(requests_per_second=20, schedule=QUICK)
    plant.start(env=hanging)
    until(lambda: plant.world.requests("label", "notio"), "a label, whose check hangs")
    assert plant.stop() < SECONDS, "it waits for no check: each would take so long"
    assert plant.process is not None
    assert plant.process.returncode == 0
    states = {state for (state,) in plant.sql("SELECT state FROM calls WHERE kind = 'label'")}
    assert states == {"owed"}
    assert not plant.sql("SELECT 1 FROM orders WHERE label_path IS NOT NULL")
    fetched = len(plant.world.requests("label"))
    plant.start("run", "--once")
    assert plant.process.wait(60) == 0
    assert plant.sql("SELECT count(*) FROM orders WHERE label_path IS NULL") == [(0,)]
    assert len(plant.world.requests("label")) == fetched + 12, "each label is fetched once more, and no more"


def test_a_round_told_to_stop_while_everything_hangs(build: Build, hanging: dict[str, str]) -> None:
    plant = build(SUPPLIERS, 2)
    plant.configure(requests_per_second=20, http={"timeout_seconds": 60})
    plant.world.faults.arm("get-sales", faults.hang(applied=True), seconds=NEVER_ENDING)
    plant.start("run", "--once", env=hanging)
    until(lambda: plant.world.requests("get-sales"), "a request that hangs")
    assert plant.stop() < STOP_SECONDS


def test_a_process_that_cannot_even_hear_the_signal_is_ended_by_the_kernel() -> None:
    """Its main thread never comes back from C code to Python's own loop after the first handler ran."""
    program = (
        "import ctypes, supplier_agent.base.process as stop\n"
        "stop.END_SECONDS = 1\n"
        "stop.Stop()\n"
        "print('up', flush=True)\n"
        "while True: ctypes.CDLL(None).sleep(3600)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        process.terminate()
        began = time.monotonic()
        code = process.wait(20)
        assert time.monotonic() - began < 10
        assert code == -14
