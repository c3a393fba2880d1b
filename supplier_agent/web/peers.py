"""Who is at the other end: the address, behind a proxy that we know the one it names, and how often it tried a wrong PIN.

Wrong PINs are counted three ways; after a few, the next try waits, twice as long each time. A person at an address waits first,
so that a guesser stops himself and not the person whose name he uses. A name, from wherever it is tried, and an address,
whatever names it tries, wait later: they stop a guesser who has many of the others. Counts fall by one an hour, and are kept in
a file: a restart or a reload forgets nothing.
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
from supplier_agent.db import private
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


FILE = "page.tries"
FIRST_WAIT_SECONDS = 15.0
FORGET_SECONDS = 3600.0
"""One wrong try is forgotten in such a time without another."""
MOST_REMEMBERED = 1000
"""Of pairs, and of addresses; each of the rest is the name of a person who works here."""


@dataclass(frozen=True)
class Limit:
    """So many wrong tries are free; no wait is longer than this."""

    free: int
    longest_seconds: float

    def wait_seconds(self, times: int) -> float:
        """Return how long the next try waits after so many wrong ones."""
        if times < self.free:
            return 0.0
        return min(self.longest_seconds, FIRST_WAIT_SECONDS * 2.0 ** min(times - self.free, 20))


PAIR, NAME, PEER = "pair", "name", "peer"
LIMITS: Mapping[str, Limit] = {PAIR: Limit(5, 3600.0), NAME: Limit(20, 900.0), PEER: Limit(30, 900.0)}
"""A pair's longest wait is as long as it takes to forget a try: so one address alone never makes a name wait."""


@dataclass
class _Wrong:
    times: int
    at: float  # Unix seconds of the last one

    def now(self, now: float) -> int:
        """Return how many still count."""
        return max(0, self.times - int(max(0.0, now - self.at) / FORGET_SECONDS))


class Tries:
    """The wrong tries of one installation. Thread safe. `folder`: the private one; None: they are kept in memory alone."""

    def __init__(self, folder: Path | None) -> None:
        self._folder, self._lock = folder, threading.Lock()
        self._wrong = _read(folder)  # by kind and key, the one last tried at the end

    def wait_seconds(self, name: str, address: str, now: datetime, *, known: bool) -> float:
        """Count a try; return 0 if it may be made, else for how long it may not. `known`: `name` is somebody who works here."""
        at, keys = now.timestamp(), _keys(name, address, known=known)
        with self._lock:
            wait = max(self._wait(kind, key, at) for kind, key in keys.items())
            if wait <= 0:
                for kind, key in keys.items():
                    self._count(kind, key, at)  # before the PIN is looked at, so that tries at one moment count each
                self._keep(at)
            return max(0.0, wait)

    def right(self, name: str, address: str, now: datetime) -> None:
        """Forget the wrong tries of this person at this address: the PIN was right.

        Not those of the address or the name: whoever has a PIN of his own could wipe out his tries at other people's.
        """
        with self._lock:
            if self._wrong[PAIR].pop(_keys(name, address, known=False)[PAIR], None) is not None:
                self._keep(now.timestamp())

    def _wait(self, kind: str, key: str, now: float) -> float:
        wrong = self._wrong[kind].get(key)
        if wrong is None:
            return 0.0
        since = max(0.0, now - wrong.at)  # a clock that was set back makes nobody wait longer
        return LIMITS[kind].wait_seconds(wrong.now(now)) - since

    def _count(self, kind: str, key: str, now: float) -> None:
        wrong = self._wrong[kind]
        before = wrong.pop(key, None)
        wrong[key] = _Wrong((before.now(now) if before is not None else 0) + 1, now)
        if len(wrong) > MOST_REMEMBERED and kind != NAME:
            del wrong[next(iter(wrong))]

    def _keep(self, now: float) -> None:
        """Write what still counts, whole or not at all. A full disk is no reason to let nobody in: this is a brake."""
        if self._folder is None:
            return
        text = json.dumps(
            {
                kind: {key: [each.times, each.at] for key, each in wrong.items() if each.now(now)}
                for kind, wrong in self._wrong.items()
            }
        )
        with contextlib.suppress(OSError, StateError), private.opened(self._folder) as folder:
            folder.write(FILE, text.encode())


def _keys(name: str, address: str, *, known: bool) -> Mapping[str, str]:
    """Return what a try counts for, by kind. Names and addresses are kept as hashes."""
    peer = group(address)
    keys = {PAIR: _hash(name, peer)}
    if known:
        keys[NAME] = _hash(name)
    if peer not in {
        UNKNOWN,
        "loopback",
    }:  # through a proxy that names nobody, and at this machine, many come by one address
        keys[PEER] = _hash(peer)
    return keys


def _hash(*parts: str) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:24]


def _read(folder: Path | None) -> dict[str, dict[str, _Wrong]]:
    """Return what an earlier process kept; nothing if it cannot be read, or if somebody else could have put it there."""
    try:
        kept = json.loads(_kept(folder)) if folder is not None else {}
        return {
            kind: {str(key): _Wrong(int(times), float(at)) for key, (times, at) in kept.get(kind, {}).items()}
            for kind in LIMITS
        }
    except (OSError, StateError, ValueError, TypeError, AttributeError):
        return {kind: {} for kind in LIMITS}


def _kept(folder: Path) -> bytes:
    with private.opened(folder) as opened:
        return b"{}" if opened.look(FILE) else opened.read(FILE)
