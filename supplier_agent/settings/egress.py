"""Which proxy is used and which certificates are trusted: one decision for API, labels, alerts, pings and printers.

Proxy: 1. none for loopback addresses and hosts in NO_PROXY; 2. `proxy` in [http]; 3. HTTPS_PROXY or HTTP_PROXY; 4. none.
Trust: 1. `ca_file` in [http]; 2. SSL_CERT_FILE or SSL_CERT_DIR; 3. the system's store; 4. certifi's list, if there is no store.
"""

import base64
import ipaddress
import os
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from supplier_agent.base.errors import ConfigError
from supplier_agent.settings import Settings
from supplier_agent.settings.values import is_loopback, parse_proxy

LOOPBACK = "localhost,127.0.0.0/8,::1"
_ENVIRONMENT = threading.Lock()


@dataclass(frozen=True)
class Proxy:
    """A proxy that supports CONNECT. `said_by`: the setting or variable it comes from."""

    host: str
    port: int
    said_by: str
    authorization: str | None = field(default=None, repr=False)  # the value of Proxy-Authorization; None: none

    @property
    def shown(self) -> str:
        """Return its address for people, without the password."""
        return f"{self.host}:{self.port}"


@dataclass(frozen=True)
class Trust:
    """The certificates that are trusted. `said_by`: "ca_file in [http]", a variable, "system" or "certifi"."""

    said_by: str
    file: str | None = None  # None: no file
    folder: str | None = None  # None: no folder

    @property
    def shown(self) -> str:
        """Return where they are."""
        return " and ".join(filter(None, (self.file, self.folder)))


@dataclass(frozen=True)
class Egress:
    """What was configured. `env` holds the variables that count, if they are set."""

    proxy: str = field(default="", repr=False)
    ca_file: Path | None = None
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    is_this_machine: Callable[[str], bool] = is_loopback

    def proxy_for(self, scheme: str, host: str, port: int) -> Proxy | None:
        """Return the proxy for a target; None: it is reached directly. Raises ConfigError if a variable names none."""
        if self.is_this_machine(host) or _is_excepted(host, port, _variable(self.env, "NO_PROXY")):
            return None
        if self.proxy:
            return _parsed(self.proxy, "proxy in [http]")
        name = "HTTPS_PROXY" if scheme == "https" else "HTTP_PROXY"
        value = _variable(self.env, name)
        return _parsed(value if "://" in value else f"http://{value}", name) if value else None

    def trust(self) -> Trust:
        """Return which certificates are trusted."""
        if self.ca_file is not None:
            return Trust("ca_file in [http]", file=str(self.ca_file))
        file, folder = self.env.get("SSL_CERT_FILE"), self.env.get("SSL_CERT_DIR")
        if file or folder:
            return Trust("SSL_CERT_FILE" if file else "SSL_CERT_DIR", file or None, folder or None)
        paths = ssl.get_default_verify_paths()
        system = Trust("system", *_present(paths.openssl_cafile, paths.openssl_capath))
        if system.file or system.folder:
            return system
        import certifi  # noqa: PLC0415 - for machines without a store of their own

        return Trust("certifi", file=certifi.where())

    def ssl_context(self) -> ssl.SSLContext:
        """Return the TLS context that checks a server's certificate. Raises ConfigError if the certificates cannot be read."""
        trust = self.trust()
        try:
            return ssl.create_default_context(cafile=trust.file, capath=trust.folder)
        except OSError as error:  # includes ssl.SSLError: the file has no certificate
            raise ConfigError(
                f"The trusted certificates cannot be read: {trust.shown} ({trust.said_by}): {error.strerror or error}",
                "Name a file with certificates in PEM form that the agent's user may read.",
            ) from error

    @contextmanager
    def in_environment(self) -> Iterator[None]:
        """Set the environment for the duration of the block, so that requests (used by apprise) and OpenSSL decide the same way."""
        trust, excepted = self.trust(), _variable(self.env, "NO_PROXY")
        wanted = {
            # Alone, an asterisk means everything; in a list, Python takes it for a name.
            "NO_PROXY": "*"
            if "*" in excepted.replace(",", " ").split()
            else ",".join(filter(None, (excepted, LOOPBACK))),
            "HTTPS_PROXY": self.proxy or _variable(self.env, "HTTPS_PROXY"),
            "HTTP_PROXY": self.proxy or _variable(self.env, "HTTP_PROXY"),
            "REQUESTS_CA_BUNDLE": trust.file or trust.folder or "",
            "SSL_CERT_FILE": trust.file or "",
            "SSL_CERT_DIR": trust.folder or "",
        }
        wanted |= {name.lower(): wanted[name] for name in ("NO_PROXY", "HTTPS_PROXY", "HTTP_PROXY")}
        with _ENVIRONMENT:
            before = {name: os.environ.get(name) for name in wanted}
            _set(wanted)
            try:
                yield
            finally:
                _set(before)


DIRECT = Egress()
"""No proxy, and the system's certificates."""


def of(settings: Settings) -> Egress:
    """Return the decision for a configuration. Raises ConfigError if a variable names a proxy that cannot be used."""
    egress = Egress(settings.http.proxy, settings.http.ca_file, settings.network_env)
    for scheme in ("https", "http"):
        egress.proxy_for(scheme, "host.invalid", 443)
    return egress


def _parsed(url: str, said_by: str) -> Proxy:
    try:
        parts = urlsplit(parse_proxy(url))
    except ValueError as error:
        raise ConfigError(
            f"{said_by} {error}",
            "It looks like http://proxy.example.com:3128 (user:password@ before the host if needed).",
        ) from None
    authorization = None
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        authorization = f"Basic {base64.b64encode(pair.encode()).decode('ascii')}"
    return Proxy(parts.hostname or "", parts.port or 80, said_by, authorization)


def _variable(env: Mapping[str, str], name: str) -> str:
    """Return a variable; its lower-case spelling counts first, as it does for curl."""
    return env.get(name.lower()) or env.get(name) or ""


def _is_excepted(host: str, port: int, no_proxy: str) -> bool:
    """Tell whether NO_PROXY names a host: itself, a domain above it, with its port, an address or a network of addresses."""
    return any(_names(each, host.lower(), port) for each in no_proxy.lower().replace(",", " ").split())


def _names(each: str, host: str, port: int) -> bool:
    if each == "*":
        return True
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(each.strip("[]"), strict=False)
    except ValueError:
        pass  # one of them is a name
    name, colon, number = each.rpartition(":")
    if colon and number.isdecimal():
        return int(number) == port and _names(name, host, port)
    name = each.removeprefix("*").lstrip(".")
    return bool(name) and (host == name or host.endswith(f".{name}"))


def _present(file: str, folder: str) -> tuple[str | None, str | None]:
    """Return the system's store, as far as it exists; an empty folder does not count."""
    try:
        holds_some = next(Path(folder).glob("*"), None) is not None
    except OSError:
        holds_some = False
    return (file if Path(file).is_file() else None), (folder if holds_some else None)


def _set(variables: Mapping[str, str | None]) -> None:
    for name, value in variables.items():
        if value:
            os.environ[name] = value
        else:
            os.environ.pop(name, None)
