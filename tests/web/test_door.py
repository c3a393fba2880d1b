"""Who may come in, and from where: PINs, roles, cookies, other people's forms, the proxy's word."""

import re
import stat
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from supplier_agent.web import people
from supplier_agent.web.peers import FIRST_WAIT_SECONDS, LIMITS, PAIR
from supplier_agent.web.request import KEY_FILE
from tests.web.stage import BENCH, LEADS_PIN, OTHER, PIN, Browser, Stage, browsing, staged

ID = "15000012345_789"
ACT = {"act": "ship", "key": "d" * 32}


def test_nobody_sees_an_order_without_signing_in(stage: Stage) -> None:
    row = stage.order(ID)
    with browsing(stage.url) as stranger:
        for path in ("/", "/list", "/problems", f"/order/{row}", f"/label/{row}.pdf", f"/preview/{row}.png", "/pulse"):
            stranger.get(path)
            assert ID not in stranger.html
            assert "PIN" in stranger.html


def test_a_wrong_pin_is_refused_and_after_a_few_the_next_tries_wait(stage: Stage) -> None:
    with browsing(stage.url) as stranger:
        stranger.get("/sign-in")
        for _ in range(LIMITS[PAIR].free):
            stranger.post("/sign-in", name="Anna", station=BENCH, pin="0000")
            assert (stranger.status, "does not belong" in stranger.said) == (403, True)
        stranger.post("/sign-in", name="Anna", station=BENCH, pin=PIN)
        assert stranger.status == 429
        assert re.search(r"Try again in \d+ s\.", stranger.said)
        stage.clock.ahead += timedelta(seconds=FIRST_WAIT_SECONDS + 1)
        stranger.post("/sign-in", name="Anna", station=BENCH, pin=PIN)
        assert stranger.status == 200
    assert PIN not in str(stage.heard)


def test_a_name_that_is_not_there_is_refused_with_the_same_words(stage: Stage) -> None:
    with browsing(stage.url) as stranger:
        stranger.get("/sign-in")
        stranger.post("/sign-in", name="Mallory", station=BENCH, pin=PIN)
        assert (stranger.status, "does not belong" in stranger.said) == (403, True)


def test_the_cookie_is_for_our_own_pages_alone_and_cannot_be_changed(stage: Stage, anna: Browser) -> None:
    answer = anna.client.post(
        "/language", data={"lang": "fr", "token": anna.token()}, headers={"Origin": stage.url}, follow_redirects=False
    )
    flags = answer.headers["set-cookie"].lower()
    assert all(flag in flags for flag in ("httponly", "samesite=strict", "path=/"))
    cookie = anna.client.cookies["desk"]
    anna.client.cookies.clear()
    anna.client.headers["Cookie"] = f"desk={cookie[1:]}"
    anna.get("/")
    assert "PIN" in anna.html
    anna.client.headers["Cookie"] = f"desk={cookie}"
    anna.get("/")
    assert "PIN" not in anna.html


def test_the_key_of_the_cookies_is_the_agents_alone_and_stays(stage: Stage, tmp_path: Path) -> None:
    key = tmp_path / "state" / "private" / KEY_FILE
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    before = key.read_text()
    stage.stop()
    stage.start()
    assert key.read_text() == before


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "null"},
        {"Origin": "http://evil.example"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "OURS", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "OURS", "Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_form_from_elsewhere_is_refused(stage: Stage, anna: Browser, headers: dict[str, str]) -> None:
    row = stage.order(ID)
    sent = {name: value.replace("OURS", stage.url) for name, value in headers.items()}
    answer = anna.client.post("/act", data=ACT | {"row": str(row), "token": anna.token()}, headers=sent)
    assert answer.status_code == 403
    assert stage.facts(row).shipped == 0


def test_a_form_without_its_token_is_refused(stage: Stage, anna: Browser) -> None:
    row = stage.order(ID)
    for token in ("", "0" * 64):
        anna.post("/act", act="ship", row=str(row), token=token)
        assert anna.status == 403
    assert stage.facts(row).shipped == 0


def test_a_name_that_was_pointed_at_this_machine_is_refused(anna: Browser) -> None:
    assert anna.client.get("/", headers={"Host": "evil.example"}).status_code == 421


def test_nothing_is_changed_by_asking(stage: Stage, anna: Browser) -> None:
    row = stage.order(ID)
    for path in ("/scan", "/act", "/decide", "/print", "/sign-out", "/pick-one"):
        assert anna.client.get(path, params={"act": "ship", "row": row, "code": ID}).status_code == 405
    assert stage.history(row) == []


def test_every_answer_keeps_the_page_to_itself(anna: Browser) -> None:
    for path in ("/", "/static/page.css", "/sign-in", "/nothing-here"):
        headers = anna.client.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
    assert anna.client.get("/").headers["cache-control"] == "no-store"


def test_a_form_has_a_bound(stage: Stage, anna: Browser) -> None:
    answer = anna.client.post("/scan", content=b"code=" + b"x" * 300_000, headers={"Origin": stage.url} | FORM)
    assert answer.status_code == 413
    assert anna.client.post("/scan", json={"code": ID}, headers={"Origin": stage.url}).status_code == 415


FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def test_a_packer_may_not_decide_what_a_lead_decides(stage: Stage, anna: Browser, lea: Browser) -> None:
    row = stage.order(ID, shipped=1, shipped_at=stage.clock.now())
    stage.call(row, "unknown", detail="no answer")
    anna.get("/problems")
    assert "A lead decides this" in anna.said
    anna.post("/decide", act="shipped", row=str(row))
    assert "Only a lead may do this" in anna.said
    assert stage.facts(row).ship_confirmed_at is None
    lea.get("/problems")
    assert "the customer is notified twice" in lea.said
    lea.post("/decide", act="shipped", row=str(row))
    assert stage.facts(row).ship_confirmed_at is not None
    decided = stage.history(row)[-1]
    assert (decided.who, decided.station, decided.what) == ("Lea", BENCH, "resolved: shipped")


def test_who_is_removed_or_gets_a_new_pin_is_out_at_once(stage: Stage, anna: Browser, lea: Browser) -> None:
    with stage.store.write() as tx:
        people.remove(tx, "Anna", stage.clock.now())
        people.add(tx, "Lea", "lead", "another", b"1" * people.SALT_BYTES, stage.clock.now())
    for browser in (anna, lea):
        browser.get("/")
        assert "PIN" in browser.html


def test_the_pin_is_kept_as_scrypt_alone(stage: Stage) -> None:
    with stage.store.read() as tx:
        kept = {person.name: person.pin_scrypt for person in people.present(tx)}
    assert PIN not in str(kept)
    assert people.fits(PIN, kept["Anna"])
    assert not people.fits(LEADS_PIN, kept["Anna"])
    assert not people.fits("", people.NO_PIN)


def test_behind_a_proxy_its_header_tells_who_it_is(tmp_path: Path) -> None:
    web: dict[str, Any] = {"proxy_header": "X-Remote-User", "origin": "https://warehouse.example"}
    with staged(tmp_path, **web) as stage, browsing(stage.url) as browser:
        row = stage.order(ID)
        browser.client.headers.update({"X-Remote-User": "Anna", "Host": "warehouse.example"})
        browser.url = "https://warehouse.example"
        browser.get("/sign-in")
        assert "You are Anna" in browser.said
        answer = browser.client.post(
            "/sign-in", data={"station": OTHER}, headers={"Origin": browser.url}, follow_redirects=False
        )
        assert "secure" in answer.headers["set-cookie"].lower()
        cookie = answer.headers["set-cookie"].partition(";")[0]
        browser.client.headers.update({"Cookie": cookie})
        assert "Anna" in browser.get("/")
        browser.client.headers.update({"X-Remote-User": "Mallory"})
        assert ID not in browser.get(f"/order/{row}")


def test_without_a_trusted_proxy_the_header_means_nothing(tmp_path: Path) -> None:
    web: dict[str, Any] = {"proxy_header": "X-Remote-User", "proxies": ["192.0.2.1"]}
    with staged(tmp_path, **web) as stage, browsing(stage.url) as browser:
        browser.client.headers.update({"X-Remote-User": "Anna"})
        browser.get("/sign-in")
        browser.post("/sign-in", station=BENCH)
        assert browser.status == 403


def test_signing_out_ends_the_session_on_the_server(stage: Stage, anna: Browser) -> None:
    row = stage.order(ID)
    copied, token = anna.client.cookies["desk"], anna.token()
    anna.post("/sign-out")
    with browsing(stage.url) as thief:
        thief.client.headers["Cookie"] = f"desk={copied}"
        thief.get("/")
        assert "PIN" in thief.html
        thief.post("/act", act="ship", row=str(row), token=token)
    assert stage.facts(row).shipped == 0
    anna.sign_in("Anna")
    assert "PIN" not in anna.html


def test_behind_the_documented_proxy_wrong_pins_of_one_keep_nobody_else_out(tmp_path: Path) -> None:
    with staged(tmp_path, origin="https://warehouse.example") as stage, browsing(stage.url) as browser:
        browser.url = "https://warehouse.example"
        browser.client.headers["Host"] = "warehouse.example"

        def sign_in(name: str, pin: str, address: str) -> int:
            form = {"name": name, "station": BENCH, "pin": pin}
            told = {"Origin": browser.url, "X-Forwarded-For": address}
            answer = browser.client.post("/sign-in", data=form, headers=told, follow_redirects=False)
            return answer.status_code

        for name in ("Mallory", "Anna"):
            assert [sign_in(name, "0000", "192.0.2.66") for _ in range(7)][-1] == 429
        assert sign_in("Lea", LEADS_PIN, "192.0.2.66") == 303  # somebody else at this address
        assert sign_in("Anna", PIN, "192.0.2.7") == 303  # she herself, at hers
        stage.stop()
        stage.start()
        browser.client.base_url = stage.url
        assert sign_in("Anna", PIN, "192.0.2.66") == 429  # a restart forgets nothing
        stage.person("Anna", pin="9999")
        assert sign_in("Anna", "9999", "192.0.2.66") == 303  # a new PIN does
