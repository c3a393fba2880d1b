"""Encodes requests and decodes answers of IPP (RFC 8010). No network."""

import struct
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum

PRINT_JOB, GET_PRINTER_ATTRIBUTES = 0x0002, 0x000B
_VERSION = b"\x02\x00"
_REQUEST_ID = 1
_LAST_DELIMITER = 0x0F
_EXTENDED = 0x7F


class Group(IntEnum):
    """Groups of attributes (RFC 8010, 3.5.1)."""

    OPERATION = 1
    JOB = 2
    END = 3
    PRINTER = 4
    UNSUPPORTED = 5


class Tag(IntEnum):
    """Types of values that we send or read (RFC 8010, 3.5.2)."""

    INTEGER = 0x21
    BOOLEAN = 0x22
    ENUM = 0x23
    COLLECTION = 0x34
    COLLECTION_END = 0x37
    NAME = 0x42
    KEYWORD = 0x44
    URI = 0x45
    CHARSET = 0x47
    LANGUAGE = 0x48
    MIME = 0x49


Value = str | int | bool
Attribute = tuple[Tag, str, str]


@dataclass(frozen=True)
class Answer:
    """An answer: its status (RFC 8011, appendix B), and the values of each attribute of each group."""

    status: int
    groups: Mapping[int, Mapping[str, list[Value]]]

    def all(self, group: Group, name: str) -> list[Value]:
        """Return every value of an attribute, none if it was not sent."""
        return self.groups.get(group, {}).get(name, [])

    def one(self, group: Group, name: str) -> Value | None:
        """Return the first value of an attribute, or None if it was not sent."""
        return next(iter(self.all(group, name)), None)


def request(operation: int, groups: Iterable[tuple[Group, Iterable[Attribute]]]) -> bytes:
    """Return a request without its document. Consecutive attributes of the same name are values of one attribute."""
    body = _VERSION + struct.pack(">HI", operation, _REQUEST_ID)
    for group, attributes in groups:
        body += bytes([group])
        before = ""
        for tag, name, value in attributes:
            key, content = ("" if name == before else name).encode(), value.encode()
            body += struct.pack(">BH", tag, len(key)) + key + struct.pack(">H", len(content)) + content
            before = name
    return body + bytes([Group.END])


def parse(content: bytes) -> Answer:
    """Decode an answer, without its collections. Raises ValueError if it is not IPP."""
    try:
        return _parse(content)
    except (struct.error, IndexError, UnicodeDecodeError) as error:
        raise ValueError(f"it is no IPP ({type(error).__name__})") from error


def _parse(content: bytes) -> Answer:
    status: int
    _major, _minor, status, _request_id = struct.unpack_from(">BBHI", content)
    groups: dict[int, dict[str, list[Value]]] = defaultdict(lambda: defaultdict(list))
    at, group, name, depth = 8, 0, "", 0
    while content[at] != Group.END:
        tag = content[at]
        at += 1
        if tag <= _LAST_DELIMITER:
            group = tag
            continue
        if tag == _EXTENDED:
            raise ValueError("it is no IPP that we know")
        key, at = _counted(content, at)
        value, at = _counted(content, at)
        depth += (tag == Tag.COLLECTION) - (tag == Tag.COLLECTION_END)
        if depth or tag == Tag.COLLECTION_END:
            continue
        name = key.decode() or name
        groups[group][name].append(_value(tag, value))
    return Answer(status, groups)


def _counted(content: bytes, at: int) -> tuple[bytes, int]:
    (length,) = struct.unpack_from(">H", content, at)
    end = at + 2 + length
    return content[at + 2 : end], end  # past the end there is no next tag


def _value(tag: int, content: bytes) -> Value:
    if tag in {Tag.INTEGER, Tag.ENUM}:
        number: int = struct.unpack(">i", content)[0]
        return number
    if tag == Tag.BOOLEAN:
        return content != b"\0"
    return content.decode("utf-8", "replace")
