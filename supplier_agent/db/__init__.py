"""Everything on disk: tables, triggers, migrations, the ship ledger, backup copies, the state folder and its lock."""

SCHEMA = "0008"
"""The newest migration (migrations/versions/), which leads to the tables of tables.py."""
