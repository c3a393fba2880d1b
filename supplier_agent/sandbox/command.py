"""The command `sandbox`: the sandbox for people, until Ctrl-C, with a configuration to paste."""

import json
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from supplier_agent.base.clock import Clock, SystemClock
from supplier_agent.base.errors import UsageError
from supplier_agent.sandbox import options, replay
from supplier_agent.sandbox.receiver import SECRET
from supplier_agent.sandbox.semantics import Semantics
from supplier_agent.sandbox.server import ADDRESS, Sandbox
from supplier_agent.sandbox.world import World


def serve(
    port: int,
    orders: int,
    announce: Callable[[str], None],
    *,
    shops: Sequence[str] = (),
    faults: Sequence[str] = (),
    semantics: Sequence[str] = (),
    recording: Path | None = None,
    speed: float = 1.0,
) -> None:
    """Serve that many orders in all on that port (0: any free one) until SIGINT or SIGTERM. Main thread only.

    `announce` gets the address, the tokens and a configuration to paste. shops, faults, semantics: as options.py reads them.
    recording: what is played instead of invented orders, `speed` times as fast; None: nothing. Raises UsageError if something
    cannot be read, or the port cannot be had.
    """
    played = _played(recording, speed, orders, SystemClock())
    world = played.world
    chosen = options.semantics_of(semantics, played.semantics)
    world.support.semantics, world.bot.semantics = chosen.support, chosen.bot
    options.open_shops(world, shops, chosen.shop)
    options.open_carriers(world, chosen.carrier)
    options.arm(world, faults)
    sandbox = Sandbox(world, chosen.marketplace, port=port)
    try:
        sandbox.start()
    except (OSError, OverflowError) as error:
        what = f"The sandbox cannot listen on {ADDRESS}:{port}: {getattr(error, 'strerror', None) or error}."
        raise UsageError(what, "Choose another port: supplier-agent sandbox --port 0 takes any free one.") from error
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        announce(_welcome(sandbox, played))
        threading.Event().wait()
    except KeyboardInterrupt:
        pass
    finally:
        signal.signal(signal.SIGTERM, before)
        sandbox.stop()


def _played(recording: Path | None, speed: float, orders: int, clock: Clock) -> replay.Replay:
    if recording is None:
        return replay.Replay(World.with_orders(orders, today=clock.now().date(), clock=clock), Semantics())
    return replay.replay(replay.read(recording), clock, speed)


def _marked(marks: Sequence[tuple[str, datetime]]) -> str:
    """Return how to mark what was marked as shipped in the recording."""
    if not marks:
        return ""
    lines = "\n".join(f"  supplier-agent ship {order}    # at {at:%Y-%m-%d %H:%M:%S} UTC" for order, at in marks)
    return f"Marked as shipped in the recording:\n{lines}\n"


def _keys(recorded: Mapping[str, object]) -> str:
    """Return the keys of a recorded supplier: numbers and booleans are written in TOML as in JSON."""
    return "".join(f"{key} = {json.dumps(value)}\n" for key, value in recorded.items())


def _welcome(sandbox: Sandbox, played: replay.Replay) -> str:
    world, url = sandbox.world, sandbox.url
    counts = ", ".join(f"{len(world.orders(supplier))} for {supplier}" for supplier in world.tokens)
    tables = "\n".join(
        f'[suppliers.{supplier}]\ntoken = "{token}"\n{_keys(played.suppliers.get(supplier, {}))}'
        for supplier, token in world.tokens.items()
    )
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
[[webhooks]]
name = "sandbox"
url = "{url}/webhooks/sandbox"
secret = "{SECRET}"

The support API is there, too. To use it, for example for notio:

[suppliers.notio.support]
token = "{world.support.token}"
{options.shop_sections(world, url)}
So are four carriers. Each line after # goes into files of their own:
{options.carrier_sections(world, url)}
BusinessOnBot is at {url}/businessonbot, with the key {world.bot.key}. The messages that it has received:
  curl {url}/sandbox/businessonbot
The events that the webhook has received, each verified:
  curl {url}/sandbox/webhooks
The marketplace's own records:
  curl {url}/sandbox/truth
Add one more order:
{one_more}
{_marked(played.marks)}
Stop with Ctrl-C."""
