"""What the tests of the verdict share: a database in which nothing has happened."""

from pathlib import Path

import pytest

from supplier_agent.db.store import open_store


@pytest.fixture(scope="session")
def new_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file of a new state database."""
    path: Path = tmp_path_factory.mktemp("new") / "agent.db"
    store = open_store(path, agent=True)
    store.checkpoint()
    store.close()
    return path
