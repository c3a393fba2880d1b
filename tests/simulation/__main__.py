"""The long set: python -m tests.simulation [--days N] [--seeds M] [--first-seed S] [--sparse].

N days in all, shared out over M seeds. Prints each broken promise with its seed, and one row of JSON. Exits 1 if any broke.
"""

import argparse
import json
import sys
import time
from collections import Counter

from tests.simulation.days import live_all
from tests.simulation.life import DEFAULT, SPARSE


def main() -> int:
    """Live, print and judge."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation")
    parser.add_argument("--days", type=int, default=3000)
    parser.add_argument("--seeds", type=int, default=120)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--sparse", action="store_true", help="poll every two hours, as in the quick set")
    wanted = parser.parse_args()
    began, days_each = time.monotonic(), -(-wanted.days // wanted.seeds)
    seeds = list(range(wanted.first_seed, wanted.first_seed + wanted.seeds))
    days = requests = orders = shipped = jumps = broken = 0
    deaths, met = Counter[str](), Counter[str]()
    for judged in live_all(seeds, days_each, SPARSE if wanted.sparse else DEFAULT, wanted.workers):
        for fault in judged.faults:
            sys.stderr.write(f"{fault}\n")
        broken += bool(judged.faults)
        days, requests, orders = days + judged.days, requests + judged.requests, orders + judged.orders
        shipped, jumps = shipped + judged.shipped, jumps + judged.jumps
        deaths, met = deaths + judged.deaths, met + judged.met
    row = {
        "row": "T4 simulated days of the whole agent on a virtual clock",
        "figure": f"{days} days, {len(seeds)} seeds, {broken} of them broke a promise",
        "target": ">= 3000 days, >= 100 seeds, 0 broken",
        "seconds": round(time.monotonic() - began),
        "seed": f"{seeds[0]}..{seeds[-1]}",
        "orders": orders,
        "shipped": shipped,
        "requests": requests,
        "deaths": deaths.total(),
        "faults_met": met.total(),
        "clock_settings": jumps,
        "would_have_caught": "an order lost, shipped twice or unasked after any mixture of faults, crashes and clock changes",
    }
    sys.stdout.write(json.dumps(row) + "\n")
    return int(broken > 0)


if __name__ == "__main__":
    sys.exit(main())
