"""Errors for people: each says what happened, what it means, and the one command that fixes it.

Endings of calls to the marketplace are values (see marketplace/), never these exceptions.
"""


class AgentError(Exception):
    """An error for a person. `exit_code`: see the public contract; `cure`: what to do, in one line."""

    exit_code = 1

    def __init__(self, what: str, cure: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.cure = cure

    def __str__(self) -> str:
        """Return the message with its fix."""
        return f"{self.what}\n  {self.cure}" if self.cure else self.what


class UsageError(AgentError):
    """The command was used in a wrong way."""

    exit_code = 2


class TwoSuppliersError(UsageError):
    """An order is named that two suppliers have."""


class StateError(AgentError):
    """The disk or the database failed."""

    exit_code = 74


class BusyError(AgentError):
    """Another instance is running on this state."""

    exit_code = 75


class ConfigError(AgentError):
    """The configuration cannot be used."""

    exit_code = 78
