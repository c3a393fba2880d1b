"""An installation with webhooks: the sandbox's marketplace and receivers that a test controls, without sockets."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
import time_machine
from standardwebhooks.webhooks import Webhook

from supplier_agent.marketplace.connections import Deadline
from supplier_agent.marketplace.wire import Answer, Reply
from supplier_agent.sandbox.api import Api
from supplier_agent.sandbox.world import World
from tests.world.harness import ManualClock, NoSockets, Site, settings_for

SUPPLIER = "notio"
PDF = b"%PDF-1.4 a label\n%%EOF\n"
SECRET = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY="
SELDOM = {"poll_seconds": 3600, "off_hours_poll_seconds": 3600, "sweep_seconds": 43200}
THANKS = Answer(204, {}, b"")
HOUR, DAY = 3600, 86_400
Answers = Callable[[dict[str, Any]], Reply]


class Town(NoSockets):
    """The marketplace, and receivers at other hosts. Each verifies what it gets, with the library."""

    def __init__(self, api: Api, clock: ManualClock, base_url: str) -> None:
        super().__init__(api, clock, base_url)
        self.answers: dict[str, Answers] = {}  # by host; any other takes everything
        self.heard: list[tuple[str, dict[str, Any]]] = []  # what arrived, whatever was answered

    def exchange(
        self,
        method: str,
        url: httpx.URL | str,
        *,
        headers: Mapping[str, str],
        content: bytes | None = None,
        limit_bytes: int,
        turn: Callable[[], None],
        deadline: Deadline | None = None,
    ) -> Reply:
        host = httpx.URL(url).host
        if not host.endswith(".example"):
            return super().exchange(
                method, url, headers=headers, content=content, limit_bytes=limit_bytes, turn=turn, deadline=deadline
            )
        turn()
        assert (method, headers["Content-Type"]) == ("POST", "application/json")
        verify(self.clock, content or b"", headers)
        event = json.loads(content or b"")
        assert event["id"] == headers["webhook-id"]
        self.heard.append((host, event))
        answer = self.answers.get(host)
        return THANKS if answer is None else answer(event)

    def types(self, host: str = "erp.example") -> list[str]:
        return [event["type"] for at, event in self.heard if at == host]


def verify(clock: ManualClock, content: bytes, headers: Mapping[str, str]) -> None:
    """Verify with the library, at the time of the test's clock."""
    assert abs(int(headers["webhook-timestamp"]) - clock.now().timestamp()) < 5
    with time_machine.travel(clock.now(), tick=False):
        Webhook(SECRET).verify(content, dict(headers))


class House(Site):
    """A site whose wire is a town."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.wire = self.town = Town(self.api, self.clock, self.settings.base_url)

    def again(self, **sections: Any) -> None:  # noqa: ANN401 - sections are of many shapes
        """Stop, and start with another configuration."""
        self.stop()
        self.settings = settings_for(self.settings.state_dir, SUPPLIER, **(BASE | sections))
        self.start()

    def arrive(self, number: int = 1) -> None:
        for _ in range(number):
            self.world.arrive(SUPPLIER).label = PDF

    def sent(self, kind: str = "webhook.erp") -> list[tuple[str, int]]:
        return self.ask("SELECT state, attempts FROM calls WHERE kind = ? ORDER BY id", kind)


BASE: dict[str, Any] = {"ship": {"undo_seconds": 0}, "schedule": SELDOM}
ERP: dict[str, Any] = {
    "name": "erp",
    "url": "https://erp.example/hook?key=hidden",
    "secret": SECRET,
    "requests_per_second": 50,
}
Build = Callable[..., House]


@pytest.fixture
def build(tmp_path: Path) -> Iterator[Build]:
    made: list[House] = []

    def make(*webhooks: Mapping[str, Any], orders: int = 0, start: bool = True, **sections: Any) -> House:  # noqa: ANN401
        clock = ManualClock()
        world = World(clock, (SUPPLIER,))
        given = {**BASE, "webhooks": list(webhooks), **sections}
        house = House(settings_for(tmp_path / f"state{len(made)}", SUPPLIER, **given), world, clock)
        house.arrive(orders)
        made.append(house)
        if start:
            house.start()
        return house

    yield make
    for house in made:
        if house.running:
            house.stop()
