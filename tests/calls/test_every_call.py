"""One set of cases for every call there is: those of this program, and one that it does not have, of each sort."""

from pathlib import Path

import pytest

from supplier_agent.calls import CALLS, Calls
from supplier_agent.outbox import NOT_SENT, REFUSED, UNKNOWN
from supplier_agent.settings import Settings
from supplier_agent.settings.carriers import CARRIERS
from supplier_agent.verdict.supplier import BOT, SUPPORT
from supplier_agent.words.english import SENTENCES
from tests.calls.conftest import Raise, ids, state
from tests.calls.new_call import Notify, Scripted, breaks, ends, scripted, with_notify
from tests.world.harness import Site

DAY, WAREHOUSE = 20000, 2000
NEW = {
    "notify": with_notify(Notify(once=False)),
    "notify once": with_notify(Notify(once=True)),
    "notify elsewhere": with_notify(Notify(once=False, account="shop")),
}
EVERY = [*(kind for kind, call in CALLS.items() if call.ACCOUNT not in {SUPPORT, BOT, *CARRIERS}), *NEW]
"""Without those that need sections of their own: tests/support, tests/carriers, tests/businessonbot."""
PACKAGE = Path(__file__).parents[2] / "supplier_agent" / "calls"


@pytest.fixture(params=EVERY)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def prepared(name: str, *script: object) -> tuple[str, Calls, Scripted]:
    """Return the kind, all calls, and this one, whose first attempts end as the script says."""
    kind = name.partition(" ")[0]
    calls, one = scripted(kind, *script, calls=NEW.get(name, CALLS))  # type: ignore[arg-type]
    return kind, calls, one


SHOP = {
    "platform": "magento",
    "url": "https://shop.example",
    "token_file": "/nowhere/token",
    "read_back_seconds": 0,
}


def connected(installation: Raise, kind: str, calls: Calls, **sections: object) -> Site:
    """Return an installation whose supplier has the other side that this call is sent to."""
    return installation(calls, **({"shop": SHOP} if kind == "shop_order" else {}), **sections)


def live(site: Site, kind: str, seconds: float) -> None:
    """Let the order be collected, and be marked as shipped as soon as the other calls allow it."""
    site.run_for(WAREHOUSE, DAY)
    site.flag(ids(site))
    site.run_for(seconds, DAY, until=lambda: state(site, kind)[0] in {"done", "parked", "unknown"})


def test_done_is_done(installation: Raise, name: str) -> None:
    kind, calls, one = prepared(name)
    site = connected(installation, kind, calls)
    live(site, kind, DAY)
    assert (state(site, kind), one.made) == (("done", 1), ids(site))
    site.run_for(DAY, DAY)
    assert one.made == ids(site)


def test_a_refusal_waits_for_a_person(installation: Raise, name: str) -> None:
    kind, calls, one = prepared(name, ends(REFUSED, 422))
    site = connected(installation, kind, calls)
    live(site, kind, DAY)
    site.run_for(DAY, DAY)
    assert (state(site, kind), len(one.made)) == (("parked", 1), 1)


def test_what_was_not_sent_goes_again(installation: Raise, name: str) -> None:
    kind, calls, one = prepared(name, ends(NOT_SENT), ends(NOT_SENT))
    site = connected(installation, kind, calls)
    live(site, kind, DAY)
    assert (state(site, kind), len(one.made)) == (("done", 3), 3)


@pytest.mark.parametrize("how", [ends(UNKNOWN), ends(UNKNOWN, 502), breaks])
def test_what_may_have_arrived_goes_again_only_if_that_is_harmless(installation: Raise, name: str, how: object) -> None:
    kind, calls, one = prepared(name, how)
    site = connected(installation, kind, calls)
    live(site, kind, DAY)
    site.run_for(DAY, DAY)
    assert (state(site, kind), len(one.made)) == ((("unknown", 1), 1) if one.ONCE else (("done", 2), 2))


@pytest.mark.parametrize("answered", [True, False])
def test_a_death_while_it_is_sent_leaves_it_unknown_or_owed(installation: Raise, name: str, answered: bool) -> None:  # noqa: FBT001 - a case
    kind, calls, one = prepared(name, *(() if answered else (breaks,)))
    site = connected(installation, kind, calls)
    for seconds in (WAREHOUSE, 400):
        site.run_for(seconds, until=lambda: state(site, kind)[0] == "sending")
        if state(site, kind)[0] == "sending":
            break
        site.flag(ids(site))
    assert state(site, kind) == ("sending", 1)
    site.crash()
    site.start()
    live(site, kind, DAY)
    assert (state(site, kind), len(one.made)) == ((("unknown", 1), 1) if one.ONCE else (("done", 2), 2))


def test_a_death_before_it_was_claimed_changes_nothing(installation: Raise, name: str) -> None:
    kind, calls, one = prepared(name)
    site = connected(installation, kind, calls, read_only=True)
    site.run_for(40)
    site.crash()
    site.settings = Settings(**{**dict(site.settings), "read_only": False})
    site.start()
    live(site, kind, DAY)
    assert (state(site, kind), one.made) == (("done", 1), ids(site))


def test_each_file_of_calls_has_its_rule_and_says_what_it_is() -> None:
    assert {path.stem for path in PACKAGE.glob("*.py")} == {*CALLS, "__init__", "protocol", "scans", "webhook"}
    for kind, call in CALLS.items():
        assert call.LANE
        assert call.ENDPOINT
        assert call.REHEARSED
        assert {f"{each}.{kind}" for each in ("kind", "receiver")} <= SENTENCES.keys(), "in words/, or in its file"
