"""The peer of a request: its address (behind a known proxy, the one that the proxy names), and its number of wrong PINs.

Wrong PINs are counted by name and address together, by name, and by address. After a few, each next try must wait twice as long.
The pair waits first, so that someone who guesses PINs blocks only themselves, not the person whose name they use. A name alone
and an address alone wait later: this stops an attacker with many addresses or many names. Counts fall by one per hour, and are
kept in a file, so that a restart or a reload does not reset them.
"""

import contextlib
import hashlib
import ipaddress
import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from supplier_agent.base.errors import StateError
from supplier_agent.db import state_folder
from supplier_agent.settings.sections import Web
from supplier_agent.settings.values import is_loopback

UNKNOWN = ""
"""The peer of a request through a proxy that does not name the client."""
SAME_HOUSE = 64
"""Only the network of an IPv6 address counts: one machine may have 2**64 addresses."""


def group(address: str) -> str:
    """Return the peer of an address; UNKNOWN if the text is not an address."""
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
    """Return the peer whose sockets are counted; None for this machine and for the proxy, which many clients use."""
    peer = group(address)
    return None if peer == "loopback" or _is_proxy(web, address) else peer


def behind(web: Web, address: str, forwarded: Sequence[str]) -> str:
    """Return the client's address: the last one in X-Forwarded-For that is not a proxy of ours. UNKNOWN if there is none.

    The header counts only if the page is set up for a proxy (web.origin or web.proxy_header), and only from web.proxies.
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
    """The host names under which this page is served; any other name is refused (DNS rebinding)."""

    address: tuple[str, int] | None
    origin: str

    def hold(self, host: str) -> bool:
        """Tell whether a Host header names this page. If other machines may connect, any name is accepted."""
        if self.address is not None and not is_loopback(self.address[0]):
            return True
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:  # unbalanced brackets
            return False
        return self.address is None or is_loopback(name) or (bool(name) and name == urlsplit(self.origin).hostname)


FILE = "page.tries"
FIRST_WAIT_SECONDS = 15.0
FORGET_SECONDS = 3600.0
"""One wrong try is forgotten after this time without another one."""
MOST_REMEMBERED = 1000
"""The maximum number of pairs and of addresses that are stored; names are limited by the people who work here."""


@dataclass(frozen=True)
class Limit:
    """How many wrong tries have no wait, and the longest wait."""

    free: int
    longest_seconds: float

    def wait_seconds(self, times: int) -> float:
        """Return how long the next try must wait after this many wrong ones."""
        if times < self.free:
            return 0.0
        return min(self.longest_seconds, FIRST_WAIT_SECONDS * 2.0 ** min(times - self.free, 20))


PAIR, NAME, PEER = "pair", "name", "peer"
LIMITS: Mapping[str, Limit] = {PAIR: Limit(5, 3600.0), NAME: Limit(20, 900.0), PEER: Limit(30, 900.0)}
"""The longest wait of a pair is the time after which a try is forgotten, so one address alone never blocks a name."""


@dataclass
class _Wrong:
    times: int
    at: float  # Unix time of the last one
    before: float = 0.0  # the time from which the others are forgotten, if the last one is taken back

    def now(self, now: float) -> int:
        """Return the number that still count."""
        return max(0, self.times - int(max(0.0, now - self.at) / FORGET_SECONDS))


class Tries:
    """The wrong tries of one installation. Thread safe. `folder`: the private folder; None: they are kept only in memory."""

    def __init__(self, folder: Path | None) -> None:
        self._folder, self._lock = folder, threading.Lock()
        self._wrong = _read(folder)  # by kind and key, the most recent last

    def wait_seconds(self, name: str, address: str, now: datetime, *, known: bool) -> float:
        """Count a try; return 0 if it is allowed, else the seconds to wait. `known`: a person of this name works here."""
        at, keys = now.timestamp(), _keys(name, address, known=known)
        with self._lock:
            wait = max(self._wait(kind, key, at) for kind, key in keys.items())
            if wait <= 0:
                for kind, key in keys.items():
                    self._count(kind, key, at)  # before the PIN is checked, so that simultaneous tries all count
                self._keep(at)
            return max(0.0, wait)

    def right(self, name: str, address: str, now: datetime) -> None:
        """Forget the wrong tries of this person at this address, because the PIN was right.

        Of the address and of the name, only this try is taken back: otherwise anyone with a PIN could erase tries at other people's
        PINs, and the right ones would add up until nobody can sign in.
        """
        keys = dict(_keys(name, address, known=True))
        with self._lock:
            self._wrong[PAIR].pop(keys.pop(PAIR), None)
            for kind, key in keys.items():
                if (counted := self._wrong[kind].get(key)) is not None:
                    counted.times, counted.at = counted.times - 1, counted.before
            self._keep(now.timestamp())

    def _wait(self, kind: str, key: str, now: float) -> float:
        wrong = self._wrong[kind].get(key)
        if wrong is None:
            return 0.0
        since = max(0.0, now - wrong.at)  # a clock that was set back must not extend a wait
        return LIMITS[kind].wait_seconds(wrong.now(now)) - since

    def _count(self, kind: str, key: str, now: float) -> None:
        wrong = self._wrong[kind]
        before = wrong.pop(key, None) or _Wrong(0, now)
        wrong[key] = _Wrong(before.now(now) + 1, now, now - max(0.0, now - before.at) % FORGET_SECONDS)
        if len(wrong) > MOST_REMEMBERED and kind != NAME:
            del wrong[next(iter(wrong))]

    def _keep(self, now: float) -> None:
        """Write the counts that matter, completely or not at all. Errors are ignored: a full disk must not block sign-in."""
        if self._folder is None:
            return
        text = json.dumps(
            {
                kind: {key: [each.times, each.at] for key, each in wrong.items() if each.now(now)}
                for kind, wrong in self._wrong.items()
            }
        )
        with contextlib.suppress(OSError, StateError), state_folder.open_private(self._folder) as folder:
            folder.write(FILE, text.encode())


def _keys(name: str, address: str, *, known: bool) -> Mapping[str, str]:
    """Return the keys under which a try counts, by kind. Names and addresses are stored as hashes."""
    peer = group(address)
    keys = {PAIR: _hash(name, peer)}
    if known:
        keys[NAME] = _hash(name)
    if peer not in {
        UNKNOWN,
        "loopback",
    }:  # behind a proxy that names no client, and on this machine, many people share one address
        keys[PEER] = _hash(peer)
    return keys


def _hash(*parts: str) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:24]


def _read(folder: Path | None) -> dict[str, dict[str, _Wrong]]:
    """Return the counts of an earlier process; none if the file cannot be read, or if another user could have written it."""
    try:
        kept = json.loads(_kept(folder)) if folder is not None else {}
        return {
            kind: {str(key): _Wrong(int(times), float(at)) for key, (times, at) in kept.get(kind, {}).items()}
            for kind in LIMITS
        }
    except (OSError, StateError, ValueError, TypeError, AttributeError):
        return {kind: {} for kind in LIMITS}


def _kept(folder: Path) -> bytes:
    with state_folder.open_private(folder) as opened:
        return b"{}" if opened.look(FILE) else opened.read(FILE)
