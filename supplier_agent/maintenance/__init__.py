"""Keeping a state for years: restore, detection of replaced databases, export, retention."""
