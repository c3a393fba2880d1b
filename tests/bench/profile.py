"""Where the processor time of a command goes: samples of py-spy, which looks at the process from outside.

A profiler inside of the process sees threads mostly where they let others run: at the disk and the network.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

START = "start and end: imports, configuration, opening the database"
SQLITE = "the loop: SQLite"
LIBRARY = "the loop: SQLAlchemy and sqlmodel"
DECIDES = "the loop: decisions, log, ship ledger"
THREADS = "the loop: starting a thread for each request"
CONNECTS = "requests: a new connection for each"
EXCHANGES = "requests: HTTP"
STORES = "requests: the rest, and storing labels"
PARTS = (START, SQLITE, LIBRARY, DECIDES, THREADS, CONNECTS, EXCHANGES, STORES)
RECORDS = ("py-spy", "record", "--rate", "200", "--format", "raw", "--output")
_SAMPLES = re.compile(r"(?P<stack>.*) (?P<number>\d+)")
_FRAME = re.compile(r"(?P<name>.*) \((?P<file>[^()]*?)(?::\d+)?\)")


def shares(files: Iterable[Path]) -> dict[str, float]:
    """Return the share of each part in the samples of all these files, in percent."""
    found = Counter[str]()
    for file in files:
        for line in filter(None, map(_SAMPLES.fullmatch, file.read_text().splitlines())):
            frames = [_FRAME.fullmatch(frame) for frame in line["stack"].split(";")]
            found[part([(frame["file"], frame["name"]) for frame in frames if frame])] += int(line["number"])
    return {name: 100 * found[name] / max(1, sum(found[each] for each in PARTS)) for name in PARTS}


def part(stack: Sequence[tuple[str, str]]) -> str:
    """Return what a thread was doing: by file and function of each frame, the innermost last; "" if it checked PDFs."""
    files, functions = [file for file, _ in stack], {name.rpartition(".")[2] for _, name in stack}
    if any(file.endswith("labels/pdf.py") for file in files):
        return ""
    if functions & {"connect_tcp", "start_tls", "look_up"}:
        return CONNECTS
    if any(file.endswith("marketplace/wire.py") for file in files):
        return EXCHANGES
    if not any(file.endswith("supplier_agent/agent.py") for file in files):
        return STORES if any(file.endswith("tick/workers.py") for file in files) else START
    if functions & {"do_execute", "do_executemany", "do_commit"}:
        return SQLITE
    if "submit" in functions:
        return THREADS
    return (
        LIBRARY if files[-1].partition("/")[0] in {"sqlalchemy", "sqlmodel"} or "sqlalchemy" in files[-1] else DECIDES
    )
