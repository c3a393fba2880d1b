"""The way to a printer: its address, one POST, one deadline for the whole of it. How it ended is a value."""

import http.client
import socket
import ssl
import threading
from dataclasses import dataclass
from urllib.parse import urlsplit

PORT = 631
MOST_BYTES = 1 << 20
"""The longest answer that is read."""
_OK = 200


@dataclass(frozen=True)
class NotPrinted:
    """Nothing comes out. `code`: address, unreachable, timeout, refused, format, stopped or answer."""

    why: str
    code: str


def parse(uri: str) -> str:
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


def post(uri: str, body: bytes, seconds: float) -> bytes | NotPrinted:
    """Send a request to an address that `parse` gave; return the answer's body.

    The deadline holds for all of it, however slowly the bytes drip.
    """
    address = urlsplit(uri)
    host, port = address.hostname or "", address.port or PORT
    connection = (
        http.client.HTTPSConnection(host, port, timeout=seconds, context=ssl.create_default_context())
        if address.scheme == "ipps"
        else http.client.HTTPConnection(host, port, timeout=seconds)
    )
    late = threading.Event()
    deadline = threading.Timer(seconds, _cut, (connection, late))
    deadline.daemon = True
    deadline.start()
    try:
        connection.connect()
        if late.is_set():
            return _too_late(seconds)
        connection.request("POST", address.path, body, {"Content-Type": "application/ipp"})
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
        return NotPrinted(f"the printer cannot be reached: {why}", "unreachable")
    finally:
        deadline.cancel()
        connection.close()
    return content


def _cut(connection: http.client.HTTPConnection, late: threading.Event) -> None:
    late.set()
    try:
        if connection.sock is not None:
            connection.sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it ended by itself at this very moment


def _too_late(seconds: float) -> NotPrinted:
    return NotPrinted(f"the printer did not answer within {seconds:g} s; look whether it printed", "timeout")
