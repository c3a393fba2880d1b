"""Requests to a printer, and their endings as values with messages for people."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from supplier_agent.printing import ipp
from supplier_agent.printing.ipp import Group, NotPrinted, Tag, parse_uri, post
from supplier_agent.settings.egress import DIRECT, Egress

_STATES: Mapping[object, str] = {3: "idle", 4: "processing", 5: "stopped"}
_JOB_FAILED = {7: "cancelled", 8: "aborted"}
_LAST_SUCCESS = 0x00FF
_PWG = re.compile(r"\A[a-z]+_.*_([0-9]+(?:\.[0-9]+)?)x([0-9]+(?:\.[0-9]+)?)(mm|in)\Z")
"""The name of a medium includes its size (PWG 5101.1): oe_4x6-label_4x6in, iso_a6_105x148mm."""
_MM_PER_INCH = 25.4
_TOLERANCE_MM = 2.0

_WORDS: Mapping[int, tuple[str, str]] = {
    0x0401: ("refused", "it does not let us print"),
    0x0402: ("refused", "it wants a name and a password"),
    0x0403: ("refused", "it does not let us print"),
    0x0406: ("address", "there is no printer of this name at that address"),
    0x0408: ("refused", "the document is too large for it"),
    0x040A: ("format", "it does not take PDF; print through CUPS, which turns PDF into what it takes"),
    0x0502: ("refused", "it is out of order"),
    0x0503: ("refused", "it does not speak a version of IPP that we know"),
    0x0506: ("stopped", "it does not accept jobs now"),
    0x0507: ("stopped", "it is busy"),
}
"""What the most common refusals mean (RFC 8011, appendix B)."""


@dataclass(frozen=True)
class Printed:
    """The printer accepted the job. `ignored`: our attributes that it will ignore."""

    job: int
    ignored: tuple[str, ...] = ()


@dataclass(frozen=True)
class Media:
    """A medium: its keyword and size."""

    keyword: str
    width_mm: float
    height_mm: float


@dataclass(frozen=True)
class Printer:
    """The state of a printer. `reasons`: what stops it, as IPP keywords; `default`: None if it does not say."""

    name: str
    state: str
    accepting: bool
    reasons: tuple[str, ...]
    media: tuple[Media, ...]
    default: Media | None


def print_pdf(
    uri: str,
    content: bytes,
    title: str,
    who: str = "supplier-agent",
    *,
    media: str | None = None,
    seconds: float = 10.0,
    egress: Egress = DIRECT,
) -> Printed | NotPrinted:
    """Print a PDF at its own size. `media`: one of the printer's keywords; None: its default."""
    wishes = [(Tag.KEYWORD, "print-scaling", "none")]
    if media is not None:
        wishes.append((Tag.KEYWORD, "media", media))
    about = [
        (Tag.NAME, "requesting-user-name", _name(who)),
        (Tag.NAME, "job-name", _name(title)),
        (Tag.MIME, "document-format", "application/pdf"),
    ]
    answer = _ask(uri, ipp.PRINT_JOB, about, wishes, content, seconds, egress)
    if isinstance(answer, NotPrinted):
        return answer
    job, state = answer.one(Group.JOB, "job-id"), answer.one(Group.JOB, "job-state")
    if state in _JOB_FAILED:
        return NotPrinted(f"the printer has {_JOB_FAILED[int(state)]} the job", "refused")
    if not isinstance(job, int):
        return NotPrinted("the printer's answer names no job", "answer")
    return Printed(job, tuple(answer.groups.get(Group.UNSUPPORTED, {})))


def look(uri: str, *, seconds: float = 3.0, egress: Egress = DIRECT) -> Printer | NotPrinted:
    """Return the state of a printer and its media."""
    wanted = (
        "printer-name",
        "printer-state",
        "printer-state-reasons",
        "printer-is-accepting-jobs",
        "media-supported",
        "media-default",
    )
    answer = _ask(
        uri,
        ipp.GET_PRINTER_ATTRIBUTES,
        [(Tag.KEYWORD, "requested-attributes", name) for name in wanted],
        [],
        b"",
        seconds,
        egress,
    )
    if isinstance(answer, NotPrinted):
        return answer
    media = [_media(str(keyword)) for keyword in answer.all(Group.PRINTER, "media-supported")]
    default = answer.one(Group.PRINTER, "media-default")
    return Printer(
        name=str(answer.one(Group.PRINTER, "printer-name") or uri.rpartition("/")[2]),
        state=_STATES.get(answer.one(Group.PRINTER, "printer-state"), "unknown"),
        accepting=answer.one(Group.PRINTER, "printer-is-accepting-jobs") is not False,
        reasons=tuple(str(each) for each in answer.all(Group.PRINTER, "printer-state-reasons") if each != "none"),
        media=tuple(each for each in media if each is not None),
        default=None if default is None else _media(str(default)),
    )


def media_of(printer: Printer, width_mm: float, height_mm: float) -> Media | None:
    """Return the medium of that size, in either orientation, or None if the printer has none."""
    for media in printer.media:
        for width, height in ((width_mm, height_mm), (height_mm, width_mm)):
            if abs(media.width_mm - width) <= _TOLERANCE_MM and abs(media.height_mm - height) <= _TOLERANCE_MM:
                return media
    return None


def custom_media(page_mm: tuple[float, float] | None) -> str | None:
    """Return the keyword of a medium by its size only. If a printer does not support it, it is in `Printed.ignored`.

    None: the size is not known. Then CUPS uses the default size of the queue, and cuts off what does not fit.
    """
    if page_mm is None:
        return None
    size = f"{page_mm[0]:g}x{page_mm[1]:g}mm"
    return f"custom_{size}_{size}"


def _media(keyword: str) -> Media | None:
    found = _PWG.match(keyword)
    if found is None or keyword.startswith(("custom_min", "custom_max")):
        return None
    unit = 1.0 if found[3] == "mm" else _MM_PER_INCH
    return Media(keyword, round(float(found[1]) * unit, 1), round(float(found[2]) * unit, 1))


def _name(text: str) -> str:
    """Return a text for a printer: names have at most 255 bytes."""
    return "".join(c if c.isprintable() else " " for c in text).encode()[:255].decode("utf-8", "ignore")


def _ask(
    uri: str,
    operation: int,
    about: list[ipp.Attribute],
    wishes: list[ipp.Attribute],
    document: bytes,
    seconds: float,
    egress: Egress,
) -> ipp.Answer | NotPrinted:
    try:
        address = parse_uri(uri)
    except ValueError as error:
        return NotPrinted(str(error), "address")
    first = [
        (Tag.CHARSET, "attributes-charset", "utf-8"),
        (Tag.LANGUAGE, "attributes-natural-language", "en"),
        (Tag.URI, "printer-uri", address),
    ]
    groups = [(Group.OPERATION, [*first, *about])] + ([(Group.JOB, wishes)] if wishes else [])
    content = post(address, ipp.request(operation, groups) + document, seconds, egress)
    if isinstance(content, NotPrinted):
        return content
    try:
        answer = ipp.parse(content)
    except ValueError as error:
        return NotPrinted(f"what answers at the printer's address is no printer: {error}", "answer")
    if answer.status > _LAST_SUCCESS:
        code, words = _WORDS.get(answer.status, ("refused", "it did not say why"))
        return NotPrinted(f"the printer refused: {words} (IPP 0x{answer.status:04x})", code)
    return answer
