"""The card of commands: what a packer scans instead of touching the screen."""

import re
from dataclasses import dataclass

import zxingcpp

from supplier_agent.scan import Command

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
    return tuple(CardCode(command, _svg(command.value)) for command in Command)


def _svg(text: str) -> str:
    drawn: str = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.Code128).to_svg(scale=2, add_quiet_zones=True)
    return _SIZE.sub(r'viewBox="0 0 \1 \2" \g<0>', _NOT_FOR_A_PAGE.sub("", drawn), count=1)
