"""Who is at the other end: the address, behind a proxy that we know the one it names, and the name by which we were asked for."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from supplier_agent.settings.addresses import is_loopback
from supplier_agent.settings.web import Web

UNKNOWN = ""
"""Behind a proxy that does not say whom it speaks for."""
SAME_HOUSE = 64
"""Of an IPv6 address only the network counts: one machine may have 2**64 addresses."""


def group(address: str) -> str:
    """Return what counts as one peer; UNKNOWN for what is no address."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return UNKNOWN
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return group(str(found.ipv4_mapped))
        if not found.is_loopback:
            return str(ipaddress.ip_network((int(found), SAME_HOUSE), strict=False).network_address)
    return "loopback" if found.is_loopback else str(found)


def has_seats_of_its_own(web: Web, address: str) -> str | None:
    """Return the peer whose sockets are counted; None for this machine and for the proxy, through whom many come."""
    peer = group(address)
    return None if peer == "loopback" or _is_proxy(web, address) else peer


def behind(web: Web, address: str, forwarded: Sequence[str]) -> str:
    """Return the address that really asks: the last of X-Forwarded-For that no proxy of ours put there. UNKNOWN if none is named.

    It is believed only if the page is set up for a proxy (web.origin or web.proxy_header), and from web.proxies alone.
    """
    if not _is_proxy(web, address):
        return address
    named = [each.strip() for line in forwarded for each in line.split(",")]
    for each in reversed(named):
        plain = _without_port(each)
        if group(plain) == UNKNOWN:
            return UNKNOWN
        if plain not in web.proxies:
            return plain
    return UNKNOWN


def _is_proxy(web: Web, address: str) -> bool:
    return bool(web.origin or web.proxy_header) and address in web.proxies


def _without_port(text: str) -> str:
    if text.startswith("["):
        return text[1:].partition("]")[0]
    host, _, port = text.rpartition(":")
    return host if port.isdecimal() and host.count(".") == 3 else text  # noqa: PLR2004 - an IPv4 address


@dataclass(frozen=True)
class Ours:
    """The names by which an address of ours may be asked for; any other was pointed at this machine (DNS rebinding)."""

    address: tuple[str, int] | None
    origin: str

    def hold(self, host: str) -> bool:
        """Tell whether a Host header names us. Where other machines may come, they come by any name."""
        if self.address is not None and not is_loopback(self.address[0]):
            return True
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:  # brackets that do not close
            return False
        return self.address is None or is_loopback(name) or (bool(name) and name == urlsplit(self.origin).hostname)
