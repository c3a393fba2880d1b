"""What to read next, and what a run proves: strategy, schedule, missing orders, coverage. Decisions are pure."""
