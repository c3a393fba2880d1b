"""The matrix: what a server does x read, acknowledge, label, ship x the effect takes place or not, over real sockets."""

import socket
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from itertools import product
from pathlib import Path

import pytest

from tests.faults.behaviours import (
    BEHAVIOURS,
    GOOD,
    KINDS,
    LOST,
    NO,
    NOT_REACHED,
    REDIRECTS,
    Follows,
    answers,
)
from tests.faults.stage import GOOD_BODIES, IDS, TOKEN, Ended, Shelf, marketplace, request
from tests.marketplace.raw_server import Peer, RawServer, answer, whole

SHORT_SECONDS, LONG_SECONDS = 0.4, 5.0
"""Deadlines: short where only the deadline ends it, long where a busy machine must not be the one that does."""
GRACE_SECONDS = 1.0
READ_TRIES = 3

Case = tuple[str, str]


def live_through(case: Case, folder: Path) -> tuple[Shelf, list[Ended]]:
    """Make the request of a case twice on one account: the effect does not take place, then it does."""
    name, kind = case
    behaviour, shelf = BEHAVIOURS[name], Shelf()
    with RawServer(shelf.script(behaviour.act, kind, unread=behaviour.unread)) as server:
        market = marketplace(server.url, SHORT_SECONDS if behaviour.endless else LONG_SECONDS)
        return shelf, [request(kind, market, folder / f"{hash(case):x}", each) for each in IDS]


@pytest.fixture(scope="module")
def matrix(tmp_path_factory: pytest.TempPathFactory) -> Mapping[Case, tuple[Shelf, list[Ended]]]:
    """Live through all cases: those that only wait all at once, the others a few at a time."""
    folder = tmp_path_factory.mktemp("matrix")
    found: dict[Case, tuple[Shelf, list[Ended]]] = {}
    for endless, threads in ((True, 40), (False, 4)):
        cases = [case for case in product(BEHAVIOURS, KINDS) if BEHAVIOURS[case[0]].endless is endless]
        with ThreadPoolExecutor(threads) as pool:
            found |= zip(cases, pool.map(lambda case: live_through(case, folder), cases), strict=True)
    return found


def test_the_matrix_is_as_large_as_it_should_be() -> None:
    assert len(BEHAVIOURS) >= 60


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", BEHAVIOURS)
def test_a_request_ends_as_the_table_says_whether_it_took_effect_or_not(
    matrix: Mapping[Case, tuple[Shelf, list[Ended]]], name: str, kind: str
) -> None:
    _, both = matrix[name, kind]
    for ended in both:
        assert ended.ending in getattr(BEHAVIOURS[name].row, kind), ended.text


def test_every_request_ends_within_its_deadline_and_a_second(
    matrix: Mapping[Case, tuple[Shelf, list[Ended]]],
) -> None:
    for (name, kind), (_, both) in matrix.items():
        deadline = SHORT_SECONDS if BEHAVIOURS[name].endless else LONG_SECONDS
        for ended in both:
            assert ended.seconds < ended.tries * (deadline + GRACE_SECONDS), (name, kind)


def test_what_may_have_happened_is_never_repeated_by_a_call_itself(
    matrix: Mapping[Case, tuple[Shelf, list[Ended]]],
) -> None:
    for (name, kind), (shelf, both) in matrix.items():
        behaviour = BEHAVIOURS[name]
        if behaviour.unread:
            continue
        tries = sum(ended.tries for ended in both)
        assert len(shelf.requests) == tries, (name, kind)
        if kind != "read":
            assert len(shelf.effects) == 1, (name, kind)
        assert all(ended.tries in {1, READ_TRIES} for ended in both)


def test_no_ending_tells_the_token(matrix: Mapping[Case, tuple[Shelf, list[Ended]]]) -> None:
    assert not [case for case, (_, both) in matrix.items() for ended in both if TOKEN in ended.text]


# Before the request ----------------------------------------------------------------------------------------------------


@contextmanager
def nobody() -> Iterator[str]:
    """Return a port that refuses."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    yield f"http://127.0.0.1:{port}"


@contextmanager
def no_name() -> Iterator[str]:
    """Return a name that does not exist."""
    yield "https://api.invalid"


@contextmanager
def no_tls() -> Iterator[str]:
    """Serve plain HTTP where TLS is expected."""
    with RawServer(lambda peer: peer.send(whole(b"{}"))) as server:
        yield f"https://127.0.0.1:{server.port}"


@contextmanager
def silent_tls() -> Iterator[str]:
    """Never answer the handshake."""
    with RawServer(Peer.stay_silent) as server:
        yield f"https://127.0.0.1:{server.port}"


@contextmanager
def full_queue() -> Iterator[str]:
    """Accept no connection: the queue is full."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        port = listener.getsockname()[1]
        clients = [socket.socket() for _ in range(3)]
        for client in clients:
            client.setblocking(False)  # noqa: FBT003 - the standard library's own
            client.connect_ex(("127.0.0.1", port))
        yield f"http://127.0.0.1:{port}"
        for client in clients:
            client.close()


@contextmanager
def reset_at_once() -> Iterator[str]:
    """Reset each connection as soon as it is made."""
    with RawServer(Peer.reset) as server:
        yield server.url


UNREACHED: Mapping[str, tuple[Callable[[], AbstractContextManager[str]], Follows]] = {
    "refused": (nobody, NOT_REACHED),
    "no such name": (no_name, NOT_REACHED),
    "no TLS": (no_tls, NOT_REACHED),
    "a silent handshake": (silent_tls, NOT_REACHED),
    "a full queue": (full_queue, NOT_REACHED),
    "reset at once": (reset_at_once, NOT_REACHED.or_else(LOST)),
}


@pytest.mark.parametrize("name", UNREACHED)
def test_what_could_not_be_sent_is_owed_again(name: str, tmp_path: Path) -> None:
    there, row = UNREACHED[name]
    with there() as url, ThreadPoolExecutor(len(KINDS)) as pool:
        endings = pool.map(lambda kind: request(kind, marketplace(url, SHORT_SECONDS), tmp_path, IDS[0]), KINDS)
        for kind, ended in zip(KINDS, endings, strict=True):
            assert ended.ending in getattr(row, kind), (kind, ended.text)
            assert ended.seconds < ended.tries * (SHORT_SECONDS + GRACE_SECONDS)


# Redirects -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("status", REDIRECTS)
def test_a_redirect_elsewhere_is_never_followed(status: bytes, kind: str, tmp_path: Path) -> None:
    with RawServer(answer(whole(b'{"success": true}'))) as elsewhere:
        away = answers(status, b"", b"Location: %b/label.pdf" % elsewhere.url.encode())
        with RawServer(Shelf().script(away, kind, unread=False)) as server:
            ended = request(kind, marketplace(server.url, LONG_SECONDS), tmp_path, IDS[0])
    expected = {"read": "redirected", "acknowledge": ("later", "owed")}.get(kind, ("refused", "parked"))
    assert ended.ending == expected, ended.text
    assert elsewhere.connections == 0


def test_a_label_that_redirects_in_a_circle_ends_with_a_person(tmp_path: Path) -> None:
    circle = answers(REDIRECTS[1], b"", b"Location: /label.pdf")
    with RawServer(Shelf().script(circle, "label", unread=False)) as server:
        ended = request("label", marketplace(server.url, LONG_SECONDS), tmp_path, IDS[0])
    assert ended.ending == ("refused", "parked")
    assert len(server.requests) == 4


# One answer for one request --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("second", KINDS)
@pytest.mark.parametrize("first", KINDS)
def test_an_answer_to_one_request_is_never_taken_for_anothers(first: str, second: str, tmp_path: Path) -> None:
    """The first connection also carries, at once and again later, a good answer to the second request; that is refused."""
    unasked = whole(GOOD_BODIES[second], b"Connection: keep-alive")
    answered: list[float] = []

    def serve(peer: Peer) -> None:
        peer.read_request()
        if len(server.requests) > 1:
            peer.send(whole(b'{"success": false}'))
            answered.append(time.monotonic())
            return
        peer.send(whole(GOOD_BODIES[first], b"Connection: keep-alive") + unasked)
        until = time.monotonic() + 2
        while not answered and time.monotonic() < until:
            time.sleep(0.01)
            peer.send(unasked)

    with RawServer(serve) as server:
        market = marketplace(server.url, LONG_SECONDS)
        assert request(first, market, tmp_path, IDS[0]).ending in getattr(GOOD, first)
        assert request(second, market, tmp_path, IDS[1]).ending in getattr(NO, second)
    assert server.connections == len(server.requests) == 2


def test_a_404_after_a_doubtful_ship_call_stays_doubtful(tmp_path: Path) -> None:
    for maybe_sent, state in ((False, "parked"), (True, "unknown")):
        with RawServer(answer(whole(b"", status=b"404 Not Found"))) as server:
            market = marketplace(server.url, LONG_SECONDS)
            assert request("ship", market, tmp_path, IDS[0], maybe_sent=maybe_sent).ending == ("refused", state)
