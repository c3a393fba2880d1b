"""`marketplace probe`: some reads that a person asks for, to find out at once what else may take weeks. Nothing is changed by them.

The agent must not run meanwhile, because two processes would exceed the rate. Each request is recorded, so the agent does not ask
the same from the cache.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session

from supplier_agent.base.clock import Clock
from supplier_agent.base.errors import UsageError
from supplier_agent.db.plain_sql import within
from supplier_agent.db.store import Store
from supplier_agent.learning import Question, feed
from supplier_agent.learning.estimates import estimates_of
from supplier_agent.learning.numbers import made_afresh
from supplier_agent.learning.observing import Known, after_all, after_run
from supplier_agent.learning.probing import LEAST, Ask, Days, groups, lists
from supplier_agent.learning.questions import Evidence, Observation
from supplier_agent.learning.written import save
from supplier_agent.marketplace import Listing, Means, Seen, Verdict
from supplier_agent.marketplace.client import Marketplace
from supplier_agent.marketplace.links import Target, allowed
from supplier_agent.marketplace.rate_limit import Pace
from supplier_agent.marketplace.wire import Answer, Wire
from supplier_agent.settings import Settings, egress
from supplier_agent.suppliers import snapshot
from supplier_agent.suppliers.read_log import asked, newer_than, newest, read_done, write

DAY = timedelta(days=1)
REFUSED = frozenset({401, 403})
MOST_STEPS = 10_000


@dataclass(frozen=True)
class Probed:
    """One request. answer: the HTTP status, or how it failed. listed: the orders of its list; None: it is no list."""

    request: str
    why: str
    answer: str
    listed: int | None


class Prober:
    """The probe of one supplier. tell: is called before each request, with it and the code of its reason."""

    def __init__(
        self,
        settings: Settings,
        name: str,
        token: str,
        clock: Clock,
        store: Store,
        tell: Callable[[str, str], None],
        wire: Wire | None = None,
    ) -> None:
        self._settings, self._name, self._clock, self._store, self._tell = settings, name, clock, store, tell
        self._account = Marketplace(
            supplier=name,
            base_url=settings.base_url,
            token=lambda: token,
            wire=wire or Wire(clock, settings.http.timeout_seconds, egress=egress.of(settings)),
            pace=Pace(clock, settings.requests_per_second),
            max_label_bytes=settings.http.max_label_bytes,
            label_origins=settings.http.label_origins,
            clock=clock,
            stopping=lambda: True,  # one request, no retry
        )
        self.done: list[Probed] = []

    def run(self) -> list[tuple[Question, Evidence]]:
        """Make the requests, and return what they showed. Raises UsageError if the supplier may not be read now."""
        now, name, settings = self._clock.now(), self._name, self._settings
        with self._store.read() as tx:
            self._may_read(tx, now)
            lately = asked(tx, name, now, DAY.total_seconds())
        self._learn_the_rest(now)
        with self._store.read() as tx:
            before = estimates_of(tx, name)
        known, today = before, now.astimezone(settings.timezone).date()
        days, sweep_days = Days(today, lately), settings.schedule.sweep_days
        ids: tuple[str, ...] = ()
        answers: list[Listing] = []
        for ask in lists(days, sweep_days):
            known, answers = self._group([ask], known)
            ids = tuple(row.menzzo_order_id for row in answers[0].rows if isinstance(row, Seen)) if answers else ()
            if len(ids) >= LEAST or not answers:
                break
        if answers:
            for group in groups(days, ids, ask):
                known, answers = self._group(group, known)
                if not answers and any(each.answer == Means.TOKEN_REFUSED for each in self.done):
                    break
            known = self._label(known)
        with self._store.write() as tx:
            save(tx, name, (each for question, each in known.items() if each != before[question]))
            feed.skip(tx, name, self._clock.now())
        return [
            (question, piece)
            for question, each in known.items()
            for piece in each.evidence
            if piece not in before[question].evidence
        ]

    def _may_read(self, tx: Session, now: datetime) -> None:
        seen = snapshot.look(tx, self._name)
        if seen.supplier.paused_at is not None:
            raise UsageError(f"{self._name} is paused", f"supplier-agent resume {self._name}")
        until = seen.not_before(now)
        if until > now:
            raise UsageError(f"{self._name} may not be read before {until:%Y-%m-%d %H:%M} UTC", "try again then")

    def _learn_the_rest(self, now: datetime) -> None:
        """Learn first from what the agent has left, because `run` goes on behind it."""
        for _ in range(MOST_STEPS):
            with self._store.write() as tx:
                if not feed.step(tx, self._name, self._settings, now, ()):
                    return

    def _group(self, group: Sequence[Ask], known: Known) -> tuple[Known, list[Listing]]:
        """Make some requests, and look at them like a run. Return the lists among the answers."""
        name, stored, lists_of = self._name, dict[int, list[tuple[str, str]]](), list[Listing]()
        with self._store.read() as tx:
            last = newest(tx)
        for ask in group:
            answer = self._ask(ask)
            if isinstance(answer, Listing):
                lists_of.append(answer)
        with self._store.read() as tx:
            rows = [row for row in newer_than(tx, last) if row.supplier == name]
            listed_rows = [row.id for row in rows if row.outcome == "listed" and row.id is not None]
            for row_id, listing in zip(listed_rows, lists_of, strict=True):
                stored[row_id] = [_entry(row, listing.sha256, place) for place, row in enumerate(listing.rows)]
            life = made_afresh(known[Question.CACHE_SECONDS])
            listed = feed.listed_of(tx, name, self._settings, None, rows, life, stored)
        return after_run(known, listed, self._settings.timezone, self._once), lists_of

    @property
    def _once(self) -> str:
        """The key under which each question counts a probe: one observation a day."""
        return f"probe {self._clock.now():%Y-%m-%d}"

    def _ask(self, ask: Ask) -> Listing | Verdict:
        self._tell(str(ask.query), ask.why)
        started_at = self._clock.now()
        answer = self._account.get_sales(ask.query)
        with self._store.write() as tx:
            write(tx, self._name, read_done(ask.query, answer, started_at, self._clock.now()), None)
        if isinstance(answer, Listing):
            self.done.append(Probed(str(ask.query), ask.why, str(answer.http_status), len(answer.rows)))
        else:
            self.done.append(Probed(str(ask.query), ask.why, str(answer.http_status or answer.means), None))
        return answer

    def _label(self, known: Known) -> Known:
        """Ask for a label that was fetched before, without the token."""
        with self._store.read() as tx:
            found = next(self._labels(tx), None)
        if found is None:
            return known
        row, target = found
        self._tell(f"label of {row.menzzo_order_id}", "label")
        reply = self._account.wire.exchange_in_turn(
            "GET",
            target.url,
            headers={},
            limit_bytes=self._settings.http.max_label_bytes,
            wait_turn=self._account.pace.wait_turn,
            heard=lambda _seconds: None,
        )
        status = reply.status if isinstance(reply, Answer) else None
        answer = None
        if isinstance(reply, Answer):
            is_label = reply.status == 200 and reply.body.lstrip().startswith(b"%PDF-")  # noqa: PLR2004 - HTTP
            answer = "not_needed" if is_label else "needed" if reply.status in REFUSED else None
        self.done.append(Probed(f"label of {row.menzzo_order_id}", "label", str(status or "no answer"), None))
        if answer is None:
            return known
        seen = Observation(Question.LABEL_TOKEN, answer, self._clock.now(), ("orders", row.id), self._once)
        return after_all(known, [seen])

    def _labels(self, tx: Session) -> Iterator[tuple[Any, Target]]:
        """Yield the newest orders whose label came from the marketplace's own server, to which the token was sent."""
        rows = within(tx).rows(
            "SELECT id, menzzo_order_id, link_to_label FROM orders WHERE supplier = ? AND label_path IS NOT NULL"
            " AND link_to_label IS NOT NULL ORDER BY id DESC LIMIT 5",
            self._name,
        )
        for row in rows:
            target = allowed(row.link_to_label, self._settings.base_url, self._settings.http.label_origins)
            if isinstance(target, Target) and target.with_token:
                yield row, target


def _entry(row: Any, sha256: str, place: int) -> tuple[str, str]:  # noqa: ANN401 - Seen or Rejected
    return (row.menzzo_order_id, "") if isinstance(row, Seen) else ("", f"{sha256[:16]}.{place}")


def as_json(probed: Probed) -> Mapping[str, object]:
    """Return a request as in the JSON of `marketplace probe`."""
    return {"request": probed.request, "why": probed.why, "answer": probed.answer, "listed": probed.listed}
