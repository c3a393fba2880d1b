"""A label file that cannot be read for a while is no changed label: the ship call waits for it, and nothing is fetched again."""

import os
import resource
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from supplier_agent.labels import Label, LabelFolder
from supplier_agent.tick.choose import LOOK_SECONDS
from supplier_agent.tick.plan import HEAL
from tests.branches.conftest import Raise
from tests.world.harness import keep
from tests.world.mortal import MortalSite


@contextmanager
def no_descriptor(_file: Path) -> Iterator[None]:
    """Let this process open no further file (EMFILE)."""
    before, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.open("/", os.O_RDONLY)
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (before, hard))


@contextmanager
def a_loop_of_links(file: Path) -> Iterator[None]:
    """Let the file's name lead nowhere (ELOOP): not even its size can be seen, by root neither."""
    aside = file.with_name("aside")
    file.rename(aside)
    file.symlink_to(file.name)
    try:
        yield
    finally:
        aside.replace(file)


TROUBLES = {"no descriptor": no_descriptor, "a loop of links": a_loop_of_links}
Trouble = Callable[[Path], AbstractContextManager[None]]


def labelled(site: MortalSite) -> Path:
    """Let the agent fetch the one label; return its file."""
    site.start()
    site.run_for(30)
    ((path,),) = site.ask("SELECT label_path FROM orders")
    return site.settings.state_dir / str(path)


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES)
def test_a_ship_call_waits_for_a_label_that_cannot_be_read_now(installation: Raise, trouble: Trouble) -> None:
    site = installation(1)
    file = labelled(site)
    (order,) = site.world.orders("notio")
    site.flag([order.menzzo_order_id])
    with trouble(file):
        site.run_for(300, LOOK_SECONDS)  # to skip looks, the harness would have to open the database
    assert site.world.requests("ship-sale") == [], "not shipped"
    assert site.ask("SELECT count(*) FROM orders WHERE label_sha256 IS NOT NULL") == [(1,)], "not forgotten"
    ((state, attempts, detail),) = site.ask("SELECT state, attempts, detail FROM calls WHERE kind = 'ship'")
    assert (state, attempts) == ("owed", 0)
    assert "its label cannot be read now" in detail
    site.run_for(1000)
    assert len(site.world.requests("ship-sale")) == 1
    assert len(site.world.requests("label")) == 1, "it was never fetched again"
    said = [(event, facts.get("detail")) for event, facts in site.said if facts.get("about") == "label notio"]
    assert [event for event, _ in said] == ["problem.found", "problem.solved"]
    site.stop()


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES)
def test_an_open_order_keeps_a_label_that_cannot_be_seen_now(installation: Raise, trouble: Trouble) -> None:
    site = installation(1)
    file = labelled(site)
    with trouble(file):
        site.clock.sleep(HEAL.total_seconds() + 60)
        site.agent.turn()  # the hourly look at every open order
    site.run_for(600)
    assert site.ask("SELECT count(*) FROM orders WHERE label_sha256 IS NOT NULL") == [(1,)]
    assert len(site.world.requests("label")) == 1
    site.stop()


def test_a_leftover_that_cannot_be_removed_keeps_nobody_from_starting(installation: Raise) -> None:
    site = installation(1)
    (site.settings.state_dir / "labels" / "notio" / ".1_1.part").mkdir(parents=True)
    assert labelled(site).exists()
    site.stop()


def test_the_folder_tells_gone_and_changed_from_not_readable(tmp_path: Path) -> None:
    folder = LabelFolder(tmp_path)
    label = keep(folder, "notio", "1_1", b"%PDF-1.4 one %%EOF")
    assert isinstance(label, Label)
    file = tmp_path / label.path
    with a_loop_of_links(file):
        assert folder.is_there(label.path, label.size), "nothing is known against it"
        with pytest.raises(OSError, match="symbolic links"):
            folder.is_whole(label.path, label.sha256)
        with pytest.raises(OSError, match="symbolic links"):
            folder.receive("notio", "1_1", b"%PDF-1.4 two %%EOF")
    file.write_bytes(b"changed")
    assert not folder.is_whole(label.path, label.sha256)
    file.unlink()
    assert not folder.is_whole(label.path, label.sha256)
    assert not folder.is_there(label.path, label.size)
