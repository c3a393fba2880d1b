"""What a program does to an order: the rules of the page hold, a refusal names all blockers, a repeated request is done once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

from sqlmodel import select

from supplier_agent.db.tables import Order, Submission
from supplier_agent.order import LEDGER_LOST, RESTORED, SALE_STOPPED
from supplier_agent.web import keys
from tests.api.programs import Program, key_of, program
from tests.web.stage import Browser, Stage

ID = "15000010001_111"
WHO = "wms (program)"


def ship(wms: Program, body: dict[str, Any] | None = None, once: str = "") -> tuple[int, dict[str, Any]]:
    answer = wms.post(f"/orders/{ID}/ship", body, once)
    return answer.status_code, answer.json()


def codes(refusal: dict[str, Any]) -> list[str]:
    return [each["code"] for each in refusal["blockers"]]


def test_an_order_is_marked_and_the_mark_is_taken_back(stage: Stage, wms: Program) -> None:
    row = stage.order(ID)
    status, said = ship(wms)
    assert (status, said["said"], said["order"]["stage"]) == (200, "marked as shipped", "flagged")
    assert stage.facts(row).shipped == 1
    answer = wms.post(f"/orders/{ID}/unship").json()
    assert (answer["order"]["shipped"], stage.facts(row).shipped) == (False, 0)
    assert [(each.who, each.what) for each in stage.history(row)] == [
        (WHO, "flagged as shipped"),
        (WHO, "flag taken back"),
    ]


def test_the_page_shows_which_program_did_it(stage: Stage, wms: Program, anna: Browser) -> None:
    row = stage.order(ID)
    ship(wms)
    wms.post(f"/orders/{ID}/note", {"text": "on pallet 7"})
    anna.get(f"/order/{row}")
    assert WHO in anna.said
    assert "Note on pallet 7" in anna.said


def test_what_is_so_already_is_done_again_without_a_change(stage: Stage, wms: Program) -> None:
    row = stage.order(ID)
    for act, body in (("ship", {}), ("unship", {}), ("hold", {"reason": "wet"}), ("release", {})):
        assert wms.post(f"/orders/{ID}/{act}", body).status_code == 200
        lines = len(stage.history(row))
        assert wms.post(f"/orders/{ID}/{act}", body).status_code == 200
        assert len(stage.history(row)) == lines, act


STOPPED: list[tuple[dict[str, Any], list[str]]] = [
    ({"held_reason": "wet"}, ["held"]),
    ({"closed_reason": "by hand"}, ["closed"]),
    ({"held_reason": "r", "held_code": RESTORED, "acknowledged_at": None}, ["restored", "not_acknowledged"]),
    ({"held_reason": "r", "held_code": LEDGER_LOST}, ["ledger_lost"]),
    ({"fault": "x"}, ["damaged"]),
    ({"held_reason": "wet", "acknowledged_at": None, "label_path": None}, ["held", "not_acknowledged", "no_label"]),
]


def test_an_order_that_must_not_leave_is_not_marked_and_all_blockers_are_named(stage: Stage, wms: Program) -> None:
    for number, (facts, expected) in enumerate(STOPPED):
        row = stage.order(f"15000010001_{number}", label="label_path" not in facts, **facts)
        answer = wms.post(f"/orders/15000010001_{number}/ship")
        said = answer.json()
        assert (answer.status_code, said["code"]) == (409, "blocked"), facts
        assert set(expected) <= set(codes(said))
        assert all(each["sentence"] in said["detail"] for each in said["blockers"])
        assert stage.facts(row).shipped == 0


def test_what_only_delays_the_report_is_accepted_and_shown(stage: Stage, wms: Program) -> None:
    row = stage.order(ID, label=False, acknowledged_at=None)
    status, said = ship(wms)
    assert status == 200
    assert {"not_acknowledged", "no_label"} <= set(said["order"]["blockers"])
    assert stage.facts(row).shipped == 1


def test_a_parcel_with_an_old_label_is_refused(stage: Stage, wms: Program) -> None:
    row = stage.order(ID)
    now = str(stage.facts(row).label_sha256)
    status, said = ship(wms, {"label_sha256": "0" * 64})
    assert (status, codes(said)) == (409, ["label_changed"])
    assert ship(wms, {"label_sha256": now})[0] == 200


def test_a_mark_whose_report_has_begun_is_not_taken_back(stage: Stage, wms: Program) -> None:
    for state in ("sending", "unknown", "done"):
        row = stage.order(f"15000010001_{state}", shipped=1, shipped_at=stage.clock.now())
        stage.call(row, state)
        answer = wms.post(f"/orders/15000010001_{state}/unship")
        assert (answer.status_code, answer.json()["code"]) == (409, "too_late")
        assert stage.facts(row).shipped == 1


def test_a_shipped_order_stays_as_it_is(stage: Stage, wms: Program) -> None:
    now = stage.clock.now()
    row = stage.order(ID, shipped=1, shipped_at=now, ship_confirmed_at=now, ship_evidence="confirmed")
    assert ship(wms)[0] == 200
    assert wms.post(f"/orders/{ID}/unship").status_code == 409
    assert wms.post(f"/orders/{ID}/hold", {"reason": "wet"}).status_code == 409
    assert wms.post(f"/orders/{ID}/note", {"text": "asked for"}).status_code == 200
    assert [each.what for each in stage.history(row)] == ["note"]


def test_what_a_person_must_release_no_program_releases(stage: Stage, wms: Program) -> None:
    for code in (RESTORED, LEDGER_LOST, SALE_STOPPED):
        order = f"15000010001_{code}"
        row = stage.order(order, held_reason="restored", held_code=code, shipped=1, shipped_at=stage.clock.now())
        assert wms.post(f"/orders/{order}/hold", {"reason": "mine"}).status_code == 200
        answer = wms.post(f"/orders/{order}/release")
        assert (answer.status_code, answer.json()["code"]) == (409, "needs_a_person")
        assert ("its sale" in answer.json()["detail"]) == (code == SALE_STOPPED)
        assert stage.facts(row).held_code == code


def test_a_released_order_gets_a_new_undo_window(stage: Stage, wms: Program) -> None:
    row = stage.order(ID, held_reason="wet", shipped=1, shipped_at=stage.clock.now() - timedelta(days=1))
    assert "new undo window" in wms.post(f"/orders/{ID}/release").json()["said"]
    assert stage.facts(row).undo_opened_at is not None


WRONG: list[tuple[str, dict[str, Any]]] = [
    ("hold", {}), ("hold", {"reason": ""}), ("hold", {"reason": "x" * 201}), ("hold", {"reason": " "}), ("note", {"text": 7}),
    ("note", {"text": "x" * 501}), ("ship", {"override": "me"}), ("ship", {"supplier": 1}),
    ("ship", {"label_sha256": "A" * 64}),
]  # fmt: skip


def test_a_wrong_body_is_refused_and_nothing_is_recorded(stage: Stage, wms: Program) -> None:
    row = stage.order(ID)
    for act, body in WRONG:
        answer = wms.post(f"/orders/{ID}/{act}", body)
        assert (answer.status_code, answer.json()["code"]) == (422, "content_wrong"), (act, body)
    assert stage.history(row) == []


def test_a_text_is_kept_on_one_line_without_control_characters(stage: Stage, wms: Program) -> None:
    row = stage.order(ID)
    assert wms.post(f"/orders/{ID}/note", {"text": " two\nlines\x00\u202e é 💥 "}).status_code == 200
    assert [each.detail for each in stage.history(row)] == ["two lines?? é 💥"]


# -- Done once.


def test_the_same_request_with_the_same_key_is_done_once(stage: Stage, wms: Program) -> None:
    row = stage.order(ID)
    first = wms.post(f"/orders/{ID}/note", {"text": "once"}, once="k1")
    again = wms.post(f"/orders/{ID}/note", {"text": "once"}, once="k1")
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert wms.post(f"/orders/{ID}/note", {"text": "once"}, once="k2").status_code == 200
    assert len(stage.history(row)) == 2


def test_an_act_that_was_undone_meanwhile_is_not_done_again(stage: Stage, wms: Program) -> None:
    row = stage.order(ID)
    first = ship(wms, once="k1")
    wms.post(f"/orders/{ID}/unship")
    assert ship(wms, once="k1") == first
    assert stage.facts(row).shipped == 0


def test_another_request_with_the_same_key_is_refused(stage: Stage, wms: Program) -> None:
    row = stage.order(ID)
    stage.order("15000010001_222")
    wms.post(f"/orders/{ID}/note", {"text": "once"}, once="k1")
    for path, body in (
        (f"/orders/{ID}/note", {"text": "twice"}),
        (f"/orders/{ID}/ship", {}),
        ("/orders/15000010001_222/note", {"text": "once"}),
    ):
        answer = wms.post(path, body, once="k1")
        assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert len(stage.history(row)) == 1


def test_each_program_has_keys_of_its_own(stage: Stage, wms: Program) -> None:
    row = stage.order(ID)
    with program(stage.url, key_of(stage, "erp")) as erp:
        for each in (wms, erp):
            assert each.post(f"/orders/{ID}/note", {"text": "mine"}, once="k1").status_code == 200
    assert [each.who for each in stage.history(row)] == [WHO, "erp (program)"]


def test_a_refusal_is_no_answer_for_ever(stage: Stage, wms: Program) -> None:
    row = stage.order(ID, held_reason="wet")
    assert ship(wms, once="k1")[0] == 409
    with stage.store.write() as tx:
        tx.get_one(Order, row).held_reason = None
    assert ship(wms, once="k1")[0] == 200, "a queue repeats the same request until it is accepted"
    assert stage.facts(row).shipped == 1


def test_an_answer_that_was_given_before_says_so(stage: Stage, wms: Program) -> None:
    stage.order(ID)
    first = wms.post(f"/orders/{ID}/ship", {}, once="k1")
    again = wms.post(f"/orders/{ID}/ship", {}, once="k1")
    assert [each.headers.get("idempotent-replayed") for each in (first, again)] == [None, "true"]


def test_another_program_of_the_same_name_is_not_shown_the_orders_of_the_first(stage: Stage) -> None:
    theirs = stage.order(ID, supplier="asir-group")
    with program(stage.url, key_of(stage, "erp", suppliers=["asir-group"])) as first:
        assert first.post(f"/orders/{ID}/note", {"text": "x"}, once="k1").status_code == 200
    with stage.store.write() as tx:
        keys.revoke(tx, "erp", stage.clock.now())
    with program(stage.url, key_of(stage, "erp", suppliers=["notio"])) as second:
        assert second.post(f"/orders/{ID}/note", {"text": "x"}, once="k1").status_code == 404
    assert len(stage.history(theirs)) == 1


def test_what_was_not_found_may_be_asked_again_with_the_same_key(stage: Stage, wms: Program) -> None:
    assert ship(wms, once="k1")[0] == 404
    stage.order(ID)
    assert ship(wms, once="k1")[0] == 200


def test_the_answer_survives_a_restart(stage: Stage, wms: Program) -> None:
    row = stage.order(ID)
    first = wms.post(f"/orders/{ID}/note", {"text": "once"}, once="k1").json()
    stage.stop()
    stage.start()
    with program(stage.url, wms.client.headers["authorization"].partition(" ")[2]) as again:
        assert again.post(f"/orders/{ID}/note", {"text": "once"}, once="k1").json() == first
    assert len(stage.history(row)) == 1


def test_twenty_at_once_are_done_once(stage: Stage, wms: Program) -> None:
    row = stage.order(ID)

    def ask(_number: int) -> str:
        answer = wms.post(f"/orders/{ID}/note", {"text": "once"}, once="k1")
        return answer.text if answer.status_code not in {429, 503} else ""

    with ThreadPoolExecutor(4) as threads:
        said = set(threads.map(ask, range(20))) - {""}
    assert len(said) == 1
    assert len(stage.history(row)) == 1


def test_a_key_that_is_none_is_refused(stage: Stage, wms: Program) -> None:
    row = stage.order(ID)
    for key in (b"", b"x" * 256, b"a b", b"\xe9"):
        headers = [(b"Idempotency-Key", key)]
        answer = wms.client.post(f"/api/v1/orders/{ID}/note", json={"text": "x"}, headers=headers)
        assert answer.status_code == 422, key
    assert stage.history(row) == []


def test_stored_answers_hold_no_key_of_a_program(stage: Stage, wms: Program) -> None:
    stage.order(ID)
    ship(wms, once="k1")
    key = wms.client.headers["authorization"].partition(" ")[2]
    with stage.store.read() as tx:
        rows = tx.exec(select(Submission)).all()
    assert len(rows) == 1
    assert key not in rows[0].model_dump_json()
