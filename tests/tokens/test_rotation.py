"""Two tokens: the one that follows is tried when the present one is refused, and stays in use; neither is shown anywhere."""

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from supplier_agent.base.errors import ConfigError
from supplier_agent.db.store import open_store
from supplier_agent.db.tables import Supplier
from supplier_agent.reports import health
from supplier_agent.sandbox.world import World
from supplier_agent.settings import Settings, token_mark
from supplier_agent.suppliers.snapshot import known_supplier
from supplier_agent.verdict.supplier import WARN_DAYS
from tests.world.harness import ManualClock, Site

OLD, NEW, THIRD = "canary-old-3f9a1c77", "canary-new-b81d20e4", "canary-third-77aa01"
NAME = "notio"


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    folder = tmp_path / "tokens"
    folder.mkdir()
    (folder / "now").write_text(OLD + "\n")
    return folder / "now", folder / "next"


def site_of(tmp_path: Path, files: tuple[Path, Path], orders: int = 4, **sections: Any) -> Site:  # noqa: ANN401 - as Settings
    clock = ManualClock()
    clock.sleep(3600)
    world = World.with_orders(orders, today=clock.now().date(), days=1, clock=clock, suppliers=(NAME,))
    world.tokens[NAME] = OLD
    supplier = {"token_file": str(files[0]), "token_next_file": str(files[1])}
    settings = Settings(state_dir=tmp_path / "state", suppliers={NAME: supplier}, **sections)
    return Site(settings, world, clock)


def row(site: Site) -> dict[str, Any]:
    with closing(sqlite3.connect(site.database)) as connection:
        connection.row_factory = sqlite3.Row
        return dict(connection.execute("SELECT * FROM suppliers").fetchone())


def told(site: Site) -> list[str]:
    store = open_store(site.database)
    try:
        with store.read() as tx:
            return [each.what for each in health.problems(tx, site.settings, {}, now=site.clock.now())]
    finally:
        store.close()


def tokens_of(site: Site, known: int) -> list[str]:
    return [line.token for line in site.world.log[known:]]


def working_with_the_next(folder: Path, files: tuple[Path, Path]) -> Site:
    """Return an installation whose marketplace takes the following token alone, and that has found it."""
    site = site_of(folder, files)
    files[1].write_text(NEW)
    site.world.tokens[NAME] = NEW
    site.start()
    site.run_for(30)
    return site


def run_until_it_works(site: Site, known: int) -> None:
    site.run_for(9000, until=lambda: "right" in tokens_of(site, known))
    site.run_for(1)


def test_the_token_that_follows_is_taken_up_by_itself_within_seconds(tmp_path: Path, files: tuple[Path, Path]) -> None:
    site = site_of(tmp_path, files)
    files[1].write_text(NEW)
    site.start()
    site.run_for(120)
    assert (row(site)["token_mark"], row(site)["token_key"]) == (token_mark(NAME, OLD), "token")
    site.world.tokens[NAME] = NEW
    known = len(site.world.log)
    late = site.world.arrive(NAME).menzzo_order_id
    site.run_for(1000, until=lambda: len(site.world.log) > known + 1)
    first, second = site.world.log[known : known + 2]
    assert (first.token, second.token, second.endpoint) == ("wrong", "right", "get-sales")
    assert second.monotonic - first.monotonic < 5
    site.run_for(60)
    assert site.ask("SELECT acknowledged_at IS NOT NULL FROM orders WHERE menzzo_order_id = ?", late) == [(1,)]
    assert (row(site)["token_mark"], row(site)["token_key"]) == (token_mark(NAME, NEW), "token_next")
    assert any("token_next has been in use" in what for what in told(site))
    assert row(site)["token_refused_at"] is None
    site.stop()


def test_over_a_restart_it_begins_with_the_token_that_worked_last(tmp_path: Path, files: tuple[Path, Path]) -> None:
    site = working_with_the_next(tmp_path, files)
    site.stop()
    since = row(site)["token_since"]
    known = len(site.world.log)
    site.clock.sleep(7200)
    site.start()
    site.run_for(300)
    assert set(tokens_of(site, known)) == {"right"}
    assert row(site)["token_since"] == since
    site.stop()


def test_once_it_was_moved_up_nothing_more_is_said_of_it(tmp_path: Path, files: tuple[Path, Path]) -> None:
    site = working_with_the_next(tmp_path, files)
    since, known = row(site)["token_since"], len(site.world.log)
    files[1].replace(files[0])
    site.run_for(2 * 3600)
    assert (row(site)["token_key"], row(site)["token_since"]) == ("token", since)
    assert set(tokens_of(site, known)) == {"right"}
    assert not [what for what in told(site) if "token" in what]
    site.stop()


def test_two_refused_tokens_take_turns_less_and_less_often(tmp_path: Path, files: tuple[Path, Path]) -> None:
    site = site_of(tmp_path, files)
    site.start()
    site.run_for(60)
    files[1].write_text(NEW)
    site.world.tokens[NAME] = THIRD
    known = len(site.world.log)
    site.run_for(5400)
    lines = site.world.log[known:]
    assert {line.token for line in lines} == {"wrong"}
    assert 4 <= len(lines) <= 20
    assert {line.endpoint for line in lines} == {"get-sales"}
    assert lines[1].monotonic - lines[0].monotonic < 5, "the second is tried at once"
    assert lines[3].monotonic - lines[2].monotonic > 20, "and then they wait"
    for right in (OLD, NEW):  # whichever comes to work is found
        site.world.tokens[NAME] = right
        run_until_it_works(site, len(site.world.log))
        assert (row(site)["token_mark"], row(site)["token_refused_at"]) == (token_mark(NAME, right), None)
    site.stop()


def test_a_third_token_in_either_file_is_tried_at_once(tmp_path: Path, files: tuple[Path, Path]) -> None:
    site = site_of(tmp_path, files)
    files[1].write_text(NEW)
    site.world.tokens[NAME] = THIRD
    site.start()
    site.run_for(1800)
    files[0].write_text(THIRD)
    known = len(site.world.log)
    site.run_for(60)
    assert tokens_of(site, known)[0] == "right"
    assert row(site)["token_key"] == "token"
    site.stop()


def test_without_a_present_token_the_next_one_does(tmp_path: Path, files: tuple[Path, Path]) -> None:
    site = site_of(tmp_path, files)
    files[0].unlink()
    files[1].write_text(NEW)
    site.world.tokens[NAME] = NEW
    site.start()
    site.run_for(60)
    assert row(site)["token_key"] == "token_next"
    site.stop()


def test_the_age_of_a_token_is_told_a_week_before_it_ends(tmp_path: Path, files: tuple[Path, Path]) -> None:
    site = site_of(tmp_path, files, orders=0)
    site.start()
    site.run_for(60)
    assert not [what for what in told(site) if "days" in what]
    site.clock.sleep(timedelta(days=WARN_DAYS).total_seconds())
    (what,) = [what for what in told(site) if "90 days" in what]
    assert "83 days" in what
    site.stop()


def test_neither_token_stands_in_any_file_log_or_row(tmp_path: Path, files: tuple[Path, Path]) -> None:
    site = site_of(tmp_path, files)
    files[1].write_text(NEW)
    site.start()
    site.run_for(60)
    site.world.tokens[NAME] = NEW
    site.run_for(1200)
    site.world.tokens[NAME] = THIRD
    site.run_for(1200)
    accounts = repr(site.agent.accounts) + repr([account.in_flight for account in site.agent.accounts.values()])
    site.stop()
    written = [path.read_bytes() for path in site.settings.state_dir.rglob("*") if path.is_file()]
    said = [repr(site.said), repr(site.settings), accounts]
    assert written
    for token in (OLD, NEW):
        assert not [each for each in written if token.encode() in each]
        assert not [each for each in said if token in each]


def test_a_mark_tells_tokens_apart_and_gives_nothing_away() -> None:
    marks = {token_mark(NAME, f"{OLD}{number}") for number in range(1000)}
    assert len(marks) == 1000
    assert {len(mark) for mark in marks} == {8}, "four bytes: a token has more than a hundred bits"
    assert token_mark("asir-group", OLD) != token_mark(NAME, OLD)


# -- where it is read --------------------------------------------------------------------------------------------------


def test_the_next_token_comes_from_the_same_places_and_may_be_missing(tmp_path: Path) -> None:
    env = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    bare = Settings(suppliers={NAME: {}})
    assert bare.next_token_of(NAME, env, tmp_path / "none") is None
    (tmp_path / "token-notio-next").write_text(f"{NEW}\n")
    assert bare.next_token_of(NAME, env, tmp_path / "none") == NEW
    assert bare.next_token_of(NAME, {}, tmp_path) == NEW
    named = Settings(suppliers={NAME: {"token_next_file": tmp_path / "absent"}})
    assert named.next_token_of(NAME, env, tmp_path) is None
    inline = Settings(suppliers={NAME: {"token_next": THIRD}})
    assert inline.next_token_of(NAME, env, tmp_path) == THIRD
    assert THIRD not in repr(inline) + inline.model_dump_json()


def test_a_supplier_that_is_called_next_keeps_its_own_secret(tmp_path: Path) -> None:
    (tmp_path / "token-notio-next").write_text(NEW)
    both = Settings(suppliers={NAME: {}, "notio-next": {}})
    assert both.next_token_of(NAME, {}, tmp_path) is None
    assert both.token_of("notio-next", {}, tmp_path) == NEW


def test_a_file_that_holds_no_token_is_said_without_its_content(tmp_path: Path) -> None:
    (tmp_path / "next").write_text(f"{NEW} {NEW}")
    with pytest.raises(ConfigError) as caught:
        Settings(suppliers={NAME: {"token_next_file": tmp_path / "next"}}).next_token_of(NAME, {}, tmp_path)
    assert NEW not in str(caught.value)


def test_a_spoilt_next_token_changes_nothing_for_the_present_one(tmp_path: Path, files: tuple[Path, Path]) -> None:
    site = site_of(tmp_path, files)
    files[1].write_text("not a token")
    site.start()
    site.run_for(60)
    assert site.ask("SELECT count(*) FROM orders WHERE acknowledged_at IS NULL") == [(0,)]
    site.stop()


def test_what_is_known_of_a_token_is_its_mark_alone(tmp_path: Path, files: tuple[Path, Path]) -> None:
    site = site_of(tmp_path, files, orders=0)
    site.start()
    site.run_for(60)
    with site.agent.ctx.store.read() as tx:
        known: Supplier = known_supplier(tx, NAME)
    assert known.token_mark == token_mark(NAME, OLD)
    site.stop()
