"""The label: fetch the PDF from the order's link and store it. May be repeated; while it is not ready, with its own back-off."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from supplier_agent.calls.protocol import Ending, Job, OutwardCall, Request, Tools, Unfinished
from supplier_agent.labels import Fetched, Label, LabelFolder, NotALabel
from supplier_agent.marketplace import Means, Verdict
from supplier_agent.order import document
from supplier_agent.outbox import DONE, LATER, NOT_SENT, REFUSED, UNKNOWN, Next, Outcome, backoff
from supplier_agent.settings import Settings
from supplier_agent.suppliers.circuit_breakers import LABELS

NOT_READY = {Means.NOT_FOUND, Means.TOKEN_REFUSED, Means.UNCLEAR}
"""What a label server answers if the label is not ready or the link has expired. Whether the token works, only reads tell."""


class FetchLabel(OutwardCall[Tools]):
    """The label call; see the module."""

    LANE, PRIORITY = LABELS, 2
    BRAKES_ON_404 = False  # here, 404 means that the label is not ready yet
    ENDPOINT, REHEARSED = "label", "fetch the label of"

    def perform(self, job: Job, tools: Tools) -> Ending | Unfinished:
        """Fetch the label. Whether it is a whole PDF is checked later, because checking a crafted file may take long.

        Source: API notes, 6. Only the link is documented (9.10).
        """
        link = job.link_to_label
        if link is None:  # nothing to fetch, but a person must be asked if this lasts
            return Ending(Outcome(LATER, "the marketplace has not linked a label yet"))
        fetched = tools.marketplace.fetch_label(link)
        if isinstance(fetched, Verdict):
            return _not_fetched(fetched)
        try:
            received = tools.labels.receive(job.supplier, job.menzzo_order_id, fetched.content)
        except OSError as error:
            return _not_stored(error)
        if isinstance(received, Fetched):
            return Unfinished(partial(_check, link, tools.labels, received))
        return _stored(link, received)

    def request(self, job: Job) -> Request | None:
        """Return the link without its query, which may be signed; None: there is no link."""
        link = document(job.link_to_label)
        return None if link is None else Request("GET", link)

    def after(self, job: Job, ending: Ending, settings: Settings, now: datetime, chance: float) -> Next:
        """Return the next state: a label that is not ready is tried with growing intervals, then a person is asked."""
        retry, outcome = settings.retry, ending.outcome
        if outcome.kind == DONE:
            return Next("done")
        if outcome.kind == REFUSED:
            return Next("parked", strike=True, why=outcome.detail)
        if outcome.kind == LATER and not ending.outage:
            if (now - job.owed_at).total_seconds() >= retry.label_park_seconds:
                return Next("parked", strike=True, why=outcome.detail)
            wait = backoff(retry.label_first_seconds, retry.max_seconds, job.strikes + 1, chance)
            left = job.owed_at + timedelta(seconds=retry.label_park_seconds) - now
            return Next("owed", now + min(wait, max(left, timedelta(seconds=1))), strike=True, why=outcome.detail)
        return Next("owed", now, why=outcome.detail)

    def facts_when_rehearsed(self, job: Job, now: datetime) -> Mapping[str, object]:  # noqa: ARG002 - the same for every call
        """Return the facts of a label that nothing opens: RehearsedLabels claims that it exists."""
        return {
            "label_link": document(job.link_to_label),
            "label_path": "rehearsed",
            "label_sha256": "rehearsed",
            "label_bytes": 0,
        }


def _check(link: str, labels: LabelFolder, fetched: Fetched, fault: Callable[[Path], str | None]) -> Ending:
    """Check that it is a whole PDF, and store it."""
    try:
        label = labels.accept(fetched, fault)
    except OSError as error:
        return _not_stored(error)
    if isinstance(label, NotALabel):
        return Ending(Outcome(LATER, f"the link does not lead to a label: {label.why}", 200))
    return _stored(link, label)


def _not_stored(error: OSError) -> Ending:
    return Ending(Outcome(NOT_SENT, f"the label could not be stored: {error.strerror}"), outage=True)


def _stored(link: str, label: Label) -> Ending:
    facts = {
        "label_link": document(link),
        "label_path": label.path,
        "label_sha256": label.sha256,
        "label_bytes": label.size,
    }
    return Ending(Outcome(DONE, f"{label.size} bytes, sha256 {label.sha256}", 200, facts))


def _not_fetched(verdict: Verdict) -> Ending:
    status, detail = verdict.http_status, verdict.detail
    if verdict.means in NOT_READY:
        return Ending(Outcome(LATER, f"not ready: {detail}", status))
    if verdict.means is Means.TOO_MANY:
        return Ending(Outcome(LATER, detail, status), outage=True, quiet_seconds=verdict.retry_after_seconds)
    if verdict.means in {Means.REFUSED, Means.REDIRECTED}:  # a redirect without a target: not an outage
        return Ending(Outcome(REFUSED, detail, status))
    kind = NOT_SENT if verdict.means is Means.NOT_SENT else UNKNOWN
    return Ending(Outcome(kind, detail, status), outage=True, quiet_seconds=verdict.retry_after_seconds)


CALL = FetchLabel()
