"""What a browser remembers of its place: the station, also for the next person, and how it shows the page. And the sign-in page."""

import base64
import re
from pathlib import Path

import pytest

from supplier_agent.web.request import DEVICE_COOKIE, Device, Seal, Session
from tests.web.stage import BENCH, LEADS_PIN, OTHER, PIN, Browser, Stage, browsing, staged

ID = "15000012345_789"


def chosen(browser: Browser, name: str) -> list[str]:
    """Return what the sign-in page has chosen before a person did."""
    fields = re.findall(r"<input[^>]*>", browser.html)
    return [each for each in fields if f'name="{name}"' in each and ("checked" in each or "hidden" in each)]


def test_the_station_is_remembered_after_signing_out_and_no_name_is(anna: Browser) -> None:
    anna.sign_in("Anna", OTHER)
    anna.post("/sign-out")
    assert f'name="station" value="{OTHER}"' in anna.html
    assert chosen(anna, "name") == []
    anna.post("/sign-in", name="Lea", station=OTHER, pin=LEADS_PIN)
    assert f"<b>{OTHER}</b> Lea" in anna.html


def test_a_new_browser_chooses_its_station_and_a_name(stage: Stage) -> None:
    with browsing(stage.url) as browser:
        browser.get("/")
        assert chosen(browser, "station") == chosen(browser, "name") == []
        browser.post("/sign-in", name="Anna", pin=PIN)
        assert (browser.status, "Choose a station." in browser.said) == (400, True)
        browser.post("/sign-in", station=OTHER, pin=PIN)
        assert (browser.status, "Choose a name." in browser.said) == (400, True)
        assert f'name="station" value="{OTHER}"' in browser.html  # what was chosen stays


def test_a_wrong_pin_keeps_the_name_for_the_next_try(stage: Stage) -> None:
    with browsing(stage.url) as browser:
        browser.get("/sign-in")
        browser.post("/sign-in", name="Anna", station=BENCH, pin="0000")
        assert 'value="Anna" checked' in browser.html


def test_a_kiosk_names_its_station_in_its_start_address(stage: Stage) -> None:
    with browsing(stage.url) as browser:
        browser.get(f"/?station={OTHER}")
        assert f'name="station" value="{OTHER}"' in browser.html
        browser.get("/?station=No%20such%20bench")
        assert chosen(browser, "station") == []
        browser.sign_in("Anna", OTHER)
        browser.get(f"/?station={BENCH}")
        assert f"<b>{OTHER}</b> Anna" in browser.html  # where a person works does not change by an address


def test_the_station_can_be_changed_and_its_language_is_that_of_the_sign_in_page(
    tmp_path: Path, pristine: Path
) -> None:
    stations = ({"name": BENCH, "language": "pl"}, {"name": OTHER})
    with staged(tmp_path, pristine=pristine, stations=stations) as stage, browsing(stage.url) as browser:
        browser.sign_in("Anna")
        browser.post("/sign-out")
        assert '<html lang="pl">' in browser.html
        browser.get("/sign-in?station=")
        assert chosen(browser, "station") == []
        browser.get("/sign-in?lang=fr")
        assert "Se connecter" in browser.said


def test_the_person_changes_with_a_name_and_a_pin_and_the_station_stays(stage: Stage, anna: Browser) -> None:
    row = stage.order(ID)
    anna.scan(ID)
    assert 'class="who" href="/sign-in"' in anna.html
    anna.get("/sign-in")
    assert f'name="station" value="{BENCH}"' in anna.html
    assert chosen(anna, "name") == []
    anna.post("/sign-in", name="Lea", station=BENCH, pin=LEADS_PIN)
    assert f"<b>{BENCH}</b> Lea" in anna.html
    assert anna.sign == ""  # what Anna had on the screen is not Lea's
    anna.scan(ID)
    assert stage.facts(row).shipped == 0


def test_a_station_that_is_gone_is_chosen_again(stage: Stage) -> None:
    seal = Seal((stage.settings.state_dir / "private" / "page.key").read_text().strip(), 12)
    with browsing(stage.url) as browser:
        browser.client.cookies[DEVICE_COOKIE] = seal.sign(Device(station="Bench 9"))
        browser.get("/sign-in")
        assert chosen(browser, "station") == []


def test_what_a_device_remembers_cannot_be_forged_nor_taken_for_a_session() -> None:
    seal, other = Seal("0" * 64, 12), Seal("1" * 64, 12)
    device = Device(BENCH, "dark", "large", "none")
    assert seal.device(seal.sign(device)) == device
    assert seal.device(other.sign(device)) == seal.device("nonsense") == Device()
    assert seal.session(seal.sign(device)) is None
    assert seal.device(seal.sign(Session("Anna", BENCH, "", ""))) == Device()


@pytest.mark.parametrize(
    ("switch", "value", "shown"),
    [
        ("look", "dark", 'dark.css" media="screen"'),
        ("text", "large", '<html lang="en" class="large">'),
        ("keyboard", "none", 'inputmode="none"'),
    ],
)
def test_a_switch_of_the_device_stays_after_signing_out(anna: Browser, switch: str, value: str, shown: str) -> None:
    assert shown not in anna.html
    anna.post("/device", back="/list", **{switch: value})
    assert "To ship, oldest first" in anna.said
    anna.post("/device", **{switch: "anything else"})
    anna.post("/sign-out")
    anna.sign_in("Lea", pin=LEADS_PIN)
    assert shown in anna.html
    anna.post("/device", **{switch: ""})
    assert shown not in anna.html


def test_dark_is_for_devices_that_are_dark_unless_it_is_switched(anna: Browser) -> None:
    assert 'media="screen and (prefers-color-scheme: dark)"' in anna.html
    anna.post("/device", look="light")
    assert "dark.css" not in anna.html


@pytest.mark.parametrize("back", ["//evil.example", "https://evil.example", "/\\evil.example", "/sign in"])
def test_a_switch_leads_to_no_other_page(anna: Browser, back: str) -> None:
    form = {"token": anna.token(), "look": "dark", "back": back}
    answer = anna.client.post("/device", data=form, headers={"Origin": anna.url}, follow_redirects=False)
    assert answer.headers["location"] == "/"


def test_a_pin_is_no_password_for_a_browser(stage: Stage) -> None:
    with browsing(stage.url) as browser:
        browser.get("/sign-in")
        field = next(each for each in re.findall(r"<input[^>]*>", browser.html) if 'id="pin"' in each)
        assert 'type="password"' not in browser.html
        assert 'autocomplete="off"' in field
        assert 'inputmode="numeric"' in field


@pytest.mark.parametrize(("origin", "camera"), [("", "()"), ("https://warehouse.example", "(self)")])
def test_the_camera_is_only_for_a_page_over_https(tmp_path: Path, pristine: Path, origin: str, camera: str) -> None:
    with staged(tmp_path, pristine=pristine, origin=origin) as stage, browsing(stage.url) as browser:
        answer = browser.client.get("/sign-in")
        assert f"camera={camera}," in answer.headers["permissions-policy"]
        assert ("camera.js" in answer.text) == bool(origin)


def test_a_picture_without_a_code_and_nonsense_are_answered_with_nothing(anna: Browser) -> None:
    blank = base64.urlsafe_b64encode(bytes(640 * 270)).decode()
    for picture, width in ((blank, "640"), (blank, "0"), (blank, "999999999"), ("", "640"), ("?", "640"), ("A", "x")):
        form = {"token": anna.token(), "picture": picture, "width": width}
        answer = anna.client.post("/camera", data=form, headers={"Origin": anna.url})
        assert (answer.status_code, answer.json()) == (200, [])
