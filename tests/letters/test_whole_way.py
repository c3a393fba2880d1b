"""A real agent and a simulated marketplace: from lost and refused calls to the letter, the answer, and what is sent after it."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest
from sqlmodel import Session

from supplier_agent.cli import run
from supplier_agent.db.plain_sql import look_at
from supplier_agent.db.store import open_store
from supplier_agent.reports.letters import letters
from supplier_agent.sandbox import faults
from supplier_agent.sandbox.world import World
from supplier_agent.suppliers.letters import mark_asked
from supplier_agent.verdict.letters import Letter
from supplier_agent.words.letters import letter as text_of
from tests.world.harness import ManualClock, Site, arrive, settings_for

NAME = "notio"
T = TypeVar("T")


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Return an agent with four orders: one lost report, one refused, one that the marketplace does not know, one that is fine."""
    clock = ManualClock()
    world = World(clock, (NAME,))
    arrive(world, NAME, 4)
    world.arrive_raw(NAME, {"menzzo_order_id": "", "order_date": "2026-11-23"})
    made = Site(
        settings_for(tmp_path / "state", NAME, ship={"undo_seconds": 0}, alerts={"letter_again_days": 1}), world, clock
    )
    made.start()
    made.run_for(120)
    for order, fault in zip(
        ids(made), (faults.close(applied=False), faults.status(409), faults.status(404)), strict=False
    ):
        world.faults.arm("ship-sale", fault, supplier=NAME, times=1)
        made.flag([order])
        made.run_for(600)
    made.flag(ids(made)[3:])
    made.run_for(600)
    return made


def ids(site: Site) -> list[str]:
    return [each for (each,) in site.ask("SELECT menzzo_order_id FROM orders ORDER BY id")]


def write(site: Site, act: Callable[[Session], T]) -> T:
    store = open_store(site.database)
    try:
        with store.write() as tx:
            return act(tx)
    finally:
        store.close()


def letter(site: Site) -> Letter:
    with look_at(site.database) as look:
        found = letters(look, site.settings, site.clock.now())
    return found[0] if found else Letter(NAME)


def test_everything_that_only_menzzo_knows_is_in_one_letter(site: Site) -> None:
    lost, refused, strange, fine = ids(site)
    text = text_of(NAME, letter(site).to_ask)
    assert f"{lost}\n  ship-sale, 2026-11-23" in text
    assert "Is this order shipped on your side?" in text
    assert f"{refused}\n  ship-sale" in text
    assert "Message: HTTP 409" in text
    assert f"{strange}\n  ship-sale" in text
    assert "you do not know this order, and it has left our warehouse" in text
    assert "An entry of get-sales without a usable menzzo_order_id" in text
    assert fine not in text
    site.stop()


def test_while_it_is_asked_and_answered_nothing_else_waits_and_nothing_is_sent_unasked(
    site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lost, refused, strange, _fine = ids(site)
    write(site, lambda tx: mark_asked(tx, [each.key for each in letter(site).to_ask], site.clock.now(), "ana"))
    assert letter(site).to_ask == ()
    before = len(site.world.requests("ship-sale"))
    site.run_for(4 * 3600)
    assert len(site.world.requests("ship-sale")) == before, "a question sends nothing"
    assert letter(site).to_ask == ()
    site.clock.sleep(21 * 3600)
    assert len(letter(site).again) == 4, "one reminder for each question after the days of the setting"
    site.stop()
    config, answers = tmp_path / "agent.toml", tmp_path / "answers.csv"
    config.write_text(
        f'state_dir = "{site.settings.state_dir}"\n[ship]\nundo_seconds = 0\n[suppliers.{NAME}]\ntoken = "sandbox-{NAME}"\n'
    )
    answers.write_text(f"menzzo_order_id;answer\n{lost};not shipped\n{refused};shipped by hand\n{strange};cancelled\n")
    words = ["--config", str(config), "resolve", "--file", str(answers), "--by", "Ana"]
    assert run([*words, "--yes"]) == 2, "one line is wrong, so nothing is done"
    answers.write_text(f"menzzo_order_id;answer\n{lost};not shipped\n{refused};try again\n{strange};cancelled\n")
    assert run(words) == 0
    capsys.readouterr()
    site.start()
    site.run_for(600)
    assert len(site.world.requests("ship-sale")) == before, "a preview sends nothing"
    site.stop()
    assert run([*words, "--yes"]) == 0
    site.start()
    site.run_for(3600)
    sent = [line.menzzo_order_id for line in site.world.requests("ship-sale")[before:]]
    assert (len(sent), {*sent}) == (2, {lost, refused}), "each once, and the cancelled one not at all"
    assert site.ask("SELECT closed_reason FROM orders WHERE menzzo_order_id = ?", strange) == [
        ("cancelled, says Menzzo",)
    ]
    assert [each.subject for each in letter(site).everything if each.of_order] == []
    site.stop()
