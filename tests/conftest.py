"""What tests of several folders start with."""

import os
import signal
import sqlite3
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from sqlalchemy import event
from sqlalchemy.pool import Pool

from supplier_agent.db.store import Store
from tests.world.databases import store_at

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell has started the tests in the background
    signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # otherwise the programs that they start would ignore Ctrl-C


hypothesis.settings.register_profile("tests", deadline=None)  # on a busy machine, one example may take seconds
hypothesis.settings.load_profile("tests")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start with the files of few tests: those are the long ones, and several workers end at about the same time."""
    tests = Counter(item.path for item in items)
    items.sort(key=lambda item: tests[item.path])  # stable: the order in a file stays


@pytest.fixture(autouse=True)
def _process() -> Iterator[None]:
    """Give each test the usual umask, and undo what a command that runs in this process changes for the tests after it."""
    umask = os.umask(0o022)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    yield
    os.umask(umask)
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Return where the state database is."""
    return tmp_path / "agent.db"


@pytest.fixture
def store(database: Path) -> Iterator[Store]:
    """Return a new state database, as the agent opens it."""
    opened = store_at(database)
    yield opened
    opened.close()


@pytest.fixture
def impatient() -> Iterator[None]:
    """Let a transaction wait for a lock for some milliseconds instead of five seconds."""

    def on_connect(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute("PRAGMA busy_timeout = 50")

    event.listen(Pool, "connect", on_connect)
    yield
    event.remove(Pool, "connect", on_connect)
