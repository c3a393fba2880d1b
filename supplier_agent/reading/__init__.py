"""What to read next, and what a reading proves: strategy, schedule, missing orders, coverage. Pure where it decides."""
