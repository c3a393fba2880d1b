"""Labels that do not come, or come as something else, or that the disk does not take."""

import pytest

from supplier_agent.sandbox import faults
from supplier_agent.sandbox.faults import Fault
from supplier_agent.sandbox.semantics import Semantics
from tests.branches.conftest import Raise, meets


def test_a_label_that_cannot_be_stored_is_fetched_again_and_pauses_the_labels(installation: Raise) -> None:
    site = installation(1)
    site.settings.state_dir.mkdir(parents=True, exist_ok=True)
    in_its_way = site.settings.state_dir / "labels" / "notio"
    in_its_way.parent.mkdir()
    in_its_way.write_text("a file where the folder should be")
    site.start()
    site.run_for(5)
    ((state, outcome, detail),) = site.ask(
        "SELECT c.state, a.outcome, a.detail FROM calls c JOIN attempts a ON a.call_id = c.id WHERE kind = 'label'"
    )
    assert (state, outcome) == ("owed", "not_sent")
    assert "could not be stored" in detail
    assert site.ask("SELECT count(*) FROM lanes WHERE lane = 'labels' AND failing_since IS NOT NULL") == [(1,)]
    in_its_way.unlink()
    site.run_for(300)
    assert (in_its_way / f"{site.world.orders('notio')[0].menzzo_order_id}.pdf").exists()
    site.stop()


@pytest.mark.parametrize(
    ("fault", "state", "outcome", "pauses"),
    [
        (faults.status(404), "owed", "later", 0),
        (faults.status(403), "owed", "later", 0),
        (faults.html(), "owed", "later", 0),
        (faults.empty(), "owed", "later", 0),
        (faults.status(429), "owed", "later", 1),
        (faults.status(500), "owed", "unknown", 1),
        (faults.close(applied=True), "owed", "unknown", 1),
        (faults.redirect("https://elsewhere.example/label.pdf"), "parked", "refused", 0),
    ],
    ids=["not there", "not allowed", "a web page", "nothing", "too many", "broken", "lost", "elsewhere"],
)
def test_what_a_label_server_says_instead_of_a_label(
    installation: Raise, fault: Fault, state: str, outcome: str, pauses: int
) -> None:
    site = installation(1)
    site.sky = meets("label", fault, 1)
    site.start()
    site.run_for(6)
    told = "SELECT c.state, a.outcome FROM calls c JOIN attempts a ON a.call_id = c.id WHERE kind = 'label'"
    assert site.ask(told) == [(state, outcome)]
    paused = "SELECT count(*) FROM lanes WHERE lane = 'labels' AND resume_at IS NOT NULL"
    assert site.ask(paused) == [(pauses,)]
    site.run_for(3700)
    assert site.ask("SELECT count(*) FROM orders WHERE label_path IS NOT NULL") == [(int(state == "owed"),)]
    site.stop()


def test_a_label_that_is_never_linked_reaches_a_person(installation: Raise) -> None:
    hours = {"label_park_seconds": 7200}
    site = installation(1, semantics=Semantics(label_before_ready="no_link"), retry=hours)
    site.world.orders("notio")[0].label_ready_from = site.clock.true_now().replace(year=2030)
    site.start()
    site.run_for(3 * 3600)
    assert site.ask("SELECT state, detail FROM calls WHERE kind = 'label'") == [
        ("parked", "the marketplace has not linked a label yet")
    ]
    assert not site.world.requests("label")
    site.stop()
