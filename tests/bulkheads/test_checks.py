"""Label checks: one of a supplier at a time, suppliers in turn, and an end that waits for nobody."""

import os
import resource
import threading
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future
from pathlib import Path
from typing import Any

import pytest

from supplier_agent.base.clock import SystemClock
from supplier_agent.labels.pdf import PROCESSES, Checks, Fault

PATIENCE_SECONDS = 10.0


@pytest.fixture
def checks() -> Iterator[Checks]:
    checks = Checks(SystemClock())
    yield checks
    checks.close()


class Gate:
    """A check that takes until it is let through."""

    def __init__(self) -> None:
        self.begun, self.open = threading.Event(), threading.Event()

    def __call__(self, _fault: Fault) -> str:
        self.begun.set()
        assert self.open.wait(PATIENCE_SECONDS)
        return "checked"


def test_one_supplier_holds_one_process_and_the_others_go_on(checks: Checks) -> None:
    gates = [Gate(), Gate()]
    slow = [checks.submit("slow", gate) for gate in gates]
    assert gates[0].begun.wait(PATIENCE_SECONDS)
    for _ in range(20):
        assert checks.submit("healthy", lambda _fault: "done").result(PATIENCE_SECONDS) == "done"
    assert not gates[1].begun.is_set()
    for gate in gates:
        gate.open.set()
    assert [each.result(PATIENCE_SECONDS) for each in slow] == ["checked", "checked"]


def test_suppliers_are_served_in_turn(checks: Checks) -> None:
    gates = [Gate() for _ in range(PROCESSES)]
    for number, gate in enumerate(gates):
        checks.submit(f"slow {number}", gate)
    for gate in gates:
        assert gate.begun.wait(PATIENCE_SECONDS)
    served: list[str] = []

    def serve(name: str) -> "Future[Any]":
        return checks.submit(name, lambda _fault: served.append(name))

    jobs = [serve(name) for name in ("a", "a", "a", "b", "c")]
    gates[0].open.set()  # the other process stays busy, so one after the other is served
    for job in jobs:
        job.result(PATIENCE_SECONDS)
    gates[1].open.set()
    assert served == ["a", "b", "c", "a", "a"]


def test_closing_cancels_what_waits_and_ends_what_hangs_and_believes_nothing_of_it(
    checks: Checks, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "endless.pdf")  # whoever reads it waits for ever
    hangs = checks.submit("slow", lambda fault: fault(tmp_path / "endless.pdf"))
    waits = checks.submit("slow", lambda _fault: "never")
    time.sleep(0.5)  # let the process begin
    began = time.monotonic()
    checks.close()
    assert time.monotonic() - began < 5
    assert isinstance(hangs.exception(PATIENCE_SECONDS), CancelledError)
    assert waits.cancelled()
    assert checks.submit("late", lambda _fault: "never").cancelled()


def test_what_fails_in_a_check_is_handed_on_and_the_next_is_made(checks: Checks) -> None:
    assert isinstance(checks.submit("one", lambda _fault: 1 / 0).exception(PATIENCE_SECONDS), ZeroDivisionError)
    assert checks.submit("one", lambda _fault: "done").result(PATIENCE_SECONDS) == "done"


def test_a_machine_without_a_thread_to_spare_fails_the_check_and_the_next_one_is_made(checks: Checks) -> None:
    limit = resource.getrlimit(resource.RLIMIT_AS)
    threading.stack_size(1 << 30)  # so much that no thread can be started within the limit below
    resource.setrlimit(resource.RLIMIT_AS, (_address_space() + (1 << 28), limit[1]))
    try:
        failed = checks.submit("notio", lambda _fault: "never")
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limit)
        threading.stack_size(0)
    assert isinstance(failed.exception(PATIENCE_SECONDS), RuntimeError)
    assert checks.submit("notio", lambda _fault: "done").result(PATIENCE_SECONDS) == "done"


def _address_space() -> int:
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
