"""What a member of staff can plant in the state folder, which they may write: a configuration, links, pipes. None of it is obeyed.

Tried as ordinary users, and as root, who is the administrator that types a command there.
"""

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from supplier_agent.base.clock import SystemClock
from supplier_agent.db import state_folder
from supplier_agent.sandbox.server import Sandbox
from supplier_agent.sandbox.world import World
from tests.disk.people import AGENT, ROOT_USER, STAFF, User, hall, install, why_not

pytestmark = pytest.mark.slow

TOKEN = "sandbox-notio"
SECRET = "the only copy of something precious"
PLANT = "import os, sys; os.symlink(sys.argv[1], sys.argv[2])"


class Office:
    """A state that the agent has filled, the marketplace, and a thief's server that hears what is sent to it."""

    def __init__(self, folder: Path, sandbox: Sandbox, thief: Sandbox) -> None:
        self.folder, self.world, self.thief = folder, sandbox.world, thief
        self.config, self.state_dir = install(folder, sandbox.url, TOKEN), folder / "state"
        self.token_file = folder / "token"

    def victim(self, owner: User) -> Path:
        """Return a file of the agent's or of root's, which staff may not even read."""
        path = self.folder / f"victim-of-{owner.uid}"
        path.write_text(SECRET)
        os.chown(path, owner.uid, owner.gid)
        path.chmod(0o600)
        return path

    def plant(self, target: Path, name: str) -> None:
        """Put a link there, as a member of staff; what had the name is moved away first, as they may."""
        path = self.state_dir / name
        STAFF.run("sh", "-c", f"mkdir -p {path.parent}; test ! -e {path} || mv {path} {path}.moved")
        done = STAFF.python(PLANT, str(target), str(path))
        assert done.returncode == 0, done.stderr

    def owners(self) -> dict[str, tuple[int, int]]:
        """Return what belongs to others than the agent."""
        found = {str(path.relative_to(self.folder)): path.lstat() for path in self.state_dir.rglob("*")}
        return {name: (each.st_uid, each.st_gid) for name, each in found.items() if each.st_uid != AGENT.uid}


@pytest.fixture
def office() -> Iterator[Office]:
    if (reason := why_not()) is not None:
        pytest.skip(reason)
    clock = SystemClock()
    worlds = [World.with_orders(2, today=clock.now().date(), clock=clock, suppliers=["notio"]) for _ in range(2)]
    with hall() as folder, Sandbox(worlds[0]) as sandbox, Sandbox(worlds[1]) as thief:
        office = Office(folder, sandbox, thief)
        done = AGENT.agent(office.config, "run", "--once")
        assert done.returncode == 0, done.stderr
        yield office


# ------------------------------------------------------------------------------------------------- the configuration


@pytest.mark.parametrize("words", [("run", "--once"), ("status",), ("status", "--json"), ("orders",), ("check",)])
def test_a_planted_configuration_sends_the_token_nowhere(office: Office, words: tuple[str, ...]) -> None:
    planted = office.state_dir / "config" / "supplier-agent.toml"
    text = f'base_url = "{office.thief.url}"\nstate_dir = "/nowhere"\n[suppliers.notio]\ntoken_file = "{office.token_file}"\n'
    STAFF.run("sh", "-c", f"mkdir {planted.parent} && cat > {planted} <<'END'\n{text}END", umask="022")
    assert planted.exists()
    for user in (AGENT, ROOT_USER):
        done = user.agent(None, *words, cwd=str(office.state_dir))
        assert done.returncode == 78, (done.stdout, done.stderr)
        assert "is a state folder, so someone else may have put it there" in done.stderr
        assert "--config" in done.stderr
    assert office.thief.world.log == []


def test_the_folder_need_not_be_a_state_folder_to_be_refused(office: Office) -> None:
    shared = office.folder / "shared"
    (shared / "config").mkdir(parents=True)
    file = shared / "config" / "supplier-agent.toml"
    file.write_text(office.config.read_text().replace('"state"', f'"{office.state_dir}"'))
    for path in (file, file.parent, shared):
        os.chown(path, AGENT.uid, AGENT.gid)
        path.chmod(0o640 if path == file else 0o750)
    assert AGENT.agent(None, "status", cwd=str(shared)).returncode == 0, "others may only read it: it is taken"
    shared.chmod(0o2770)
    done = AGENT.agent(None, "status", cwd=str(shared))
    assert (done.returncode, done.stdout) == (78, "")
    assert f"the group {AGENT.gid} may write {shared}" in done.stderr
    named = AGENT.agent(file, "status")
    assert named.returncode == 0, "a person named it"
    checked = AGENT.agent(file, "check", "--offline").stdout
    assert f"warning  the configuration {file}" in checked
    assert f"the group {AGENT.gid} may write {shared}" in checked
    assert "warning  the configuration" not in AGENT.agent(office.config, "check", "--offline").stdout


def test_a_configuration_in_the_state_folder_that_it_names_is_not_taken(office: Office) -> None:
    place = office.folder / "mine"
    (place / "config").mkdir(parents=True)
    file = place / "config" / "supplier-agent.toml"
    file.write_text('state_dir = ".."\n[suppliers.notio]\ntoken = "x"\n')
    for path in (file, file.parent, place):
        os.chown(path, AGENT.uid, AGENT.gid)
    done = AGENT.agent(None, "check", "--offline", cwd=str(place))
    assert done.returncode == 78
    assert "the state folder that it names" in done.stderr


# ---------------------------------------------------------------------------------------------------------- code


@pytest.mark.parametrize("user", [AGENT, ROOT_USER], ids=["agent", "root"])
def test_no_code_of_staff_s_is_run(office: Office, user: User) -> None:
    """A unit and cron both work in the state folder; Python would look for the modules of a child there first."""
    mark = office.state_dir / "run-by"
    for name in (
        "json",
        "resource",
        "pypdf",
        "sitecustomize",
        "supplier_agent/__init__",
        "supplier_agent/labels/pdfwork",
    ):
        file = office.state_dir / f"{name}.py"
        STAFF.run("sh", "-c", f'mkdir -p {file.parent}; echo \'open("{mark}", "w")\' > {file}', umask="002")
        assert file.exists()
    late = office.world.arrive("notio")
    done = user.agent(office.config, "run", "--once", cwd=str(office.state_dir))
    assert done.returncode == 0, done.stderr
    assert (office.state_dir / "labels" / "notio" / f"{late.menzzo_order_id}.pdf").exists(), "its label was looked at"
    assert not mark.exists()


# ---------------------------------------------------------------------------------------------------- links and pipes

BESIDE = [
    "agent.db.restoring", "agent.db.restoring.part", "agent.db.restoring-wal",
    "agent.db.restoring-shm", "backup.db", "backup.db.part", "backup.db.shipped.jsonl", "backup.db.shipped.jsonl.part",
    "metrics.prom", "metrics.prom.part",
]  # fmt: skip
"""What the commands below make; a link under one of these names is replaced."""
IN_USE = ["agent.db", "agent.db-wal", "agent.lock", "labels"]
"""What is opened as it is; a link under one of these names is refused."""


@pytest.mark.parametrize("user", [AGENT, ROOT_USER], ids=["agent", "root"])
def test_no_link_is_written_through(office: Office, user: User) -> None:
    victim = office.victim(user)
    copy = office.state_dir / "copy.db"
    assert AGENT.agent(office.config, "backup", str(copy)).returncode == 0
    for name in BESIDE:
        office.plant(victim, name)
    for words in (
        ("restore", str(copy)), ("backup", "--overwrite", str(office.state_dir / "backup.db")),
        ("run", "--once", "--metrics-file", str(office.state_dir / "metrics.prom")),
    ):  # fmt: skip
        done = user.agent(office.config, *words)
        assert done.returncode == 0, done.stderr
    untouched(victim, user)
    assert office.owners() == {name: owner for name, owner in office.owners().items() if owner[0] == STAFF.uid}


@pytest.mark.parametrize("name", IN_USE)
def test_no_link_is_opened(office: Office, name: str) -> None:
    office.world.arrive("notio")
    for user in (AGENT, ROOT_USER):
        victim = office.victim(user)
        STAFF.run("rm", "-rf", str(office.state_dir / name))
        office.plant(victim, name)
        done = user.agent(office.config, "run", "--once")
        assert done.returncode == 74, done.stderr
        untouched(victim, user)


def untouched(victim: Path, owner: User) -> None:
    found = victim.stat()
    assert victim.read_text() == SECRET
    assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (owner.uid, owner.gid, 0o600)


def test_a_label_s_folder_that_leads_elsewhere_is_not_entered(office: Office) -> None:
    elsewhere = office.folder / "elsewhere"
    elsewhere.mkdir()
    os.chown(elsewhere, AGENT.uid, AGENT.gid)
    office.plant(elsewhere, "labels/notio")
    office.world.arrive("notio")
    AGENT.agent(office.config, "run", "--once")
    assert list(elsewhere.iterdir()) == []


def test_a_pipe_keeps_nobody_waiting(office: Office) -> None:
    (office.state_dir / state_folder.LOCK).unlink()
    assert STAFF.run("mkfifo", str(office.state_dir / state_folder.LOCK)).returncode == 0
    for user in (AGENT, ROOT_USER, STAFF):
        assert user.agent(office.config, "status").returncode in {0, 1, 3}
    assert AGENT.agent(office.config, "run", "--once").returncode == 74


# ------------------------------------------------------------------------------------------------------ root was here


COMMANDS = [
    ("check",), ("run", "--once"), ("run", "--once", "--dry-run"), ("ship", "{order}"), ("backup", "{state}/root.db"),
    ("hold", "{order}", "--reason", "x"), ("resync", "--from", "2026-11-20", "--to", "2026-11-21"),
    ("release", "{order}"), ("person", "add", "--no-pin", "Anna"), ("status",), ("restore", "{copy}"),
]  # fmt: skip
FIRST = [("restore", "{copy}"), ("run", "--once"), ("check",)]


def root_was_here(office: Office, words: tuple[str, ...], copy: Path) -> None:
    order = office.world.orders("notio")[0].menzzo_order_id
    typed = [word.format(copy=copy, state=office.state_dir, order=order) for word in words]
    done = ROOT_USER.agent(office.config, *typed, umask="077")
    assert done.returncode == 0, (words, done.stdout, done.stderr)
    assert office.owners() == {}, words
    for name in (state_folder.LOCK, state_folder.DATABASE):
        path = office.state_dir / name
        assert not path.exists() or stat.S_IMODE(path.stat().st_mode) == 0o660, words


def test_what_root_does_in_the_folder_is_its_owner_s(office: Office) -> None:
    copy = office.folder / "copy.db"
    assert ROOT_USER.agent(office.config, "backup", str(copy)).returncode == 0
    assert (copy.stat().st_uid, stat.S_IMODE(copy.stat().st_mode)) == (0, 0o600), "root's copy, in root's folder"
    for words in COMMANDS:
        root_was_here(office, words, copy)
    after = AGENT.agent(office.config, "run", "--once")
    assert after.returncode in {0, 1}, after.stderr
    for words in FIRST:  # a new machine: the folder is there, and nothing in it
        shutil.rmtree(office.state_dir)
        office.state_dir.mkdir()
        os.chown(office.state_dir, AGENT.uid, AGENT.gid)
        root_was_here(office, words, copy)


def test_a_dry_run_makes_nothing_at_all(office: Office) -> None:
    config = office.folder / "other.toml"
    config.write_text(office.config.read_text().replace('"state"', '"new/state"'))
    os.chown(config, AGENT.uid, AGENT.gid)
    (office.folder / "new").mkdir()
    os.chown(office.folder / "new", AGENT.uid, AGENT.gid)
    done = AGENT.agent(config, "run", "--once", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "nothing was changed" in done.stdout
    assert list((office.folder / "new").iterdir()) == []
    (office.folder / "new" / "state").mkdir()
    os.chown(office.folder / "new" / "state", AGENT.uid, AGENT.gid)
    assert AGENT.agent(config, "run", "--once", "--dry-run").returncode == 0
    assert list((office.folder / "new" / "state").iterdir()) == []


@pytest.mark.parametrize("words", [("check",), ("run", "--once")])
def test_the_lock_is_open_to_staff_whoever_makes_it(office: Office, words: tuple[str, ...]) -> None:
    lock = office.state_dir / state_folder.LOCK
    for umask in ("022", "077"):
        lock.unlink()
        AGENT.agent(office.config, *words, umask=umask)
        assert stat.S_IMODE(lock.stat().st_mode) == 0o660
