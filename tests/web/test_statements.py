"""What an answer costs, in numbers that no machine changes: statements, and that none is compiled again for the next answer."""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, event

from supplier_agent.web import people
from tests.web.stage import PIN, SALT, SUPPLIER, Browser, Stage, browsing, staged

IDS = tuple(f"1500001000{number}_{number}" for number in range(1, 4))
ASKED: dict[str, tuple[Callable[[Browser], object], int]] = {
    "pulse": (lambda browser: browser.client.get("/pulse"), 50),
    "scan field": (lambda browser: browser.get("/"), 70),
    "a scan": (lambda browser: browser.scan(IDS[0]), 130),
    "a scan of another": (lambda browser: browser.scan(IDS[1]), 130),
    "nothing known": (lambda browser: browser.scan("4006381333931"), 130),
    "to ship": (lambda browser: browser.get("/list"), 70),
    "search": (lambda browser: browser.get(f"/list?q={SUPPLIER}&carrier=GEODIS"), 90),
    "problems": (lambda browser: browser.get("/problems"), 70),
    "history": (lambda browser: browser.get("/order/1"), 60),
}
"""What is asked for, and how many statements it may take; a scan is two requests."""


@dataclass
class Database:
    """What the page's threads ask SQLite to do."""

    compiled: list[str] = field(default_factory=list)  # what each newly compiled statement reads and writes
    statements: list[str] = field(default_factory=list)

    def watch(self, connection: sqlite3.Connection, _record: object) -> None:
        """Note what is compiled and done on a connection. SQLite asks its authorizer while it compiles a statement."""
        connection.set_authorizer(self._compiles)
        connection.set_trace_callback(self._does)

    def _compiles(self, action: int, what: str | None, *_: object) -> int:
        if _is_of_the_page() and action != sqlite3.SQLITE_TRANSACTION:  # the driver compiles its own COMMIT each time
            self.compiled.append(f"{action} {what}")
        return sqlite3.SQLITE_OK

    def _does(self, statement: str) -> None:
        if _is_of_the_page():
            self.statements.append(statement)


def _is_of_the_page() -> bool:
    """Tell whether this thread answers a request, and is not the one that looks for new labels."""
    return threading.current_thread().name.startswith("AnyIO")


@pytest.fixture
def seen() -> Iterator[Database]:
    database = Database()
    event.listen(Engine, "connect", database.watch)
    try:
        yield database
    finally:
        event.remove(Engine, "connect", database.watch)


@pytest.fixture
def stage(tmp_path: Path, pristine: Path, seen: Database) -> Iterator[Stage]:  # noqa: ARG001 - before the page opens the database
    with staged(tmp_path, pristine=pristine) as made:
        for each in IDS:
            made.order(each)
        with made.store.write() as tx:
            people.add(tx, "Ben", "packer", PIN, SALT, made.clock.now(), [SUPPLIER])
        yield made


@pytest.mark.parametrize("who", ["Anna", "Ben"])
def test_the_next_answer_compiles_no_statement_and_opens_no_connection(stage: Stage, seen: Database, who: str) -> None:
    """Ben is limited to a supplier: his views are made once, too."""
    with browsing(stage.url) as browser:
        browser.sign_in(who)
        for _ in range(2):
            for ask, _most in ASKED.values():
                ask(browser)
        stage.clock.ahead += timedelta(minutes=7)
        for name, (ask, _most) in ASKED.items():
            seen.compiled.clear()
            ask(browser)
            assert browser.status == 200
            assert not seen.compiled, name


def test_an_answer_takes_a_limited_number_of_statements(stage: Stage, seen: Database) -> None:
    with browsing(stage.url) as browser:
        browser.sign_in("Anna")
        found = {}
        for name, (ask, _most) in ASKED.items():
            seen.statements.clear()
            ask(browser)
            found[name] = len(seen.statements)
        assert all(0 < found[name] <= most for name, (_ask, most) in ASKED.items()), found
