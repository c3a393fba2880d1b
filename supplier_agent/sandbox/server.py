"""The sandbox: a context manager for tests and the demo, a command for people."""

import signal
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from supplier_agent.base.clock import SystemClock
from supplier_agent.base.errors import UsageError
from supplier_agent.sandbox.api import Api
from supplier_agent.sandbox.listener import ADDRESS, Server
from supplier_agent.sandbox.listing import Semantics
from supplier_agent.sandbox.world import World

_LOOK_SECONDS = 0.02  # how long stopping may take


class Sandbox:
    """The simulated marketplace, on 127.0.0.1 only. Stopped and started again, it keeps port, world and cache."""

    def __init__(self, world: World, semantics: Semantics | None = None, port: int = 0) -> None:
        self.world = world
        self.api = Api(world, semantics)
        self._port = port
        self._server: Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Return the base URL without a trailing slash; known once it was started, or if a port was given."""
        return f"http://{ADDRESS}:{self._port}"

    def start(self) -> Self:
        """Listen. OSError: the port is taken."""
        self._server = Server(self._port, self.api)
        self._port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(_LOOK_SECONDS,), daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """Refuse new connections, cut open ones, and end all answers. Can be called twice."""
        server, thread = self._server, self._thread
        self._server = self._thread = None
        if server is None or thread is None:
            return
        server.stopping.set()
        server.shutdown()
        thread.join()
        server.server_close()
        server.cut_connections()

    def __enter__(self) -> Self:
        """Listen."""
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop."""
        self.stop()


def serve(port: int, orders: int, announce: Callable[[str], None]) -> None:
    """Serve that many orders in all on that port (0: any free one) until SIGINT or SIGTERM. Main thread only.

    `announce` gets the address, the tokens and a configuration to paste. UsageError: the port cannot be had.
    """
    clock = SystemClock()
    sandbox = Sandbox(World.with_orders(orders, today=clock.now().date(), clock=clock), port=port)
    try:
        sandbox.start()
    except (OSError, OverflowError) as error:
        what = f"The sandbox cannot listen on {ADDRESS}:{port}: {getattr(error, 'strerror', None) or error}."
        raise UsageError(what, "Choose another port: supplier-agent sandbox --port 0 takes any free one.") from error
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        announce(_welcome(sandbox))
        threading.Event().wait()
    except KeyboardInterrupt:
        pass
    finally:
        signal.signal(signal.SIGTERM, before)
        sandbox.stop()


def _welcome(sandbox: Sandbox) -> str:
    world, url = sandbox.world, sandbox.url
    counts = ", ".join(f"{len(world.orders(supplier))} for {supplier}" for supplier in world.tokens)
    tables = "\n".join(f'[suppliers.{supplier}]\ntoken = "{token}"\n' for supplier, token in world.tokens.items())
    one_more = "\n".join(f"  curl -X POST '{url}/sandbox/orders?supplier={supplier}'" for supplier in world.tokens)
    return f"""\
The sandbox of the Menzzo supplier API is at {url}
Orders: {counts}. asir-group's get-sales is cached for 30 minutes, as in reality; notio's is fresh.
Nothing here is real: acknowledge and ship as you like.

A configuration to paste (for example into sandbox.toml):

base_url = "{url}"
state_dir = "sandbox-state"

[schedule]
poll_seconds = 60
off_hours_poll_seconds = 60

[ship]
undo_seconds = 10

{tables}
What the marketplace really knows:
  curl {url}/sandbox/truth
One more order comes in:
{one_more}

Stop with Ctrl-C."""
