"""State databases in which nothing has happened: to make one takes longer than most tests, so one is made for each process."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from supplier_agent.db.store import Store, open_store


@cache
def blank() -> bytes:
    """Return the file of a new state database."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "agent.db"
        store = open_store(path, agent=True)
        store.checkpoint()
        store.close()
        return path.read_bytes()


def store_at(path: Path) -> Store:
    """Open a state database as the agent does; a new one if there is none."""
    if not path.exists():
        path.write_bytes(blank())
        path.chmod(0o660)
    return open_store(path, agent=True)
