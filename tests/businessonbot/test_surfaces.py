"""What the bot's section must say, which orders are the shop's own, and what every surface shows of the messages."""

import json
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from supplier_agent import cli
from supplier_agent.base.errors import ConfigError
from supplier_agent.calls.dispatched import start_over
from supplier_agent.check import businessonbot as check
from supplier_agent.check.report import Finding, Report
from supplier_agent.db.businessonbot import BotFeed, BotOrder
from supplier_agent.db.plain_sql import within
from supplier_agent.db.store import Store, open_store
from supplier_agent.db.tables import Call
from supplier_agent.metrics.figures import _bots
from supplier_agent.reading.own_orders import OLDEST, Tells, event_id, is_own, what_it_tells
from supplier_agent.reading.shop_orders import InShop
from supplier_agent.settings import Settings
from supplier_agent.settings.businessonbot import read_keys

NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
SHOP = {"platform": "woocommerce", "url": "https://shop.example", "key_file": "/k", "secret_file": "/s"}
OWN = InShop(
    "101", "1581", "", "", "completed", fulfilled=True, created_at=NOW, modified_at=NOW + timedelta(days=1), placed=True
)


def settings(folder: Path, shop: object = SHOP, **keys: object) -> Settings:
    bot = {"key_file": folder / "guest"} | keys
    return Settings(state_dir=folder / "state", suppliers={"notio": {"token": "t", "shop": shop, "businessonbot": bot}})


# -- which orders are told


def test_only_an_order_that_a_customer_placed_in_the_shop_is_its_own() -> None:
    assert is_own(OWN, mirrored=False)
    assert not is_own(OWN, mirrored=True)
    for change in ({"placed": False}, {"reference": "15000012345_789"}, {"supplier": "notio"}):
        assert not is_own(replace(OWN, **change), mirrored=False)


def test_it_is_told_if_it_was_placed_since_and_is_fulfilled() -> None:
    assert what_it_tells(OWN, NOW) is Tells.DISPATCHED
    assert what_it_tells(replace(OWN, fulfilled=False), NOW) is Tells.NOT_YET
    assert what_it_tells(OWN, NOW + timedelta(seconds=1)) is Tells.NOTHING
    assert what_it_tells(replace(OWN, created_at=None), NOW) is Tells.NOTHING
    assert what_it_tells(replace(OWN, modified_at=None), NOW) is Tells.NOTHING
    late = replace(OWN, modified_at=NOW + OLDEST + timedelta(seconds=1))
    assert what_it_tells(late, NOW) is Tells.NOTHING


# -- the section


WRONG: list[tuple[object, dict[str, object], str]] = [
    (SHOP, {"send_dispatched": True}, "needs url"),
    (None, {"send_dispatched": True, "url": "https://bot.example"}, "needs a shop"),
    ({**SHOP, "read_back_seconds": 0}, {"send_dispatched": True, "url": "https://bot.example"}, "needs a shop"),
    (
        {"platform": "magento", "url": "https://shop.example", "token_file": "/t"},
        {"send_dispatched": True, "url": "https://bot.example"},
        "says who placed an order: woocommerce",
    ),
    (SHOP, {"url": "http://bot.example"}, "https"),
]


def test_what_could_reach_the_wrong_people_is_no_configuration(tmp_path: Path) -> None:
    for shop, keys, said in WRONG:
        with pytest.raises(ValidationError, match=said):
            settings(tmp_path, shop, **keys)
    off = settings(tmp_path, None).bot_of("notio")
    assert off is not None
    assert (off.send_dispatched, off.answer_requests) == (False, False)


def test_a_key_file_has_one_key_or_two(tmp_path: Path) -> None:
    file = tmp_path / "guest"
    with pytest.raises(ConfigError, match="cannot be read"):
        read_keys("notio", file)
    for text in ("", "a b c", "k\xe9y"):
        file.write_text(text, encoding="utf-8")
        with pytest.raises(ConfigError, match=r"is empty|does not hold"):
            read_keys("notio", file)
    file.write_text("new\nold\n")
    assert read_keys("notio", file) == ["new", "old"]


# -- check, status, metrics, the commands


@pytest.fixture
def found() -> list[Finding]:
    return []


def checked(found: list[Finding], given: Settings) -> list[tuple[str, str]]:
    report = Report(found.append)
    report.layer("page")
    check.look(report, given)
    return [(each.level, each.what) for each in found]


def test_check_says_what_is_on_and_that_only_a_stand_in_was_tried(tmp_path: Path, found: list[Finding]) -> None:
    (tmp_path / "guest").write_text("key")
    (tmp_path / "guest").chmod(0o644)
    said = checked(found, settings(tmp_path, answer_requests=True))
    texts = " | ".join(what for _, what in said)
    for part in ("stand-in only", "every user of this machine", "holds 1 key", "the page, which does that, is off"):
        assert part in texts
    assert "holds 1 key" in texts
    assert "key_file" not in texts


def test_check_says_that_a_key_is_missing(tmp_path: Path, found: list[Finding]) -> None:
    assert "cannot be read" in " ".join(what for _, what in checked(found, settings(tmp_path)))


Filled = Callable[[], Store]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return the configuration of an installation with a message in each state that waits for a person."""
    for name in ("guest", "k", "s"):
        (tmp_path / name).write_text("key")
    path = tmp_path / "agent.toml"
    path.write_text(
        f'state_dir = "{tmp_path / "state"}"\n[suppliers.notio]\ntoken = "t"\n[suppliers.notio.shop]\nplatform = "woocommerce"\n'
        f'url = "https://shop.example"\nkey_file = "{tmp_path / "k"}"\nsecret_file = "{tmp_path / "s"}"\n'
        f'[suppliers.notio.businessonbot]\nkey_file = "{tmp_path / "guest"}"\nurl = "https://bot.example"\nsend_dispatched = true\n'
    )
    path.chmod(0o600)
    (tmp_path / "state").mkdir()
    with closing(open_store(tmp_path / "state" / "agent.db", agent=True)) as store, store.write() as tx:
        tx.add(BotFeed(supplier="notio", shop_url="https://shop.example", since=NOW))
        for shop_id, state in (("101", "unknown"), ("102", "parked"), ("103", "done"), ("104", "owed")):
            number = f"15{shop_id}"
            tx.add(BotOrder(supplier="notio", shop_id=shop_id, number=number, dispatched_at=NOW, seen_at=NOW))
            due = NOW if state == "owed" else None
            tx.add(
                Call(
                    supplier="notio", kind="dispatched", subject=event_id("notio", shop_id), state=state, owed_at=NOW,
                    due_at=due, detail="it was lost",
                )
            )  # fmt: skip
    return path


def run(file: Path, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    code = cli.run(["--config", str(file), *words])
    return code, capsys.readouterr().out


def states(file: Path) -> list[str]:
    with closing(open_store(file.parent / "state" / "agent.db")) as store, store.read() as tx:
        return [row.state for row in within(tx).rows("SELECT state FROM calls WHERE kind = 'dispatched' ORDER BY id")]


def test_what_waits_is_listed_and_a_person_settles_it(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = run(file, capsys, "businessonbot", "list", "--json")
    (row,) = json.loads(said)["businessonbot"]
    assert (code, [each["number"] for each in row["listed"]]) == (1, ["15102", "15101"])
    assert run(file, capsys, "businessonbot", "settle", "15101")[0] == 2, "say what"
    assert run(file, capsys, "businessonbot", "settle", "103", "--told")[0] == 2, "it does not wait"
    assert run(file, capsys, "businessonbot", "settle", "15101", "--told")[0] == 0
    assert run(file, capsys, "businessonbot", "settle", "102", "--send-again")[0] == 0
    assert states(file) == ["done", "owed", "done", "owed"]
    assert run(file, capsys, "businessonbot", "list")[0] == 0


def test_status_and_metrics_show_the_messages(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, said = run(file, capsys, "status", "--json")
    told: dict[str, Any] = json.loads(said)
    bot = told["suppliers"]["notio"]["businessonbot"]
    assert (bot["messages"]["unknown"], bot["messages"]["parked"], bot["answer_requests"]) == (1, 1, False)
    (problem,) = [each for each in told["problems"] if each["code"] == "message_stuck"]
    assert (problem["supplier"], "2 messages" in problem["what"]) == ("notio", True)
    assert "businessonbot: 1 messages sent, 2 wait" in run(file, capsys, "status")[1]
    given = Settings(**_as_given(file))
    with closing(open_store(file.parent / "state" / "agent.db")) as store, store.read() as tx:
        (gauge,) = _bots(within(tx), given)
        assert dict(gauge.values)["notio", "unknown"] == 1.0


def _as_given(file: Path) -> dict[str, Any]:
    import tomllib  # noqa: PLC0415 - for one test

    return tomllib.loads(file.read_text())


def test_after_a_restore_nothing_that_the_copy_owes_is_sent(file: Path) -> None:
    with closing(open_store(file.parent / "state" / "agent.db", agent=True)) as store:
        with store.write() as tx:
            start_over(tx)
        with store.read() as tx:
            assert within(tx).first("SELECT count(*) AS number FROM bot_feeds").number == 0
    assert states(file) == ["unknown", "parked", "done", "dropped"]
