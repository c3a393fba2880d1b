"""Where a label may be downloaded from, and whether the token may be sent there. Pure.

A link is untrusted data. It is parsed once, and the checked URL object is the one that is requested.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import httpx

LONGEST_LINK = 2000

# Characters that parsers may read differently: white space, control characters and the backslash.
_DOUBTFUL = re.compile(r"[\x00-\x20\x7f-\xa0\\\u1680\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ud800-\udfff\ufeff]")
_ABSOLUTE = re.compile(r"https?://([^/?#]+)", re.IGNORECASE)
_PORTS = {"https": 443, "http": 80}

Origin = tuple[str, bytes, int]


@dataclass(frozen=True)
class Target:
    """A URL that may be requested."""

    url: httpx.URL
    with_token: bool


@dataclass(frozen=True)
class BadLink:
    """A link that must not be followed, and why."""

    reason: str


def allowed(link: str, base_url: str, label_origins: Sequence[str]) -> Target | BadLink:
    """Return what to request for a link from a listing: an absolute URL, or a path at the marketplace.

    The origin must be the marketplace's (with the token) or one of `label_origins` (without it).
    """
    return _judge(link, httpx.URL(base_url), base_url, label_origins)


def follow(at: httpx.URL, location: str, base_url: str, label_origins: Sequence[str]) -> Target | BadLink:
    """Return what to request for a redirect from `at`, by the same rule."""
    return _judge(location, at, base_url, label_origins)


def _judge(link: str, start: httpx.URL, base_url: str, label_origins: Sequence[str]) -> Target | BadLink:
    if not link or len(link) > LONGEST_LINK or _DOUBTFUL.search(link):
        return BadLink("the link is empty, too long, or holds spaces, control characters or backslashes")
    authority = _ABSOLUTE.match(link)
    if authority is None and (link.startswith("//") or not link.startswith("/")):
        return BadLink("the link is neither an https address nor a path that begins with one /")
    if authority is not None and not re.fullmatch(r"[0-9A-Za-z.:\[\]-]+", authority[1]):
        return BadLink("the link's host is not written plainly (user name, escapes or letters beyond ASCII)")
    try:
        here = f"{start.scheme}://{start.netloc.decode('ascii')}"
        url = httpx.URL(link if authority else here + link).copy_with(fragment=None)
        origin = _origin(url)
    except (httpx.InvalidURL, ValueError):
        return BadLink("the link cannot be read as an address")
    base = _origin(httpx.URL(base_url))
    if origin == base:
        return Target(url, with_token=True)
    if origin in _origins(label_origins):  # the settings allow http there only for a loopback address
        return Target(url, with_token=False)
    where = f"{url.scheme}://{url.netloc.decode('ascii')}"
    if url.scheme != "https":
        return BadLink(f"the link leads to {where}: only https is followed")
    return BadLink(f"the link leads to {where}, which is not the marketplace; label_origins in [http] would allow it")


def _origin(url: httpx.URL) -> Origin:
    """Return the origin as in a browser: scheme, host and port, normalised by httpx."""
    if url.scheme not in _PORTS or not url.raw_host or url.userinfo:
        raise httpx.InvalidURL("no origin")
    return url.scheme, url.raw_host, url.port or _PORTS[url.scheme]


def _origins(written: Sequence[str]) -> set[Origin]:
    """Return the configured origins; the settings have refused invalid ones."""
    return {_origin(httpx.URL(origin)) for origin in written}
