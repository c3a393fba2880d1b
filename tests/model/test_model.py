"""Whatever happens in whatever order, with two agents at once: nothing lost, nothing unasked, nothing twice, nothing untrue.

A short set, the same at every run. The long one: python -m tests.model.
"""

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.model.machine import IN_PEACE, TwoAgents

pytestmark = pytest.mark.slow


def test_no_sequence_of_steps_breaks_a_promise() -> None:
    quick = settings(
        max_examples=16,
        stateful_step_count=40,
        derandomize=True,
        phases=(Phase.generate,),  # what breaks a promise here, the long set shrinks: that takes minutes
        **IN_PEACE,
    )
    TwoAgents.met.clear()
    run_state_machine_as_test(TwoAgents, settings=quick)
    assert TwoAgents.met["clear"] > 10, "too few ship calls to prove anything"
    assert TwoAgents.met["lost"] > 2
