"""Printing after the answer: a printer that hangs, that is away, that refuses; in order, once, and nothing is lost in silence."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from supplier_agent.base.clock import SystemClock
from supplier_agent.base.log import Log
from supplier_agent.printing import Job, NotPrinted, Printed, Printers, name_of
from supplier_agent.printing import queue as rules
from supplier_agent.printing.queue import Ending
from supplier_agent.settings import Settings
from tests.printing.test_printer import JOB, answer, http
from tests.world.clocks import HandClock, until

SETTINGS = Settings(state_dir=Path("/nowhere"), suppliers={"notio": {"token": "t"}})
PDF = b"%PDF-1.4 a label %%EOF"
NOBODY = "ipp://127.0.0.1:1/ipp/print"


@dataclass
class Device:
    """A printer for many jobs. It takes each, unless it `refuses`, and hangs until it is `let_go`."""

    uri: str = ""
    heard: list[bytes] = field(default_factory=list)
    refuses: bool = False
    let_go: threading.Event = field(default_factory=threading.Event)

    def answer(self) -> bytes:
        self.let_go.wait(60)
        return answer(0x0506) if self.refuses else answer(0, JOB)


@contextmanager
def device(*, hangs: bool = False, refuses: bool = False) -> Iterator[Device]:
    """Be a printer."""
    made = Device(refuses=refuses)
    if not hangs:
        made.let_go.set()

    def serve(server: socket.socket) -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=take, args=(connection,), daemon=True).start()

    def take(connection: socket.socket) -> None:
        with connection:
            request = b""
            try:
                while b"%%EOF" not in request:
                    if not (more := connection.recv(1 << 20)):
                        return
                    request += more
                made.heard.append(request)
                connection.sendall(http(made.answer()))
            except OSError:
                return

    with socket.create_server(("127.0.0.1", 0)) as server:
        made.uri = f"ipp://127.0.0.1:{server.getsockname()[1]}/ipp/print"
        threading.Thread(target=serve, args=(server,), daemon=True).start()
        try:
            yield made
        finally:
            made.let_go.set()
            server.shutdown(socket.SHUT_RDWR)


@dataclass
class Counter:
    """Where jobs come from; it keeps how each ended."""

    printers: Printers
    endings: list[tuple[str, Ending]] = field(default_factory=list)

    def job(self, uri: str, *names: str) -> Job:
        orders = {int(name.rpartition("_")[2]): name for name in names}
        title = " ".join(names)
        done: Callable[[Ending], None] = lambda ending: self.endings.append((title, ending))  # noqa: E731 - shorter
        return Job(uri, PDF, title, "Anna", None, orders, done)

    def put(self, uri: str, *names: str) -> None:
        self.printers.put(self.job(uri, *names))

    @property
    def codes(self) -> list[tuple[str, str]]:
        """How each job ended, in the order of their ends."""
        return [(name, ending.code if isinstance(ending, NotPrinted) else "") for name, ending in self.endings]


@contextmanager
def counter(clock: HandClock | None = None, log: Log | None = None) -> Iterator[Counter]:
    made = Counter(Printers(clock or SystemClock(), log or Log(None), SETTINGS))
    try:
        yield made
    finally:
        made.printers.close(0)


def test_jobs_are_printed_in_order_and_one_printer_does_not_wait_for_another() -> None:
    with device(hangs=True) as slow, device() as good, counter() as bench:
        for number in range(5):
            bench.put(slow.uri, f"1_{number}")
        bench.put(good.uri, "2_9")
        until(lambda: bench.endings)
        assert bench.endings == [("2_9", Printed(77))]
        assert bench.printers.orders == {0, 1, 2, 3, 4}
        slow.let_go.set()
        until(lambda: len(bench.endings) == 6)
        assert [name for name, _ in bench.endings[1:]] == [f"1_{number}" for number in range(5)]
        assert [each for body in slow.heard for each in range(5) if f"1_{each}".encode() in body] == [0, 1, 2, 3, 4]
        assert bench.printers.orders == frozenset()


@pytest.mark.parametrize("code", ["stopped", "unreachable"])
def test_a_printer_is_in_trouble_until_it_prints_again(code: str) -> None:
    with device(refuses=True) as it, counter() as bench:
        uri = it.uri if code == "stopped" else NOBODY
        bench.put(uri, "1_1")
        bench.put(uri, "1_2")
        until(lambda: len(bench.endings) == 2)
        assert bench.codes == [("1_1", code), ("1_2", code)]
        (trouble,) = bench.printers.troubles
        assert (trouble.code, trouble.orders, trouble.name) == (code, {1: "1_1", 2: "1_2"}, name_of(uri))
        if code == "stopped":
            it.refuses = False
            bench.put(uri, "1_3")
            until(lambda: not bench.printers.troubles)


def test_a_label_that_waited_too_long_is_not_printed_on_another_box() -> None:
    clock = HandClock()
    with device(hangs=True) as it, counter(clock) as bench:
        bench.put(it.uri, "1_1")
        until(lambda: it.heard)
        bench.put(it.uri, "1_2")
        clock.seconds += rules.PATIENCE_SECONDS + 1
        bench.put(it.uri, "1_3")
        it.let_go.set()
        until(lambda: len(bench.endings) == 3)
        assert bench.codes == [("1_1", ""), ("1_2", "late"), ("1_3", "")]
        assert len(it.heard) == 2


def test_a_queue_that_is_full_says_so_at_once() -> None:
    with device(hangs=True) as it, counter() as bench:
        bench.put(it.uri, "1_1")
        until(lambda: it.heard)
        bench.put(it.uri, *(f"2_{number}" for number in range(2, rules.MOST_WAITING + 2)))
        bench.put(it.uri, "3_3000")
        assert bench.codes == [("3_3000", "full")]
        assert bench.printers.troubles[0].code == "full"


def test_at_the_end_of_the_process_every_job_has_an_ending() -> None:
    with device(hangs=True) as it, counter() as bench:
        for number in range(3):
            bench.put(it.uri, f"1_{number}")
        until(lambda: it.heard)
        bench.printers.close(0)
        assert sorted(bench.codes) == [("1_0", "timeout"), ("1_1", "ended"), ("1_2", "ended")]
        bench.put(it.uri, "1_9")
        assert bench.codes[-1] == ("1_9", "ended")
        it.let_go.set()
    assert len(bench.endings) == 4  # the printer's late answer ends no job a second time


def test_what_goes_wrong_while_an_ending_is_recorded_stops_no_other_job() -> None:
    heard: list[str] = []
    with device() as it, counter(log=Log(None, lambda event, _facts: heard.append(event))) as bench:

        def fails(_ending: Ending) -> None:
            raise RuntimeError("the disk is full")

        job = bench.job(it.uri, "1_1")
        bench.printers.put(Job(job.uri, job.content, job.title, job.who, job.media, job.orders, fails))
        bench.put(it.uri, "1_2")
        until(lambda: bench.endings)
        assert bench.codes == [("1_2", "")]
        assert heard == ["internal.error"]
        assert bench.printers.orders == frozenset()


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("ipp://127.0.0.1/printers/zebra", "zebra"),
        ("ipp://cups.example:8631/classes/Bench%201", "Bench 1"),
        ("ipp://192.168.1.20/ipp/print", "192.168.1.20"),
        ("ipps://user:s3cret@printer.example:6310/ipp/print", "printer.example:6310"),
        ("ipp://[fe80::1]/ipp/print", "fe80::1"),
        ("ipp://host:no-port/", "?"),
    ],
)
def test_a_printer_has_the_name_of_its_queue_or_host(uri: str, name: str) -> None:
    assert name_of(uri) == name
