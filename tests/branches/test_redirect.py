"""A redirect of the API itself: an outage of the supplier, asked about by reads, that parks one ship call at most."""

import itertools
from collections.abc import Callable

from supplier_agent import acts, health
from supplier_agent.sandbox import faults
from tests.branches.conftest import Raise
from tests.simulation.mortal import MortalSite, Spell

AWAY = faults.redirect("https://login.example/sso?ticket=secret", code=302)
WRITES = {"acknowledge-sale", "ship-sale"}
HOUR = 3600.0


def redirects(*endpoints: str) -> Callable[[str], Spell]:
    """Return a sky under which these endpoints are redirected."""
    return lambda asked: Spell(fault=AWAY) if asked in endpoints else Spell()


def clear(_endpoint: str) -> Spell:
    return Spell()


def collected(site: MortalSite) -> MortalSite:
    """Let it read and acknowledge all orders, and fetch their labels."""
    site.start()
    site.run_for(120)
    return site


def flag_all(site: MortalSite) -> None:
    site.flag(order.menzzo_order_id for order in site.world.orders("notio"))


def states(site: MortalSite, kind: str) -> list[str]:
    return sorted(state for (state,) in site.ask("SELECT state FROM calls WHERE kind = ?", kind))


def problems(site: MortalSite) -> list[health.Problem]:
    with site.agent.store.read() as tx:
        return health.problems(tx, site.settings, {}, now=site.clock.now())


def test_one_ship_call_is_parked_and_the_others_go_by_themselves_when_the_address_is_right_again(
    installation: Raise,
) -> None:
    site = collected(installation(5))
    site.sky = redirects("get-sales", *WRITES)
    flag_all(site)
    site.run_for(3 * HOUR)
    assert states(site, "ship") == ["owed"] * 4 + ["parked"]
    assert len(site.world.requests("ship-sale")) == 1
    assert any("login.example" in each.what for each in problems(site))
    assert not any("secret" in each.what for each in problems(site))
    site.sky = clear
    site.run_for(2 * HOUR)
    assert states(site, "ship") == ["done"] * 4 + ["parked"]
    assert not site.ask("SELECT 1 FROM lanes WHERE failing_since IS NOT NULL OR redirected_to IS NOT NULL")
    site.stop()


def test_where_reads_work_all_the_while_no_second_ship_call_is_risked_before_a_person_has_decided(
    installation: Raise,
) -> None:
    site = collected(installation(5))
    site.sky = redirects(*WRITES)
    flag_all(site)
    site.run_for(5 * HOUR)
    assert states(site, "ship") == ["owed"] * 4 + ["parked"]
    assert len(site.world.requests("ship-sale")) == 1
    lane = next(each for each in problems(site) if each.what.startswith("writes fail"))
    assert "login.example" in lane.what
    assert "supplier-agent retry" in lane.cure
    site.sky = clear
    with site.agent.store.write() as tx:
        (parked,) = site.ask(
            "SELECT menzzo_order_id FROM orders o JOIN calls c ON c.order_id = o.id WHERE state = 'parked'"
        )
        acts.retry(tx, acts.find(tx, parked[0], None), site.clock.now(), "Ana")
    site.run_for(2 * HOUR)
    assert states(site, "ship") == ["done"] * 5
    site.stop()


def test_an_acknowledge_is_tried_again_after_a_read_each_time_and_its_success_lets_the_ships_go(
    installation: Raise,
) -> None:
    site = collected(installation(2))
    site.sky = redirects(*WRITES)
    site.world.arrive("notio").label = b"%PDF-1.4 a label\n%%EOF\n"
    site.run_for(5 * HOUR)
    assert states(site, "acknowledge") == ["done", "done", "owed"]
    assert site.ask("SELECT max(strikes) FROM calls WHERE state = 'owed' AND kind = 'acknowledge'") == [(0,)]
    flag_all(site)
    kinds = [line.endpoint for line in site.world.log]
    first = kinds.index("acknowledge-sale", kinds.index("acknowledge-sale", kinds.index("acknowledge-sale") + 1) + 1)
    tries = [at for at, kind in enumerate(kinds) if kind == "acknowledge-sale" and at >= first]
    assert len(tries) > 3
    assert all("get-sales" in kinds[one:other] for one, other in itertools.pairwise(tries))
    site.run_for(5 * HOUR)
    assert len(site.world.requests("ship-sale")) == 1, "the order whose acknowledge failed does not go twice running"
    site.sky = clear
    site.run_for(2 * HOUR)
    assert states(site, "acknowledge") == ["done"] * 3
    assert states(site, "ship") == ["done", "done", "parked"]
    site.stop()
