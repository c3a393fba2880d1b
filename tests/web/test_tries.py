"""Wrong PINs: who waits for whose mistakes, for how long, and what is remembered."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from supplier_agent.db import state_folder
from supplier_agent.settings.sections import Web
from supplier_agent.web.peers import (
    FILE,
    FORGET_SECONDS,
    LIMITS,
    MOST_REMEMBERED,
    NAME,
    PAIR,
    PEER,
    UNKNOWN,
    Tries,
    behind,
    group,
    has_seats_of_its_own,
)

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOUR = timedelta(seconds=FORGET_SECONDS)


def wrong(tries: Tries, name: str, address: str, times: int, now: datetime = NOW) -> int:
    """Try a wrong PIN so often as fast as it is allowed at this moment; return how many tries were made."""
    return sum(tries.wait_seconds(name, address, now, known=True) == 0 for _ in range(times))


def test_wrong_pins_of_one_person_keep_nobody_else_out() -> None:
    tries = Tries(None)
    assert wrong(tries, "Anna", "10.0.0.7", 50) == LIMITS[PAIR].free
    assert tries.wait_seconds("Piotr", "10.0.0.7", NOW, known=True) == 0
    assert tries.wait_seconds("Anna", "10.0.0.8", NOW, known=True) == 0


@pytest.mark.parametrize("known", [True, False])
def test_right_tries_never_add_up(known: bool) -> None:  # noqa: FBT001 - a person or a badge
    tries, at = Tries(None), NOW
    wrong(tries, "Piotr", "10.0.0.7", 3)
    for _ in range(500):  # a bench that changes hands every five minutes
        assert tries.wait_seconds("Anna", "10.0.0.7", at, known=known) == 0
        tries.right("Anna", "10.0.0.7", at)
        at += timedelta(minutes=5)
    assert wrong(tries, "Piotr", "10.0.0.7", 50, at) == LIMITS[PAIR].free, "by then, the old ones are forgotten"


def test_right_tries_take_back_no_wrong_ones() -> None:
    tries = Tries(None)
    made = 0
    for number in range(100):  # a person with a PIN tries those of others, and signs in between
        made += wrong(tries, f"Person {number}", "10.0.0.7", 1)
        if tries.wait_seconds("Anna", "10.0.0.7", NOW, known=True) == 0:
            tries.right("Anna", "10.0.0.7", NOW)
    assert made == LIMITS[PEER].free


def test_one_address_alone_never_makes_a_name_wait() -> None:
    tries = Tries(None)
    for second in range(0, 7 * 86_400, 30):
        tries.wait_seconds("Anna", "10.0.0.7", NOW + timedelta(seconds=second), known=True)
    assert tries.wait_seconds("Anna", "10.0.0.8", NOW + timedelta(days=7), known=True) == 0


def test_many_addresses_together_make_a_name_wait_and_many_names_an_address() -> None:
    tries = Tries(None)
    assert sum(wrong(tries, "Anna", f"10.0.0.{last}", 3) for last in range(1, 100)) == LIMITS[NAME].free
    tries = Tries(None)
    assert sum(wrong(tries, f"Person {number}", "10.0.0.7", 3) for number in range(100)) == LIMITS[PEER].free


def test_a_flood_of_other_tries_makes_no_name_forgotten() -> None:
    tries = Tries(None)
    made = 0
    for number in range(3 * MOST_REMEMBERED):  # each from an address of its own, with names of nobody between
        address = f"10.{number >> 8 & 255}.{number & 255}.1"
        made += wrong(tries, "Anna", address, 1)
        tries.wait_seconds(f"nobody {number}", address, NOW, known=False)
    assert made == LIMITS[NAME].free


def test_a_wait_doubles_up_to_its_bound_and_a_try_is_forgotten_after_an_hour() -> None:
    limit = LIMITS[PAIR]
    assert [limit.wait_seconds(limit.free + more) for more in range(4)] == [15, 30, 60, 120]
    assert limit.wait_seconds(10_000) == limit.longest_seconds
    tries = Tries(None)
    assert wrong(tries, "Anna", "10.0.0.7", limit.free) == limit.free
    assert wrong(tries, "Anna", "10.0.0.7", 50, NOW + 2 * HOUR) == 2  # of the five, three still count


def test_a_clock_that_was_set_back_makes_nobody_wait_longer() -> None:
    tries = Tries(None)
    wrong(tries, "Anna", "10.0.0.7", 5)
    assert tries.wait_seconds("Anna", "10.0.0.7", NOW - timedelta(days=300), known=True) <= 15


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / state_folder.PRIVATE


def test_the_counts_outlive_the_process(folder: Path) -> None:
    wrong(Tries(folder), "Anna", "10.0.0.7", 5)
    assert Tries(folder).wait_seconds("Anna", "10.0.0.7", NOW, known=True) == 15
    assert (folder / FILE).stat().st_mode & 0o777 == 0o600
    assert "Anna" not in (folder / FILE).read_text()
    Tries(folder).right("Anna", "10.0.0.7", NOW)
    assert Tries(folder).wait_seconds("Anna", "10.0.0.7", NOW, known=True) == 0


@pytest.mark.parametrize(
    "content", ["", "[", "[]", '{"pair": 1}', '{"pair": {"x": 1}}', '{"pair": {"x": ["a", "b"]}}', '{"odd": {}}', "\0"]
)
def test_a_file_that_cannot_be_read_counts_for_nothing(folder: Path, content: str) -> None:
    with state_folder.open_private(folder) as opened:
        opened.write(FILE, content.encode())
    assert Tries(folder).wait_seconds("Anna", "10.0.0.7", NOW, known=True) == 0


def test_a_link_in_the_place_of_the_file_is_neither_read_nor_written(folder: Path) -> None:
    elsewhere = folder.parent / "elsewhere"
    wrong(Tries(elsewhere), "Anna", "10.0.0.7", 5)
    before = (elsewhere / FILE).read_bytes()
    with state_folder.open_private(folder):
        (folder / FILE).symlink_to(elsewhere / FILE)
    assert Tries(folder).wait_seconds("Anna", "10.0.0.7", NOW, known=True) == 0
    assert (elsewhere / FILE).read_bytes() == before
    assert not (folder / FILE).is_symlink()


def test_without_the_folder_the_counts_are_kept_in_memory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert wrong(Tries(tmp_path / "file" / state_folder.PRIVATE), "Anna", "10.0.0.7", 50) == LIMITS[PAIR].free


def test_the_counts_stay_small(folder: Path) -> None:
    full = {
        kind: {f"{number:024x}": [1, NOW.timestamp()] for number in range(MOST_REMEMBERED)} for kind in (PAIR, PEER)
    }
    with state_folder.open_private(folder) as opened:
        opened.write(FILE, json.dumps(full).encode())
    tries = Tries(folder)
    for number in range(50):
        tries.wait_seconds(f"nobody {number}", f"10.{number >> 8}.{number & 255}.1", NOW, known=False)
    assert (folder / FILE).stat().st_size < 150_000


PROXIED = Web(listen="127.0.0.1:0", origin="https://warehouse.example", proxies=("127.0.0.1", "10.0.0.1"))


@pytest.mark.parametrize(
    ("web", "address", "forwarded", "found"),
    [
        (PROXIED, "127.0.0.1", ["192.0.2.7"], "192.0.2.7"),
        (
            PROXIED,
            "127.0.0.1",
            ["6.6.6.6, 192.0.2.7"],
            "192.0.2.7",
        ),  # what a browser claims is left of what the proxy saw
        (PROXIED, "127.0.0.1", ["6.6.6.6", "192.0.2.7, 10.0.0.1"], "192.0.2.7"),
        (PROXIED, "127.0.0.1", ["192.0.2.7:4711"], "192.0.2.7"),
        (PROXIED, "127.0.0.1", ["[2001:db8::7]:4711"], "2001:db8::7"),
        (PROXIED, "127.0.0.1", [], UNKNOWN),
        (PROXIED, "127.0.0.1", ["nonsense"], UNKNOWN),
        (PROXIED, "127.0.0.1", ["\xff\x00, ,"], UNKNOWN),
        (PROXIED, "192.0.2.9", ["6.6.6.6"], "192.0.2.9"),  # no proxy of ours
        (Web(listen="127.0.0.1:0"), "127.0.0.1", ["6.6.6.6"], "127.0.0.1"),  # not set up for one
    ],
)
def test_who_asks_behind_a_proxy(web: Web, address: str, forwarded: list[str], found: str) -> None:
    assert behind(web, address, forwarded) == found


def test_what_counts_as_one_peer() -> None:
    assert group("2001:db8:1:2::1") == group("2001:db8:1:2:ffff::9") != group("2001:db8:1:3::1")
    assert group("::ffff:192.0.2.7") == group("192.0.2.7") != group("192.0.2.8")
    assert group("127.0.0.2") == group("::1")
    assert group("é[") == UNKNOWN
    assert has_seats_of_its_own(PROXIED, "10.0.0.1") is None
    assert has_seats_of_its_own(Web(listen="0.0.0.0:1", proxies=("10.0.0.1",)), "10.0.0.1") == "10.0.0.1"
