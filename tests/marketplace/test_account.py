"""One supplier's account: what is asked, where the token goes, and how each request ends."""

import hashlib
import json
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date

import httpx
import pytest
import respx

from supplier_agent.base.clock import Clock, SystemClock
from supplier_agent.base.errors import ConfigError
from supplier_agent.marketplace import LabelBytes, Listing, Means, Rejected, Seen, Verdict
from supplier_agent.marketplace.client import Marketplace
from supplier_agent.marketplace.rate_limit import Pace
from supplier_agent.marketplace.wire import Wire
from supplier_agent.reading.strategy import Query
from tests.marketplace.raw_server import Peer, RawServer, answer, whole
from tests.world.clocks import HandClock

BASE = "https://api.menzzo.fr"
FILES = "https://files.example"
ID = "15000012345_789"
PDF = b"%PDF-1.7 label"
TRUSTING_NOBODY = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # reading the trusted certificates takes 20 ms


def account(
    clock: Clock,
    base_url: str = BASE,
    *,
    label_origins: tuple[str, ...] = (FILES,),
    token: Callable[[], str] = lambda: "secret-token",
    stopping: Callable[[], bool] = lambda: False,
) -> Marketplace:
    return Marketplace(
        supplier="asir-group",
        base_url=base_url,
        token=token,
        wire=Wire(clock, 5, TRUSTING_NOBODY),
        pace=Pace(clock, 1000),
        max_label_bytes=1000,
        label_origins=label_origins,
        clock=clock,
        stopping=stopping,
    )


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def api() -> Iterator[respx.MockRouter]:
    with respx.mock(base_url=BASE) as router:
        yield router


def tokens(api: respx.MockRouter) -> list[str | None]:
    """Return the Authorization header of every request made."""
    return [call.request.headers.get("authorization") for call in api.calls]


# Reading -----------------------------------------------------------------------------------------------------------


def test_a_page_is_read_as_the_document_shows(api: respx.MockRouter, clock: HandClock) -> None:
    body = json.dumps([{"menzzo_order_id": ID, "sku": "A", "quantity": 1, "price": 2.5, "order_date": "2026-01-15"}, 5])
    route = api.get("/api/asir-group/get-sales").respond(text=body)
    query = Query(page=2, date_from=date(2026, 1, 1), date_to=date(2026, 1, 31), cursor="1_2", order_number=ID)
    found = account(clock).get_sales(query)
    assert isinstance(found, Listing)
    assert [type(row) for row in found.rows] == [Seen, Rejected]
    assert (found.http_status, found.tries) == (200, 1)
    assert found.sha256 == hashlib.sha256(body.encode()).hexdigest()
    assert str(route.calls.last.request.url) == (
        f"{BASE}/api/asir-group/get-sales?page=2&date_from=2026-01-01&date_to=2026-01-31"
        f"&last_menzzo_order_number=1_2&order_number={ID}"
    )
    assert tokens(api) == ["Bearer secret-token"]


def test_a_path_in_the_base_url_is_kept(clock: HandClock) -> None:
    with respx.mock() as router:
        router.get("https://proxy.example/menzzo/api/asir-group/get-sales?page=1").respond(json=[])
        assert isinstance(account(clock, "https://proxy.example/menzzo/").get_sales(Query()), Listing)


def test_a_failing_read_is_tried_three_times_within_seconds(api: respx.MockRouter, clock: HandClock) -> None:
    route = api.get("/api/asir-group/get-sales").respond(500, text="broken")
    assert account(clock).get_sales(Query()) == Verdict(Means.FAILED, "broken", 500, tries=3)
    assert route.call_count == 3
    assert clock.slept[0:2] == [1, 2]


@pytest.mark.parametrize("first", [httpx.Response(502), httpx.ConnectError("no"), httpx.ReadTimeout("no")])
def test_a_read_that_failed_once_is_made_again(
    api: respx.MockRouter, clock: HandClock, first: httpx.Response | Exception
) -> None:
    api.get("/api/asir-group/get-sales").side_effect = [first, httpx.Response(200, json=[])]
    found = account(clock).get_sales(Query())
    assert isinstance(found, Listing)
    assert found.tries == 2


@pytest.mark.parametrize(
    ("status", "means"),
    [
        (204, Means.UNCLEAR),
        (302, Means.REDIRECTED),
        (400, Means.REFUSED),
        (401, Means.TOKEN_REFUSED),
        (404, Means.NOT_FOUND),
        (429, Means.TOO_MANY),
    ],
)
def test_an_answer_that_says_something_is_not_asked_for_again(
    api: respx.MockRouter, clock: HandClock, status: int, means: Means
) -> None:
    route = api.get("/api/asir-group/get-sales").respond(status)
    found = account(clock).get_sales(Query())
    assert isinstance(found, Verdict)
    assert (found.means, found.http_status, found.tries) == (means, status, 1)
    assert route.call_count == 1


def test_a_server_that_says_when_to_come_back_is_not_asked_before(api: respx.MockRouter, clock: HandClock) -> None:
    route = api.get("/api/asir-group/get-sales").respond(503, headers={"Retry-After": "90"})
    assert account(clock).get_sales(Query()) == Verdict(Means.FAILED, "", 503, 90)
    assert route.call_count == 1


def test_stopping_ends_the_retries_of_a_read(api: respx.MockRouter, clock: HandClock) -> None:
    route = api.get("/api/asir-group/get-sales").respond(500)
    found = account(clock, stopping=lambda: True).get_sales(Query())
    assert (found.tries, route.call_count, clock.slept) == (1, 1, [])


def test_a_200_that_is_no_list_is_unclear_and_kept(api: respx.MockRouter, clock: HandClock) -> None:
    api.get("/api/asir-group/get-sales").respond(text="<html>secret-token</html>")
    assert account(clock).get_sales(Query()) == Verdict(
        Means.UNCLEAR, "the answer is not JSON: Expecting value at character 0. The answer: <html>[token]</html>", 200
    )


# Writing -----------------------------------------------------------------------------------------------------------

WRITES = ("acknowledge-sale", "ship-sale")


@pytest.mark.parametrize("endpoint", WRITES)
def test_a_write_is_one_post_with_the_id_and_nothing_else(
    api: respx.MockRouter, clock: HandClock, endpoint: str
) -> None:
    route = api.post(f"/api/asir-group/{endpoint}").respond(json={"success": True})
    found = account(clock).post(endpoint, ID)
    assert (found.means, found.http_status, found.tries) == (Means.CONFIRMED, 200, 1)
    request = route.calls.last.request
    assert json.loads(request.content) == {"menzzo_order_id": ID}
    assert request.headers["content-type"] == "application/json"
    assert tokens(api) == ["Bearer secret-token"]


@pytest.mark.parametrize("endpoint", WRITES)
@pytest.mark.parametrize("status", [200, 204, 307, 400, 401, 404, 408, 429, 500, 503])
def test_a_write_is_never_repeated_here_whatever_the_answer(
    api: respx.MockRouter, clock: HandClock, endpoint: str, status: int
) -> None:
    route = api.post(f"/api/asir-group/{endpoint}").respond(status, headers={"Location": "/elsewhere"})
    account(clock).post(endpoint, ID)
    assert route.call_count == 1


def test_a_lost_answer_is_never_taken_for_a_refusal_and_the_request_left_once() -> None:
    with RawServer(answer(then=Peer.reset)) as server:
        found = account(SystemClock(), server.url).post("ship-sale", ID)
    assert found.means is Means.LOST
    assert len(server.requests) == 1


def test_the_answer_is_kept_without_the_token_that_it_echoes(api: respx.MockRouter, clock: HandClock) -> None:
    api.post("/api/asir-group/ship-sale").respond(400, text="bad: Bearer secret-token")
    assert account(clock).post("ship-sale", ID).detail == "bad: Bearer [token]"


def test_a_new_token_counts_from_the_next_request_on(api: respx.MockRouter, clock: HandClock) -> None:
    api.post("/api/asir-group/ship-sale").respond(401)
    left = ["first", "second"]
    marketplace = account(clock, token=lambda: left.pop(0))
    marketplace.post("ship-sale", ID)
    marketplace.post("ship-sale", ID)
    assert tokens(api) == ["Bearer first", "Bearer second"]


def test_without_a_token_nothing_is_sent_and_the_call_ends_as_if_it_were_refused(clock: HandClock) -> None:
    def no_token() -> str:
        raise ConfigError("there is no token", "write one")

    marketplace = account(clock, token=no_token)
    missing = Verdict(Means.TOKEN_REFUSED, "there is no token")
    with respx.mock() as router:
        assert marketplace.post("ship-sale", ID) == missing
        assert marketplace.get_sales(Query()) == missing
        assert marketplace.fetch_label("/x.pdf") == missing
        assert router.calls.call_count == 0


def test_an_empty_object_is_the_end_of_the_list_but_never_the_first_page(
    api: respx.MockRouter, clock: HandClock
) -> None:
    api.get("/api/asir-group/get-sales").respond(content=b" {}\n")
    first, second = account(clock).get_sales(Query()), account(clock).get_sales(Query(page=2))
    assert isinstance(first, Verdict)
    assert first.means is Means.UNCLEAR
    assert isinstance(second, Listing)
    assert second.rows == ()


def test_every_request_waits_for_its_turn_of_the_rate() -> None:
    clock = SystemClock()
    with RawServer(answer(whole(b"{}"))) as server:
        marketplace = replace(account(clock, server.url), pace=Pace(clock, 20))
        began = clock.monotonic()
        marketplace.post("ship-sale", ID)
        marketplace.post("acknowledge-sale", ID)
        marketplace.get_sales(Query())
        marketplace.fetch_label("/x.pdf")
        assert clock.monotonic() - began >= 4 / 20
    assert len(server.requests) == 4


# Labels ------------------------------------------------------------------------------------------------------------


def test_a_label_comes_as_bytes_with_the_path_but_not_the_query(api: respx.MockRouter, clock: HandClock) -> None:
    api.get("/api/files/a%20b.pdf", params={"sig": "1"}).respond(content=PDF)
    found = account(clock).fetch_label(f"{BASE}/api/files/a%20b.pdf?sig=1")
    assert found == LabelBytes(PDF, "/api/files/a b.pdf", tries=1)
    assert tokens(api) == ["Bearer secret-token"]


def test_the_token_goes_to_the_marketplace_alone(clock: HandClock) -> None:
    with respx.mock() as router:
        router.get(f"{BASE}/x.pdf").respond(302, headers={"Location": f"{FILES}/y.pdf"})
        router.get(f"{FILES}/y.pdf").respond(302, headers={"Location": "/z.pdf"})
        router.get(f"{FILES}/z.pdf").respond(302, headers={"Location": f"{BASE}/end.pdf"})
        router.get(f"{BASE}/end.pdf").respond(content=PDF)
        assert account(clock).fetch_label("/x.pdf") == LabelBytes(PDF, "/end.pdf", tries=4)
        assert tokens(router) == ["Bearer secret-token", None, None, "Bearer secret-token"]


def test_a_redirect_to_where_nobody_allowed_is_refused_and_never_asked(clock: HandClock) -> None:
    with respx.mock() as router:
        router.get(f"{BASE}/x.pdf").respond(302, headers={"Location": "https://evil.example/y.pdf?sig=1"})
        assert account(clock).fetch_label("/x.pdf") == Verdict(
            Means.REFUSED,
            "the link leads to https://evil.example, which is not the marketplace; "
            "label_origins in [http] would allow it",
        )


@pytest.mark.parametrize("link", ["", "http://api.menzzo.fr/x", "https://evil.example/x", "//evil.example/x"])
def test_a_bad_link_is_refused_without_a_request(clock: HandClock, link: str) -> None:
    with respx.mock():
        found = account(clock).fetch_label(link)
    assert isinstance(found, Verdict)
    assert (found.means, found.tries) == (Means.REFUSED, 0)


def test_redirects_in_a_circle_end_after_three(api: respx.MockRouter, clock: HandClock) -> None:
    route = api.get("/x.pdf").respond(302, headers={"Location": "/x.pdf"})
    assert account(clock).fetch_label("/x.pdf") == Verdict(
        Means.REFUSED, "the label's link redirects more than 3 times", tries=4
    )
    assert route.call_count == 4


@pytest.mark.parametrize(
    ("status", "means"),
    [
        (202, Means.NOT_FOUND),
        (204, Means.NOT_FOUND),
        (404, Means.NOT_FOUND),
        (425, Means.NOT_FOUND),
        (206, Means.UNCLEAR),
        (300, Means.REDIRECTED),
        (302, Means.REDIRECTED),
        (400, Means.REFUSED),
        (410, Means.REFUSED),
        (401, Means.TOKEN_REFUSED),
        (403, Means.TOKEN_REFUSED),
        (408, Means.FAILED),
        (429, Means.TOO_MANY),
        (500, Means.FAILED),
    ],
)
def test_a_label_that_does_not_come_says_why(
    api: respx.MockRouter, clock: HandClock, status: int, means: Means
) -> None:
    route = api.get("/x.pdf").respond(status)
    found = account(clock).fetch_label("/x.pdf")
    assert isinstance(found, Verdict)
    assert (found.means, found.http_status, route.call_count) == (means, status, 1)


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_by_a_host_that_got_no_token_says_nothing_about_the_token(clock: HandClock, status: int) -> None:
    with respx.mock() as router:
        router.get(f"{FILES}/x.pdf").respond(status, text="expired")
        assert account(clock).fetch_label(f"{FILES}/x.pdf") == Verdict(Means.NOT_FOUND, "expired", status)


@pytest.mark.parametrize(("size", "fits"), [(1000, True), (1001, False)])
def test_a_label_may_be_as_large_as_configured(
    api: respx.MockRouter, clock: HandClock, size: int, *, fits: bool
) -> None:
    api.get("/x.pdf").respond(content=b"x" * size)
    found = account(clock).fetch_label("/x.pdf")
    if fits:
        assert isinstance(found, LabelBytes)
    else:
        assert found == Verdict(Means.REFUSED, "the label is larger than max_label_bytes in [http] (1000)")


def test_redirects_of_a_label_share_one_deadline() -> None:
    def late(peer: Peer) -> None:
        peer.read_request()
        time.sleep(0.3)
        peer.send(whole(b"", b"Location: /next.pdf", status=b"302 Found"))

    with RawServer(late) as server:
        clock, began = SystemClock(), time.monotonic()
        market = replace(account(clock, server.url), wire=Wire(clock, 0.5))
        found = market.fetch_label("/x.pdf")
        assert isinstance(found, Verdict)
        assert found.means is Means.LOST
        assert time.monotonic() - began < 0.9, "not 0.3 s for each of four hops"
    assert len(server.requests) == 2
