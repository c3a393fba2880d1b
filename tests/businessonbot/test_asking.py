"""What the bot may ask, over real sockets: one order, and that it be held. All else is refused in the words of its document."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from supplier_agent import actions
from supplier_agent.db.shops import ShopOrder, ShopRead
from supplier_agent.db.tables import Call, Order
from supplier_agent.reports import health
from supplier_agent.verdict import Report
from supplier_agent.web import order_view
from tests.web.conftest import pristine
from tests.web.stage import LEADS_PIN, NO_TLS, SUPPLIER, Stage, browsing, staged

ID = "15000012345_789"
KEY, OLD = "guest-key-of-notio", "the-key-before"
BAD = {"status": "failure", "statusCode": 400, "error": "Bad payload!!"}
__all__ = ["pristine"]


@dataclass
class Bot:
    """The bot of a supplier."""

    stage: Stage
    client: httpx.Client

    def get(self, path: str, supplier: str = SUPPLIER, **headers: str) -> httpx.Response:
        return self.client.get(f"/businessonbot/{supplier}{path}", headers={"x-guest-id": KEY} | headers)

    def post(self, path: str, body: object, **headers: str) -> httpx.Response:
        return self.client.post(f"/businessonbot/{SUPPLIER}{path}", json=body, headers={"x-guest-id": KEY} | headers)

    def cancel(self, order: str = ID, reason: str = "I moved", by: str = "bot") -> httpx.Response:
        return self.post("/cancel-order", {"id": order, "cancellationReason": reason, "cancelledBy": by})

    def problems(self) -> list[tuple[str | None, str, str]]:
        with self.stage.store.read() as tx:
            found = health.problems(tx, self.stage.settings, now=self.stage.clock.now())
        return [(each.order, each.code, each.what) for each in found]


def suppliers(folder: Path, **keys: object) -> dict[str, Any]:
    file = folder / "guest"
    file.write_text(f"{KEY}\n{OLD}\n")
    shop = {"platform": "magento", "url": "https://shop.example", "token_file": file, "read_back_seconds": 0}
    bot = {"key_file": str(file), "answer_requests": True} | keys
    return {SUPPLIER: {"token": "t", "businessonbot": bot, "shop": shop}, "asir-group": {"token": "t"}}


@pytest.fixture
def bot(tmp_path: Path, pristine: Path) -> Iterator[Bot]:
    with (
        staged(tmp_path, pristine=pristine, suppliers=suppliers(tmp_path)) as stage,
        httpx.Client(base_url=stage.url, timeout=20, verify=NO_TLS) as client,
    ):
        yield Bot(stage, client)


def of(answer: httpx.Response) -> tuple[int, dict[str, Any]]:
    said = answer.json()
    assert said["statusCode"] == answer.status_code
    return answer.status_code, said


def change(stage: Stage, row: int, **values: object) -> None:
    with stage.store.write() as tx:
        order = tx.get_one(Order, row)
        for name, value in values.items():
            setattr(order, name, value)
        tx.add(order)


def test_an_order_is_shown_without_anything_of_its_customer_or_goods(bot: Bot) -> None:
    row = bot.stage.order(ID)
    status, said = of(bot.get(f"/order/{ID}"))
    order = {"id": ID, "stage": "ready", "dispatched_at": None, "cancellation_asked": False}
    assert (status, said) == (200, {"status": "success", "statusCode": 200, "order": order})
    change(bot.stage, row, ship_confirmed_at=bot.stage.clock.now())
    said = of(bot.get(f"/order/{ID}"))[1]["order"]
    assert (said["stage"], said["dispatched_at"] is not None) == ("shipped", True)


def test_no_other_order_is_found(bot: Bot) -> None:
    bot.stage.order(ID, supplier="asir-group")
    for path in (f"/order/{ID}", "/order/1", "/order/%00", "/order/..%2f", f"/order/{'9' * 5000}"):
        status, said = of(bot.get(path))
        assert (status, said["status"]) in {(400, "failure"), (404, "failure")}
    said = of(bot.get(f"/order/{ID}"))[1]
    assert said == {**BAD, "error": "Bad Request!!", "code": "no_such_order"}


def test_an_order_is_known_by_its_number_in_the_connected_shop(bot: Bot) -> None:
    row, now = bot.stage.order(ID), bot.stage.clock.now()
    with bot.stage.store.write() as tx:
        tx.add(ShopRead(supplier=SUPPLIER, url="https://shop.example", connected_at=now, cursor=now))
        tx.add(
            ShopOrder(
                order_id=row, supplier=SUPPLIER, shop_id="17", number="100000017", status="", fulfilled=0, seen_at=now
            )
        )
    assert of(bot.get("/order/100000017"))[0] == of(bot.get("/order/17"))[0] == 200
    with bot.stage.store.write() as tx:
        read = tx.get_one(ShopRead, SUPPLIER)
        read.url = "https://another.example"
        tx.add(read)
    assert of(bot.get("/order/17"))[0] == 400, "of another shop"


def test_without_the_key_nothing_is_answered(bot: Bot) -> None:
    bot.stage.order(ID)
    for key in (None, b"wrong", b"", b"\xe9"):
        headers = [] if key is None else [(b"x-guest-id", key)]
        answer = bot.client.get(f"/businessonbot/{SUPPLIER}/order/{ID}", headers=headers)
        assert (of(answer)[0], answer.json()["error"]) == (401, "Unauthorized!!")


def test_the_key_of_one_supplier_opens_no_other_and_the_one_before_still_works(bot: Bot) -> None:
    bot.stage.order(ID)
    assert of(bot.get(f"/order/{ID}", supplier="asir-group"))[0] == 401
    assert of(bot.get(f"/order/{ID}", supplier="nobody"))[0] == 401
    assert of(bot.get(f"/order/{ID}", **{"x-guest-id": OLD}))[0] == 200


def test_whoever_guesses_keys_must_wait(bot: Bot) -> None:
    codes = {bot.get("/order/1", **{"x-guest-id": f"guess-{number}"}).status_code for number in range(40)}
    assert codes == {401, 429}
    bot.stage.order(ID)
    assert of(bot.get(f"/order/{ID}"))[0] == 200, "the right key never waits for that"


def test_a_request_to_cancel_is_a_problem_and_changes_nothing_else(bot: Bot) -> None:
    row = bot.stage.order(ID)
    status, said = of(bot.cancel())
    assert (status, said["status"], said["order"]["cancellation_asked"]) == (200, "success", True)
    assert "It is not cancelled." in said["message"]
    with bot.stage.store.read() as tx:
        order = tx.get_one(Order, row)
        assert (order.held_reason, order.closed_reason, order.shipped) == (None, None, 0)
    ((this, code, what),) = bot.problems()
    assert (this, code, "I moved" in what) == (ID, "cancellation_asked", True)
    assert of(bot.get(f"/order/{ID}"))[1]["order"]["cancellation_asked"] is True


def test_asked_again_it_is_one_request(bot: Bot) -> None:
    row = bot.stage.order(ID)
    assert {of(bot.cancel())[0] for _ in range(3)} == {200}
    assert [each.what for each in bot.stage.history(row)] == ["problem reported"]
    assert bot.stage.history(row)[0].who == f"businessonbot {SUPPLIER} (program)"


def test_it_lasts_until_a_lead_settles_it_on_the_page(bot: Bot) -> None:
    row = bot.stage.order(ID)
    bot.cancel()
    with bot.stage.store.write() as tx:  # a packer's report, the shipping and a hold do not hide it
        actions.hold(tx, tx.get_one(Order, row), bot.stage.clock.now(), "Anna", "wait")
    assert "cancellation_asked" in [code for _, code, _ in bot.problems()]
    change(bot.stage, row, held_reason=None, ship_confirmed_at=bot.stage.clock.now(), shipped=1)
    assert "cancellation_asked" in [code for _, code, _ in bot.problems()]
    with browsing(bot.stage.url) as browser:
        lea = browser.sign_in("Lea", pin=LEADS_PIN)
        lea.get("/problems")
        assert "It is not cancelled" in lea.said
        lea.post("/decide", act="settle", row=str(row))
    assert bot.problems() == []


def test_a_report_of_a_packer_does_not_hide_it(bot: Bot) -> None:
    row = bot.stage.order(ID)
    bot.cancel()
    for kind in (Report.DAMAGED, Report.NOT_LEFT):
        with bot.stage.store.write() as tx:
            order_view.report(tx, row, kind, "", bot.stage.clock.now(), "Anna", "Bench 1")
        assert [code for _, code, _ in bot.problems()] == ["order_reported", "cancellation_asked"]


def test_what_has_left_is_answered_as_it_is(bot: Bot) -> None:
    row = bot.stage.order(ID)
    change(bot.stage, row, closed_reason="elsewhere")
    assert of(bot.cancel())[1]["code"] == "closed"
    change(bot.stage, row, closed_reason=None, shipped=1, shipped_at=bot.stage.clock.now())
    assert of(bot.cancel())[0] == 200, "its report has not begun: a lead may still take the mark back"
    with bot.stage.store.write() as tx:
        tx.add(Call(order_id=row, supplier=SUPPLIER, kind="ship", state="sending", owed_at=bot.stage.clock.now()))
    status, said = of(bot.cancel())
    assert (status, said["code"]) == (400, "already_dispatched")
    change(bot.stage, row, ship_confirmed_at=bot.stage.clock.now())
    status, said = of(bot.cancel())
    assert (status, said["status"], said["code"]) == (400, "failure", "already_dispatched")
    assert "already dispatched" in said["error"]


WRONG = [
    b"", b"{", b"[]", b"null", b'{"id": 1, "cancellationReason": "", "cancelledBy": "bot"}', b'{"id": "x"}', b"\xff",
    b'{"id": "", "cancellationReason": "", "cancelledBy": "bot"}', b"[" * 50_000,
]  # fmt: skip


def test_a_wrong_body_is_the_documented_failure(bot: Bot) -> None:
    headers = {"x-guest-id": KEY, "Content-Type": "application/json"}
    for body in WRONG:
        answer = bot.client.post(f"/businessonbot/{SUPPLIER}/cancel-order", content=body, headers=headers)
        status, said = of(answer)
        assert (status, {key: said[key] for key in BAD}) == (400, BAD), body[:40]


def test_a_huge_body_is_refused_before_it_is_read(bot: Bot) -> None:
    status, said = of(bot.cancel(reason="x" * 200_000))
    assert (status, said["code"]) == (400, "body_too_large")


def test_what_a_customer_may_have_typed_is_not_kept(bot: Bot) -> None:
    row = bot.stage.order(ID)
    bot.cancel(reason="call me at +33 6 12 34 56 78\n or zephyrine@example.org\x1b please", by="customer")
    detail = bot.stage.history(row)[0].detail or ""
    assert detail == "cancellation: call me at (hidden) or (hidden) please (customer)"


REFUSED = [
    ("GET", "/personal-details/33612345678", "Bad request!!"),
    ("GET", "/personal-details?email=a%40b.example", "Bad request!!"),
    ("GET", "/get-orders/33612345678", "Bad Request!!"),
    ("POST", "/orders-create", "Bad payload!!"),
    ("POST", "/orders-cancelled", "Bad payload!!"),
    ("POST", "/fulfillments-create", "Bad payload!!"),
    ("POST", "/abandoned-cart", "Bad payload!!"),
]


def test_what_needs_customers_or_is_blank_is_refused(bot: Bot) -> None:
    for method, path, error in REFUSED:
        answer = bot.client.request(method, f"/businessonbot/{SUPPLIER}{path}", headers={"x-guest-id": KEY})
        assert of(answer) == (400, {**BAD, "error": error, "code": "not_served_here"}), path
    assert "33612345678" not in json.dumps(bot.stage.heard, default=str)


def test_any_other_address_is_a_failure_too(bot: Bot) -> None:
    assert of(bot.get("/else"))[0] == 404
    assert of(bot.get("/cancel-order"))[0] == 405
    assert bot.client.get("/businessonbot").status_code in {307, 404}


def test_a_key_that_cannot_be_read_is_said_and_nothing_is_answered(bot: Bot, tmp_path: Path) -> None:
    (tmp_path / "guest").unlink()
    answer = bot.get("/order/1")
    assert (of(answer)[0], answer.headers["retry-after"]) == (503, "60")


def test_switched_off_there_is_nothing_at_the_address(tmp_path: Path, pristine: Path) -> None:
    given = suppliers(tmp_path, answer_requests=False)
    with staged(tmp_path, pristine=pristine, suppliers=given) as stage:
        answer = httpx.get(f"{stage.url}/businessonbot/{SUPPLIER}/order/1", headers={"x-guest-id": KEY})
        assert (answer.status_code, "statusCode" in answer.text) == (404, False)
