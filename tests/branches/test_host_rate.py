"""One rate for all suppliers of the marketplace's host: never more, urgent requests first, and every supplier gets its turns."""

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import pytest

from supplier_agent.marketplace.rate_limit import PATIENCE, Pace
from supplier_agent.sandbox.world import World
from tests.world.harness import AtOnce, ManualClock, Site, arrive, settings_for

P = ParamSpec("P")
T = TypeVar("T")
NAMES = tuple(f"supplier-{number}" for number in range(5))


def site_of(tmp_path: Path, names: Sequence[str] = NAMES, total: float | None = 1.0, **sections: Any) -> Site:  # noqa: ANN401 - as settings_for
    clock = ManualClock()
    world = World(clock, names)
    http = {} if total is None else {"requests_per_second_total": total}
    return Site(settings_for(tmp_path / "state", *names, http=http, ship={"undo_seconds": 0}, **sections), world, clock)


def times(site: Site) -> list[datetime]:
    return [line.at for line in site.world.log]


# -- the turns, without an agent


def test_two_suppliers_together_send_no_more_than_the_host_allows() -> None:
    clock = ManualClock()
    host = Pace(clock, 1)
    one, other = Pace(clock, 10, host), Pace(clock, 10, host)
    sent = []
    for pace in (one, other) * 5:
        pace.wait_turn()
        sent.append(clock.monotonic())
    assert min(later - before for before, later in pairwise(sent)) >= 1


def test_a_supplier_alone_keeps_its_own_rate_below_that_of_the_host() -> None:
    clock = ManualClock()
    slow = Pace(clock, 0.5, Pace(clock, 100))
    sent = []
    for _ in range(5):
        slow.wait_turn()
        sent.append(clock.monotonic())
    assert min(later - before for before, later in pairwise(sent)) >= 2


def test_the_loop_plans_by_the_later_of_both_limits() -> None:
    clock = ManualClock()
    host = Pace(clock, 1)
    one, other = Pace(clock, 10, host), Pace(clock, 10, host)
    clock.sleep(2)
    assert one.free_in() == other.free_in() == 0
    one.book()
    assert 0 < other.free_in() <= host.interval
    assert other.waits_for_host
    assert not Pace(clock, 0.1, host).waits_for_host, "its own rate holds it back first"


def test_a_write_comes_before_a_read_before_a_label_and_each_comes_some_time() -> None:
    clock = ManualClock()
    host = Pace(clock, 1)
    label, read, write = (Pace(clock, 10, host) for _ in range(3))
    label.queue("labels")
    read.queue("reads")
    clock.sleep(1)
    write.queue("writes")
    assert sorted((label, read, write), key=lambda each: each.place) == [write, read, label]
    clock.sleep(PATIENCE["labels"] * host.interval)
    late = Pace(clock, 10, host)
    late.queue("writes")
    assert max((late, label, read, write), key=lambda each: each.place) is late


def test_without_a_limit_for_the_host_there_is_no_queue() -> None:
    clock = ManualClock()
    pace = Pace(clock, 1)
    pace.queue("labels")
    assert (pace.place, pace.is_called, pace.waits_for_host) == (0, False, False)


# -- the agent


def test_the_whole_agent_keeps_to_the_rate_and_uses_it(tmp_path: Path) -> None:
    site = site_of(tmp_path)
    for name in NAMES:
        arrive(site.world, name, 6)
    site.start()
    site.run_for(120)
    sent = times(site)
    assert min((later - before).total_seconds() for before, later in pairwise(sent)) >= 1
    busy = [each for each in sent if (each - sent[0]).total_seconds() <= 60]
    assert len(busy) >= 55, "a backlog, and turns of the host that nobody used"
    site.stop()


def test_no_supplier_starves_while_all_have_a_backlog(tmp_path: Path) -> None:
    site = site_of(tmp_path)
    for name in NAMES:
        arrive(site.world, name, 200 if name == NAMES[0] else 12)
    site.start()
    site.run_for(100)
    shares = Counter(line.supplier for line in site.world.log)
    assert min(shares[name] for name in NAMES) >= 12, shares
    site.stop()


def test_writes_of_one_supplier_do_not_wait_for_labels_of_another(tmp_path: Path) -> None:
    site = site_of(tmp_path, NAMES[:3])
    for name in NAMES[:2]:
        arrive(site.world, name, 40)
    arrive(site.world, NAMES[2], 5)
    site.start()
    of_it = "FROM orders WHERE label_path IS NOT NULL AND acknowledged_at IS NOT NULL AND supplier = ?"
    site.run_for(1200, until=lambda: site.ask(f"SELECT count(*) {of_it}", NAMES[2]) > [(0,)])
    site.flag(each for (each,) in site.ask(f"SELECT menzzo_order_id {of_it}", NAMES[2]))
    marked = len(site.world.log)
    site.run_for(60, until=lambda: any(line.endpoint == "ship-sale" for line in site.world.log))
    missing = site.ask("SELECT count(*) FROM orders WHERE label_path IS NULL")[0][0]
    assert missing > 20, "there is no backlog of labels"
    order = [line.endpoint for line in site.world.log[marked:]]
    assert order.index("ship-sale") <= 3, order
    site.stop()


def test_a_supplier_with_labels_alone_gets_turns_while_others_have_writes(tmp_path: Path) -> None:
    site = site_of(tmp_path, NAMES[:3])
    for name in NAMES[:2]:
        arrive(site.world, name, 150)
    arrive(site.world, NAMES[2], 3)
    site.start()
    missing = "SELECT count(*) FROM orders WHERE supplier = ? AND label_path IS NULL"
    site.run_for(
        1800,
        until=lambda: (
            bool(site.ask("SELECT 1 FROM orders WHERE supplier = ?", NAMES[2]))
            and site.ask(missing, NAMES[2]) == [(0,)]
        ),
    )
    assert site.ask("SELECT count(*) FROM orders WHERE supplier = ?", NAMES[2]) == [(3,)]
    assert site.ask(missing, NAMES[2]) == [(0,)]
    assert site.ask("SELECT count(*) FROM orders WHERE acknowledged_at IS NULL")[0][0] > 100, (
        "the writes were over before"
    )
    site.stop()


@pytest.mark.parametrize(("total", "least"), [(None, 30), (2.0, 20)])
def test_without_the_setting_each_supplier_has_its_own_rate(tmp_path: Path, total: float | None, least: int) -> None:
    site = site_of(tmp_path, total=total)
    for name in NAMES:
        arrive(site.world, name, 20)
    site.start()
    site.run_for(12)
    assert len(site.world.log) >= least
    assert (len(site.world.log) > 26) == (total is None)
    site.stop()


class Held(AtOnce):
    """Answers at once until it is told to hold: then no request ends."""

    holds = False

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run it, or leave it open."""
        return Future() if self.holds else super().submit(fn, *args, **kwargs)


def test_slow_answers_do_not_lower_the_rate(tmp_path: Path) -> None:
    site = site_of(tmp_path, NAMES[:1], total=None)
    site.executor = held = Held()
    arrive(site.world, NAMES[0], 12)
    site.start()
    site.run_for(60, until=lambda: bool(site.world.requests("acknowledge-sale")))
    held.holds = True
    account = site.agent.accounts[NAMES[0]]
    account.answer_seconds["writes"] = 10.0
    for _ in range(35):
        site.agent.turn()
        site.clock.sleep(0.1)
    assert account.flying("writes") == 3
    site.crash()
