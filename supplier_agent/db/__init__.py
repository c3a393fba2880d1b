"""What is on the disk: tables, triggers, migrations, the ship ledger, copies, the state folder and its lock."""
