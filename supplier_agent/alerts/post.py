"""Messages and their delivery: short texts for a phone, each problem with the command that fixes it, sent by apprise.

An address may contain a password, so people see only its position in the list and its kind. An address that does not accept a
message is not tried for a while, longer each time; it gets the messages later. It does not delay other addresses.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import SecretStr
from sqlmodel import Session

from supplier_agent.alerts.decide import Decision, Fact, Key, Recipient, key_of
from supplier_agent.db.plain_sql import text, within
from supplier_agent.db.tables import Alert
from supplier_agent.order import STAGES
from supplier_agent.reading import coverage
from supplier_agent.reports import status
from supplier_agent.settings import Settings
from supplier_agent.settings.egress import DIRECT, Egress
from supplier_agent.verdict import ProblemCode, Severity
from supplier_agent.verdict.codes import severity_of
from supplier_agent.verdict.letters import Letter
from supplier_agent.verdict.supplier import owner_of
from supplier_agent.words import Words, say
from supplier_agent.words.formats import and_more
from supplier_agent.words.letters import letter as letter_text

FIRST_SECONDS, LONGEST_SECONDS = 60.0, 3600.0
GIVE_UP_SECONDS = 86_400.0
OPEN = tuple(stage for stage in STAGES if stage not in {"shipped", "closed"})
MOST_PROBLEMS = 10
KINDS = {Severity.URGENT: "failure", Severity.WARNING: "warning", Severity.INFO: "info"}
"""The types of apprise; a chat shows them in colours."""
SOLVED = "success"


# Messages


@dataclass(frozen=True)
class Message:
    """A title and lines of plain text. kind: failure, warning, info or success, as in apprise."""

    title: str
    body: str
    kind: str = "info"


@dataclass(frozen=True)
class Check:
    """One check of the state, for all messages about it. `where`: the machine's name, for people with several."""

    settings: Settings
    facts: Sequence[Fact]
    now: datetime
    where: str

    @property
    def words(self) -> Words:
        """The sentences in the warehouse's language."""
        return words_of(self.settings)

    @property
    def counts(self) -> dict[Key, int]:
        """About how many orders each fact concerns."""
        return {fact.key: fact.count for fact in self.facts}


def words_of(settings: Settings) -> Words:
    """Return the sentences in the warehouse's language and time zone."""
    return Words(settings.web.language, settings.timezone)


def about(fact: Fact, words: Words) -> tuple[str, str]:
    """Return the problem and its fix ("" if there is none). Several orders are combined under the title of their problem."""
    first = fact.problems[0]
    if len(fact.problems) == 1 and fact.code is not ProblemCode.AGENT_HUNG:
        what = words.problem(first)
        return (f"{first.order}: {what}" if first.order else what), words.fix(first)
    title = words.say(f"title.{fact.code}")
    orders = [problem.order for problem in fact.problems if problem.order]
    if not orders:
        return title, words.fix(
            first
        )  # the age of a hanging agent's heartbeat changes with each check, which is not news
    return words.say("alert.several", title=title, orders=and_more(orders)), words.say("alert.all")


def changed(decision: Decision, check: Check) -> Message:
    """Return the message about new and solved problems."""
    bad, good, words = decision.bad, decision.good, check.words
    facts = {fact.key: fact for fact in check.facts}
    urgent = sum(severity_of(row.cause) is Severity.URGENT for row in bad)
    said = words.say("alert.began.one" if len(bad) == 1 else "alert.began.many", number=len(bad)) if bad else ""
    if urgent:
        said = words.say("alert.urgent", said=said, number=urgent)
    over = words.say("alert.over", number=len(good)) if bad else words.say("alert.well")
    said = ", ".join(filter(None, (said, over if good else "")))
    lines = [line for row in bad for line in _began(row, facts.get(key_of(row)), words)]
    lines += [words.say("alert.line.solved", what=_with_supplier(row, _title(row, words))) for row in good]
    kind = KINDS[severity_of(bad[0].cause)] if bad else SOLVED
    return Message(words.say("alert.title", where=check.where, said=said), _with_zone(lines, words), kind)


def _began(row: Alert, fact: Fact | None, words: Words) -> list[str]:
    what, _, fix = row.text.partition("\n")
    if fact is not None:
        what, fix = about(fact, words)
    line = words.say(f"alert.line.{severity_of(row.cause)}", what=_with_supplier(row, what))
    return [line, f"    {fix}"] if fix else [line]


def _title(row: Alert, words: Words) -> str:
    """Return the title of a solved problem. For an unknown code of an earlier version, return its stored text."""
    return words.say(f"title.{row.cause}") if row.cause in set(ProblemCode) else row.text.partition("\n")[0]


def _with_supplier(row: Alert, what: str) -> str:
    return f"{row.supplier}: {what}" if row.supplier else what


def _with_zone(lines: Sequence[str], words: Words) -> str:
    return "\n".join((*lines, words.say("alert.zone", zone=words.zone)))


def report(
    tx: Session, check: Check, since: datetime, supplier: str | None = None, most: int = MOST_PROBLEMS
) -> Message:
    """Return the daily report: what was received, acknowledged and shipped since then, what is open, and the problems.

    supplier: only this one; None: all suppliers and the installation. most: the maximum number of problem lines.
    """
    words = check.words
    lines = [_of_supplier(tx, check, name, since) for name in check.settings.suppliers if supplier in {None, name}]
    mine = [fact for fact in check.facts if supplier in {None, owner_of(fact.supplier or "")}]
    number = sum(len(fact.problems) for fact in mine)
    size = "none" if not number else "one" if number == 1 else "many"
    lines += ["", words.say(f"report.problems.{size}", number=number)]
    for fact in mine[:most]:
        what, _ = about(fact, words)
        lines.append(f"- {fact.supplier}: {what}" if fact.supplier else f"- {what}")
    if len(mine) > most:
        lines.append(words.say("report.more", number=len(mine) - most))
    day = check.now.astimezone(check.settings.timezone).date()
    return Message(words.say("report.title", where=check.where, day=day), _with_zone(lines, words))


def _of_supplier(tx: Session, check: Check, name: str, since: datetime) -> str:
    look, words = within(tx), check.words
    counted = look.first(
        """
        SELECT sum(first_seen_at >= ?2) AS came, sum(acknowledged_at >= ?2) AS acknowledged,
               sum(ship_confirmed_at >= ?2) AS shipped,
               sum(ship_confirmed_at >= ?2 AND coalesce(ship_evidence, '') <> 'confirmed') AS without_a_yes
          FROM orders WHERE supplier = ?1
        """,
        name, text(since),
    )  # fmt: skip
    stages = status.counts(look, name)
    which = ", ".join(f"{stages[stage]} {words.say(f'stage.{stage}')}" for stage in OPEN if stages.get(stage))
    gaps = len(coverage.gaps(tx, check.settings, name, check.now))
    unclear = counted.without_a_yes or 0
    return words.say(
        "report.supplier",
        supplier=name,
        came=counted.came or 0,
        acknowledged=counted.acknowledged or 0,
        shipped=counted.shipped or 0,
        unclear=words.say("report.unclear", number=unclear) if unclear else "",
        open=sum(stages.get(stage, 0) for stage in OPEN),
        stages=f" ({which})" if which else "",
        read=words.say("report.not_read", number=gaps) if gaps else words.say("report.read"),
    )


def letter(each: Letter) -> Message:
    """Return today's message to Menzzo about a supplier, always in English."""
    title = say("menzzo.title", {"supplier": each.supplier, "number": len(each.to_ask)})
    return Message(title, letter_text(each.supplier, each.to_ask))


def trial(where: str, words: Words) -> Message:
    """Return the message of `alerts test`."""
    return Message(words.say("alert.test.title", where=where), words.say("alert.test"))


# Delivery


@dataclass
class Box:
    """One address, and the messages that it has not accepted yet, each with its time. Times are monotonic seconds."""

    recipient: Recipient
    url: SecretStr
    owed: list[tuple[Message, float]] = field(default_factory=list)
    rests_until: float = 0.0
    wait: float = FIRST_SECONDS


class Post:
    """All addresses of the configuration, and the network route to them."""

    def __init__(self, settings: Settings, egress: Egress = DIRECT) -> None:
        self.egress = egress
        self.boxes = [
            Box(Recipient(f"{key}, place {place} ({_kind(each.url)})", supplier, Severity(each.severity)), each.url)
            for key, supplier, addresses in (
                ("alerts.urls", None, settings.alerts.urls),
                *((f"suppliers.{name}.alert_urls", name, each.alert_urls) for name, each in settings.suppliers.items()),
            )
            for place, each in enumerate(addresses, 1)
        ]

        self.letters = [
            Box(Recipient(f"{key}, place {place} ({_kind(each.url)})", supplier), each.url)
            for key, supplier, addresses in (
                ("alerts.letter_urls", None, settings.alerts.letter_urls),
                *((f"suppliers.{name}.letter_urls", name, of.letter_urls) for name, of in settings.suppliers.items()),
            )
            for place, each in enumerate(addresses, 1)
        ]

    @property
    def recipients(self) -> list[Recipient]:
        """All recipients."""
        return [box.recipient for box in self.boxes]

    def has_same_addresses(self, other: "Post") -> bool:
        """Tell whether another configuration has the same addresses and the same network route."""
        mine, others = ([(box.recipient, box.url) for box in (*post.boxes, *post.letters)] for post in (self, other))
        return mine == others and self.egress == other.egress

    def send(self, box: Box, message: Message, now: float) -> bool:
        """Send to one address; tell whether it accepted the message. After a failure, it is not tried for a while."""
        if now < box.rests_until:
            return False
        if self.try_one(box, message):
            box.wait = FIRST_SECONDS
            return True
        box.rests_until = now + box.wait
        box.wait = min(2 * box.wait, LONGEST_SECONDS)
        return False

    def send_owed(self, now: float) -> None:
        """Send the waiting messages, oldest first, to addresses that may be tried. A message is dropped after a day."""
        for box in (*self.boxes, *self.letters):
            box.owed = [(message, since) for message, since in box.owed if now - since <= GIVE_UP_SECONDS]
            while box.owed and self.send(box, box.owed[0][0], now):
                del box.owed[0]

    def failing(self, now: float) -> list[str]:
        """Return the names of the addresses that failed, or have messages waiting."""
        return [box.recipient.name for box in (*self.boxes, *self.letters) if now < box.rests_until or box.owed]

    def try_one(self, box: Box, message: Message) -> bool:
        """Send to one address; tell whether it accepted the message. Takes at most a few seconds (apprise's timeouts)."""
        import apprise  # noqa: PLC0415 - its hundred services are loaded when there is something to say

        logging.getLogger("apprise").setLevel(logging.CRITICAL)  # its log would contain the address
        try:
            with self.egress.in_environment():
                service = apprise.Apprise.instantiate(box.url.get_secret_value())
                kind = apprise.NotifyType(message.kind)
                return service is not None and bool(
                    service.notify(title=message.title, body=message.body, notify_type=kind)
                )
        except Exception:  # noqa: BLE001 - a service of others; whatever it raises, this address did not take the message
            return False


def _kind(url: SecretStr) -> str:
    return url.get_secret_value().partition("://")[0]
