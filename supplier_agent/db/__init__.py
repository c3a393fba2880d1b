"""Everything on disk: tables, triggers, migrations, the ship ledger, backup copies, the state folder and its lock."""
