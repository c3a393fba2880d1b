"""What strangers put into a PDF is read in bounds: time, memory, and a process of its own."""

import hashlib
import os
import re
import signal
import struct
import subprocess
import threading
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import zxingcpp

from supplier_agent.base.clock import SystemClock
from supplier_agent.labels.pdf import Done, Failed, PdfWork
from supplier_agent.sandbox.orders import draw
from tests.barcodes.drawing import Code, Page, assemble, pdf

BIG_STREAM = zlib.compress(b"1 0 0 1 0 0 cm " * 2_000_000)
FORMATS = zxingcpp.BarcodeFormat


@pytest.fixture
def label(tmp_path: Path) -> Path:
    """Return where a label may be written."""
    return tmp_path / "label.pdf"


def pid(work: PdfWork) -> int:
    """Return the number of the process, which is asked of the kernel, or ended by somebody else."""
    assert work.works()
    assert work._process is not None  # noqa: SLF001 - as the sentence above says
    return work._process.pid  # noqa: SLF001 - the same


def codes(work: PdfWork, path: Path, content: bytes) -> list[str]:
    path.write_bytes(content)
    answer = work.ask("codes", path=str(path))
    assert isinstance(answer, Done), answer
    assert answer.facts["sha256"] == hashlib.sha256(content).hexdigest()
    return [code for code, _ in answer.facts["codes"]]


LABELS = {
    "sandbox": (draw("15000012345_789", "SOFA", 1, "GEODIS"), ["15000012345_789"]),
    "parcel number": (pdf(Page([Code("XY123456789FR")])), ["XY123456789FR"]),
    "dpd with a percent sign": (pdf(Page([Code("%0075001234567890123456789012")])), ["%0075001234567890123456789012"]),
    "GS1 without its brackets": (pdf(Page([Code("(00)340434161094010001", gs1=True)])), ["00340434161094010001"]),
    "300 dpi": (pdf(Page([Code("XY123456789FR", dots=3, dpi=300)])), ["XY123456789FR"]),
    "turned page": (pdf(Page([Code("XY123456789FR")], turned=90)), ["XY123456789FR"]),
    "A4": (pdf(Page([Code("XY123456789FR", x_mm=90, y_mm=200)], 210, 297)), ["XY123456789FR"]),
    "two pages": (
        pdf(Page([Code("XY000000001FR")]), Page([Code("XY000000002FR")])),
        ["XY000000001FR", "XY000000002FR"],
    ),
    "data matrix": (pdf(Page([Code("XY123456789FR", FORMATS.DataMatrix, dots=4)])), ["XY123456789FR"]),
    "qr": (pdf(Page([Code("XY123456789FR", FORMATS.QRCode, dots=4)])), ["XY123456789FR"]),
    "poster": (pdf(Page([Code("XY123456789FR", dpi=15)], 1000, 1500)), ["XY123456789FR"]),
    "nothing on it": (pdf(Page()), []),
}


@pytest.mark.parametrize("name", LABELS)
def test_the_codes_on_a_label_are_found(work: PdfWork, label: Path, name: str) -> None:
    content, expected = LABELS[name]
    assert codes(work, label, content) == expected


def test_a_code_is_told_with_the_only_page_that_has_it(work: PdfWork, label: Path) -> None:
    order = Code("15000012345_789", y_mm=80)
    label.write_bytes(pdf(*(Page([Code(f"XY00000000{number}FR"), order]) for number in (1, 2)), Page()))
    answer = work.ask("codes", path=str(label))
    assert isinstance(answer, Done)
    assert dict(answer.facts["codes"]) == {"XY000000001FR": 1, "15000012345_789": None, "XY000000002FR": 2}
    assert answer.facts["pages"] == 3


def test_a_bar_and_a_square_code_on_one_label_are_both_found(work: PdfWork, label: Path) -> None:
    square = Code("PARCEL-77-OF-A-ROUTE", FORMATS.DataMatrix, dots=4, y_mm=80)
    assert set(codes(work, label, pdf(Page([Code("XY123456789FR"), square])))) == {
        "XY123456789FR",
        "PARCEL-77-OF-A-ROUTE",
    }


def test_the_picture_is_a_png_of_the_first_page(work: PdfWork, label: Path) -> None:
    label.write_bytes(pdf(Page([Code("XY123456789FR")]), Page(width_mm=210, height_mm=297)))
    answer = work.ask("picture", path=str(label), width=1200)
    assert isinstance(answer, Done)
    assert answer.content.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", answer.content[16:24])
    assert (width, height) == (1200, 1801)
    data = zlib.decompress(answer.content[41 : 41 + struct.unpack(">I", answer.content[33:37])[0]])
    rows = [data[row * 1201 + 1 : (row + 1) * 1201] for row in range(height)]
    assert len(data) == 1201 * height
    assert b"".join(rows).count(0) > 1000  # there is black on it
    found = zxingcpp.read_barcodes(memoryview(b"".join(rows)).cast("B", shape=[height, 1200]))
    assert [each.text for each in found] == ["XY123456789FR"]


def test_a_turned_page_is_measured_as_it_is_seen(work: PdfWork, label: Path) -> None:
    label.write_bytes(pdf(Page(turned=90)))
    answer = work.ask("size", path=str(label))
    assert isinstance(answer, Done)
    assert answer.facts["size"] == [150.0, 100.0]


def page_of(box: str, content: bytes, more: bytes = b"") -> bytes:
    return assemble(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            f"<< /Type /Page /Parent 2 0 R /MediaBox {box} /Contents 4 0 R >>".encode(),
            b"<< /Length %d %s>>\nstream\n%s\nendstream" % (len(content), more, content),
        ]
    )


HOSTILE = {
    "a wall for a page": page_of("[0 0 14400000 14400000]", b""),
    "a thread for a page": page_of("[0 0 1 14400]", b""),
    "no page at all": page_of("[0 0 0 0]", b""),
    "a page turned inside out": page_of("[100 100 -100 -100]", b""),
    "text for a size": page_of("[/a /b /c /d]", b""),
    "a stream that swells": page_of("[0 0 300 400]", BIG_STREAM, b"/Filter /FlateDecode "),
    "many filters": page_of("[0 0 300 400]", b"x", b"/Filter [" + b"/FlateDecode " * 5000 + b"] "),
    "a page that is its own parent": assemble(
        [b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [2 0 R] /Count 9 >>"]
    ),
    "a million pages, it says": assemble(
        [b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [] /Count 1000000 >>"]
    ),
    "nothing": b"",
    "no PDF": b"<html>sorry</html>",
    "cut off": pdf(Page([Code("XY123456789FR")]))[:300],
    "noise": b"%PDF-1.4\n" + bytes(range(256)) * 400,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_costs_nothing_but_its_own_answer(work: PdfWork, label: Path, name: str) -> None:
    label.write_bytes(HOSTILE[name])
    for answer in (
        work.ask("codes", path=str(label)),
        work.ask("picture", path=str(label), width=600),
        work.ask("size", path=str(label)),
        work.ask("join", paths=[str(label)]),
    ):
        assert isinstance(answer, Failed) or len(answer.content) < 20_000_000
    assert codes(work, label, pdf(Page([Code("XY123456789FR")]))) == ["XY123456789FR"]


@pytest.fixture
def hasty() -> Iterator[PdfWork]:
    """Return a process that may take half a second a task, and has its libraries loaded."""
    process = PdfWork(SystemClock(), seconds=0.5)
    assert isinstance(process.ask("nothing", more_seconds=30), Done)
    yield process
    process.close()


def test_what_takes_too_long_is_ended_and_the_next_file_is_read(hasty: PdfWork, label: Path) -> None:
    label.write_bytes(page_of("[0 0 3000 3000]", b"0 0 3000 3000 re f* " * 300_000))
    answer = hasty.ask("codes", path=str(label))
    assert isinstance(answer, Failed)
    assert "0.5 s" in answer.why
    label.write_bytes(pdf(Page()))
    assert isinstance(hasty.ask("size", path=str(label), more_seconds=10), Done)


def test_a_process_that_does_not_stir_is_not_waited_for(hasty: PdfWork, label: Path) -> None:
    label.write_bytes(pdf(Page()))
    began = time.monotonic()
    os.kill(pid(hasty), signal.SIGSTOP)
    assert isinstance(hasty.ask("size", path=str(label)), Failed)
    assert time.monotonic() - began < 20


def test_a_process_that_is_closed_while_it_starts_is_not_waited_for() -> None:
    def start() -> subprocess.Popen[bytes]:
        """Start a process that never answers."""
        closer.start()
        closer.join(0.2)  # it finds no process yet, and waits for the task
        return subprocess.Popen(["sleep", "60"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    work = PdfWork(SystemClock(), 60, start)
    closer = threading.Thread(target=work.close)
    began = time.monotonic()
    assert isinstance(work.ask("nothing"), Failed)
    assert time.monotonic() - began < 30
    closer.join()


def test_the_process_has_little_memory_and_may_write_no_file(work: PdfWork) -> None:
    limits = Path(f"/proc/{pid(work)}/limits").read_text()
    assert re.search(r"Max address space +268435456 +268435456", limits)
    assert re.search(r"Max file size +0 +0", limits)


def test_a_process_that_was_killed_is_started_anew(work: PdfWork, label: Path) -> None:
    label.write_bytes(pdf(Page()))
    os.kill(pid(work), signal.SIGKILL)
    assert isinstance(work.ask("size", path=str(label)), Failed)
    assert isinstance(work.ask("size", path=str(label)), Done)


def test_many_may_ask_at_once(work: PdfWork, tmp_path: Path) -> None:
    def one(number: int) -> list[str]:
        return codes(work, tmp_path / f"{number}.pdf", pdf(Page([Code(f"XY00000{number:04}FR")])))

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(one, range(12))) == [[f"XY00000{number:04}FR"] for number in range(12)]


def test_the_process_knows_nothing_of_our_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUPPLIER_AGENT_SUPPLIERS__NOTIO__TOKEN", "secret")
    process = PdfWork(SystemClock())
    try:
        assert b"secret" not in Path(f"/proc/{pid(process)}/environ").read_bytes()
    finally:
        process.close()


def test_a_process_that_has_grown_hands_over_a_whole_file_before_it_is_ended(work: PdfWork, tmp_path: Path) -> None:
    label = tmp_path / "label.pdf"
    label.write_bytes(page_of("[0 0 300 400]", os.urandom(3 << 19)))
    before = pid(work)
    joined = work.ask("join", more_seconds=60, paths=[str(label)] * 24)
    assert isinstance(joined, Done), joined
    assert len(joined.content) > 24 * (3 << 19)
    assert pid(work) != before, "it had grown"
