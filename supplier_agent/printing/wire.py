"""The connection to a printer: its address, one POST, one total deadline. The ending is a value."""

import http.client
import re
import socket
import ssl
import threading
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from supplier_agent.base.errors import AgentError
from supplier_agent.settings.egress import DIRECT, Egress

PORT = 631
MOST_BYTES = 1 << 20
"""The maximum size of an answer."""
_OK = 200
_TUNNEL = re.compile(r"Tunnel connection failed: ([0-9]{3})")


@dataclass(frozen=True)
class NotPrinted:
    """Nothing is printed. `code`: address, unreachable, timeout, refused, format, stopped or answer."""

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


def post(uri: str, body: bytes, seconds: float, egress: Egress = DIRECT) -> bytes | NotPrinted:
    """Send a request to an address that `parse` gave; return the answer's body.

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
