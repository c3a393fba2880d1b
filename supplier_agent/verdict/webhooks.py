"""The verdict on the webhooks: what keeps events from their receivers. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from supplier_agent.verdict.codes import Problem, ProblemCode

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from supplier_agent.verdict.codes import Facts


@dataclass(frozen=True)
class Endpoint:
    """The state of one webhook.

    state: ok, failing, paused. reason: why it is not ok, or "". since: when it began to fail, or was paused; None: it is ok, or
    read_only keeps it from sending. again_at: when it is tried again; None: it is not failing, or not known. delivered_at: the
    last delivery; None: none yet. owed: events that are next for their order. parked: events that were given up. lost: events that
    were removed undelivered.
    """

    name: str
    state: str
    reason: str
    since: datetime | None
    again_at: datetime | None
    delivered_at: datetime | None
    owed: int
    parked: int
    lost: int


def judge_webhooks(endpoints: Iterable[Endpoint]) -> list[Problem]:
    """Return the problems of webhooks: one that fails, and events that were given up. One that a person paused is no problem."""
    found = []
    for each in endpoints:
        if each.state == "failing":
            facts: Facts = {"webhook": each.name, "reason": each.reason}
            found.append(Problem(ProblemCode.WEBHOOK_FAILING, None, None, each.since, facts))
        if each.parked:
            facts = {"webhook": each.name, "number": each.parked}
            found.append(Problem(ProblemCode.WEBHOOK_PARKED, facts=facts))
    return found
