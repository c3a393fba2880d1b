"""The demo from start to end: the scenes in order, and what each waits for."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from supplier_agent.base import log
from supplier_agent.base.clock import Clock, SystemClock
from supplier_agent.base.errors import AgentError
from supplier_agent.base.process import Stop
from supplier_agent.db import state_folder
from supplier_agent.db.state_folder import InstanceLock
from supplier_agent.runtime.daemon import Daemon
from supplier_agent.runtime.page_process import PageProcess
from supplier_agent.runtime.wiring import assemble
from supplier_agent.sandbox.demo.marketplace import Arrangement, arrange, compare, write_configuration
from supplier_agent.sandbox.demo.warehouse import (
    AGENT,
    ANNA,
    MARKETPLACE,
    SHOP,
    WAREHOUSE,
    Story,
    Warehouse,
    goodbye,
    heading,
    introduction,
    invitation,
    verdict,
)
from supplier_agent.settings import Settings, load
from supplier_agent.tick.workers import Threads


@contextmanager
def running(
    settings: Settings, clock: Clock, stop: Stop, hear: Callable[[str, dict[str, object]], None], log_file: Path
) -> Iterator[Future[int]]:
    """Run the agent until the block ends or `stop` is set, then let it finish what is in flight.

    The future ends with the agent, early only if it failed. Its environment is empty, so that the visitor's variables do
    not affect the demo.
    """
    state_folder.prepare(settings.state_dir)
    lock = InstanceLock(settings.state_dir / state_folder.LOCK, "demo", clock)
    try:
        with (
            log_file.open("w") as stream,
            ThreadPoolExecutor(1, "agent") as loop,
        ):
            agent, close = assemble(settings, {}, clock, Threads(), log.Log(log.set_up({}, stream), hear))
            page = PageProcess(settings, {}, clock, agent.ctx.log, stderr=stream.fileno())
            ended = loop.submit(Daemon(agent, {}, stop, lambda _: None, page=page).run)
            try:
                yield ended
            finally:
                stop.event.set()
                ended.exception()  # waits; the exception is available in the block
                close()
    finally:
        lock.release()


LOOK_SECONDS = 0.05
PATIENCE_SECONDS = 60.0
"""How long one wait may take on a slow machine; the whole demo takes about twelve seconds on a common one."""
SECOND_THOUGHTS_SECONDS = 0.8
ARRIVAL_SECONDS = 8.0
INTERRUPTED = 130


def tell(result: Callable[[str], None], env: Mapping[str, str], stop: Stop, *, keep: bool) -> int:
    """Play the whole demo. Returns 0 if the records match, 1 if not, 130 if it was stopped before that was known.

    Everything happens in a temporary folder, which is then removed. `keep`: keep running until `stop`, with new orders.
    """
    clock = SystemClock()
    with TemporaryDirectory(prefix="supplier-agent-demo-") as folder:
        arrangement = arrange(clock)
        with arrangement.sandbox:
            config = write_configuration(arrangement, Path(folder), page=keep)
            settings, story = load(config, {}), Story(result, clock)
            arrangement.sandbox.api.receiver.heard = story.receive
            story.scene(*introduction(arrangement, settings))
            with (
                running(settings, clock, stop, story.hear, config.with_name("agent.log")) as agent,
                Warehouse(settings, config, env, clock, story) as warehouse,
            ):
                play = Play(arrangement, settings, warehouse, story, clock, stop, agent)
                exit_code = play.whole(config if keep else None)
        story.scene(*goodbye(stopped=exit_code == INTERRUPTED or keep))
    return exit_code


@dataclass(frozen=True)
class Play:
    """The scenes. `agent` ends early only if it failed."""

    arrangement: Arrangement
    settings: Settings
    warehouse: Warehouse
    story: Story
    clock: Clock
    stop: Stop
    agent: Future[int]

    def whole(self, config_to_keep: Path | None) -> int:
        """Play all scenes and compare; with a configuration's path, keep running afterwards. Returns the exit code."""
        try:
            self.collect()
            self.send_off()
            self.resolve()
            self.catch_up()
            holds = self.compare()
        except KeyboardInterrupt:
            return INTERRUPTED
        if config_to_keep is not None:
            self.warehouse.open_the_page()
            self.stay(config_to_keep)
        return 0 if holds else 1

    def collect(self) -> None:
        """Wait until the agent has processed all listed orders."""
        self.story.scene(
            "", "The agent reads the lists, stores every order, acknowledges it and fetches its label.", ""
        )
        slow, late = self.arrangement.slow_label, self.arrangement.late
        listed = {order.menzzo_order_id for order in self.arrangement.sold()} - {late}
        self.until("all orders are acknowledged", lambda: self.warehouse.acknowledged() >= listed)
        self.until("the labels are there", lambda: self.warehouse.labelled() >= listed - {slow})
        self.until("its order is in the shop", lambda: self.arrangement.in_shop(self.arrangement.by_shop) is not None)
        for entry in self.warehouse.rejected():
            self.story.add(AGENT, entry.supplier, f"an entry is kept word for word, unused: {entry.reason}")

    def send_off(self) -> None:
        """Mark orders like staff, undo one mark in time, and add an order meanwhile."""
        undo = self.settings.ship.undo_seconds
        self.story.scene(
            "",
            f"Parcels are handed over. A mark can be undone for {undo:g} s; then the order is reported as shipped.",
            "",
        )
        story = self.arrangement
        self.warehouse.flag_by_sql(story.by_sql)
        # The one to undo is the last, so that even on a slow machine the undo comes in time.
        notio = (order.menzzo_order_id for order in self.arrangement.sold("notio"))
        self.complete_in_shop(story.by_shop)
        for each in (story.slow_label, *(each for each in notio if each != story.by_shop), story.undone):
            self.warehouse.flag(each)
        self.arrangement.finish_label()
        self.pause(SECOND_THOUGHTS_SECONDS)
        self.warehouse.take_back(story.undone)
        self.arrive()
        self.until("an answer is lost", lambda: self.warehouse.ship_call(story.lost_answer) == "unknown")

    def complete_in_shop(self, menzzo_order_id: str) -> None:
        """Complete an order in the supplier's own shop, like its staff: the agent reads that back as the mark."""
        placed = self.arrangement.in_shop(menzzo_order_id)
        assert placed is not None  # noqa: S101 - `collect` has waited for it
        self.arrangement.shop.fulfil(placed.id)
        self.warehouse.flagged.add(menzzo_order_id)
        self.story.add(SHOP, menzzo_order_id, f"is completed in notio's own shop, as order {placed.id}")

    def resolve(self) -> None:
        """Ask about the lost answer as a person would, and resolve it."""
        lost, supplier = self.arrangement.lost_answer, "notio"
        self.story.scene("", "One answer was lost. What does the agent know of this order?", "")
        self.command("order", lost)
        order = self.arrangement.world.order(supplier, lost)
        there = order is not None and bool(order.shipped_at)
        self.story.scene(
            "", f"{ANNA} asks Menzzo: is {lost} shipped? The answer is {'yes' if there else 'no'}. So:", ""
        )
        self.command("resolve", lost, "--shipped" if there else "--send-again", "--by", ANNA)
        self.story.scene("")

    def catch_up(self) -> None:
        """Wait for the order with an old number, mark it and the new ones, and try an undo that comes too late."""
        late = self.arrangement.late
        self.until("the late order is listed", self.arrangement.late_is_listed)
        self.story.add(
            MARKETPLACE, late, "is listed only now, with an old number: the cursor has passed it, a sweep finds it"
        )
        self.until(
            "the label that was not ready is there", lambda: self.arrangement.slow_label in self.warehouse.labelled()
        )
        self.until("the late order is found", lambda: late in self.warehouse.ready())
        self.warehouse.take_back_too_late(self.arrangement.by_sql)
        for each in sorted(self.warehouse.ready() - {self.arrangement.undone, self.arrangement.left_alone}):
            self.warehouse.flag(each)
        self.until("all parcels are reported", lambda: self.warehouse.confirmed() >= self.warehouse.flagged)
        self.story.add(WAREHOUSE, self.arrangement.undone, "is still in the warehouse: nothing was reported for it")
        self.story.add(WAREHOUSE, self.arrangement.left_alone, "nobody has marked it: nothing was reported for it")

    def compare(self) -> bool:
        """Print the comparison of the records; return whether they match."""
        with self.warehouse.store.read() as tx:
            found = compare(tx, self.arrangement.world, self.settings, self.warehouse.flagged)
        self.story.scene("", *heading(), "", *found.table(), "", *verdict(holds=found.holds))
        return found.holds

    def stay(self, config: Path) -> None:
        """Add an order now and then, until Ctrl-C."""
        self.story.scene(
            "", *invitation(config, self.settings, self.arrangement.sandbox.url, self.story.page, ARRIVAL_SECONDS), ""
        )
        try:
            while True:
                self.pause(ARRIVAL_SECONDS)
                self.arrive()
        except KeyboardInterrupt:
            return

    def arrive(self) -> None:
        """Add one more order."""
        order = self.arrangement.world.arrive("notio")
        self.arrangement.shop.store.sells(order.sku)
        self.story.add(MARKETPLACE, order.menzzo_order_id, f"a new order for notio: {order.quantity} x {order.sku}")

    def command(self, *words: str) -> None:
        """Run a command of the agent like a person, and print command and output."""
        printed = self.warehouse.command(*words)
        self.story.scene(*(f"    {line}".rstrip() for line in [f"$ supplier-agent {' '.join(words)}", *printed]))

    def pause(self, seconds: float) -> None:
        """Let the demo continue for this long."""
        end = self.clock.monotonic() + seconds
        self.until("", lambda: self.clock.monotonic() >= end)

    def until(self, what: str, reached: Callable[[], bool]) -> None:
        """Print lines until something is reached. Raises KeyboardInterrupt if stopped, AgentError if it takes too long."""
        give_up = self.clock.monotonic() + PATIENCE_SECONDS
        while not reached():
            self.story.show()
            if self.agent.done():
                self.agent.result()
            if self.stop.event.is_set():
                raise KeyboardInterrupt
            if self.clock.monotonic() > give_up:
                raise AgentError(
                    f"the demo waited {PATIENCE_SECONDS:g} s for this: {what}",
                    "is the machine very busy? Try again: supplier-agent demo",
                )
            self.clock.sleep(LOOK_SECONDS)
        self.story.show()
