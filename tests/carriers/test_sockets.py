"""The client over real sockets: whatever a carrier does, the result is a value, in time, and without a byte of the body."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from supplier_agent.base.clock import SystemClock
from supplier_agent.integrations.access_tokens import AccessTokens
from supplier_agent.integrations.carriers.client import CarrierClient, carrier_of
from supplier_agent.marketplace import Means, Verdict
from supplier_agent.marketplace.rate_limit import Pace
from supplier_agent.marketplace.wire import Wire
from supplier_agent.reading.scans import LastScan
from supplier_agent.sandbox import faults
from supplier_agent.sandbox.carriers import DESKS, Scans, open_carrier
from supplier_agent.sandbox.carriers.depot import CONSIGNEE
from supplier_agent.sandbox.faults import Fault
from supplier_agent.sandbox.server import Sandbox
from supplier_agent.sandbox.world import World
from tests.carriers.conftest import CODES, ONE_CARRIER
from tests.faults.reads import OF_READS, name_of

SECONDS = 1.0
CLOCK = SystemClock()
WITH_OAUTH = ("ups", "fedex")


@pytest.fixture
def sandbox(carrier: str) -> Iterator[Sandbox]:
    world = World(CLOCK, ("notio",))
    world.carriers[carrier] = open_carrier(carrier, CLOCK)
    with Sandbox(world) as started:
        yield started


@pytest.fixture
def client(sandbox: Sandbox, carrier: str) -> CarrierClient:
    return client_of(sandbox, carrier)


def client_of(sandbox: Sandbox, carrier: str, credentials: str = "", seconds: float = SECONDS) -> CarrierClient:
    secret = credentials or sandbox.world.carriers[carrier].credentials
    url = f"{sandbox.url}/{carrier}"
    wire = Wire(CLOCK, seconds)
    return CarrierClient(carrier_of(carrier), url, lambda: secret, wire, Pace(CLOCK, 1000), CLOCK, AccessTokens(CLOCK))


def test_a_scan_an_announcement_and_an_unknown_code(sandbox: Sandbox, client: CarrierClient, carrier: str) -> None:
    depot, (first, second, third) = sandbox.world.carriers[carrier].depot, CODES[carrier]
    depot.states |= {second: "announced", third: "unknown"}
    asked, failed = client.last_scans(CODES[carrier])
    assert (failed, asked.whole) == (None, True)
    scanned, announced, unknown = asked.scans
    assert (scanned.code, scanned.is_scanned, bool(scanned.event)) == (first, True, True)
    assert scanned.at is not None
    assert abs(scanned.at - depot.scanned_at()) < timedelta(seconds=30)
    assert announced == LastScan(second)
    assert unknown == LastScan(third, is_known=False)
    assert client.last_scan(third) == unknown
    assert client.last_scan(second) == announced


def test_the_codes_of_one_request_are_as_many_as_the_carrier_allows(sandbox: Sandbox, carrier: str) -> None:
    depot = sandbox.world.carriers[carrier].depot
    most = carrier_of(carrier).AT_ONCE
    codes = tuple(f"{CODES[carrier][0][:-2]}{number:02d}" for number in range(12))
    client = client_of(sandbox, carrier, seconds=20)
    asked, failed = client.last_scans(codes)
    assert failed is None
    assert max(map(len, depot.asked)) == min(most, 12)
    assert len(asked.scans) == min(12, 10 * most), "the rest is left for the next call"
    assert asked.whole is (len(asked.scans) == 12)


def test_wrong_credentials_are_refused_and_never_told(sandbox: Sandbox, carrier: str) -> None:
    wrong = "t0p-secret\nt0p-secret" if carrier in WITH_OAUTH else "t0p-secret"
    found = client_of(sandbox, carrier, wrong).last_scan(CODES[carrier][0])
    assert isinstance(found, Verdict)
    assert (found.means, found.http_status) == (Means.TOKEN_REFUSED, 401)
    assert "t0p-secret" not in repr(found)


@ONE_CARRIER
@pytest.mark.parametrize(("fault", "means"), OF_READS, ids=name_of)
def test_every_fault_is_a_value_in_time(
    sandbox: Sandbox, client: CarrierClient, carrier: str, fault: Fault, means: Means | None
) -> None:
    meets(sandbox, client, carrier, fault, means)


@pytest.mark.parametrize(
    ("fault", "means"),
    [
        (faults.status(200, body=b"[" * 100_000), Means.UNCLEAR),
        (faults.status(401), Means.TOKEN_REFUSED),
        (faults.status(404, body=b"<h1>gone</h1>"), None),
        (faults.status(429), Means.TOO_MANY),
        (faults.status(409, body=CONSIGNEE["name"].encode()), Means.REFUSED),
        (faults.status(500, body=CONSIGNEE["name"].encode()), Means.FAILED),
        (faults.says({"name": CONSIGNEE["name"]}), Means.UNCLEAR),
        (faults.says([]), Means.UNCLEAR),
        (faults.says(None), Means.UNCLEAR),
    ],
    ids=name_of,
)
def test_every_other_answer_is_a_value(
    sandbox: Sandbox, client: CarrierClient, carrier: str, fault: Fault, means: Means | None
) -> None:
    meets(sandbox, client, carrier, fault, means)


def meets(sandbox: Sandbox, client: CarrierClient, carrier: str, fault: Fault, means: Means | None) -> None:
    """Let a question meet a fault; None: the carrier says in its own words what it means."""
    if carrier in WITH_OAUTH:  # the access token is there: the fault is on the question
        client.last_scan(CODES[carrier][0])
        client = client.for_call(lambda _seconds: None)
    sandbox.world.faults.arm(carrier, fault, times=4)
    began = CLOCK.monotonic()
    found = client.last_scan(CODES[carrier][0])
    assert isinstance(found, Verdict), "above all, it is never taken for a code that is unknown"
    assert found.means is means or means is None
    assert CLOCK.monotonic() - began < 10 * SECONDS
    assert not any(value in found.detail for value in (*CONSIGNEE.values(), "xxx", "<h1>"))
    if fault.name.endswith("429") and "Retry-After" in repr(fault):
        assert found.retry_after_seconds == 30


@pytest.mark.parametrize("body", ["{}", '{"status": 404}', '{"response": {}}', '{"returnCode": 500}', "[1]", "null"])
def test_a_404_of_another_form_is_no_answer(sandbox: Sandbox, client: CarrierClient, carrier: str, body: str) -> None:
    if carrier in WITH_OAUTH:
        client.last_scan(CODES[carrier][0])
        client = client.for_call(lambda _seconds: None)
    sandbox.world.faults.arm(carrier, faults.status(404, body=body.encode()))
    assert isinstance(client.last_scan(CODES[carrier][0]), Verdict)


@pytest.mark.parametrize("carrier", WITH_OAUTH)
def test_an_access_token_is_shared_until_it_ends(sandbox: Sandbox, client: CarrierClient, carrier: str) -> None:
    depot = sandbox.world.carriers[carrier].depot
    for _ in range(3):
        assert isinstance(client.for_call(lambda _seconds: None).last_scan(CODES[carrier][0]), LastScan)
    assert len(depot.tokens) == 1
    depot.tokens.clear()  # the carrier has withdrawn it: one 401, then a new one
    assert isinstance(client.for_call(lambda _seconds: None).last_scan(CODES[carrier][0]), LastScan)
    assert len(depot.tokens) == 1


@pytest.mark.parametrize("carrier", WITH_OAUTH)
def test_no_access_token_is_asked_for_in_circles(sandbox: Sandbox, client: CarrierClient, carrier: str) -> None:
    sandbox.world.carriers[carrier].depot.semantics = Scans(token_seconds=0)
    found = client.last_scan(CODES[carrier][0])
    assert isinstance(found, Verdict)
    assert found.means is Means.TOKEN_REFUSED
    assert len(sandbox.world.log) == 2, "a token that is new and refused is not asked for again at once"


@pytest.mark.parametrize("carrier", WITH_OAUTH)
@pytest.mark.parametrize(
    ("fault", "means"),
    [
        (faults.says({"access_token": "two words"}), Means.UNCLEAR),
        (faults.says({"token": "x"}), Means.UNCLEAR),
        (faults.html(), Means.UNCLEAR),
        (faults.status(400), Means.TOKEN_REFUSED),
        (faults.status(403), Means.TOKEN_REFUSED),
        (faults.status(429, headers=(("Retry-After", "30"),)), Means.TOO_MANY),
        (faults.status(500), Means.FAILED),
        (faults.redirect("https://elsewhere.example/"), Means.REDIRECTED),
    ],
    ids=lambda each: each.name if isinstance(each, Fault) else "",
)
def test_what_keeps_an_access_token_back(
    sandbox: Sandbox, client: CarrierClient, carrier: str, fault: Fault, means: Means
) -> None:
    sandbox.world.faults.arm(carrier, fault)
    found = client.last_scan(CODES[carrier][0])
    assert isinstance(found, Verdict)
    assert (found.means, len(sandbox.world.log)) == (means, 1)


def test_a_plain_404_of_la_poste_is_no_answer(sandbox: Sandbox, client: CarrierClient, carrier: str) -> None:
    if carrier != "laposte":
        pytest.skip("of La Poste alone")
    sandbox.world.carriers[carrier].depot.semantics = Scans(parcels="unknown", plain_404=True)
    found = client.last_scan(CODES[carrier][0])
    assert isinstance(found, Verdict)
    assert found.means is Means.NOT_FOUND


def test_each_carrier_names_its_api_and_limits() -> None:
    for name in DESKS:
        assert any(character.isdecimal() for character in carrier_of(name).API), "a version"
        assert carrier_of(name).LIMITS
