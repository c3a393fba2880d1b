"""The page of a label beside the printer's: shown before anything is printed, for nothing is ever scaled in silence."""

from dataclasses import dataclass
from functools import lru_cache

from supplier_agent.db.tables import Order
from supplier_agent.printing.papers import Fault, Fit, Press, Size, fit
from supplier_agent.settings.web import Station

MOST_SIZES = 5000


@dataclass(frozen=True)
class Paper:
    """A label's page beside the printer's, in words and millimetres."""

    label: str
    paper: str
    fit: Fit


def in_mm(size: Size | None) -> str:
    """Return a size as people say it; "?" for one that is not known."""
    return "?" if size is None else f"{size[0]:.0f} × {size[1]:.0f}"


class Sizes:
    """The page sizes of labels. Opening a PDF costs more than all the rest of a page, so they are remembered."""

    def __init__(self, press: Press) -> None:
        self._press = press
        self._known = lru_cache(MOST_SIZES)(self._look)

    def of(self, label_path: str, sha256: str) -> Size | None:
        """Return the size of the first page in millimetres; None if it cannot be told now. The hash marks a new label."""
        try:
            return self._known(label_path, sha256)
        except _NotNowError:
            return None

    def _look(self, label_path: str, _sha256: str) -> Size | None:
        sizes = self._press.sizes(label_path)
        if isinstance(sizes, Fault) and sizes.may_pass:
            raise _NotNowError
        return None if isinstance(sizes, Fault) or not sizes else sizes[0]


class _NotNowError(Exception):
    """The file cannot be had now. What is raised is not remembered, so it is looked at again."""


def paper(sizes: Sizes, order: Order, station: Station) -> Paper:
    """Return the size of an order's label beside that of the station's paper."""
    size = sizes.of(order.label_path or "", order.label_sha256 or "")
    own = station.page_mm
    return Paper(in_mm(size), in_mm(own), fit(size, own))
