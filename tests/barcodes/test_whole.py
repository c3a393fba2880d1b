"""The PDF check: sandbox labels and odd but whole files pass; hostile ones cost neither time nor memory, and not the next check."""

import os
import signal
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from supplier_agent.base.clock import SystemClock
from supplier_agent.labels.pdf import MEMORY_BYTES, SECONDS, PdfWork
from supplier_agent.sandbox.orders import draw

LABEL = draw("15000012345_789", "CHAIR", 1, "GEODIS")


@pytest.fixture(scope="module")
def check() -> Iterator[PdfWork]:
    check = PdfWork(SystemClock())
    yield check
    check.close()


def judged(check: PdfWork, folder: Path, content: bytes) -> str | None:
    path = folder / "a label.pdf"
    path.write_bytes(content)
    return check.fault(path)


def document(*objects: bytes, trailer: bytes = b"<< /Size 9 /Root 1 0 R >>") -> bytes:
    """Return a PDF of these objects, numbered from 1, with a right cross-reference table."""
    content, offsets = bytearray(b"%PDF-1.7\n"), []
    for number, body in enumerate(objects, 1):
        offsets.append(len(content))
        content += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    xref = b"xref\n0 %d\n0000000000 65535 f \n%s" % (len(objects) + 1, table)
    return bytes(content) + xref + b"trailer\n" + trailer + b"\nstartxref\n%d\n%%%%EOF\n" % len(content)


def stream(dictionary: bytes, data: bytes) -> bytes:
    return b"<< %s /Length %d >>\nstream\n%s\nendstream" % (dictionary, len(data), data)


CATALOG = b"<< /Type /Catalog /Pages 2 0 R >>"
GOOD = {
    "the sandbox's label": LABEL,
    "a line after its end": LABEL + b"\n\n",
    "a page that nothing is said of": document(
        CATALOG, b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>", b"<< /Type /Page /Parent 2 0 R >>"
    ),
    "a wrong place of the table, which every viewer mends": LABEL.replace(b"startxref\n", b"startxref\n1"),
}
BROKEN = {
    "nothing": (b"", "empty"),
    "a web page": (b"<!DOCTYPE html><html><body>Please log in</body></html>", "a web page"),
    "JSON": (b'{"error": "not ready"}', "not a PDF"),
    "the first half": (LABEL[: len(LABEL) // 2], "cut off"),
    "all but its last line": (LABEL.rstrip()[:-5], "cut off"),
    "zeros after the head": (b"%PDF-1.4\n" + bytes(3000) + b"%%EOF", "PDF"),
    "an end without a middle": (b"%PDF-1.4\n%%EOF\n", "PDF"),
    "no page": (document(CATALOG, b"<< /Type /Pages /Kids [] /Count 0 >>"), "without a page"),
    "something before its head": (b"\r\nHTTP/1.1 200 OK\r\n\r\n" + LABEL, "not a PDF"),
}


def bomb() -> bytes:
    """Return 400 MB of zeros in 400 kB."""
    return zlib.compress(bytes(400 << 20), 9)


HOSTILE: dict[str, Callable[[], bytes]] = {
    "a cross-reference table that leads to itself": lambda: LABEL.replace(
        b"trailer\n<<", b"trailer\n<< /Prev %d" % LABEL.rindex(b"xref\n0")
    ),
    "a page tree that is its own child": lambda: document(CATALOG, b"<< /Type /Pages /Kids [2 0 R 2 0 R] /Count 2 >>"),
    "two page trees that are each other's children": lambda: document(
        CATALOG, b"<< /Type /Pages /Kids [3 0 R 3 0 R] /Count 9 >>", b"<< /Type /Pages /Kids [2 0 R 2 0 R] /Count 9 >>"
    ),
    "arrays in arrays": lambda: document(
        CATALOG, b"<< /Type /Pages /Count 1 /Kids " + b"[" * 100_000 + b"]" * 100_000 + b" >>"
    ),
    "objects in a stream that swells": lambda: document(
        stream(b"/Type /ObjStm /N 1 /First 4 /Filter /FlateDecode", bomb()),
        stream(b"/Type /XRef /W [1 1 1] /Size 4 /Index [0 4] /Root 3 0 R /Filter /FlateDecode", bomb()),
        trailer=b"<< /Size 9 /Root 3 0 R >>",
    ),
    "a table of a billion objects": lambda: LABEL.replace(b"xref\n0 6", b"xref\n0 999999999"),
    "a page count beyond counting": lambda: document(
        CATALOG, b"<< /Type /Pages /Kids [3 0 R] /Count %s >>" % (b"9" * 5000), b"<< /Type /Page >>"
    ),
    "a catalogue that is its own page tree": lambda: document(b"<< /Type /Catalog /Pages 1 0 R /Kids [1 0 R] >>"),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_whole_file_passes(check: PdfWork, tmp_path: Path, name: str) -> None:
    assert judged(check, tmp_path, GOOD[name]) is None


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_not_whole_is_told_in_a_few_words(check: PdfWork, tmp_path: Path, name: str) -> None:
    content, why = BROKEN[name]
    fault = judged(check, tmp_path, content)
    assert fault is not None
    assert why in fault
    assert len(fault) < 100
    assert fault.isprintable()


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_costs_bounded_time_and_memory_and_not_the_next_check(
    check: PdfWork, tmp_path: Path, name: str
) -> None:
    content = HOSTILE[name]()
    began = time.monotonic()
    judged(check, tmp_path, content)  # what it says of it matters less than that it comes back
    assert time.monotonic() - began < SECONDS + 2
    assert judged(check, tmp_path, LABEL) is None
    assert max(most_memory(child) for child in checking_processes()) <= MEMORY_BYTES


def checking_processes() -> set[int]:
    """Return the checking processes that this process has started."""
    children = [task / "children" for task in Path("/proc/self/task").iterdir()]
    return {
        int(child)
        for path in children
        for child in path.read_text().split()
        if b"supplier_agent.labels.pdf" in Path(f"/proc/{child}/cmdline").read_bytes()
    }


def most_memory(pid: int) -> int:
    """Return the most bytes that a process ever had in memory."""
    (line,) = (line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def test_a_checking_process_that_died_is_replaced(tmp_path: Path) -> None:
    own, others = PdfWork(SystemClock()), checking_processes()
    try:
        assert judged(own, tmp_path, LABEL) is None
        (first,) = checking_processes() - others
        os.kill(first, signal.SIGKILL)
        assert judged(own, tmp_path, LABEL) is not None, "of this file nothing is known"
        assert judged(own, tmp_path, LABEL) is None
        assert first not in checking_processes()
    finally:
        own.close()


def test_a_file_that_is_gone_is_no_broken_pdf_and_closing_twice_is_fine(tmp_path: Path) -> None:
    own = PdfWork(SystemClock())
    with pytest.raises(FileNotFoundError):
        own.fault(tmp_path / "gone.pdf")
    own.close()
    own.close()


def test_a_file_that_hangs_the_check_is_told_in_time_and_ends_the_process(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "endless.pdf")  # whoever reads it waits for ever
    own, others = PdfWork(SystemClock(), seconds=0.3), checking_processes()
    try:
        began = time.monotonic()
        fault = own.fault(tmp_path / "endless.pdf")
        assert fault is not None
        assert "took more than 0.3 s" in fault
        assert time.monotonic() - began < 5
        assert checking_processes() <= others
    finally:
        own.close()


def crowded(pages: int) -> bytes:
    """Return a PDF of some 60 bytes a page: small on the disk, and a thousand times as large in memory."""
    kids = b" ".join(b"%d 0 R" % (number + 3) for number in range(pages))
    leaves = [b"<< /Type /Page /Parent 2 0 R >>"] * pages
    return document(CATALOG, b"<< /Type /Pages /Kids [%s] /Count %d >>" % (kids, pages), *leaves)


def large(size: int) -> bytes:
    """Return a label with a picture of that many bytes."""
    page = b"<< /Type /Page /Parent 2 0 R /Resources << /XObject << /I 4 0 R >> >> >>"
    picture = b"/Type /XObject /Subtype /Image /Width 1 /Height 1 /ColorSpace /DeviceGray /BitsPerComponent 8"
    return document(CATALOG, b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>", page, stream(picture, os.urandom(size)))


@pytest.mark.slow
def test_after_a_file_that_swells_the_next_large_label_is_read_by_a_fresh_process(tmp_path: Path) -> None:
    own, others = PdfWork(SystemClock(), seconds=60), checking_processes()
    try:
        hostile, honest = crowded(60_000), large(6 << 20)
        assert judged(own, tmp_path, honest) is None
        judged(own, tmp_path, hostile)  # what is said of it is its own matter
        assert checking_processes() <= others, "a process that is swollen leaves"
        assert judged(own, tmp_path, honest) is None
    finally:
        own.close()


def test_a_process_without_memory_for_a_file_leaves(tmp_path: Path) -> None:
    own, others = PdfWork(SystemClock(), seconds=60), checking_processes()
    try:
        assert judged(own, tmp_path, LABEL) is None
        with (tmp_path / "huge.pdf").open("wb") as file:
            file.truncate(MEMORY_BYTES)  # a hole: no byte of it is on the disk
        assert own.fault(tmp_path / "huge.pdf") == "it needs too much memory"
        assert checking_processes() <= others
        assert judged(own, tmp_path, LABEL) is None
    finally:
        own.close()


def test_a_check_loads_nothing_that_paints_or_reads_barcodes(tmp_path: Path) -> None:
    own, others = PdfWork(SystemClock()), checking_processes()
    try:
        assert judged(own, tmp_path, LABEL) is None
        (pid,) = checking_processes() - others
        loaded = Path(f"/proc/{pid}/maps").read_text()
        assert "pdfium" not in loaded
        assert "zxing" not in loaded
    finally:
        own.close()


def test_a_machine_without_a_process_to_spare_says_nothing_of_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.executable", str(tmp_path / "no such program"))
    with pytest.raises(FileNotFoundError):
        judged(PdfWork(SystemClock()), tmp_path, LABEL)


def test_closing_ends_a_check_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "endless.pdf")
    own = PdfWork(SystemClock(), seconds=60)
    assert own.works()
    answers: list[str | None] = []
    asker = threading.Thread(target=lambda: answers.append(own.fault(tmp_path / "endless.pdf")))
    asker.start()
    time.sleep(0.3)
    began = time.monotonic()
    own.close()
    asker.join(10)
    assert time.monotonic() - began < 5
    assert answers != [None]
