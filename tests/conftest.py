"""What tests of several folders start with."""

import os
import signal
import sqlite3
from collections import Counter
from collections.abc import Iterator

import pytest
from sqlalchemy import event
from sqlalchemy.pool import Pool


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
def impatient() -> Iterator[None]:
    """Let a transaction wait for a lock for some milliseconds instead of five seconds."""

    def on_connect(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute("PRAGMA busy_timeout = 50")

    event.listen(Pool, "connect", on_connect)
    yield
    event.remove(Pool, "connect", on_connect)
