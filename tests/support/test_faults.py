"""The client over real sockets: whatever a server does, the result is a value, in time, and without a byte of the body."""

from collections.abc import Iterator

import pytest

from supplier_agent.base.clock import SystemClock
from supplier_agent.integrations.support import Support
from supplier_agent.marketplace import Means, Verdict
from supplier_agent.marketplace.rate_limit import Pace
from supplier_agent.marketplace.support import Case, CasesFound, Picture, ProductFound, SaleFound
from supplier_agent.marketplace.wire import Wire
from supplier_agent.sandbox import faults
from supplier_agent.sandbox.faults import Fault
from supplier_agent.sandbox.server import Sandbox
from supplier_agent.sandbox.support import CUSTOMER, PICTURE, PRODUCT, SALE, SAV, tracking_of
from supplier_agent.sandbox.world import World
from tests.faults.reads import OF_READS, name_of

SUPPLIER = "notio"
SECONDS = 1.0
CLOCK = SystemClock()


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    world = World(CLOCK, (SUPPLIER,))
    world.arrive(SUPPLIER)
    with Sandbox(world) as started:
        yield started


def client(sandbox: Sandbox, token: str = "sandbox-support", most: int = 1 << 20) -> Support:
    wire = Wire(CLOCK, SECONDS)
    return Support(sandbox.url, lambda: token, wire, Pace(CLOCK, 1000), CLOCK, max_picture_bytes=most)


def increment(sandbox: Sandbox) -> str:
    return sandbox.world.orders(SUPPLIER)[0].menzzo_order_id.rpartition("_")[0]


def test_the_five_answers(sandbox: Sandbox) -> None:
    (order,) = sandbox.world.orders(SUPPLIER)
    found = client(sandbox).sale(increment(sandbox))
    assert isinstance(found, SaleFound)
    line = found.line_of(order.sku)
    assert (found.status, line.tracking if line else None) == ("processing", tracking_of(order))
    product = client(sandbox).product(order.sku)
    assert isinstance(product, ProductFound)
    assert product.name == f"Article {order.sku}"
    assert product.picture is not None
    assert isinstance(client(sandbox).picture(product.picture), Picture)
    assert client(sandbox).cases(increment(sandbox), "1") == CasesFound()
    body = f'{{"increment_id": "{increment(sandbox)}", "complaint_type": "damage", "description": "x"}}'
    verdict, sav_id = client(sandbox).open_case(body)
    assert (verdict.means, sav_id) == (Means.CONFIRMED, "789")
    assert client(sandbox).cases(increment(sandbox), "1") == CasesFound(
        (Case("789", "damage", "in_progress", "2026-01-20"),)
    )


def test_what_does_not_exist_is_an_answer(sandbox: Sandbox) -> None:
    found = client(sandbox).sale("404")
    assert isinstance(found, SaleFound)
    assert not found.found
    assert client(sandbox).product("../secret?x=1#y") == ProductFound()
    assert sandbox.world.log[-1].target == "/api/product/..%2Fsecret%3Fx%3D1%23y"


def test_a_wrong_token_is_refused_and_never_told(sandbox: Sandbox) -> None:
    found = client(sandbox, token="t0p-secret").sale("1")
    assert isinstance(found, Verdict)
    assert (found.means, found.http_status) == (Means.TOKEN_REFUSED, 401)
    assert "t0p-secret" not in repr(found)


@pytest.mark.parametrize(
    ("fault", "means"),
    [
        *OF_READS,
        (faults.reset(applied=False), Means.LOST),
        (faults.half_head(applied=False), Means.LOST),
        (faults.status(400), Means.REFUSED),
        (faults.status(500), Means.FAILED),
        (faults.says({"success": False, "error": "Jean"}), Means.UNCLEAR),
    ],
    ids=name_of,
)
def test_every_fault_is_a_value_in_time(sandbox: Sandbox, fault: Fault, means: Means) -> None:
    sandbox.world.faults.arm(SALE, fault)
    began = CLOCK.monotonic()
    found = client(sandbox).sale(increment(sandbox))
    assert isinstance(found, Verdict)
    assert found.means is means
    assert CLOCK.monotonic() - began < 10 * SECONDS
    assert not any(value in found.detail for value in (*CUSTOMER.values(), "Jean", "xxx", "<h1>"))


def test_how_long_to_wait_is_told(sandbox: Sandbox) -> None:
    sandbox.world.faults.arm(SALE, faults.status(429, headers=(("Retry-After", "30"),)))
    found = client(sandbox).sale(increment(sandbox))
    assert isinstance(found, Verdict)
    assert found.retry_after_seconds == 30


def test_no_connection_means_that_nothing_was_sent(sandbox: Sandbox) -> None:
    sandbox.stop()
    found, _ = client(sandbox).open_case("{}")
    assert found.means is Means.NOT_SENT


@pytest.mark.parametrize(
    ("fault", "means"),
    [
        (faults.close(applied=True), Means.LOST),
        (faults.hang(applied=True), Means.LOST),
        (faults.status(500), Means.FAILED),
        (faults.status(422), Means.REFUSED),
        (faults.says({"success": False}), Means.REFUSED),
        (faults.says({"id": 4}), Means.UNVERIFIED),
        (faults.empty(), Means.UNVERIFIED),
    ],
)
def test_what_is_known_after_a_case_was_sent(sandbox: Sandbox, fault: Fault, means: Means) -> None:
    sandbox.world.faults.arm(SAV, fault)
    found, _ = client(sandbox).open_case('{"increment_id": "1", "complaint_type": "damage"}')
    assert found.means is means


def test_a_picture_comes_from_allowed_places_only_and_without_the_token(sandbox: Sandbox) -> None:
    for address in ("https://example.com/a.png", "http://169.254.169.254/", "file:///etc/passwd", "//evil.example/x"):
        found = client(sandbox).picture(address)
        assert isinstance(found, Verdict)
        assert found.means is Means.REFUSED
    sandbox.world.faults.arm(PICTURE, faults.redirect("https://example.com/"))
    assert isinstance(client(sandbox).picture("/pictures/1.png"), Verdict)
    sandbox.world.faults.arm(PICTURE, faults.status(200, body=b"<svg onload='x'>"))
    assert isinstance(client(sandbox).picture("/pictures/1.png"), Verdict)
    assert isinstance(client(sandbox, most=10).picture("/pictures/1.png"), Verdict)
    assert {line.token for line in sandbox.world.requests(PICTURE)} == {"none"}


def test_a_product_without_a_picture_is_a_product(sandbox: Sandbox) -> None:
    sandbox.world.faults.arm(PRODUCT, faults.says({"success": True, "product": {"name": "Sofa"}}))
    assert client(sandbox).product("X") == ProductFound("Sofa")
