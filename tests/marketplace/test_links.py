"""Where a label may come from: the marketplace with the token, configured origins without, nothing else."""

import httpx
import pytest

from supplier_agent.marketplace.links import BadLink, Target, allowed, follow

BASE = "https://api.menzzo.fr"
ORIGINS = ["https://files.example", "https://cdn.example:8443"]

WITH_TOKEN = {
    "https://api.menzzo.fr/api/files/path/to/label.pdf": "https://api.menzzo.fr/api/files/path/to/label.pdf",
    "/api/files/x.pdf": "https://api.menzzo.fr/api/files/x.pdf",
    "/": "https://api.menzzo.fr/",
    "https://API.Menzzo.FR/x.pdf": "https://api.menzzo.fr/x.pdf",
    "HTTPS://api.menzzo.fr/x.pdf": "https://api.menzzo.fr/x.pdf",
    "https://api.menzzo.fr:443/x.pdf": "https://api.menzzo.fr/x.pdf",
    "https://api.menzzo.fr:/x.pdf": "https://api.menzzo.fr/x.pdf",
    "https://api.menzzo.fr": "https://api.menzzo.fr",
    "https://api.menzzo.fr?id=5": "https://api.menzzo.fr?id=5",
    "https://api.menzzo.fr/x.pdf?sig=a%2Fb#page=2": "https://api.menzzo.fr/x.pdf?sig=a%2Fb",
    "/étiquette.pdf": "https://api.menzzo.fr/%C3%A9tiquette.pdf",
    "/a@evil.example": "https://api.menzzo.fr/a@evil.example",
    "/..//evil.example/x": "https://api.menzzo.fr//evil.example/x",
    "/x?next=https://evil.example/": "https://api.menzzo.fr/x?next=https://evil.example/",
}


@pytest.mark.parametrize(("link", "requested"), WITH_TOKEN.items())
def test_a_link_to_the_marketplace_gets_the_token(link: str, requested: str) -> None:
    assert allowed(link, BASE, ORIGINS) == Target(httpx.URL(requested), with_token=True)


@pytest.mark.parametrize(
    "link", ["https://files.example/x.pdf", "https://FILES.example:443/x", "https://cdn.example:8443/x?sig=1"]
)
def test_a_link_to_another_configured_origin_goes_without_the_token(link: str) -> None:
    target = allowed(link, BASE, ORIGINS)
    assert isinstance(target, Target)
    assert not target.with_token


HOSTILE = [
    "",
    " ",
    "label.pdf",
    "api/files/x.pdf",
    "?x",
    "#x",
    "//api.menzzo.fr/x",
    "//evil.example/x",
    "///evil.example/x",
    "/\\evil.example/x",
    "\\\\evil.example\\x",
    "https:\\\\api.menzzo.fr\\x",
    "https:/api.menzzo.fr/x",
    "https:api.menzzo.fr/x",
    "https:///api.menzzo.fr/x",
    "https://",
    "http://api.menzzo.fr/x",
    "http://api.menzzo.fr:443/x",
    "http://files.example/x",
    "ftp://api.menzzo.fr/x",
    "file:///etc/passwd",
    "javascript:alert(1)",
    "data:application/pdf;base64,AA==",
    "https://evil.example/x",
    "https://api.menzzo.fr.evil.example/x",
    "https://evil.example/api.menzzo.fr/x",
    "https://evilapi.menzzo.fr/x",
    "https://menzzo.fr/x",
    "https://api.menzzo.fr./x",
    "https://api.menzzo.fr:8443/x",
    "https://api.menzzo.fr:80/x",
    "https://api.menzzo.fr:99999/x",
    "https://api.menzzo.fr:-443/x",
    "https://api.menzzo.fr:443:443/x",
    "https://files.example:8443/x",
    "https://cdn.example/x",
    "https://user@api.menzzo.fr/x",
    "https://user:pass@api.menzzo.fr/x",
    "https://@api.menzzo.fr/x",
    "https://api.menzzo.fr@evil.example/x",
    "https://api.menzzo.fr:443@evil.example/x",
    "https://evil.example#@api.menzzo.fr/x",
    "https://evil.example?@api.menzzo.fr/x",
    "https://evil.example\\@api.menzzo.fr/x",
    "https://api.menzzo.fr\\@evil.example/x",
    "https://api%2emenzzo.fr/x",
    "https://api.menzzo.fr%2f.evil.example/x",
    "https://api.menzzo.fr%00.evil.example/x",
    "https://api\u3002menzzo.fr/x",
    "https://api\uff0emenzzo.fr/x",
    "https://\uff41pi.menzzo.fr/x",
    "https://\u0430pi.menzzo.fr/x",
    "https://api.menzzo\u200b.fr/x",
    "https://api.menzzo.fr\uff0fx",
    "https://api.menz\u00adzo.fr/x",
    "https://xn--pi-7kc.menzzo.fr/x",
    "https://api.menzzo.fr /x",
    " https://api.menzzo.fr/x",
    "https://api.menzzo.fr/x ",
    "https://api.menzzo.fr/a b",
    "https://api.menzzo.fr/x\r\nX-Evil: 1",
    "https://api.men\nzzo.fr/x",
    "https://api.menzzo.fr/\tx",
    "https://api.menzzo.fr/x\x00.pdf",
    "https://api.menzzo.fr/\u2028x",
    "https://api.menzzo.fr/\ud800x",
    "https://127.0.0.1/x",
    "https://2130706433/x",
    "https://0x7f000001/x",
    "https://0177.0.0.1/x",
    "https://127.1/x",
    "https://[::1]/x",
    "https://[::ffff:127.0.0.1]/x",
    "https://[::1/x",
    "https://169.254.169.254/latest/meta-data",
    "https://localhost/x",
    "https://api.menzzo.fr/" + "x" * 2000,
]


@pytest.mark.parametrize("link", HOSTILE, ids=ascii)
def test_any_other_link_is_refused(link: str) -> None:
    assert isinstance(allowed(link, BASE, ORIGINS), BadLink)


def test_the_reason_names_the_origin_and_the_setting_but_not_the_query() -> None:
    found = allowed("https://s3.example:444/label.pdf?signature=abc", BASE, [])
    assert found == BadLink(
        "the link leads to https://s3.example:444, which is not the marketplace; label_origins in [http] would allow it"
    )
    found = allowed("http://api.menzzo.fr/x?signature=abc", BASE, [])
    assert found == BadLink("the link leads to http://api.menzzo.fr: only https is followed")


def test_plain_http_is_followed_only_at_the_base_url_or_an_origin_that_the_settings_took() -> None:
    loopback = "http://127.0.0.1:8080"
    assert isinstance(allowed("http://127.0.0.1:8080/x", loopback, []), Target)
    assert isinstance(allowed("/x", loopback, []), Target)
    assert allowed("http://127.0.0.2:8080/x", loopback, ["http://127.0.0.2:8080"]) == Target(
        httpx.URL("http://127.0.0.2:8080/x"), with_token=False
    )
    for link in (
        "http://127.0.0.1/x",
        "http://127.0.0.2/x",
        "http://localhost:8080/x",
        "https://127.0.0.1:8080/x",
    ):
        assert isinstance(allowed(link, loopback, ["http://127.0.0.2:8080"]), BadLink)


def test_a_port_left_out_is_the_one_of_the_scheme() -> None:
    assert isinstance(allowed("http://127.0.0.1:80/x", "http://127.0.0.1", []), Target)
    assert isinstance(allowed("http://127.0.0.1:443/x", "http://127.0.0.1", []), BadLink)


def test_an_ipv6_base_is_matched_by_itself_alone() -> None:
    assert isinstance(allowed("http://[::1]:8080/x", "http://[::1]:8080", []), Target)
    assert isinstance(allowed("http://[::2]:8080/x", "http://[::1]:8080", []), BadLink)


def test_a_path_of_the_base_url_is_no_part_of_its_origin() -> None:
    assert allowed("/x", "https://api.menzzo.fr/prefix/", []) == Target(httpx.URL(BASE + "/x"), with_token=True)


def test_a_redirect_by_path_stays_at_the_host_that_sent_it_and_gets_no_token_there() -> None:
    elsewhere = httpx.URL("https://files.example/a?sig=1")
    assert follow(elsewhere, "/b?c=1", BASE, ORIGINS) == Target(
        httpx.URL("https://files.example/b?c=1"), with_token=False
    )
    assert follow(elsewhere, BASE + "/b", BASE, ORIGINS) == Target(httpx.URL(BASE + "/b"), with_token=True)
    assert isinstance(follow(elsewhere, "//api.menzzo.fr/b", BASE, ORIGINS), BadLink)
    assert isinstance(follow(httpx.URL(BASE + "/a"), "http://api.menzzo.fr/a", BASE, ORIGINS), BadLink)
