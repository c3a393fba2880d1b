"""What goes wrong between the agent and the marketplace: spells of bad weather, each of one kind, over some hours of a day."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from supplier_agent.sandbox import faults
from supplier_agent.sandbox.faults import Fault
from tests.world.mortal import Spell

DAY = 86400.0
WRITES = ("acknowledge-sale", "ship-sale")
API = ("get-sales", *WRITES)
EVERYWHERE = (*API, "label")

Kinds = Mapping[str, tuple[Sequence[str], Callable[[], Fault | None]]]
"""By name: where it may happen, and what it is; None: the request cannot be sent."""
KINDS: Kinds = {
    "cannot be reached": (EVERYWHERE, lambda: None),
    "lost before its effect": (EVERYWHERE, lambda: faults.close(applied=False)),
    "lost after its effect": (EVERYWHERE, lambda: faults.close(applied=True)),
    "reset": (EVERYWHERE, lambda: faults.reset(applied=True)),
    "half an answer": (EVERYWHERE, lambda: faults.half_body(applied=True)),
    "hangs": (EVERYWHERE, lambda: faults.hang(applied=True)),
    "late": (EVERYWHERE, lambda: faults.late(6)),
    "500": (EVERYWHERE, lambda: faults.status(500)),
    "502 after its effect": (API, lambda: faults.status(502, applied=True)),
    "503, come back": (EVERYWHERE, lambda: faults.status(503, headers=(("Retry-After", "90"),))),
    "429": (EVERYWHERE, lambda: faults.status(429)),
    "429, come back": (API, lambda: faults.status(429, headers=(("Retry-After", "200"),))),
    "403": (API, lambda: faults.status(403)),
    "a web page": (EVERYWHERE, faults.html),
    "a web page after its effect": (WRITES, lambda: faults.html(applied=True)),
    "null": (WRITES, lambda: faults.says(None, applied=True)),
    "refused": (WRITES, lambda: faults.says({"success": False, "error": "not now"}, code=422)),
    "refused with a 200": (WRITES, lambda: faults.says({"success": False})),
    "half a label": (("label",), lambda: faults.truncated(0.7)),
    "no list": (("get-sales",), lambda: faults.says({"error": "maintenance"})),
    "half a list": (("get-sales",), lambda: faults.truncated(0.5)),
}


@dataclass(frozen=True)
class Episode:
    """Bad weather of one kind, from one instant to another. `strength`: the part of requests that meet it."""

    kind: str
    begins: float
    ends: float
    strength: float
    endpoints: Sequence[str]


class Weather:
    """The sky over one installation. Each day is forecast at its beginning, from the life's dice."""

    def __init__(self, dice: random.Random, monotonic: Callable[[], float], kinds: Kinds = KINDS) -> None:
        self._dice, self._monotonic, self._kinds = dice, monotonic, kinds
        self._episodes: list[Episode] = []
        self.drizzle = 0.0  # the part of requests that meet any single fault
        self.met: dict[str, int] = {}
        self.last = ""  # the kind that the last request met, "" for none

    def forecast(self) -> None:
        """Choose the coming day's weather."""
        dice, now = self._dice, self._monotonic()
        self.drizzle = dice.choice((0.0, 0.02, 0.08))
        self._episodes = []
        for _ in range(dice.choice((0, 0, 1, 1, 2, 4))):
            kind = dice.choice(list(self._kinds))
            begins = now + dice.uniform(0, DAY)
            hours = dice.choice((0.05, 0.5, 1, 1, 4))
            endpoints = dice.choice((self._kinds[kind][0], [dice.choice(self._kinds[kind][0])]))
            self._episodes.append(Episode(kind, begins, begins + hours * 3600, dice.choice((0.3, 0.7, 1.0)), endpoints))

    def clear_up(self) -> None:
        """Let nothing go wrong from now on."""
        self._episodes, self.drizzle = [], 0.0

    def over(self, endpoint: str) -> Spell:
        """Return what a request meets now."""
        now, self.last = self._monotonic(), ""
        for episode in self._episodes:
            here = episode.begins <= now < episode.ends and endpoint in episode.endpoints
            if here and self._dice.random() < episode.strength:
                return self._spell(episode.kind)
        if self._dice.random() < self.drizzle:
            return self._spell(
                self._dice.choice([kind for kind, (where, _) in self._kinds.items() if endpoint in where])
            )
        return Spell()

    def _spell(self, kind: str) -> Spell:
        self.met[kind], self.last = self.met.get(kind, 0) + 1, kind
        fault = self._kinds[kind][1]()
        return Spell(not_sent=fault is None, fault=fault)
