"""List answers of every kind: none ends the reader, none gives a wrong row, none is lost on the way to the disk. Some of each here.

The long set is `python -m tests.payloads --count 1000000 --structures 20000 --memory`.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from tests.payloads.memory import MOST_GROWTH_MB, SHAPES
from tests.payloads.mutation import many
from tests.payloads.structures import Depot, bodies
from tests.payloads.truths import judge

ROOT = Path(__file__).parents[2]
SEED, COUNT, STORED = 20_261_121, 6_000, 60


@pytest.fixture(scope="module")
def depot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Depot]:
    depot = Depot(tmp_path_factory.mktemp("depot"))
    yield depot
    depot.close()


def test_no_mutated_answer_ends_the_reader_or_gives_a_wrong_row() -> None:
    assert judge(many(SEED, COUNT)) > COUNT // 4, "the mutations leave nothing to read"


def test_every_mutated_answer_is_stored_once_and_whole(depot: Depot) -> None:
    for body in many(SEED + 1, STORED):
        depot.take_in(body)


@settings(max_examples=40, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(body=bodies)
def test_every_structure_is_stored_once_and_whole(depot: Depot, body: bytes) -> None:
    depot.take_in(body)


@pytest.mark.slow  # takes seconds
def test_no_answer_costs_more_memory_than_the_unit_grants() -> None:
    """In a process of its own, which has no threads and may fork."""
    command = [sys.executable, "-m", "tests.payloads", "--memory"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    grown = json.loads(done.stdout)["grown"]
    assert grown.keys() == SHAPES.keys()
    assert not {shape: mb for shape, mb in grown.items() if not 0 <= mb <= MOST_GROWTH_MB}
