"""What tests of several folders begin with."""

import sqlite3
from collections.abc import Iterator

import pytest
from sqlalchemy import event
from sqlalchemy.pool import Pool


@pytest.fixture
def impatient() -> Iterator[None]:
    """Let a transaction wait for a lock for some milliseconds instead of five seconds."""

    def on_connect(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute("PRAGMA busy_timeout = 50")

    event.listen(Pool, "connect", on_connect)
    yield
    event.remove(Pool, "connect", on_connect)
