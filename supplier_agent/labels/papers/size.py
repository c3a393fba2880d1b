"""Whether a page comes out on a paper as it is. Pure."""

from enum import StrEnum

Size = tuple[float, float]
"""Width and height in mm."""

TOLERANCE_MM = 2.0
"""Papers are named 4 x 6 inches and 100 x 150 mm, and are the same roll."""


class Fit(StrEnum):
    """How a page lies on a paper. Nothing is ever made smaller or larger, so this must be said."""

    SAME = "same"
    TURNED = "turned"  # it fits if it is turned by a quarter
    SMALLER = "smaller"  # it fits, and paper is left over
    TOO_LARGE = "too_large"  # part of it would not be printed
    UNKNOWN = "unknown"  # nobody said how large the one or the other is


def fit(page: Size | None, paper: Size | None) -> Fit:
    """Return how a page lies on a paper; None is a size that is not known."""
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
