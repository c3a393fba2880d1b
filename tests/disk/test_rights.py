"""Who may do what with the state, tried as ordinary users: staff flag and see no secret; others see nothing."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from supplier_agent.base.clock import SystemClock
from supplier_agent.db import state_folder
from supplier_agent.sandbox.server import Sandbox
from supplier_agent.sandbox.world import World
from tests.disk.people import AGENT, SQL, STAFF, STRANGER, hall, install, why_not

pytestmark = pytest.mark.slow

TOKEN = "sandbox-notio"
FLAG = "UPDATE orders SET shipped = 1 WHERE menzzo_order_id = '{}'"
READ = "import sys; print(len(open(sys.argv[1], 'rb').read()))"


class Office:
    """A state that the agent has filled, and the marketplace beside it."""

    def __init__(self, folder: Path, sandbox: Sandbox) -> None:
        self.world, self.config, self.state_dir = sandbox.world, install(folder, sandbox.url, TOKEN), folder / "state"
        self.database = str(self.state_dir / "agent.db")
        self.token_file = str(folder / "token")
        self.ids = [order.menzzo_order_id for order in self.world.orders("notio")]


@pytest.fixture(scope="module")
def office() -> Iterator[Office]:
    if (reason := why_not()) is not None:
        pytest.skip(reason)
    clock = SystemClock()
    world = World.with_orders(4, today=clock.now().date(), clock=clock, suppliers=["notio"])
    with hall() as folder, Sandbox(world) as sandbox:
        office = Office(folder, sandbox)
        done = AGENT.agent(office.config, "run", "--once")
        assert done.returncode == 0, done.stderr
        yield office


def test_staff_flag_by_sql_and_by_command_whatever_their_umask_and_the_agent_goes_on(office: Office) -> None:
    by_sql, by_command = office.ids[:2]
    assert STAFF.python(SQL, office.database, FLAG.format(by_sql), umask="077").returncode == 0
    done = STAFF.agent(office.config, "ship", by_command, umask="077")
    assert done.returncode == 0, done.stderr
    done = AGENT.agent(office.config, "run", "--once")
    assert done.returncode == 0, done.stderr
    assert {line.menzzo_order_id for line in office.world.requests("ship-sale")} == {by_sql, by_command}


def test_staff_read_labels_and_orders(office: Office) -> None:
    label = office.state_dir / "labels" / "notio" / f"{office.ids[0]}.pdf"
    assert int(STAFF.python(READ, str(label)).stdout) > 100
    assert office.ids[3] in STAFF.agent(office.config, "orders").stdout
    assert STAFF.agent(office.config, "status").returncode == 0


def test_staff_cannot_read_the_ledger_or_the_token(office: Office) -> None:
    for secret in (str(office.state_dir / state_folder.LEDGER), office.token_file):
        done = STAFF.python(READ, secret)
        assert done.returncode != 0
        assert "PermissionError" in done.stderr


def test_staff_cannot_send_for_they_have_no_token(office: Office) -> None:
    before = len(office.world.log)
    done = STAFF.agent(office.config, "run", "--once")
    assert done.returncode in {74, 78}, done.stderr
    assert len(office.world.log) == before


def test_others_can_do_nothing(office: Office) -> None:
    for path in (office.database, office.token_file, str(office.state_dir / state_folder.LEDGER), str(office.config)):
        assert STRANGER.python(READ, path).returncode != 0
    assert STRANGER.python("import os, sys; os.listdir(sys.argv[1])", str(office.state_dir)).returncode != 0
    assert STRANGER.python(SQL, office.database, FLAG.format(office.ids[3])).returncode != 0
    for words in (("ship", office.ids[3]), ("run", "--once")):
        done = STRANGER.agent(office.config, *words)
        assert done.returncode == 78, done.stderr
        assert "ermission" in done.stderr


def test_others_with_a_configuration_of_their_own_are_told_plainly(office: Office, tmp_path: Path) -> None:
    theirs = office.state_dir.parent / "theirs.toml"
    theirs.write_text(
        f'base_url = "http://127.0.0.1:1"\nstate_dir = "{office.state_dir}"\n[suppliers.notio]\ntoken = "abcdefgh"\n'
    )
    os.chown(theirs, STRANGER.uid, STRANGER.gid)
    theirs.chmod(0o600)
    for words in (("orders",), ("status",), ("backup", str(tmp_path / "x"))):
        done = STRANGER.agent(theirs, *words)
        assert done.returncode in {74, 3}, (words, done.stdout, done.stderr)
        assert not (tmp_path / "x").exists()
    assert os.listdir(office.state_dir)  # noqa: PTH208 - names are enough


def test_a_folder_that_cannot_be_written_ends_with_74_and_a_sentence(office: Office) -> None:
    files = [office.state_dir, *office.state_dir.glob("agent.*")]
    for path in files:
        os.chown(path, 0, AGENT.gid)  # the agent would repair what is its own
        path.chmod(0o550 if path.is_dir() else 0o440)
    before = len(office.world.log)
    try:
        for user, words in ((AGENT, ("run", "--once")), (STAFF, ("ship", office.ids[3]))):
            done = user.agent(office.config, *words)
            assert done.returncode == 74, done.stderr
            assert " cannot be " in done.stderr
        assert len(office.world.log) == before
    finally:
        for path in files:
            os.chown(path, AGENT.uid, AGENT.gid)
            path.chmod(0o2770 if path.is_dir() else 0o660)
    done = AGENT.agent(office.config, "run", "--once")
    assert done.returncode == 0, done.stderr


def test_the_rights_are_those_of_the_contract_whatever_the_umask_was(office: Office) -> None:
    office.world.arrive("notio")
    assert AGENT.agent(office.config, "run", "--once", umask="000").returncode == 0
    modes = {path.relative_to(office.state_dir): path.stat().st_mode & 0o7777 for path in office.state_dir.rglob("*")}
    assert office.state_dir.stat().st_mode & 0o7777 == 0o2770
    for path, mode in modes.items():
        wanted = {
            "agent.db": 0o660,
            "agent.db-wal": 0o660,
            "agent.db-shm": 0o660,
            "agent.lock": 0o660,
            "health.json": 0o640,
            "private/shipped.jsonl": 0o600,
            "private/mask.key": 0o600,
        }
        if path.suffix == ".pdf":
            assert mode == 0o640, path
        elif path.name == "private":
            assert mode == 0o700
        elif (office.state_dir / path).is_dir():
            assert mode & 0o007 == 0, path
            assert mode & 0o050 == 0o050, path
        else:
            assert mode == wanted[str(path)], path
