"""Programs that use the API of a stage."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from supplier_agent.web import keys
from supplier_agent.web.keys import RIGHTS
from tests.web.stage import NO_TLS, Stage

API = "/api/v1"


def key_of(stage: Stage, name: str, may: Collection[str] = RIGHTS, suppliers: Collection[str] = ()) -> str:
    """Add a key, as `key add` does; return it."""
    with stage.store.write() as tx:
        return keys.add(tx, name, may, suppliers, stage.clock.now(), "Lea")[0]


@dataclass
class Program:
    """A program with a key."""

    client: httpx.Client

    def get(self, path: str, **query: Any) -> httpx.Response:  # noqa: ANN401 - any value
        return self.client.get(API + path, params=query)

    def post(self, path: str, body: Mapping[str, Any] | None = None, once: str = "") -> httpx.Response:
        headers = {"Idempotency-Key": once} if once else {}
        return self.client.post(API + path, json=dict(body or {}), headers=headers)


@contextmanager
def program(url: str, key: str) -> Iterator[Program]:
    """Yield a program with this key; "": without one."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    with httpx.Client(base_url=url, timeout=20, headers=headers, verify=NO_TLS) as client:
        yield Program(client)
