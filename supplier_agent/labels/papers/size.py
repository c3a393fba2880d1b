"""Whether a page fits on a paper at its own size. Pure."""

from enum import StrEnum

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
