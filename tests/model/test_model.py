"""Whatever happens in whatever order, with two agents at once: nothing lost, nothing unasked, nothing twice, nothing untrue.

A short set by default, the same at every run. The long one: MODEL_EXAMPLES=2000 MODEL_STEPS=50 [MODEL_SEED=N].
"""

import json
import os
import time

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import seed as seeded
from hypothesis.stateful import run_state_machine_as_test

from tests.model.machine import TwoAgents

EXAMPLES = int(os.environ.get("MODEL_EXAMPLES", "0"))
STEPS = int(os.environ.get("MODEL_STEPS", "50"))
SEED = int(os.environ.get("MODEL_SEED", "1"))

IN_PEACE = {"deadline": None, "suppress_health_check": list(HealthCheck), "database": None}


def test_no_sequence_of_steps_breaks_a_promise() -> None:
    quick = settings(
        max_examples=16,
        stateful_step_count=40,
        derandomize=True,
        phases=(Phase.generate,),  # what breaks a promise here, the long set shrinks: that takes minutes
        **IN_PEACE,  # type: ignore[arg-type]
    )
    run_state_machine_as_test(TwoAgents, settings=quick)


@pytest.mark.skipif(EXAMPLES == 0, reason="the long set: MODEL_EXAMPLES=2000")
def test_no_sequence_of_many_breaks_a_promise() -> None:
    long = settings(
        max_examples=EXAMPLES,
        stateful_step_count=STEPS,
        phases=(Phase.generate, Phase.shrink),
        print_blob=True,
        **IN_PEACE,  # type: ignore[arg-type]
    )
    began = time.monotonic()
    run_state_machine_as_test(seeded(SEED)(TwoAgents), settings=long)
    row = {
        "row": "T6 stateful model, two agents on one folder without the lock",
        "figure": f"{EXAMPLES} sequences x {STEPS} steps, 0 broken",
        "target": ">= 2000 x 50",
        "seconds": round(time.monotonic() - began),
        "seed": SEED,
        "would_have_caught": "a claim or an undo that races, a second agent that repeats what the first is sending",
    }
    print(json.dumps(row))  # noqa: T201 - shown with -s
