"""A turn is one transaction: what it settles, plans and claims is on disk together, and only then does anything leave."""

from collections import Counter
from contextlib import suppress
from functools import partial

import pytest
from sqlmodel import Session

from supplier_agent.agent import LOCKED_SECONDS, TURN_SECONDS
from supplier_agent.db.store import FullError, LockedError, Store
from supplier_agent.db.tables import Event
from supplier_agent.maintenance.rollback import Watch
from tests.branches.conftest import Raise, work_for
from tests.world.mortal import MortalSite

NEVER = 10**9


class Commits(Store):
    """The database of an agent. Commits from the `first` to the `last` end as on a full disk: nothing of them is written."""

    def __init__(self, store: Store, first: int = NEVER, last: int = NEVER) -> None:
        vars(self).update(vars(store))
        self.count, self._bad = 0, range(first, last + 1)

    def _commit(self, session: Session) -> None:
        self.count += 1
        if self.count in self._bad:
            raise FullError("the disk is full", "free some disk space")
        super()._commit(session)


def with_commits(site: MortalSite, first: int = NEVER, last: int = NEVER) -> Commits:
    ctx = site.agent.ctx
    ctx.store = commits = Commits(ctx.store, first, last)
    ctx.rollback = Watch(commits, ctx.ledger, ctx.log)
    return commits


def done(site: MortalSite) -> Counter[object]:
    return Counter(facts["call"] for event, facts in site.said if event == "call.done")


@pytest.mark.parametrize("first", range(1, 13))
def test_a_turn_whose_commit_fails_has_not_happened_and_is_made_up_for(installation: Raise, first: int) -> None:
    site = installation(3, ship={"undo_seconds": 0})
    site.start()
    commits = with_commits(site, first, first + 1)
    work_for(site, 30)
    site.flag(order.menzzo_order_id for order in site.world.orders("notio"))
    work_for(site, 120)
    assert commits.count > first + 1, "it was met"
    sent = Counter((line.endpoint, line.menzzo_order_id) for line in site.world.log if line.endpoint != "get-sales")
    assert set(sent.values()) == {1}, "each answer was settled later, and no request was repeated"
    assert len(sent) == 9
    assert done(site) == {"acknowledge": 3, "label": 3, "ship": 3}, "nothing was logged that was not written"
    assert site.ask("SELECT DISTINCT state, attempts FROM calls") == [("done", 1)]
    assert site.ask("SELECT count(*) FROM attempts WHERE ended_at IS NULL") == [(0,)]
    assert [facts for event, facts in site.said if event == "internal.error"] == []
    assert not site.agent.ctx.under_way()
    site.stop()


def test_nothing_leaves_before_its_intent_is_on_disk(installation: Raise) -> None:
    site = installation(2, ship={"undo_seconds": 0})
    site.start()
    work_for(site, 60)
    known = len(site.world.log)
    with_commits(site, 1, NEVER)
    site.flag(order.menzzo_order_id for order in site.world.orders("notio"))
    for _ in range(5):
        with suppress(LockedError):
            assert site.agent.turn() <= LOCKED_SECONDS
        site.clock.sleep(LOCKED_SECONDS)
    assert len(site.world.log) == known
    assert not site.agent.ctx.in_flight(), "and nothing counts as sent"
    assert site.ask("SELECT count(*) FROM calls WHERE kind = 'ship'") == [(0,)]
    site.crash()


def test_what_comes_together_is_written_together(installation: Raise) -> None:
    site = installation(1)
    site.start()
    work_for(site, 60)
    commits, ctx = with_commits(site), site.agent.ctx

    def note(what: str) -> None:
        with ctx.store.write() as tx:
            tx.add(Event(order_id=1, at=site.clock.now(), who="agent", what=what))

    for what in ("first", "second", "third"):
        ctx.inbox.put(partial(note, what))
    site.agent.turn()
    assert commits.count == 1
    assert site.ask("SELECT count(*) FROM events WHERE what IN ('first', 'second', 'third')") == [(3,)]
    site.stop()


def test_a_turn_that_lasts_long_enough_leaves_the_rest_to_the_next(installation: Raise) -> None:
    site, order = installation(1), list[int]()
    site.start()

    def step(number: int) -> None:
        order.append(number)
        site.clock.sleep(TURN_SECONDS / 2)

    for number in range(5):
        site.agent.ctx.inbox.put(partial(step, number))
    assert site.agent.turn() == 0, "there is more to do"
    assert order == [0, 1]
    while site.agent.ctx.inbox.has_steps:
        site.agent.turn()
    assert order == [0, 1, 2, 3, 4]
    site.stop()


def test_a_fault_after_a_turn_does_not_keep_the_others_from_being_sent(installation: Raise) -> None:
    site = installation(2)
    site.start()
    nothing: dict[str, int] = {}
    site.agent.ctx.inbox.put(lambda: site.agent.ctx.then(lambda: nothing["missing"]))
    work_for(site, 60)
    assert [facts["error"] for event, facts in site.said if event == "internal.error"] == ["KeyError"]
    assert site.ask("SELECT count(*) FROM orders WHERE acknowledged_at IS NOT NULL") == [(2,)]
    site.stop()


def test_it_is_known_when_every_list_was_read(installation: Raise) -> None:
    site = installation(1)
    site.start()
    assert not site.agent.ctx.all_were_read()
    work_for(site, 60)
    assert site.agent.ctx.all_were_read()
    site.stop()


def test_a_turn_whose_time_is_up_serves_an_account_all_the_same(installation: Raise) -> None:
    site = installation(1)
    site.start()
    account, ctx = site.agent.accounts["notio"], site.agent.ctx
    account.wake()
    before = account.ticked_at
    ctx.inbox.put(lambda: site.clock.sleep(2 * TURN_SECONDS))
    site.agent.turn()
    assert account.ticked_at > before
    site.stop()
