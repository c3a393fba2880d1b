"""What is on the disk: tables, triggers, migrations, the ship ledger, copies, the state folder and its lock."""

SCHEMA = "0004"
"""The newest migration (migrations/versions/), for which tables.py stands."""
