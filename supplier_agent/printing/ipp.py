"""IPP: its bytes (RFC 8010), a printer's address, and one POST within one total deadline. The ending is a value."""

import http.client
import re
import socket
import ssl
import struct
import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from urllib.parse import SplitResult, unquote, urlsplit

from supplier_agent.base.errors import AgentError
from supplier_agent.settings.egress import DIRECT, Egress

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


PORT = 631
MOST_BYTES = 1 << 20
"""The maximum size of an answer."""
_OK = 200
_QUEUE = re.compile(r"/(?:printers|classes)/([^/]+)/?\Z")
"""The path of a queue of CUPS; printers themselves have paths like /ipp/print."""
_TUNNEL = re.compile(r"Tunnel connection failed: ([0-9]{3})")


@dataclass(frozen=True)
class NotPrinted:
    """Nothing is printed. `code`: address, unreachable, timeout, refused, format, stopped, answer or unknown.

    Of a job that was not sent (queue.py): late, full or ended.
    """

    why: str
    code: str


def parse_uri(uri: str) -> str:
    """Return a printer's address as ipp:// or ipps://. Raises ValueError with a sentence if it is none."""
    try:
        parts = urlsplit(uri)
        port = parts.port
    except ValueError:
        raise ValueError("the printer's address is not one") from None
    scheme = {"ipp": "ipp", "http": "ipp", "ipps": "ipps", "https": "ipps"}.get(parts.scheme)
    if scheme is None or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("a printer's address looks like ipp://127.0.0.1/printers/zebra")
    if parts.username is not None or parts.password is not None:
        raise ValueError("a printer's address must not hold a password")
    if not parts.path.isascii() or not parts.path.isprintable() or " " in parts.path:
        raise ValueError("the path of a printer's address has characters that it cannot have")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{scheme}://{host}{f':{port}' if port else ''}{parts.path or '/ipp/print'}"


def name_of(uri: str) -> str:
    """Return how people know a printer: the name of its queue in CUPS, or its host."""
    try:
        parts = urlsplit(uri)
        port = parts.port
    except ValueError:
        return "?"
    if queue := _QUEUE.match(parts.path):
        return unquote(queue[1])
    return f"{parts.hostname or '?'}{'' if port in {None, PORT} else f':{port}'}"


def post(uri: str, body: bytes, seconds: float, egress: Egress = DIRECT) -> bytes | NotPrinted:
    """Send a request to an address that `parse_uri` gave; return the answer's body.

    The deadline is total, however slowly the bytes arrive.
    """
    address = urlsplit(uri)
    try:
        connection, target, headers = _way_to(address, seconds, egress)
    except AgentError as error:
        return NotPrinted(f"the printer cannot be reached: {error.what}", "unreachable")
    late = threading.Event()
    deadline = threading.Timer(seconds, _cut, (connection, late))
    deadline.daemon = True
    deadline.start()
    try:
        connection.connect()
        if late.is_set():
            return _too_late(seconds)
        connection.request("POST", target, body, {"Content-Type": "application/ipp", **headers})
        response = connection.getresponse()
        content = response.read(MOST_BYTES)
        if late.is_set():
            return _too_late(seconds)
        if response.status != _OK:
            return NotPrinted(f"the printer's address answered with HTTP {response.status}", "refused")
    except TimeoutError:
        return _too_late(seconds)
    except ssl.SSLError as error:
        return NotPrinted(f"the printer's certificate is not trusted: {error.reason}", "unreachable")
    except (OSError, http.client.HTTPException) as error:
        if late.is_set():
            return _too_late(seconds)
        why = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
        if tunnel := _TUNNEL.match(str(error)):  # the message of http.client has the proxy's status and reason
            why = f"the proxy did not open the way (HTTP {tunnel[1]})"
        return NotPrinted(f"the printer cannot be reached: {why}", "unreachable")
    finally:
        deadline.cancel()
        connection.close()
    return content


def _way_to(
    address: SplitResult, seconds: float, egress: Egress
) -> tuple[http.client.HTTPConnection, str, dict[str, str]]:
    """Return an unopened connection, the target and the headers. Raises AgentError."""
    host, port, secure = address.hostname or "", address.port or PORT, address.scheme == "ipps"
    proxy = egress.proxy_for("https" if secure else "http", host, port)
    there = (proxy.host, proxy.port) if proxy is not None else (host, port)
    by_proxy = {"Proxy-Authorization": proxy.authorization} if proxy is not None and proxy.authorization else {}
    if not secure:
        whole = f"http://{address.netloc}{'' if address.port else f':{PORT}'}{address.path}"
        target = address.path if proxy is None else whole
        return http.client.HTTPConnection(*there, timeout=seconds), target, by_proxy
    connection = http.client.HTTPSConnection(*there, timeout=seconds, context=egress.ssl_context())
    if proxy is not None:
        connection.set_tunnel(host, port, by_proxy)
    return connection, address.path, {}


def _cut(connection: http.client.HTTPConnection, late: threading.Event) -> None:
    late.set()
    try:
        if connection.sock is not None:
            connection.sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it ended at this moment


def _too_late(seconds: float) -> NotPrinted:
    return NotPrinted(f"the printer did not answer within {seconds:g} s; look whether it printed", "timeout")
