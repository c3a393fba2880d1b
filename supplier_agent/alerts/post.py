"""Sending: apprise takes a message to mail, chat or webhook. What did not arrive at one address is tried again there alone.

An address may hold a password: people see its place in the list and its kind, never more.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import SecretStr

from supplier_agent.alerts.words import Message
from supplier_agent.settings.egress import DIRECT, Egress

FIRST_SECONDS, LONGEST_SECONDS = 60.0, 3600.0
GIVE_UP_SECONDS = 86_400.0


@dataclass
class Owed:
    """A message that one address has not taken yet. Times are monotonic seconds."""

    place: int
    message: Message
    since: float
    due: float
    wait: float = FIRST_SECONDS


class Post:
    """The addresses of `[alerts] urls`, and which way out leads to them."""

    def __init__(self, urls: Sequence[SecretStr], egress: Egress = DIRECT) -> None:
        self.urls, self.egress = urls, egress
        self.owed: list[Owed] = []

    @property
    def is_empty(self) -> bool:
        """Whether nobody is to be told."""
        return not self.urls

    def name(self, place: int) -> str:
        """Return what people may see of an address."""
        kind = self.urls[place].get_secret_value().partition("://")[0]
        return f"alerts.urls, place {place + 1} ({kind})"

    def send(self, message: Message, now: float) -> list[str]:
        """Send to every address; return the names of those that did not take it. If any did, the others are tried again later."""
        failed = [place for place in range(len(self.urls)) if not self.try_one(place, message)]
        if len(failed) < len(self.urls):
            self.owed += [Owed(place, message, now, now + FIRST_SECONDS) for place in failed]
        return [self.name(place) for place in failed]

    def send_owed(self, now: float) -> list[str]:
        """Try again what is due; return the names of the addresses that still do not take it."""
        failed = []
        for owed in [each for each in self.owed if each.due <= now]:
            if self.try_one(owed.place, owed.message):
                self.owed.remove(owed)
                continue
            failed.append(self.name(owed.place))
            owed.wait = min(2 * owed.wait, LONGEST_SECONDS)
            owed.due = now + owed.wait
            if now - owed.since > GIVE_UP_SECONDS:
                self.owed.remove(owed)
        return failed

    def try_one(self, place: int, message: Message) -> bool:
        """Send to one address; tell whether it took the message. Takes at most a few seconds (apprise's own deadlines)."""
        import apprise  # noqa: PLC0415 - its hundred services are loaded when there is something to say

        logging.getLogger("apprise").setLevel(logging.CRITICAL)  # it would log the address
        try:
            with self.egress.in_environment():
                service = apprise.Apprise.instantiate(self.urls[place].get_secret_value())
                return service is not None and bool(service.notify(title=message.title, body=message.body))
        except Exception:  # noqa: BLE001 - a service of others; whatever it raises, this address did not take the message
            return False
