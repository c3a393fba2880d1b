"""The real agent of the demo: the parts and the loop of `supplier-agent run`, on a thread of this process."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from supplier_agent import log, state
from supplier_agent.assemble import assemble
from supplier_agent.bulkheads import Threads
from supplier_agent.clock import Clock
from supplier_agent.daemon import Daemon
from supplier_agent.lock import InstanceLock
from supplier_agent.settings import Settings
from supplier_agent.stop import Stop


@contextmanager
def running(
    settings: Settings, clock: Clock, stop: Stop, hear: Callable[[str, dict[str, object]], None], log_file: Path
) -> Iterator[Future[int]]:
    """Run the agent until the block ends or `stop` is set, then let it finish what is in flight.

    The future ends with the agent: early only if it failed. Its environment is empty, so that no variable of the
    visitor's reaches into the demo.
    """
    state.prepare(settings.state_dir)
    lock = InstanceLock(settings.state_dir / state.LOCK, "demo", clock)
    try:
        with (
            log_file.open("w") as stream,
            ThreadPoolExecutor(1, "agent") as loop,
        ):
            agent, close = assemble(settings, {}, clock, Threads(), log.Log(log.set_up({}, stream), hear))
            ended = loop.submit(Daemon(agent, {}, stop, lambda _: None).run)
            try:
                yield ended
            finally:
                stop.event.set()
                ended.exception()  # waits; who wants the exception asks for it in the block
                close()
    finally:
        lock.release()
