"""`run --once` says why it ends with a code, and what it prints on a terminal never shares a line with its progress."""

import json
import os
import pty
import subprocess
import threading
from datetime import timedelta

import pytest

from supplier_agent.base.clock import SystemClock
from supplier_agent.db.state_folder import LOCK, InstanceLock
from supplier_agent.sandbox.semantics import Semantics
from supplier_agent.sandbox.server import Sandbox
from supplier_agent.sandbox.world import World
from tests.cli.conftest import Installation
from tests.world.clocks import HandClock

pytestmark = pytest.mark.slow

BAD_ENTRY = {"menzzo_order_id": "", "order_date": "2026-11-21"}


def configure(here: Installation, sandbox: Sandbox) -> None:
    here.config.write_text(
        f'state_dir = "{here.folder}"\nbase_url = "{sandbox.url}"\nrequests_per_second = 50\n'
        '[retry]\nonce_patience_seconds = 0\n[log]\nformat = "console"\n[suppliers.notio]\ntoken = "sandbox-notio"\n'
    )


def test_a_round_that_ends_with_a_code_says_why(here: Installation) -> None:
    world = World.with_orders(2, today=HandClock().now().date(), days=1, clock=HandClock(), suppliers=("notio",))
    with Sandbox(world, Semantics(cache_seconds={})) as sandbox:
        configure(here, sandbox)
        world.arrive_raw("notio", BAD_ENTRY)
        done = here.run("--quiet", "run", "--once")
        rehearsed = here.run("--quiet", "run", "--once", "--dry-run")
    for each in (done, rehearsed):
        assert each.returncode == 1
        assert b"supplier-agent: notio: an entry of the list cannot be used" in each.stderr
        assert b"ask technique@menzzo.fr" in each.stderr


def test_a_resync_and_a_dry_run_tell_all_as_json(here: Installation) -> None:
    today = SystemClock().now().date()
    early, start = today - timedelta(days=3), today - timedelta(days=2)
    world = World.with_orders(3, today=today, days=1, clock=SystemClock(), suppliers=("notio",))
    closed = world.arrive("notio", early).menzzo_order_id
    days = ("--from", f"{early}", "--to", f"{today}")
    with Sandbox(world, Semantics(cache_seconds={})) as sandbox:
        configure(here, sandbox)
        with here.config.open("a") as config:
            config.write(f"start_date = {start}\n")
        world.arrive_raw("notio", BAD_ENTRY, today)
        read = here.run("resync", *days, "--json")
        rehearsed = here.run("run", "--once", "--dry-run", "--json")
        lock = InstanceLock(here.folder / LOCK, "run", SystemClock())
        left = here.run("resync", *days, "--json")
        lock.release()

    said = json.loads(read.stdout)
    assert (said["schema"], said["exit_code"], read.returncode) == (1, 1, 1)
    assert [each["code"] for each in said["problems"]] == ["entry_rejected"]
    (run,) = said["runs"]
    assert (run["supplier"], run["date_from"], run["date_to"]) == ("notio", f"{early}", f"{today}")
    assert (run["proof"], run["added"], run["detail"]) == ("complete", 4, None)

    said = json.loads(rehearsed.stdout)
    assert (said["schema"], said["exit_code"], rehearsed.returncode) == (1, 1, 1)
    assert [each["code"] for each in said["problems"]] == ["entry_rejected"]
    served = {order.menzzo_order_id for order in world.orders("notio") if order.row_json is None} - {closed}
    for kind in ("acknowledge", "label"):
        assert {call["menzzo_order_id"] for call in said["calls"] if call["kind"] == kind} == served
    assert [(each["supplier"], each["code"], each["orders"]) for each in said["left_alone"]] == [
        ("notio", "before_start_date", 1)
    ]

    said = json.loads(left.stdout)
    assert (said["exit_code"], left.returncode, said["problems"]) == (0, 0, [])
    (run,) = said["runs"]
    assert (run["supplier"], run["started_at"], run["proof"]) == ("notio", None, None)


def test_json_of_a_run_that_is_no_dry_run_is_refused(here: Installation) -> None:
    done = here.run("run", "--once", "--json")
    assert done.returncode == 2
    assert b"--json goes with --dry-run" in done.stderr


def test_on_a_terminal_no_line_of_the_log_shares_a_line_with_the_progress(here: Installation) -> None:
    world = World.with_orders(3, today=HandClock().now().date(), days=1, clock=HandClock(), suppliers=("notio",))
    with Sandbox(world, Semantics(cache_seconds={})) as sandbox:
        configure(here, sandbox)
        ours, theirs = pty.openpty()
        env = {"TERM": "xterm", "COLUMNS": "200", "NO_COLOR": "1"}
        process = here.start("run", "--once", stdout=subprocess.PIPE, stderr=theirs, env=env)
        os.close(theirs)
        said = bytearray()
        reader = threading.Thread(target=read, args=(ours, said))
        reader.start()
        process.communicate(timeout=60)
        reader.join(timeout=60)
    # What a terminal shows: a carriage return or an erased line begins anew.
    text = said.decode().replace("\x1b[2K", "\r").replace("\x1b[1A", "\r")
    lines = [line for part in text.split("\n") for line in part.split("\r")]
    events = [line for line in lines if "call.done" in line]
    assert events
    assert not [line for line in events if "⠋" in line or "waiting" in line or "page " in line]


def read(descriptor: int, into: bytearray) -> None:
    try:
        while chunk := os.read(descriptor, 4096):
            into += chunk
    except OSError:  # the other side has closed
        pass
