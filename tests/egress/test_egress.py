"""The way out: who decides about the proxy and the trusted certificates, tried with a real proxy and an authority of our own."""

import base64
import json
import os
import ssl
import struct
from collections.abc import Mapping
from pathlib import Path

import pytest

from supplier_agent import cli
from supplier_agent.alerts.post import Post, trial
from supplier_agent.base.clock import SystemClock
from supplier_agent.base.errors import ConfigError
from supplier_agent.marketplace import LabelBytes
from supplier_agent.marketplace.client import Marketplace
from supplier_agent.marketplace.rate_limit import Pace
from supplier_agent.marketplace.wire import Answer, Lost, NotSent, Reply, Wire
from supplier_agent.printing import NotPrinted, Printed, print_pdf
from supplier_agent.settings import Settings, egress, load
from supplier_agent.settings.egress import Egress
from supplier_agent.words import Words
from tests.egress.proxy import OPENED, Authority, ConnectProxy
from tests.marketplace.raw_server import Peer, RawServer, answer, whole
from tests.printing.test_printer import JOB
from tests.printing.test_printer import answer as ipp_answer

YES = b'{"success": true}'
SECRET = "s%40cret"  # as it is written in an address
PAIR = base64.b64encode(b"ana:s@cret")


# The decision ------------------------------------------------------------------------------------------------------


def through(
    env: Mapping[str, str], host: str, *, proxy: str = "", scheme: str = "https", port: int = 443
) -> str | None:
    found = Egress(proxy, None, env).proxy_for(scheme, host, port)
    return None if found is None else f"{found.shown} {found.said_by}"


def test_the_configuration_comes_first_then_the_environment_then_no_proxy() -> None:
    env = {"HTTPS_PROXY": "http://two:1", "HTTP_PROXY": "three:2"}
    assert through(env, "api.example", proxy="http://one:3128") == "one:3128 proxy in [http]"
    assert through(env, "api.example") == "two:1 HTTPS_PROXY"
    assert through(env, "api.example", scheme="http") == "three:2 HTTP_PROXY"
    assert (
        through({"HTTPS_PROXY": "http://two:1", "https_proxy": "http://lower:4"}, "api.example")
        == "lower:4 HTTPS_PROXY"
    )
    assert through({"HTTP_PROXY": "three:2"}, "api.example") is None
    assert through({}, "api.example") is None


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "::1"])
def test_this_machine_itself_is_never_proxied(host: str) -> None:
    assert through({"HTTPS_PROXY": "http://two:1"}, host) is None
    assert through({}, host, proxy="http://one:3128") is None


@pytest.mark.parametrize(
    ("no_proxy", "host", "excepted"),
    [
        ("api.example", "api.example", True),
        ("example", "api.example", True),
        (".example", "api.example", True),
        ("*.example", "api.example", True),
        ("EXAMPLE", "api.example", True),
        ("a.b, api.example", "api.example", True),
        ("api.example:443", "api.example", True),
        ("api.example:444", "api.example", False),
        ("*", "api.example", True),
        ("10.0.0.0/8", "10.1.2.3", True),
        ("10.1.2.3", "10.1.2.3", True),
        ("10.0.0.0/8", "11.1.2.3", False),
        ("fd00::/8", "fd00::5", True),
        ("ample", "api.example", False),
        ("api.example.org", "api.example", False),
        ("", "api.example", False),
        (".", "api.example", False),
    ],
)
def test_no_proxy_names_hosts_domains_ports_and_networks(no_proxy: str, host: str, *, excepted: bool) -> None:
    for proxy in ("", "http://one:3128"):
        found = through({"HTTPS_PROXY": "http://two:1", "NO_PROXY": no_proxy}, host, proxy=proxy)
        assert (found is None) == excepted


@pytest.mark.parametrize("value", ["socks5://x:1", "https://x:1", "http://", "http://x:99999", "http://x/path", "a b"])
def test_a_variable_that_names_no_proxy_is_a_configuration_error_without_its_secret(tmp_path: Path, value: str) -> None:
    file = tmp_path / "agent.toml"
    file.write_text('[suppliers.notio]\ntoken = "x"\n')
    settings = load(file, {"HTTPS_PROXY": value.replace("x", "u:hush@x")})
    with pytest.raises(ConfigError) as caught:
        egress.of(settings)
    assert "HTTPS_PROXY" in str(caught.value)
    assert "hush" not in str(caught.value)


def test_what_is_trusted_is_said_by_the_configuration_then_the_environment_then_the_system(tmp_path: Path) -> None:
    env = {"SSL_CERT_FILE": "/two.pem", "SSL_CERT_DIR": "/three"}
    assert Egress("", tmp_path / "one.pem", env).trust().shown == str(tmp_path / "one.pem")
    assert Egress("", None, env).trust().shown == "/two.pem and /three"
    assert Egress("", None, {"SSL_CERT_DIR": "/three"}).trust().shown == "/three"
    paths = ssl.get_default_verify_paths()
    system = Egress().trust()
    assert system.said_by == "certifi" or {system.file, system.folder} <= {
        paths.openssl_cafile,
        paths.openssl_capath,
        None,
    }


def test_without_a_store_of_the_system_the_list_that_came_along_is_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    nothing = ssl.DefaultVerifyPaths("", "", "F", str(tmp_path / "no.pem"), "D", str(tmp_path))
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: nothing)
    assert Egress().trust().said_by == "certifi"


def test_certificates_that_cannot_be_read_are_an_error_in_words(tmp_path: Path) -> None:
    for content in (None, "no certificate"):
        file = tmp_path / f"{content}.pem"
        if content:
            file.write_text(content)
        reply = asked(Egress(ca_file=file), "https://api.example/", {})
        assert isinstance(reply, NotSent)
        assert str(file) in reply.reason


# API and labels ----------------------------------------------------------------------------------------------------


def asked(way: Egress, url: str, resolved: Mapping[str, str], method: str = "GET") -> Reply:
    wire = Wire(SystemClock(), 5, resolve=lambda host, _port: [resolved.get(host, host)], egress=way)
    return wire.exchange(method, url, headers={}, limit_bytes=1000, turn=lambda: None)


@pytest.mark.parametrize("by", ["configuration", "environment"])
def test_the_api_is_reached_through_a_proxy_by_a_certificate_of_our_own(ours: Authority, by: str) -> None:
    with RawServer(answer(whole(YES)), ours.server) as server, ConnectProxy({"api.example": server.port}) as proxy:
        url = proxy.url(f"ana:{SECRET}")
        way = (
            Egress(url, ours.ca_file)
            if by == "configuration"
            else Egress(env={"HTTPS_PROXY": url, "SSL_CERT_FILE": str(ours.ca_file)})
        )
        assert isinstance(asked(way, "https://api.example/x", {}, "POST"), Answer)
    assert proxy.targets == ["api.example:443"]
    assert b"Proxy-Authorization: Basic " + PAIR in proxy.heads[0]
    assert b"roxy-" not in server.requests[0], "the server never sees the proxy's password"
    assert server.requests[0].startswith(b"POST /x HTTP/1.1")


def test_a_server_by_an_unknown_authority_is_not_trusted(ours: Authority) -> None:
    with RawServer(answer(whole(YES)), ours.server) as server, ConnectProxy({"api.example": server.port}) as proxy:
        reply = asked(Egress(proxy.url()), "https://api.example/x", {})
    assert isinstance(reply, NotSent)
    assert "certificate was not accepted" in reply.reason
    assert not server.requests


@pytest.mark.parametrize(
    ("says", "why"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n", "HTTP 407"),
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", "HTTP 403"),
        (b"HTTP/1.1 302 Found\r\nLocation: https://login.example/\r\n\r\n", "HTTP 302"),
        (b"HTTP/1.1 502 Bad Gateway\r\nX: " + b"x" * 70_000, "closed the connection or did not answer"),
        (b"", "closed the connection"),
        (b"220 mail.example ESMTP\r\n\r\n", "did not answer in HTTP"),
        (OPENED + b"more than was asked", "did not answer in HTTP"),
        (OPENED, "TLS handshake"),
    ],
)
def test_where_the_proxy_opens_no_way_nothing_was_sent(ours: Authority, says: bytes, why: str) -> None:
    with ConnectProxy({}, says) as proxy:
        reply = asked(Egress(proxy.url(f"ana:{SECRET}"), ours.ca_file), "https://api.example/x", {}, "POST")
    assert isinstance(reply, NotSent), reply
    assert why in reply.reason or why == "TLS handshake"
    assert f"through the proxy 127.0.0.1:{proxy.port}" in reply.reason
    assert "cret" not in reply.reason


def test_a_request_that_went_through_the_tunnel_and_got_no_answer_is_lost(ours: Authority) -> None:
    with (
        RawServer(answer(), ours.server) as server,
        ConnectProxy({"api.example": server.port}) as proxy,
    ):
        reply = asked(Egress(proxy.url(), ours.ca_file), "https://api.example/x", {}, "POST")
    assert isinstance(reply, Lost)


def test_a_proxy_that_says_nothing_is_given_up_at_the_deadline() -> None:
    with RawServer(Peer.stay_silent) as proxy:
        wire = Wire(SystemClock(), 0.3, egress=Egress(f"http://127.0.0.1:{proxy.port}"))
        reply = wire.exchange("POST", "https://api.example/", headers={}, limit_bytes=1, turn=lambda: None)
    assert isinstance(reply, NotSent)
    assert "in time" in reply.reason


def test_a_label_at_another_origin_takes_the_same_way(ours: Authority) -> None:
    with (
        RawServer(answer(whole(b"%PDF-1.4")), ours.server) as server,
        ConnectProxy({"files.example": server.port}) as proxy,
    ):
        clock = SystemClock()
        market = Marketplace(
            supplier="notio",
            base_url="https://api.example",
            token=lambda: "secret-token",
            wire=Wire(clock, 5, egress=Egress(proxy.url(), ours.ca_file)),
            pace=Pace(clock, 1000),
            max_label_bytes=1000,
            label_origins=("https://files.example",),
            clock=clock,
            stopping=lambda: False,
        )
        assert isinstance(market.fetch_label("https://files.example/1.pdf"), LabelBytes)
    assert proxy.targets == ["files.example:443"]
    assert b"secret-token" not in b"".join([*proxy.heads, *server.requests])


# Pings, alerts, printers -------------------------------------------------------------------------------------------


def test_a_ping_takes_it_plain_ones_by_the_whole_url(ours: Authority) -> None:
    with RawServer(answer(whole(b"ok")), ours.server) as server, ConnectProxy({"api.example": server.port}) as proxy:
        wire = Wire(SystemClock(), 5, egress=Egress(proxy.url(f"ana:{SECRET}"), ours.ca_file))
        assert isinstance(wire.ping("https://api.example/ping"), Answer)
        assert isinstance(wire.ping("http://chat.example:8000/ping?x=1"), Answer)
    assert proxy.targets == ["api.example:443", "http://chat.example:8000/ping?x=1"]
    assert b"Proxy-Authorization: Basic " + PAIR in proxy.heads[1]
    assert b"Host: chat.example:8000" in proxy.heads[1]


def arrives(url: str, egress: Egress) -> bool:
    """Send a test alert to an address; tell whether it took it."""
    post = Post(Settings(alerts={"urls": [url]}, suppliers={"notio": {}}), egress)
    return post.try_one(post.boxes[0], trial("here", Words()))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of apprise's own modules
def test_alerts_take_it_and_the_environment_is_as_before(ours: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    before = dict(os.environ)
    ok = whole(b"{}", b"Connection: close")
    with (
        RawServer(answer(ok), ours.server) as server,
        RawServer(answer(ok)) as plain,
        ConnectProxy({"chat.example": server.port}) as proxy,
    ):
        url, here = "jsons://chat.example/hook", f"json://127.0.0.1:{plain.port}/hook"
        assert arrives(url, Egress(proxy.url(), ours.ca_file))
        assert not arrives(url, Egress(proxy.url())), "not by an unknown authority"
        assert arrives(here, Egress(proxy.url())), "this machine itself is reached directly"
        everything = Egress(proxy.url(), ours.ca_file, {"NO_PROXY": "x.example, *"})
        assert not arrives(url, everything), "no such name without the proxy"
    assert proxy.targets == ["chat.example:443"] * 2
    assert plain.requests
    assert dict(os.environ) == before


def test_printers_take_it(ours: Authority) -> None:
    body = ipp_answer(groups=JOB)
    ok = whole(body, b"Content-Type: application/ipp", b"Connection: close")
    with RawServer(answer(ok), ours.server) as server, ConnectProxy({"printer.example": server.port}) as proxy:
        way = Egress(proxy.url(f"ana:{SECRET}"), ours.ca_file)
        assert print_pdf("ipps://printer.example/ipp", b"%PDF", "label", egress=way) == Printed(77)
        found = print_pdf("ipps://printer.example/ipp", b"%PDF", "label", egress=Egress(proxy.url()))
        assert isinstance(found, NotPrinted)
        assert "certificate" in found.why
        print_pdf("ipp://printer.example/ipp", b"%PDF", "label", egress=way)
    assert proxy.targets == ["printer.example:631"] * 2 + ["http://printer.example:631/ipp"]
    assert PAIR in proxy.heads[0]
    assert PAIR in proxy.heads[2]
    with ConnectProxy({}, b"HTTP/1.1 407 No\r\n\r\n") as closed:
        found = print_pdf("ipps://printer.example/ipp", b"%PDF", "label", egress=Egress(closed.url(f"ana:{SECRET}")))
    assert isinstance(found, NotPrinted)
    assert "407" in found.why
    assert struct.calcsize("i") == 4


# The whole program -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["configuration", "environment"])
def test_check_says_which_way_it_went_and_a_round_takes_it(
    ours: Authority, tmp_path: Path, by: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with RawServer(answer(whole(b"[]")), ours.server) as server, ConnectProxy({"api.example": server.port}) as proxy:
        url = proxy.url(f"ana:{SECRET}")
        http = f'[http]\nproxy = "{url}"\nca_file = "{ours.ca_file}"\n' if by == "configuration" else ""
        file = tmp_path / "agent.toml"
        file.write_text(
            f'base_url = "https://api.example"\nstate_dir = "state"\n{http}[suppliers.notio]\ntoken = "x"\n'
        )
        for name in [each for each in os.environ if "proxy" in each.lower()]:
            monkeypatch.delenv(name)
        for name, value in {} if http else {"HTTPS_PROXY": url, "SSL_CERT_FILE": str(ours.ca_file)}.items():
            monkeypatch.setenv(name, value)
        said = {}
        for command in ("check", "run --once", "config show"):
            cli.run(["--config", str(file), *command.split()])
            said[command] = "".join(capsys.readouterr())
    where = "proxy in [http]" if http else "HTTPS_PROXY"
    assert f"https://api.example is reached through the proxy 127.0.0.1:{proxy.port} ({where})" in said["check"]
    assert f"only those in {ours.ca_file}" in said["check"]
    assert "the token works" in said["check"]
    assert len(server.requests) >= 2, said
    assert set(proxy.targets) == {"api.example:443"}
    assert "cret" not in json.dumps(said)
