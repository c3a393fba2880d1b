"""The line that each long set prints for a row of PROOF.md."""

import json
import sys
import time


def tell(
    row: str,
    figure: str,
    *,
    target: str,
    would_have_caught: str,
    count: float,
    began: float,
    seed: object = None,
    **more: object,
) -> None:
    """Print one row as JSON. `count` is compared with the least that is enough; `began` is of time.monotonic()."""
    line = {"row": row, "figure": figure, "target": target, "count": count, "seed": seed, **more}
    line |= {"seconds": round(time.monotonic() - began), "would_have_caught": would_have_caught}
    sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")
    sys.stdout.flush()
