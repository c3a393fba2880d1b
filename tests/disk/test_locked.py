"""A database that another program keeps locked, or that is moved away, replaced, or put back to an older day."""

import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from supplier_agent import actions
from supplier_agent.base.clock import SystemClock
from supplier_agent.db.store import open_store
from supplier_agent.sandbox import faults
from supplier_agent.sandbox.faults import LogLine
from tests.disk.injection import ROOT, configure
from tests.disk.place import Place, place
from tests.promises.shop import open_shop
from tests.world.clocks import until

pytestmark = pytest.mark.slow

HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)
print("there", flush=True)
sys.stdin.readline()
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with place(tmp_path_factory.mktemp("here") / "state", orders=8) as here:
        yield here


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Place]:
    """Return a place whose past a test may destroy."""
    with place(tmp_path / "state", orders=2) as alone:
        yield alone


class Editor:
    """Another process that can hold the lock, as a browser of databases does with an edit that is not saved."""

    def __init__(self, database: Path) -> None:
        command = [sys.executable, "-S", "-c", HOLD, str(database)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._closing = threading.Lock()
        self._hears("there")

    def _hears(self, word: str) -> None:
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == f"{word}\n"

    def lock(self) -> None:
        """Take the lock."""
        assert self._process.stdin is not None
        self._process.stdin.write("now\n")
        self._process.stdin.flush()
        self._hears("held")

    def close(self) -> None:
        """Let go. Again is a no-op."""
        with self._closing:
            if self._process.returncode is None:
                self._process.communicate()


@pytest.fixture
def editor(here: Place) -> Iterator[Editor]:
    editor = Editor(here.database)
    yield editor
    editor.close()


def lock_before_it_is_answered(here: Place, editor: Editor, menzzo_order_id: str, seconds: float) -> None:
    """Have the lock taken for so long while a ship call is in flight: it has arrived, and is not answered yet."""

    def lock(_line: LogLine) -> bool:
        editor.lock()
        threading.Timer(seconds, editor.close).start()
        return True

    here.world.faults.arm("ship-sale", faults.late(0.1), menzzo_order_id=menzzo_order_id, when=lock)


@pytest.mark.usefixtures("impatient")
def test_a_lock_that_lasts_ends_the_round_with_74_and_nothing_is_sent(here: Place, editor: Editor) -> None:
    this = here.unflagged()[0]
    here.flag(this)
    editor.lock()
    assert here.cycle() == 74
    assert here.is_told_plainly(), here.said
    assert "locked by another program" in here.said
    assert here.ships(this) == 0
    editor.close()
    assert here.cycle() == 0
    assert not here.wrong()


@pytest.mark.usefixtures("impatient")
def test_a_lock_taken_while_a_ship_call_is_in_flight_loses_no_answer(here: Place, editor: Editor) -> None:
    this = here.unflagged()[0]
    lock_before_it_is_answered(here, editor, this, 0.6)
    here.flag(this)
    assert here.cycle() == 0, here.said
    assert here.sql("SELECT ship_confirmed_at IS NOT NULL FROM orders WHERE menzzo_order_id = ?", this) == [(1,)]
    assert not here.wrong()


@pytest.mark.usefixtures("impatient")
def test_a_lock_that_outlasts_the_round_is_mended_from_the_ship_ledger(here: Place, editor: Editor) -> None:
    this = here.unflagged()[0]
    lock_before_it_is_answered(here, editor, this, 4)
    here.flag(this)
    assert here.cycle() == 74
    assert "locked by another program" in here.said
    editor.close()
    assert here.sql("SELECT count(*) FROM calls WHERE kind = 'ship' AND state = 'sending'") == [(1,)]
    assert here.cycle() == 0, here.said
    assert here.ships(this) == 1
    assert not here.wrong()


def test_a_label_that_is_gone_or_altered_is_fetched_again_before_the_order_ships(here: Place) -> None:
    gone, cut, altered = chosen = here.unflagged()[:3]
    paths = {this: here.state_dir / "labels" / "notio" / f"{this}.pdf" for this in chosen}
    paths[gone].unlink()
    os.truncate(paths[cut], 100)
    content = paths[altered].read_bytes()
    paths[altered].write_bytes(b"%PDF-" + b"x" * (len(content) - 5))  # the same size
    here.flag(*chosen)
    assert here.cycle() == 0, here.said
    assert not here.wrong()
    for this in chosen:
        fetched = here.world.requests("label", menzzo_order_id=this)[-1].monotonic
        assert fetched < here.world.requests("ship-sale", menzzo_order_id=this)[0].monotonic


def test_a_ledger_that_is_lost_costs_a_persons_word(here: Place) -> None:
    here.ledger.unlink()
    this = here.unflagged()[0]
    here.flag(this)
    before = here.ships()
    for _ in range(2):
        assert here.cycle() == 1
        assert not here.ledger.exists()
    assert here.ships() == before
    store = open_store(here.database)
    with store.write() as tx:
        actions.release(tx, actions.find(tx, this), SystemClock().now(), "Ana")
    store.close()
    assert here.cycle() == 0
    assert here.ships() == before + 1
    assert not here.wrong()


@pytest.mark.parametrize("how", ["moved", "replaced"])
def test_a_database_that_goes_away_under_the_daemon_ends_it_with_74(tmp_path: Path, how: str) -> None:
    with open_shop(tmp_path, 2) as shop:
        assert shop.cycle() == 0
        database, away = shop.state_dir / "agent.db", tmp_path / "away.db"
        shutil.copy(database, tmp_path / "old.db")
        process = shop.start("run")
        assert process.stderr is not None
        assert any("agent.started" in line for line in process.stderr)
        database.rename(away)
        if how == "replaced":
            shutil.copy(tmp_path / "old.db", database)
        _, said = process.communicate(timeout=20)
        assert process.returncode == 74, said
        assert "was moved or replaced while the agent runs" in said
        assert "Traceback" not in said
        if how == "moved":
            away.rename(database)
        assert shop.cycle() == 0


# An older day ----------------------------------------------------------------------------------------------------------


def put_back(here: Place, backup: Path) -> None:
    """Restore a backup, as README says."""
    for name in ("agent.db", "agent.db-wal", "agent.db-shm"):
        here.database.with_name(name).unlink(missing_ok=True)
    shutil.copy(backup, here.database)


def back_up(here: Place, file: Path) -> Path:
    """Copy the database while nobody writes."""
    with closing(sqlite3.connect(here.database)) as source, closing(sqlite3.connect(file)) as target:
        source.backup(target)
    return file


def test_an_older_database_ships_nothing_again_even_if_its_flags_are_older_than_their_calls(
    alone: Place, tmp_path: Path
) -> None:
    alone.flag(*alone.unflagged()[:2])
    backup = back_up(alone, tmp_path / "copy.db")  # flagged, not sent yet
    assert alone.cycle() == 0
    put_back(alone, backup)
    assert alone.cycle() == 0, alone.said
    assert alone.ships() == 2
    assert alone.sql("SELECT count(*) FROM orders WHERE ship_confirmed_at IS NOT NULL") == [(2,)]


def test_an_older_database_after_a_death_in_a_ship_call_asks_a_person(alone: Place, tmp_path: Path) -> None:
    """The one line that knows of it is the intent in the ship ledger."""
    this, config = alone.unflagged()[0], configure(alone)
    alone.flag(this)
    backup = back_up(alone, tmp_path / "copy.db")
    alone.world.faults.arm("ship-sale", faults.late(10), menzzo_order_id=this)
    command = [sys.executable, "-m", "supplier_agent", "--config", str(config), "run", "--once"]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL) as process:
        until(lambda: alone.ships() == 1)
        process.kill()
    put_back(alone, backup)
    assert alone.cycle() == 1, alone.said
    assert alone.ships() == 1
    assert alone.sql("SELECT state FROM calls WHERE kind = 'ship'") == [("unknown",)]


def test_a_database_that_was_deleted_is_built_anew_and_ships_nothing_again(alone: Place) -> None:
    first = alone.unflagged()[0]
    alone.flag(first)
    assert alone.cycle() == 0
    for path in alone.state_dir.glob("agent.db*"):
        path.unlink()
    assert alone.cycle() == 0, alone.said
    assert alone.sql("SELECT count(*) FROM orders") == [(2,)]
    alone.people.clear()
    alone.flag(*alone.unflagged())  # whoever flags it again learns from the ledger that it is done
    assert alone.cycle() == 0, alone.said
    assert (alone.ships(first), alone.ships()) == (1, 2)
    assert alone.sql("SELECT count(*) FROM orders WHERE ship_confirmed_at IS NOT NULL") == [(2,)]


def test_where_database_and_ledger_are_lost_nothing_goes_without_a_new_flag(alone: Place) -> None:
    """What cannot be promised, README says: who flags it again, ships it again."""
    alone.flag(alone.unflagged()[0])
    assert alone.cycle() == 0
    for path in (*alone.state_dir.glob("agent.db*"), alone.ledger):
        path.unlink()
    for _ in range(2):
        assert alone.cycle() == 0, alone.said
    assert alone.ships() == 1


# Files that are not what they were -----------------------------------------------------------------------------------------


NO_DATABASE = (b"this is no database\n" * 100, b"SQLite format 3\x00" + bytes(84), bytes(8192))


def test_a_file_that_is_no_database_of_ours_is_refused_and_left_alone(alone: Place) -> None:
    for path in alone.state_dir.glob("agent.db-*"):
        path.unlink()
    for content in NO_DATABASE:
        alone.database.write_bytes(content)
        assert alone.cycle() == 74, content
        assert alone.is_told_plainly(), alone.said
        assert alone.database.read_bytes() == content


def test_a_database_of_a_newer_version_or_of_somebody_else_is_refused(alone: Place) -> None:
    alone.sql("UPDATE alembic_version SET version_num = '9999'")
    assert alone.cycle() == 78
    assert "newer supplier-agent" in alone.said
    alone.sql("DROP TABLE alembic_version")
    assert alone.cycle() == 74
    assert "not one of supplier-agent" in alone.said
