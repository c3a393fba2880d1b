"""Upgrades the database with alembic. A new database is created from tables.py; a test checks that both give the same schema."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

HERE = Path(__file__).parent


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(HERE))
    return config


def known() -> set[str]:
    """Return the revisions that this program can upgrade from."""
    return {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}


def upgrade(engine: Engine) -> None:
    """Bring the database to the newest revision, in one transaction."""
    config = _config()
    with engine.connect() as connection, connection.execution_options(begin="IMMEDIATE").begin():
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
