"""Who may use the API: no key, no API; each right and each limit on every operation; keys that are wrong or revoked."""

import re
import subprocess
import sys
from datetime import timedelta
from typing import Any

from sqlmodel import select

from supplier_agent.db.tables import Submission
from supplier_agent.reports import status
from supplier_agent.reports.screen import page
from supplier_agent.web import keys, people
from supplier_agent.web.api.routes import OPERATIONS, Operation
from tests.api.programs import API, Program, key_of, program
from tests.web.stage import SUPPLIER, Browser, Stage

ID, THEIRS = "15000010001_111", "15000077777_888"
OTHER = "asir-group"
SECRETS = ("15000077777", "HIDDEN-SKU", "HIDDENCARRIER", OTHER, "hidden words")
BODIES: dict[str, dict[str, Any]] = {"hold": {"reason": "wet"}, "note": {"text": "hello"}}


def ask(asking: Program, operation: Operation, order: str) -> Any:  # noqa: ANN401 - an answer
    """Ask for an operation, whichever it is: a new one is asked for too."""
    path = operation.path.replace("{order}", order)
    assert "{" not in path, "a new part of a path: this test must fill it"
    return asking.get(path) if operation.method == "GET" else asking.post(path, BODIES.get(operation.name, {}))


def test_without_a_key_there_is_no_api_and_nothing_of_it_is_loaded(stage: Stage) -> None:
    with program(stage.url, "") as stranger:
        for path in ("/openapi.json", "/orders", "/"):
            answer = stranger.get(path)
            assert (answer.status_code, answer.text) == (404, "Not Found")
        key_of(stage, "wms")
        assert stranger.get("/openapi.json").status_code == 200
        assert stranger.get("/orders").status_code == 401
    loads = "import sys, supplier_agent.web.process; print([m for m in sys.modules if '.web.api.' in m])"
    said = subprocess.run([sys.executable, "-c", loads], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "['supplier_agent.web.api.front']"


def test_every_operation_needs_a_key_and_its_right(stage: Stage) -> None:
    stage.order(ID)
    with program(stage.url, "") as stranger, program(stage.url, key_of(stage, "reader", ())) as reader:
        for operation in OPERATIONS:
            answer = ask(stranger, operation, ID)
            assert (answer.status_code, answer.json()["code"]) == (401, "key_missing"), operation.name
            assert answer.headers["www-authenticate"].startswith("Bearer")
            answer = ask(reader, operation, ID)
            if operation.method == "POST":
                assert (answer.status_code, answer.json()["code"]) == (403, "right_missing"), operation.name
            else:
                assert answer.status_code == 200, operation.name
    with program(stage.url, key_of(stage, "wms", ["ship"])) as wms:
        allowed = [each.name for each in OPERATIONS if each.right and ask(wms, each, ID).status_code != 403]
    assert allowed == ["ship"]
    assert {each.right for each in OPERATIONS} == {"", *keys.RIGHTS}


def test_no_operation_shows_or_changes_an_order_of_another_supplier(stage: Stage) -> None:
    facts: dict[str, Any] = {"supplier": OTHER, "sku": "HIDDEN-SKU", "carrier": "HIDDENCARRIER"}
    mine, theirs = stage.order(ID), stage.order(THEIRS, **facts)
    stage.order("15000077777_889", held_reason="hidden words", **facts)
    before = stage.facts(theirs).model_dump(exclude={"label_read_sha256", "label_pages"})
    with program(stage.url, key_of(stage, "wms", suppliers=[SUPPLIER])) as wms:
        for operation in OPERATIONS:
            body, path = BODIES.get(operation.name, {}), API + operation.path.replace("{order}", THEIRS)
            for more in ({}, {"supplier": OTHER}):
                for query in ({}, {"supplier": OTHER}, {"text": "HIDDEN-SKU", "all": "true"}):
                    sent = body | more if operation.method == "POST" else None
                    answer = wms.client.request(operation.method, path, params=query, json=sent)
                    assert not [each for each in SECRETS if each in answer.text], (path, more, query)
                    assert answer.headers["content-type"] != "application/pdf"
                    assert answer.status_code in {404, 422} or operation.name == "listOrders"
        assert [each["menzzo_order_id"] for each in wms.get("/orders", all="true").json()["orders"]] == [ID]
        assert ask(wms, next(each for each in OPERATIONS if each.name == "ship"), ID).status_code == 200
    assert stage.facts(theirs).model_dump(exclude={"label_read_sha256", "label_pages"}) == before
    assert stage.history(theirs) == []
    assert stage.facts(mine).shipped == 1


def test_wrong_keys_must_wait_and_a_right_one_never_waits_for_them(stage: Stage, wms: Program) -> None:
    with program(stage.url, "sak_wrong") as guesser:
        told = [guesser.get("/orders") for _ in range(8)]
    assert [each.status_code for each in told] == [401] * 5 + [429] * 3
    assert told[0].json()["code"] == "key_wrong"
    assert 0 < int(told[-1].headers["retry-after"]) <= 3600
    assert wms.get("/orders").status_code == 200


def test_a_revoked_key_is_refused_at_once(stage: Stage, wms: Program) -> None:
    assert wms.get("/orders").status_code == 200
    with stage.store.write() as tx:
        keys.revoke(tx, "wms", stage.clock.now())
    assert wms.get("/orders").json()["code"] == "key_wrong"
    with program(stage.url, key_of(stage, "wms", ())) as again:
        assert again.get("/orders").status_code == 200


def test_no_key_is_stored_or_logged(stage: Stage, wms: Program) -> None:
    key = wms.client.headers["authorization"].partition(" ")[2]
    wms.get("/orders")
    with program(stage.url, f"{key}x") as guesser:
        guesser.get("/orders")
    stage.stop()
    assert [event for event, _facts in stage.heard if event == "key.refused"]
    assert key not in str(stage.heard)
    assert not [
        path for path in stage.settings.state_dir.rglob("*") if path.is_file() and key.encode() in path.read_bytes()
    ]


def test_the_cookie_of_a_person_is_no_key_and_a_key_is_no_cookie(stage: Stage, anna: Browser, wms: Program) -> None:
    assert anna.client.get(f"{API}/orders").status_code == 401
    answer = wms.client.get("/list")
    assert answer.status_code == 303
    assert "set-cookie" not in wms.get("/orders").headers
    row = stage.order(ID)
    form = anna.client.post(f"{API}/orders/{ID}/ship", data={"x": "y"}, headers={"Origin": stage.url})
    assert form.status_code == 401
    assert stage.facts(row).shipped == 0


def test_a_foreign_host_name_is_refused(wms: Program) -> None:
    assert wms.client.get(f"{API}/orders", headers={"Host": "evil.example"}).status_code == 421


def test_what_each_program_asked_is_counted(stage: Stage, wms: Program) -> None:
    wms.get("/orders")
    wms.get("/orders", limit=0)
    with program(stage.url, "sak_wrong") as guesser:
        guesser.get("/orders")
    metrics = wms.client.get("/metrics").text
    assert "supplier_agent_api_requests_total{" not in metrics, "it is written once a minute"
    stage.stop()
    stage.start()
    with program(stage.url, "") as stranger:
        metrics = stranger.client.get("/metrics").text
    counted = dict(re.findall(r'api_requests_total{answer="(\d+)",program="([^"]+)"} 1.0', metrics))
    assert counted == {"200": "wms (program)", "422": "wms (program)", "401": "unknown"}
    with stage.store.read() as tx:
        (listed,) = keys.valid(tx)
    assert listed.last_used_at is not None


def test_status_says_how_many_programs_have_access(stage: Stage) -> None:
    def told() -> status.Told:
        return status.tell(stage.settings, stage.clock)

    assert told().as_json()["api"] is None
    assert "API" not in page(told(), stage.clock.now())
    with program(stage.url, key_of(stage, "wms")) as wms:
        assert told().as_json()["api"] == {"keys": 1, "hooks": 0, "last_request_at": None}
        wms.get("/orders")
    stage.stop()
    assert "API: 1 program, last request" in page(told(), stage.clock.now())


def test_old_answers_are_forgotten_while_programs_ask(stage: Stage, wms: Program) -> None:
    stage.order(ID)
    wms.post(f"/orders/{ID}/note", {"text": "x"}, once="k1")
    stage.clock.ahead += timedelta(days=8)
    wms.get("/orders")
    stage.stop()  # it writes what it counted
    with stage.store.read() as tx:
        assert tx.exec(select(Submission)).all() == []


def test_no_person_is_called_like_a_program(stage: Stage) -> None:
    with stage.store.read() as tx:
        assert people.fault(tx, "wms (program)", "packer", "4711") == "name_wrong"
        assert people.fault(tx, "erp (webhook)", "packer", "4711") == "name_wrong"
