"""The long set: python -m tests.simulation [--days N] [--seeds M] [--first-seed S] [--sparse] [--connected].

N days in all, shared out over M seeds. Each fifth seed polls as often as an agent does by default, the others a few times a day:
reads are most of what a day costs. --connected: with all integrations on, and a few polls a day. Prints each broken promise with
its seed, and one row of JSON. Exits 1 if any broke.
"""

import argparse
import sys
import time
from collections import Counter
from typing import Any

from tests.proof.figure import tell
from tests.simulation.connected import ConnectedDays
from tests.simulation.days import live, live_all
from tests.simulation.life import DEFAULT, SPARSE, Days

ROW = (
    "Simulated days of the whole agent on a virtual clock: faults of network, server, payload and clock, deaths, people"
)
CAUGHT = "an order lost, shipped twice or unasked after any mixture of faults, crashes and clock changes"
CONNECTED_ROW = (
    "Simulated days with all integrations on: webhooks, support API and a shop, each slow, broken or away for days"
)
CONNECTED_CAUGHT = (
    "an order twice in a shop, an event lost or out of order, a mark that the shop did not make, a cancelled sale that was "
    "shipped, an acknowledgement or a report that waits for a receiver which is away"
)
EACH = 5
"""So many seeds for one that polls as often as by default."""


def main() -> int:
    """Live, print and judge."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation")
    parser.add_argument("--days", type=int, default=3000)
    parser.add_argument("--seeds", type=int, default=120)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--sparse", action="store_true", help="all of them poll a few times a day, as in the quick set")
    parser.add_argument("--connected", action="store_true", help="with all integrations on")
    wanted = parser.parse_args()
    kind = ConnectedDays if wanted.connected else Days
    began, days_each = time.monotonic(), -(-wanted.days // wanted.seeds)
    seeds = list(range(wanted.first_seed, wanted.first_seed + wanted.seeds))
    days = requests = orders = shipped = jumps = broken = 0
    deaths, met, there = Counter[str](), Counter[str](), Counter[str]()
    how = " --sparse" * wanted.sparse + " --connected" * wanted.connected

    def schedule(seed: int) -> dict[str, Any]:
        return SPARSE if wanted.sparse or wanted.connected or seed % EACH else DEFAULT

    for judged in live_all(seeds, days_each, schedule, wanted.workers, kind):
        again = f"python -m tests.simulation --seeds 1 --days {days_each} --first-seed {judged.seed}"
        for fault in judged.faults:
            sys.stderr.write(f"{fault}; repeat: {again}{how}\n")
        broken += bool(judged.faults)
        there += judged.others
        days, requests, orders = days + judged.days, requests + judged.requests, orders + judged.orders
        shipped, jumps = shipped + judged.shipped, jumps + judged.jumps
        deaths, met = deaths + judged.deaths, met + judged.met
    twice = live(seeds[0], 2, SPARSE, kind).history == live(seeds[0], 2, SPARSE, kind).history
    if not twice:
        sys.stderr.write(f"seed {seeds[0]}: lived twice, it gave two histories\n")
    at_others = "".join(f", {number} {what}" for what, number in there.items())
    tell(
        CONNECTED_ROW if wanted.connected else ROW,
        f"{days} days, {len(seeds)} seeds: {orders} orders, {shipped} shipped{at_others}, {requests} requests, "
        f"{met.total()} faults of {len(met)} kinds, {deaths.total()} deaths, {jumps} settings of the clock; "
        f"{broken} seeds broke a promise; "
        f"a seed lived twice gave {'the same history' if twice else 'TWO HISTORIES'}",
        target="all of them, 0 broken" if wanted.connected else "≥ 3,000 days, ≥ 100 seeds, 0 broken",
        would_have_caught=CONNECTED_CAUGHT if wanted.connected else CAUGHT,
        count=days,
        began=began,
        seed=f"{seeds[0]}..{seeds[-1]}",
    )
    return int(broken > 0 or not twice)


if __name__ == "__main__":
    sys.exit(main())
