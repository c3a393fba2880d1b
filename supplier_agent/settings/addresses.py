"""URLs in the configuration: where the token may be sent, where labels may come from, which heartbeat URL is pinged."""

import ipaddress
import json
import re
from typing import Annotated
from urllib.parse import SplitResult, urlsplit

from pydantic import BeforeValidator

from supplier_agent.settings.values import as_text

_VISIBLE = re.compile(r"\A[\x21-\x7e]{1,2000}\Z")
_HOST = re.compile(r"\A[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\Z")
_ODD_PATH = re.compile(r"//|/(\.|%2[eE]){1,2}(/|\Z)")
_DEFAULT_PORTS = {"https": 443, "http": 80}


def parse_base_url(value: object) -> str:
    """Return the address of the API in one spelling: no trailing slash, no default port; a path prefix is kept.

    It must be https, because every request carries the token; http is allowed to loopback addresses only.
    """
    parts = _guarded(value)
    path = parts.path.rstrip("/")
    if _ODD_PATH.search(path):
        raise ValueError("has a path with empty or dotted parts; write it plainly")
    return _origin(parts) + path


def parse_origin(value: object) -> str:
    """Return an origin (scheme, host, port) in one spelling."""
    parts = _guarded(value)
    if parts.path not in {"", "/"}:
        raise ValueError('has a path; an origin is only scheme and host, like "https://files.example.com"')
    return _origin(parts)


def parse_origins(value: object) -> tuple[str, ...]:
    """Return origins without duplicates, from a list, or from text (a variable) as JSON or with commas."""
    if isinstance(value, str):
        text = value.strip()
        value = _json(text) if text.startswith("[") else [part.strip() for part in text.split(",") if part.strip()]
    if isinstance(value, list | tuple):
        return tuple(dict.fromkeys(parse_origin(item) for item in value))
    raise ValueError('must be a list like ["https://files.example.com"]')


def parse_heartbeat_url(value: object) -> str:
    """Return the heartbeat URL as written; empty means none. Anyone who knows it can fake our heartbeat."""
    if value == "":
        return ""
    parts = _split(value)
    if parts.fragment:
        raise ValueError("has a fragment (#…), which is never sent; leave it out")
    return str(value)


def parse_proxy(value: object) -> str:
    """Return a proxy's address as written; empty means none. It may contain a user and a password."""
    if value == "":
        return ""
    try:
        parts = _split(value)
    except ValueError:
        raise ValueError("is not the address of a proxy, like http://proxy.example.com:3128") from None
    if parts.scheme != "http" or parts.path not in {"", "/"} or {"?", "#"} & set(str(value)):
        raise ValueError("must be only http://HOST:PORT; what goes through it to https is encrypted all the same")
    return str(value)


def is_loopback(host: str) -> bool:
    """Tell whether this host is always this machine: `localhost`, 127.0.0.0/8 or ::1."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError('must be a list like ["https://files.example.com"]') from None


def _split(value: object) -> SplitResult:
    text = as_text(value)
    # urlsplit drops tabs and newlines and trims; so an address with such characters is refused first.
    if not _VISIBLE.match(text) or "\\" in text:
        raise ValueError("is not an address: no spaces, backslashes or accents, at most 2000 characters")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError("has a host or port that cannot be") from None
    if parts.scheme not in _DEFAULT_PORTS or not text.lower().startswith(f"{parts.scheme}://"):
        raise ValueError("must begin with https://")
    host = parts.hostname or ""
    if port == 0 or not (_is_address(host) if ":" in host else _HOST.match(host)):
        raise ValueError("has a host or port that cannot be")
    return parts


def _guarded(value: object) -> SplitResult:
    parts = _split(value)
    if "@" in parts.netloc:
        raise ValueError("has a user or password before the host; leave it out, the token is all that is sent")
    # An empty query is not visible in the parts.
    if {"?", "#"} & set(as_text(value)):
        raise ValueError("has a query (?…) or fragment (#…); leave it out")
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        raise ValueError("must begin with https:// (http only goes to this machine, like http://127.0.0.1:8080)")
    return parts


def _origin(parts: SplitResult) -> str:
    host = parts.hostname or ""
    shown = f"[{host}]" if ":" in host else host
    port = parts.port
    return f"{parts.scheme}://{shown}" + ("" if port in {None, _DEFAULT_PORTS[parts.scheme]} else f":{port}")


def _is_address(host: str) -> bool:
    try:
        ipaddress.IPv6Address(host)
    except ValueError:
        return False
    return "%" not in host


BaseUrl = Annotated[str, BeforeValidator(parse_base_url)]
Origins = Annotated[tuple[str, ...], BeforeValidator(parse_origins)]
HeartbeatUrl = Annotated[str, BeforeValidator(parse_heartbeat_url)]
ProxyUrl = Annotated[str, BeforeValidator(parse_proxy)]
