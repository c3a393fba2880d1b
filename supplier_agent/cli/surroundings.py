"""What a command works in: the configuration, the environment, who types, and whether a terminal listens."""

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from supplier_agent.clock import Clock, SystemClock
from supplier_agent.printable import printable

if TYPE_CHECKING:
    from supplier_agent.settings import Settings
    from supplier_agent.store import Store


class Surroundings:
    """Made once per command. Nothing is read before it is asked for."""

    def __init__(self, config: str, env: Mapping[str, str]) -> None:
        self.config = config
        self.env = env
        self.clock: Clock = SystemClock()
        self.appearance: list[object] = []  # how the configuration looked when it was loaded (known.py)

    @cached_property
    def settings(self) -> "Settings":
        """The configuration. Raises ConfigError."""
        from supplier_agent import known
        from supplier_agent.settings import load

        self.appearance = known.appearance(self.config, self.env)
        return load(Path(self.config) if self.config else None, self.env)

    @property
    def database(self) -> Path:
        """Where the state database is."""
        from supplier_agent.state import DATABASE

        return self.settings.state_dir / DATABASE

    @property
    def lock_file(self) -> Path:
        """Where the instance lock is."""
        from supplier_agent.state import LOCK

        return self.settings.state_dir / LOCK

    @contextmanager
    def store(self) -> "Iterator[Store]":
        """Open the state database as staff do: no upgrade, no checkpoint. In this block root is the folder's owner."""
        from supplier_agent import trusted
        from supplier_agent.store import open_store

        with trusted.as_owner_of(self.settings.state_dir):
            store = open_store(self.database)
            try:
                yield store
            finally:
                store.close()

    @property
    def who(self) -> str:
        """The person who types, for the history of an order."""
        return self.env.get("SUDO_USER") or self.env.get("USER") or self.env.get("LOGNAME") or "command line"


def here(context: typer.Context) -> Surroundings:
    """Return the surroundings of a command."""
    found = context.find_object(Surroundings)
    assert found is not None  # noqa: S101 - the callback made it
    return found


def say(text: str) -> None:
    """Tell a person something that is not the result."""
    print(printable(text), file=sys.stderr)  # noqa: T201 - messages go to stderr


def result(text: str) -> None:
    """Print a result."""
    try:
        print(printable(text))  # noqa: T201 - results go to stdout
    except BrokenPipeError as error:  # `| head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        raise typer.Exit from error


def result_json(value: object) -> None:
    """Print a result as JSON, alone on stdout."""
    result(json.dumps(value, indent=2))


@contextmanager
def progress() -> Iterator[Callable[[str], None]]:
    """Show a line that changes while something takes its time; only on a terminal."""
    if not sys.stderr.isatty():
        yield lambda _text: None
        return
    from rich.console import Console

    with Console(stderr=True).status("…") as status:
        yield lambda text: status.update(text.replace("[", r"\["))
