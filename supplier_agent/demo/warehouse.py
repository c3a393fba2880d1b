"""The warehouse of the demo: people who flag orders by SQL and by command, look at what is stored, and answer when asked."""

import secrets
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlmodel import select

from supplier_agent import acts, outbox, state
from supplier_agent.clock import Clock
from supplier_agent.demo.story import WAREHOUSE, Story
from supplier_agent.settings import Settings
from supplier_agent.store import open_store
from supplier_agent.tables import Order, RejectedEntry
from supplier_agent.web import people

ANNA = "Anna"
PINS = ((ANNA, people.PACKER, "1111"), ("Lea", people.LEAD, "2222"))
"""Who may sign in on the demo's page."""
COMMAND_SECONDS = 60.0


class Warehouse:
    """What staff do and see. `flagged` is their own list of what has left the building, independent of the agent's books."""

    def __init__(self, settings: Settings, config: Path, env: Mapping[str, str], clock: Clock, story: Story) -> None:
        self._config, self._clock, self._story = config, clock, story
        self._env = {name: value for name, value in env.items() if not name.startswith("SUPPLIER_AGENT_")}
        self.store = open_store(settings.state_dir / state.DATABASE)
        self.flagged: set[str] = set()

    def __enter__(self) -> Self:
        """Begin to work."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Go home."""
        self.store.close()

    # -- what they do ---------------------------------------------------------------------------------------------

    def flag_by_sql(self, menzzo_order_id: str) -> None:
        """Flag an order by the statement of the README."""
        self._say(menzzo_order_id, self._set_shipped(menzzo_order_id, 1))
        self.flagged.add(menzzo_order_id)

    def flag(self, menzzo_order_id: str) -> None:
        """Flag an order by the act behind `supplier-agent ship`."""
        with self.store.write() as tx:
            said = acts.ship(tx, acts.find(tx, menzzo_order_id), self._clock.now(), ANNA)
        self._say(menzzo_order_id, f"supplier-agent ship ID: {said}")
        self.flagged.add(menzzo_order_id)

    def take_back(self, menzzo_order_id: str) -> None:
        """Take a flag back while there is time, by the act behind `supplier-agent unship`."""
        with self.store.write() as tx:
            said = acts.unship(tx, acts.find(tx, menzzo_order_id), self._clock.now(), ANNA)
        self._say(menzzo_order_id, f"supplier-agent unship ID: {said}")
        self.flagged.discard(menzzo_order_id)

    def take_back_too_late(self, menzzo_order_id: str) -> None:
        """Try to take a flag back by SQL after the call: the database itself refuses."""
        try:
            self._say(menzzo_order_id, self._set_shipped(menzzo_order_id, 0))
        except sqlite3.IntegrityError as error:
            self._say(menzzo_order_id, f"sets shipped to 0 by SQL, but the database refuses: {error}")
        else:
            self.flagged.discard(menzzo_order_id)

    def command(self, *words: str) -> list[str]:
        """Run a command of supplier-agent as a person would; return the lines that it printed."""
        done = subprocess.run(  # noqa: S603 - our own program, our own words
            [sys.executable, "-m", "supplier_agent", "--config", str(self._config), *words],
            env=self._env,
            capture_output=True,
            text=True,
            check=False,
            timeout=COMMAND_SECONDS,
            start_new_session=True,  # Ctrl-C is for the demo, not for its commands
        )
        return (done.stdout + done.stderr).splitlines()

    def take_up_the_page(self) -> None:
        """Let the visitor sign in on the page."""
        with self.store.write() as tx:
            for name, role, pin in PINS:
                people.add(tx, name, role, pin, secrets.token_bytes(people.SALT_BYTES), self._clock.now())

    def _set_shipped(self, menzzo_order_id: str, value: int) -> str:
        statement = f"UPDATE orders SET shipped = {value} WHERE menzzo_order_id = '{menzzo_order_id}'"  # noqa: S608 - as staff type it
        connection = sqlite3.connect(self.store.path, timeout=5)
        try:
            with connection:
                connection.execute(statement)
        finally:
            connection.close()
        return statement

    def _say(self, menzzo_order_id: str, what: str) -> None:
        self._story.add(WAREHOUSE, menzzo_order_id, what)

    # -- what they see --------------------------------------------------------------------------------------------

    def acknowledged(self) -> set[str]:
        """Return the ids that the agent has acknowledged."""
        return self._ids(lambda order: order.acknowledged_at is not None)

    def labelled(self) -> set[str]:
        """Return the ids that have their label."""
        return self._ids(lambda order: order.label_path is not None)

    def ready(self) -> set[str]:
        """Return the ids that may leave the building."""
        return self._ids(lambda o: o.shipped == 0 and o.acknowledged_at is not None and o.label_path is not None)

    def confirmed(self) -> set[str]:
        """Return the ids that the agent calls shipped."""
        return self._ids(lambda order: order.ship_confirmed_at is not None)

    def rejected(self) -> Sequence[RejectedEntry]:
        """Return the entries that were kept word for word."""
        with self.store.read() as tx:
            return tx.exec(select(RejectedEntry)).all()

    def ship_call(self, menzzo_order_id: str) -> str | None:
        """Return the state of an order's ship call; None before there is one."""
        with self.store.read() as tx:
            call = outbox.find(tx, acts.find(tx, menzzo_order_id).id or 0, "ship")
            return call.state if call else None

    def _ids(self, holds: Callable[[Order], bool]) -> set[str]:
        with self.store.read() as tx:
            return {order.menzzo_order_id for order in tx.exec(select(Order)) if holds(order)}
