"""A redirect of the API itself: an outage of the supplier, asked about by reads, that parks one ship call at most."""

import itertools
from collections.abc import Callable

from supplier_agent import actions
from supplier_agent.reports import health
from supplier_agent.sandbox import faults
from supplier_agent.words import Worded
from tests.branches.conftest import Raise
from tests.world.harness import arrive
from tests.world.mortal import MortalSite, Spell

AWAY = faults.redirect("https://login.example/sso?ticket=secret", code=302)
WRITES = {"acknowledge-sale", "ship-sale"}
HOUR = 3600.0


def redirects(*endpoints: str) -> Callable[[str], Spell]:
    """Return a sky under which these endpoints are redirected."""
    return lambda asked: Spell(fault=AWAY) if asked in endpoints else Spell()


def clear(_endpoint: str) -> Spell:
    return Spell()


def states(site: MortalSite, kind: str) -> list[str]:
    return sorted(state for (state,) in site.ask("SELECT state FROM calls WHERE kind = ?", kind))


def problems(site: MortalSite) -> list[Worded]:
    with site.agent.ctx.store.read() as tx:
        return health.problems(tx, site.settings, now=site.clock.now())


def test_one_ship_call_is_parked_and_the_others_go_by_themselves_when_the_address_is_right_again(
    installation: Raise,
) -> None:
    site = installation(5).collected()
    site.sky = redirects("get-sales", *WRITES)
    site.flag()
    site.run_for(3 * HOUR)
    assert states(site, "ship") == ["owed"] * 4 + ["parked"]
    assert len(site.world.requests("ship-sale")) <= 2, "those that were in flight together"
    assert any("login.example" in each.what for each in problems(site))
    assert not any("secret" in each.what for each in problems(site))
    site.sky = clear
    site.run_for(2 * HOUR)
    assert states(site, "ship") == ["done"] * 4 + ["parked"]
    assert not site.ask("SELECT 1 FROM lanes WHERE failing_since IS NOT NULL OR redirected_to IS NOT NULL")
    site.stop()


def test_where_reads_work_all_the_while_no_second_ship_call_is_parked_and_all_goes_on_afterwards(
    installation: Raise,
) -> None:
    site = installation(5).collected()
    site.sky = redirects(*WRITES)
    site.flag()
    site.run_for(5 * HOUR)
    assert states(site, "ship") == ["owed"] * 4 + ["parked"]
    assert 2 <= len(site.world.requests("ship-sale")) < 20, "with back-off"
    assert not any(line.effect for line in site.world.requests("ship-sale"))
    lane = next(each for each in problems(site) if each.what.startswith("writes have failed"))
    assert "login.example" in lane.what
    assert "supplier-agent retry" in lane.cure
    kinds = [line.endpoint for line in site.world.log]
    tries = [at for at, kind in enumerate(kinds) if kind == "ship-sale"][2:]  # the first two may be in flight together
    assert all("get-sales" in kinds[one:other] for one, other in itertools.pairwise(tries)), "a read asks first"
    site.sky = clear
    site.run_for(2 * HOUR)
    assert states(site, "ship") == ["done"] * 4 + ["parked"]
    (parked,) = site.ask(
        "SELECT menzzo_order_id FROM orders o JOIN calls c ON c.order_id = o.id WHERE state = 'parked'"
    )
    with site.agent.ctx.store.write() as tx:
        actions.retry(tx, actions.find(tx, parked[0], None), site.clock.now(), "Ana")
    site.run_for(60)
    assert states(site, "ship") == ["done"] * 5
    site.stop()


def test_an_acknowledge_is_tried_again_after_a_read_each_time_and_is_never_parked(
    installation: Raise,
) -> None:
    site = installation(2).collected()
    site.sky = redirects(*WRITES)
    arrive(site.world, "notio")
    site.run_for(5 * HOUR)
    assert states(site, "acknowledge") == ["done", "done", "owed"]
    assert site.ask("SELECT max(strikes) FROM calls WHERE state = 'owed' AND kind = 'acknowledge'") == [(0,)]
    kinds = [line.endpoint for line in site.world.log]
    first = kinds.index("acknowledge-sale", kinds.index("acknowledge-sale", kinds.index("acknowledge-sale") + 1) + 1)
    tries = [at for at, kind in enumerate(kinds) if kind == "acknowledge-sale" and at >= first]
    assert len(tries) > 3
    assert all("get-sales" in kinds[one:other] for one, other in itertools.pairwise(tries))
    site.flag()
    site.run_for(5 * HOUR)
    assert states(site, "ship") == ["owed", "parked"], "the third waits for its acknowledgement"
    site.sky = clear
    site.run_for(2 * HOUR)
    assert states(site, "acknowledge") == ["done"] * 3
    assert states(site, "ship") == ["done", "done", "parked"]
    site.stop()
