"""All tables of the state database. Import it where each of them counts: in a new database, and where orders are hidden.

Elsewhere a module imports only the tables that it uses: to define all of them takes a fifth of a start.
"""

from collections.abc import Collection, Iterator

from sqlalchemy import Engine
from sqlmodel import SQLModel

from supplier_agent.db import (  # each defines its own tables
    SCHEMA,
    businessonbot,  # noqa: F401
    carriers,  # noqa: F401
    evidence,  # noqa: F401
    journal,  # noqa: F401
    letters,  # noqa: F401
    programs,  # noqa: F401
    shops,  # noqa: F401
    support,  # noqa: F401
    tables,  # noqa: F401
    warehouse,  # noqa: F401
    webhooks,  # noqa: F401
)

TABLES = SQLModel.metadata.tables


def create(engine: Engine) -> None:
    """Create all tables in an empty database, and record their version, in one transaction."""
    with engine.connect() as connection, connection.execution_options(begin="IMMEDIATE").begin():
        SQLModel.metadata.create_all(connection)
        connection.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
        connection.exec_driver_sql("INSERT INTO alembic_version VALUES (?)", (SCHEMA,))


def views_of(suppliers: Collection[str]) -> Iterator[str]:
    """Yield the views that leave only the orders of these suppliers, and what belongs to them, on a connection.

    A temporary view takes the place of its table in every statement, so that no query can forget the limit. What a statement
    changes was read through the views. Triggers see the tables.
    """
    names = ", ".join("'{}'".format(each.replace("'", "''")) for each in sorted(suppliers))
    theirs = f"supplier IN ({names})"
    belongs = f"EXISTS (SELECT 1 FROM main.orders AS its WHERE its.id = order_id AND its.{theirs})"  # noqa: S608 - quoted
    for name, table in TABLES.items():
        if "order_id" in table.c or name in {"orders", "rejected_entries"}:
            # The sign keeps SQLite from reading all orders of a supplier instead of using the index of the query.
            condition = belongs if "order_id" in table.c else f"+{theirs}"
            yield f"CREATE TEMP VIEW {name} AS SELECT * FROM main.{name} WHERE {condition}"  # noqa: S608 - as above
