"""The people of the demo: they mark orders by SQL and by command, read the database, and answer questions.

Also what the demo prints: one line per event, from any thread, and its texts between the scenes.
"""

import queue
import secrets
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlmodel import select

from supplier_agent import actions, outbox
from supplier_agent.base.clock import Clock
from supplier_agent.db import state_folder
from supplier_agent.db.store import open_store
from supplier_agent.db.tables import Order, RejectedEntry
from supplier_agent.sandbox.demo.marketplace import Arrangement
from supplier_agent.settings import Settings
from supplier_agent.web import people

MARKETPLACE, AGENT, WAREHOUSE, ERP, SHOP = "marketplace", "agent", "warehouse", "erp", "shop"

_DONE = {
    "acknowledge": "acknowledged: the marketplace knows that we have it",
    "label": "label stored, and checked to be a complete PDF",
    "ship": "reported as shipped, and confirmed by the marketplace",
    "shop_order": "made in the supplier's own shop, too",
}


class Story:
    """Lines for people with the seconds since the start, as plain text."""

    def __init__(self, result: Callable[[str], None], clock: Clock) -> None:
        self._result, self._clock, self._started = result, clock, clock.monotonic()
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.page = ""  # the address of the warehouse page; empty: none

    def add(self, who: str, about: str, what: str) -> None:
        """Add a line with the present time; `show` prints it."""
        seconds = self._clock.monotonic() - self._started
        self._lines.put(f"{seconds:5.1f} s  {who:<11}  {about:<15}  {what}")

    def hear(self, event: str, facts: Mapping[str, object]) -> None:
        """Receive an event of the agent's log, in the agent's thread."""
        if event == "page.started":
            self.page = str(facts["at"])
        what = in_words(event, facts)
        if what:
            self.add(AGENT, str(facts.get("order") or facts.get("supplier") or ""), what)

    def receive(self, event: Mapping[str, object]) -> None:
        """Receive an event as the ERP of the demo, in a thread of the sandbox."""
        data = event["data"]
        about = str(data.get("menzzo_order_id", "")) if isinstance(data, Mapping) else ""
        self.add(ERP, about, f"the webhook says {event['type']}; its signature is right")

    def show(self) -> None:
        """Print what was added since."""
        while not self._lines.empty():
            self._result(self._lines.get())

    def scene(self, *lines: str) -> None:
        """Print text without a time."""
        self.show()
        for line in lines:
            self._result(line)


_SAID = {
    "call.postponed": "%(call)s: %(detail)s; it is tried again",
    "call.unknown": "%(call)s: OUTCOME UNKNOWN (%(detail)s). Not repeated; a person decides",
    "call.parked": "%(call)s: %(detail)s; a person decides",
    "shop.marked": "marked as shipped: it is completed in the shop (%(by)s)",
    "supplier.failed": "%(what)s: calls pause, then a single one is tried first",
    "supplier.recovered": "%(what)s",
}
_SILENT = frozenset({
    *("run.finished", "page.read", "agent.started", "agent.stopped", "page.started", "page.unattended", "token.adopted"),
    "entry.rejected",  # the demo reads it from the database
})  # fmt: skip


def in_words(event: str, facts: Mapping[str, object]) -> str:
    """Return the text for an event of the agent's log, or "" to skip it."""
    kind = str(facts.get("call", ""))
    match event:
        case "call.done":  # of a webhook, the receiver says it
            return "" if kind.startswith("webhook.") else _DONE.get(kind, f"{kind} done")
        case "page.read" if facts.get("added"):
            return f"page {facts.get('page')} of the list read; new orders stored: {facts.get('added')}"
        case "run.finished" if facts.get("added"):
            return f"{facts.get('purpose')} read completely: {facts.get('listed')} listed, {facts.get('added')} of them new"
    if event in _SILENT:
        return ""
    return _SAID.get(event, f"{event} %(detail)s") % {"call": kind, "detail": "", "by": "", "what": "", **facts}


ANNA = "Anna"
PINS = ((ANNA, people.PACKER, "1111"), ("Lea", people.LEAD, "2222"))
"""Who may sign in on the demo's page."""
COMMAND_SECONDS = 60.0


class Warehouse:
    """What staff do and see. `flagged` is their own list of shipped orders, independent of the agent's records."""

    def __init__(self, settings: Settings, config: Path, env: Mapping[str, str], clock: Clock, story: Story) -> None:
        self._config, self._clock, self._story = config, clock, story
        self._env = {name: value for name, value in env.items() if not name.startswith("SUPPLIER_AGENT_")}
        self.store = open_store(settings.state_dir / state_folder.DATABASE)
        self.flagged: set[str] = set()

    def __enter__(self) -> Self:
        """Start."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop."""
        self.store.close()

    # -- what they do ---------------------------------------------------------------------------------------------

    def flag_by_sql(self, menzzo_order_id: str) -> None:
        """Mark an order with the documented SQL statement."""
        self._say(menzzo_order_id, self._set_shipped(menzzo_order_id, 1))
        self.flagged.add(menzzo_order_id)

    def flag(self, menzzo_order_id: str) -> None:
        """Mark an order with the function behind `supplier-agent ship`."""
        with self.store.write() as tx:
            said = actions.ship(tx, actions.find(tx, menzzo_order_id), self._clock.now(), ANNA)
        self._say(menzzo_order_id, f"supplier-agent ship ID: {said}")
        self.flagged.add(menzzo_order_id)

    def take_back(self, menzzo_order_id: str) -> None:
        """Undo a mark in time, with the function behind `supplier-agent unship`."""
        with self.store.write() as tx:
            said = actions.unship(tx, actions.find(tx, menzzo_order_id), self._clock.now(), ANNA)
        self._say(menzzo_order_id, f"supplier-agent unship ID: {said}")
        self.flagged.discard(menzzo_order_id)

    def take_back_too_late(self, menzzo_order_id: str) -> None:
        """Try to undo a mark by SQL after the call: the database refuses."""
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
            start_new_session=True,  # Ctrl-C is meant for the demo, not for its commands
        )
        return (done.stdout + done.stderr).splitlines()

    def open_the_page(self) -> None:
        """Allow the visitor to sign in on the page."""
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
        """Return the ids that are ready to ship."""
        return self._ids(lambda o: o.shipped == 0 and o.acknowledged_at is not None and o.label_path is not None)

    def confirmed(self) -> set[str]:
        """Return the ids that the agent calls shipped."""
        return self._ids(lambda order: order.ship_confirmed_at is not None)

    def rejected(self) -> Sequence[RejectedEntry]:
        """Return the rejected entries."""
        with self.store.read() as tx:
            return tx.exec(select(RejectedEntry)).all()

    def ship_call(self, menzzo_order_id: str) -> str | None:
        """Return the state of an order's ship call; None before there is one."""
        with self.store.read() as tx:
            call = outbox.find(tx, actions.find(tx, menzzo_order_id).id or 0, "ship")
            return call.state if call else None

    def _ids(self, holds: Callable[[Order], bool]) -> set[str]:
        with self.store.read() as tx:
            return {order.menzzo_order_id for order in tx.exec(select(Order)) if holds(order)}


def introduction(arrangement: Arrangement, settings: Settings) -> list[str]:
    """Return who takes part, and where."""
    return [
        "supplier-agent demo: the whole job on this machine, in about fifteen seconds.",
        "",
        f"marketplace  a stand-in of the Menzzo supplier API at {arrangement.sandbox.url}; some things go wrong on purpose",
        f"agent        the real one; its database and its labels are in {settings.state_dir}",
        "warehouse    people who mark orders as shipped",
        "shop, erp    notio's own WooCommerce shop, and a program that gets webhooks: stand-ins, too",
    ]


def heading() -> list[str]:
    """Return what the table compares."""
    return ["The marketplace's records compared with the agent's. Indented lines must be zero:"]


def verdict(*, holds: bool) -> list[str]:
    """Return what the table proves."""
    if holds:
        return ["All of them are zero: the records match."]
    return [
        "NOT all of them are zero: the agent has a bug. Please report it with all the lines above.",
    ]


def invitation(config: Path, settings: Settings, url: str, page: str, arrival_seconds: float) -> list[str]:
    """Return what to try in another terminal while the demo runs."""
    flag = "UPDATE orders SET shipped = 1 WHERE menzzo_order_id = 'ID'"
    who = " or ".join(f"{name} ({role}, PIN {pin})" for name, role, pin in PINS)
    return [
        f"The warehouse page is at {page}. Sign in as {who},",
        "and scan an order: type its last number and press Enter, twice.",
        "",
        f"The demo runs until Ctrl-C, with a new order every {arrival_seconds:g} s. In another terminal:",
        "",
        f"  alias supplier-agent='{sys.executable} -m supplier_agent --config {config}'",
        "  supplier-agent status",
        "  supplier-agent orders --stage ready",
        "  supplier-agent order ID",
        "  supplier-agent ship ID     # then look here: it is reported after the undo window",
        f'  sqlite3 {settings.state_dir / state_folder.DATABASE} "{flag}"',
        f"  curl {url}/sandbox/truth     # the marketplace's own records",
        f"  tail -f {config.with_name('agent.log')}",
    ]


def goodbye(*, stopped: bool) -> list[str]:
    """Return the last lines, for when nothing is left behind. `stopped`: by Ctrl-C."""
    if stopped:
        return ["", "Stopped. Nothing is left behind."]
    return [
        "Nothing is left behind. To look around: supplier-agent demo --keep. To install it for your own orders: README.md, Install."
    ]
