"""What the warehouse prints: labels (one, or many as one file), their size next to the printer's paper, the card of commands.

Labels are opened in separate processes. Nothing is scaled, so a page that does not fit the paper is reported.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path

import zxingcpp

from supplier_agent.base.clock import Clock
from supplier_agent.db.tables import Order
from supplier_agent.labels.pdf import Done, Failed, PdfWork
from supplier_agent.labels.typed import Command
from supplier_agent.settings.sections import Station

Size = tuple[float, float]
"""Width and height in mm."""

TOLERANCE_MM = 2.0
"""4 x 6 inches and 100 x 150 mm are names for the same roll."""


class Fit(StrEnum):
    """How a page fits on a paper. Pages are never scaled, so people must know this."""

    SAME = "same"
    TURNED = "turned"  # it fits if it is rotated by 90 degrees
    SMALLER = "smaller"  # it fits, with space left
    TOO_LARGE = "too_large"  # part of it would not be printed
    UNKNOWN = "unknown"  # one of the sizes is not known


def fit(page: Size | None, paper: Size | None) -> Fit:
    """Return how a page fits on a paper; None: the size is not known."""
    if page is None or paper is None:
        return Fit.UNKNOWN
    turned = (page[1], page[0])
    if _within(page, paper) and _within(paper, page):
        return Fit.SAME
    if _within(page, paper):
        return Fit.SMALLER
    return Fit.TURNED if _within(turned, paper) else Fit.TOO_LARGE


def _within(page: Size, paper: Size) -> bool:
    return page[0] <= paper[0] + TOLERANCE_MM and page[1] <= paper[1] + TOLERANCE_MM


WIDTH = 600
"""Width of a preview in pixels: enough to read the address, too small to scan the code from the screen by mistake."""
MOST_JOINED = 500
"""The maximum number of labels in one file."""
_SECONDS_EACH = 0.1


@dataclass(frozen=True)
class Bulk:
    """Many labels as one PDF. `left_out`: the labels that are not in it, each with why."""

    content: bytes
    left_out: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Fault:
    """Why there is no result, in a few words. `may_pass`: the problem may be temporary; try again."""

    why: str
    may_pass: bool = False


class Press:
    """Opens labels, in two separate processes: one for previews and the camera, one for slow files. Thread safe."""

    def __init__(self, state_dir: Path, clock: Clock) -> None:
        self._labels = state_dir.resolve() / "labels"
        self._state_dir = state_dir
        self._quick, self._slow = PdfWork(clock), PdfWork(clock)

    def preview(self, label_path: str) -> bytes | Fault:
        """Return the first page of a label as a PNG. `label_path` is the order's: relative to the state folder."""
        answer = self._first_page("picture", label_path, width=WIDTH)
        return answer if isinstance(answer, Fault) else answer.content

    def size(self, label_path: str) -> Size | Fault:
        """Return the displayed size of the first page of a label."""
        answer = self._first_page("size", label_path)
        if isinstance(answer, Fault):
            return answer
        width, height = answer.facts["size"]
        return width, height

    def codes(self, picture: str, width: int) -> Sequence[str]:
        """Return the codes in a picture of a camera (pdf_worker.seen); none if it cannot be read."""
        answer = _asked(self._quick, "seen", picture=picture, width=width)
        return () if isinstance(answer, Fault) else list(answer.facts["codes"])

    def _first_page(self, task: str, label_path: str, **about: int) -> Done | Fault:
        path = self._path(label_path)
        return _absent() if path is None else _asked(self._quick, task, path=str(path), **about)

    def bulk(self, label_paths: Sequence[str]) -> Bulk | Fault:
        """Return labels as one PDF, in this order, pages unchanged. Labels that cannot be read are left out and named."""
        if len(label_paths) > MOST_JOINED:
            return Fault(f"at most {MOST_JOINED} labels are printed at once; these are {len(label_paths)}")
        paths = [self._path(each) for each in label_paths]
        there = [(name, path) for name, path in zip(label_paths, paths, strict=True) if path is not None]
        left_out = [(name, _absent().why) for name, path in zip(label_paths, paths, strict=True) if path is None]
        try:
            answer = _asked(
                self._slow,
                "join",
                paths=[str(path) for _, path in there],
                more_seconds=_SECONDS_EACH * len(label_paths),
            )
        finally:
            self._slow.rest()  # it still holds the joined file
        if isinstance(answer, Fault):
            return answer
        left_out += [(there[number][0], why) for number, why in answer.facts["left_out"]]
        if not answer.content:
            return Fault("none of these labels can be read" if label_paths else "there is no label to print")
        return Bulk(answer.content, tuple(left_out))

    def _path(self, label_path: str) -> Path | None:
        """Return the path of a label, if it is in the folder of labels: others can write to the database."""
        try:
            path = (self._state_dir / label_path).resolve()
            return path if path.is_relative_to(self._labels) and path.is_file() else None
        except (OSError, ValueError):  # not a valid file name
            return None

    def close(self) -> None:
        """End the processes."""
        self._quick.close()
        self._slow.close()


def _asked(work: PdfWork, task: str, *, more_seconds: float = 0.0, **about: object) -> Done | Fault:
    try:
        answer = work.ask(task, more_seconds=more_seconds, **about)
    except OSError as error:
        return Fault(f"it cannot be read now: {error.strerror}", may_pass=True)
    return Fault(answer.why) if isinstance(answer, Failed) else answer


def _absent() -> Fault:
    return Fault("its file is missing; it is downloaded again automatically", may_pass=True)


_NOT_FOR_A_PAGE = re.compile(r"\A.*?(?=<svg)| id=\"barcode\"|\s*<desc>.*?</desc>", re.DOTALL)
"""The preamble of an SVG file, and names that several codes on one page would share."""
_SIZE = re.compile(r'width="([0-9]+)" height="([0-9]+)"')


@dataclass(frozen=True)
class CardCode:
    """One command as a Code 128: an <svg> element for a page, which may resize it."""

    command: Command
    svg: str


def card() -> tuple[CardCode, ...]:
    """Return the code of every command."""
    return tuple(CardCode(command, code_128(command.value)) for command in Command)


def code_128(text: str) -> str:
    """Return a text as a Code 128: an <svg> element for a page."""
    drawn: str = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.Code128).to_svg(scale=2, add_quiet_zones=True)
    return _SIZE.sub(r'viewBox="0 0 \1 \2" \g<0>', _NOT_FOR_A_PAGE.sub("", drawn), count=1)


MOST_SIZES = 5000


@dataclass(frozen=True)
class Paper:
    """The size of a label compared with the printer's paper, in words and millimetres."""

    label: str
    paper: str
    fit: Fit


def in_mm(size: Size | None) -> str:
    """Return a size for people; "?" if it is not known."""
    return "?" if size is None else f"{size[0]:.0f} × {size[1]:.0f}"


class Sizes:
    """The page sizes of labels, cached, because opening a PDF costs more than everything else on a page."""

    def __init__(self, press: Press) -> None:
        self._press = press
        self._known = lru_cache(MOST_SIZES)(self._look)

    def of(self, label_path: str, sha256: str) -> Size | None:
        """Return the size of the first page in millimetres; None if it is not known now. A new label has a new hash."""
        try:
            return self._known(label_path, sha256)
        except _NotNowError:
            return None

    def _look(self, label_path: str, _sha256: str) -> Size | None:
        size = self._press.size(label_path)
        if isinstance(size, Fault) and size.may_pass:
            raise _NotNowError
        return None if isinstance(size, Fault) else size


class _NotNowError(Exception):
    """The file cannot be read now. An exception is not cached, so it is tried again."""


def paper(sizes: Sizes, order: Order, station: Station) -> Paper:
    """Return the size of an order's label compared with the station's paper."""
    size = sizes.of(order.label_path or "", order.label_sha256 or "")
    own = station.page_mm
    return Paper(in_mm(size), in_mm(own), fit(size, own))
