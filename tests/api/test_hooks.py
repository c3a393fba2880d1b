"""Signed webhooks in: signed by the library of Standard Webhooks, checked by our ten lines. What is wrong does nothing."""

import base64
import json
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from standardwebhooks.webhooks import Webhook

from supplier_agent import actions
from supplier_agent.base.errors import ConfigError
from supplier_agent.db.tables import Order
from supplier_agent.settings.dump import read_back, without_secrets
from supplier_agent.settings.hooks import Hook
from supplier_agent.web.api import gate
from supplier_agent.web.api.routes import OPERATIONS
from tests.api.programs import API, key_of, program
from tests.api.test_limits import connected
from tests.web.stage import NO_TLS, SUPPLIER, Stage, staged

ID = "15000010001_111"
SECRET = "whsec_" + base64.b64encode(b"0123456789abcdefghijklmnopqrstuv").decode()
NEXT = "whsec_" + base64.b64encode(b"abcdefghijklmnopqrstuv0123456789").decode()


@pytest.fixture
def stage(tmp_path: Path, pristine: Path) -> Iterator[Stage]:
    secret = tmp_path / "erp"
    secret.write_text(f"{SECRET}\n")
    hook = {"name": "erp", "secret_file": str(secret), "may": ["ship", "note"], "suppliers": [SUPPLIER]}
    with staged(tmp_path, pristine=pristine, hooks=[hook]) as made:
        yield made


def send(
    stage: Stage,
    event: object,
    name: str = "msg_1",
    *,
    at: datetime | None = None,
    secret: str = SECRET,
    **headers: str,
) -> httpx.Response:
    """Send a webhook as a shop or an ERP does."""
    at = at or stage.clock.now()
    body = event if isinstance(event, str) else json.dumps(event)
    signed = {
        "webhook-id": name,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(name, at, body),
        "content-type": "application/json",
    }
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    return httpx.post(f"{stage.url}{API}/hooks/erp", content=body, headers=signed | named, timeout=20, verify=NO_TLS)


def ship(order: str = ID, **data: Any) -> dict[str, Any]:  # noqa: ANN401 - any value
    return {"type": "order.ship", "timestamp": "2026-11-29T10:00:00Z", "data": {"order": order, **data}}


def test_a_signed_webhook_marks_an_order_once(stage: Stage) -> None:
    row = stage.order(ID)
    first = send(stage, ship())
    assert (first.status_code, first.json()["said"]) == (200, "marked as shipped")
    with stage.store.write() as tx:
        actions.unship(tx, tx.get_one(Order, row), stage.clock.now(), "Lea")
    again = send(stage, ship())
    assert (again.status_code, again.json()) == (200, first.json()), "answered as the first time"
    assert stage.facts(row).shipped == 0, "and not done again"
    assert stage.history(row)[0].who == "erp (webhook)"
    assert send(stage, ship(), "msg_2").status_code == 200
    assert stage.facts(row).shipped == 1


def test_what_is_not_signed_now_by_a_secret_is_refused(stage: Stage) -> None:
    row, now = stage.order(ID), stage.clock.now()
    tries: dict[str, httpx.Response] = {
        "too_old": send(stage, ship(), at=now - timedelta(minutes=5, seconds=2)),
        "too_new": send(stage, ship(), at=now + timedelta(minutes=5, seconds=20)),
        "signature_wrong": send(stage, ship(), secret=NEXT),
        "time_wrong": send(stage, ship(), webhook_timestamp="soon"),
        "header_missing": send(stage, ship(), webhook_signature=""),
    }
    for why, answer in tries.items():
        assert (answer.status_code, answer.json()["code"]) == (401, "signature_wrong"), why
    assert [facts["why"] for event, facts in stage.heard if event == "hook.refused"] == list(tries)
    assert send(stage, ship(), secret=NEXT).status_code == 429, "wrong ones must wait"
    assert stage.facts(row).shipped == 0
    assert send(stage, ship()).status_code == 200, "a right one does not wait for them"


def test_a_changed_body_id_or_time_breaks_the_signature(stage: Stage) -> None:
    row = stage.order(ID)
    now = stage.clock.now()
    sign = Webhook(SECRET).sign("msg_1", now, json.dumps(ship()))
    assert send(stage, ship("15000010001_222"), at=now, webhook_signature=sign).status_code == 401
    assert send(stage, ship(), "msg_2", at=now, webhook_signature=sign).status_code == 401
    earlier = str(int(now.timestamp()) - 10)
    assert send(stage, ship(), webhook_timestamp=earlier, webhook_signature=sign).status_code == 401
    for old, new in (("v1,", "v2,"), ("v1,", ""), ("=", ""), ("v1,", "v1,A")):
        stage.clock.ahead += timedelta(hours=2)  # the wait is over
        now = stage.clock.now()
        sign = Webhook(SECRET).sign("msg_1", now, json.dumps(ship()))
        assert old in sign
        assert send(stage, ship(), at=now, webhook_signature=sign.replace(old, new)).status_code == 401, new
    assert stage.facts(row).shipped == 0


def test_several_signatures_and_a_second_secret_are_accepted(stage: Stage) -> None:
    stage.order(ID)
    now = stage.clock.now()
    both = "v1a,zzz v1,AAAA " + Webhook(SECRET).sign("msg_1", now, json.dumps(ship()))
    assert send(stage, ship(), at=now, webhook_signature=both).status_code == 200
    (hook,) = stage.settings.hooks
    hook.secret_file.write_text(f"{SECRET}\n{NEXT}\n")
    assert send(stage, ship(), "msg_2", secret=NEXT).status_code == 200
    hook.secret_file.write_text(f"{NEXT}\n")
    assert send(stage, ship(), "msg_3").status_code == 401


def test_a_wrong_body_is_refused_and_its_content_is_not_logged(stage: Stage) -> None:
    row = stage.order(ID)
    private = "Jean Dupont"
    bodies: list[object] = [
        {"type": "order.paid", "data": {"order": ID}}, {"type": "order.ship"}, {"data": {"order": ID}}, "{", "[]",
        ship(customer=private), {"type": "order.ship", "data": {"order": 7}}, {"type": "order.ship", "data": private},
    ]  # fmt: skip
    for number, body in enumerate(bodies):
        answer = send(stage, body, f"msg_{number}")
        assert (answer.status_code, answer.json()["code"]) == (422, "content_wrong"), body
        assert private not in answer.text
    answer = send(stage, {"type": "order.hold", "data": {"order": ID, "reason": private}}, "msg_right")
    assert (answer.status_code, answer.json()["code"]) == (403, "right_missing")
    assert len([event for event, _facts in stage.heard if event == "hook.refused"]) == len(bodies) + 1
    assert private not in str(stage.heard)
    assert SECRET not in str(stage.heard)
    assert stage.history(row) == []


def test_a_hook_sees_the_orders_of_its_suppliers_and_its_gates_are_those_of_the_page(stage: Stage) -> None:
    theirs = stage.order("15000077777_888", supplier="asir-group")
    stage.order(ID, held_reason="wet")
    assert send(stage, ship("15000077777_888")).status_code == 404
    assert stage.facts(theirs).shipped == 0
    refused = send(stage, ship(), "msg_2")
    assert (refused.status_code, [each["code"] for each in refused.json()["blockers"]]) == (409, ["held"])
    assert send(stage, ship(), "msg_2").json() == refused.json()


def test_bodies_that_never_come_keep_no_program_with_a_key_from_its_answer(stage: Stage) -> None:
    stage.order(ID)
    begin = f"POST {API}/hooks/erp HTTP/1.1\r\nHost: {stage.url.removeprefix('http://')}\r\nContent-Type: application/json\r\n"
    with ExitStack() as opened, program(stage.url, key_of(stage, "wms")) as wms:
        for _ in range(gate.MOST_AT_ONCE + 4):
            one = connected(stage, opened)
            one.sendall(f"{begin}Content-Length: 20\r\nExpect: 100-continue\r\n\r\n".encode())
            assert one.recv(12) in {b"HTTP/1.1 100", b"HTTP/1.1 503"}
        assert wms.get("/orders").status_code == 200


def test_every_act_of_the_api_is_a_webhook_too(stage: Stage) -> None:
    document = httpx.get(f"{stage.url}{API}/openapi.json", timeout=20).json()
    types = document["components"]["schemas"]["Event"]["discriminator"]["mapping"].keys()
    assert types == {f"order.{each.right}" for each in OPERATIONS if each.right}


def test_the_process_of_the_page_gets_the_place_of_a_secret_and_not_the_secret(stage: Stage) -> None:
    handed = without_secrets(stage.settings, ())
    assert SECRET not in handed
    assert read_back(handed, {}).hooks == stage.settings.hooks


def test_an_unknown_hook_and_a_secret_that_cannot_be_read(stage: Stage) -> None:
    assert httpx.post(f"{stage.url}{API}/hooks/nobody", json={}, timeout=20).status_code == 404
    (hook,) = stage.settings.hooks
    hook.secret_file.unlink()
    answer = send(stage, ship())
    assert answer.status_code == 503
    assert str(hook.secret_file) not in answer.text


@pytest.mark.parametrize(
    "text", ["", "\n", "whsec_", "whsec_short", "not base64!", f"{SECRET}\nx", "whsec_" + "A" * 100]
)
def test_a_file_without_usable_secrets_is_an_error_that_does_not_repeat_it(tmp_path: Path, text: str) -> None:
    file = tmp_path / "secret"
    file.write_text(text)
    hook = Hook(name="erp", secret_file=file, may=("ship",))
    with pytest.raises(ConfigError) as error:
        hook.secrets()
    assert text.strip() in {"", "whsec_"} or text.strip() not in str(error.value)


def test_a_bare_base64_secret_is_read_too(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(SECRET.removeprefix("whsec_"))
    assert Hook(name="erp", secret_file=file, may=("ship",)).secrets() == [b"0123456789abcdefghijklmnopqrstuv"]
