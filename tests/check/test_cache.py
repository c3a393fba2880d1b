"""No URL is asked again within `cache_seconds`, from any command, and however often the process starts again."""

from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from supplier_agent.base.clock import SystemClock
from tests.promises.shop import SUPPLIER, Shop, open_shop

pytestmark = pytest.mark.slow

TODAY = SystemClock().now().date()
RESYNC = ("resync", "--from", str(TODAY - timedelta(days=2)), "--to", str(TODAY))


def cached(shop: Shop) -> Shop:
    """Let the marketplace answer from its cache for half an hour."""
    with shop.config.open("a") as file:
        file.write("\ncache_seconds = 1800\n")
    return shop


def asked(shop: Shop) -> Counter[str]:
    return Counter(line.target for line in shop.world.requests("get-sales", SUPPLIER))


@pytest.mark.parametrize(
    "commands",
    [
        [("run", "--once", "--dry-run"), ("run", "--once")],
        [("run", "--once", "--dry-run"), ("run", "--once", "--dry-run"), ("run", "--once"), RESYNC],
        [("check",), ("check",), RESYNC, ("check",), ("run", "--once"), ("check",)],
        [RESYNC, RESYNC, ("run", "--once", "--dry-run"), ("run", "--once"), ("check",), ("run", "--once", "--dry-run")],
    ],
    ids=lambda commands: ", ".join(" ".join(command[:1] + command[2:3]) for command in commands),
)
def test_nothing_is_asked_twice(tmp_path: Path, commands: list[tuple[str, ...]]) -> None:
    with open_shop(tmp_path, 3) as shop:
        cached(shop)
        shop.state_dir.mkdir(mode=0o2770)  # as the installation makes it
        for command in commands:
            before = asked(shop).total()
            told = shop.run(*command)
            assert told.code in {0, 1}, (command, told)
            assert asked(shop).total() > before or command[:2] == ("run", "--once"), command
        assert max(asked(shop).values()) == 1, asked(shop)


def test_a_dry_run_leaves_nothing_but_what_it_asked(tmp_path: Path) -> None:
    with open_shop(tmp_path, 3) as shop:
        assert shop.run("run", "--once", "--dry-run").code == 0
        assert not (shop.state_dir / "agent.db").exists(), "where nothing is cached, nothing is to be remembered"
        cached(shop)
        before = asked(shop)
        assert shop.run("run", "--once", "--dry-run").code == 0
        since = asked(shop) - before
        assert {url for (url,) in shop.sql("SELECT url FROM reads")} == {url.rpartition("/")[2] for url in since}
        for table in ("orders", "calls", "attempts", "events", "runs", "suppliers", "lanes"):
            assert not shop.sql(f"SELECT * FROM {table}"), table
        assert shop.cycle() == 0
        assert len(shop.sql("SELECT 1 FROM orders")) == 3, "the run reads all the same, by another question"
