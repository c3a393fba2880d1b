"""The state database: tables, plain SQL, and what else is in the state folder."""
