"""Reports on the state for people and programs: status, orders, problems, signs of life. Read-only."""
