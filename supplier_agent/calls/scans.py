"""The scan question: ask the carrier of a reported order whether it has scanned its parcels. A read, so it may be repeated.

Once a day, until each parcel was scanned, or `give_up_days` have passed. One kind of call for each carrier, because each is another
account, with its own credentials, rate and circuit breaker; the settings say which orders are whose (`names`).
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Literal, Protocol

from sqlmodel import Session, col, func, select

from supplier_agent.calls.protocol import Ending, Job, OutwardCall, Wait, ending_of
from supplier_agent.db.plain_sql import within
from supplier_agent.db.tables import Event, Order
from supplier_agent.labels.tracking import NO_CODES, codes_of, numbers_of
from supplier_agent.marketplace import Verdict
from supplier_agent.order import Rule
from supplier_agent.outbox import DONE, REFUSED, Next, Outcome
from supplier_agent.reading.scans import Asked, parcels
from supplier_agent.settings import Settings
from supplier_agent.settings.carriers import Carrier
from supplier_agent.suppliers.circuit_breakers import OTHERS

SCANNED = "scanned by the carrier"
"""Text in an order's history, once a scan of each of its parcels is known."""


class CarrierTools(Protocol):
    """What a worker uses for a call to a carrier (integrations/carriers)."""

    def last_scans(self, codes: tuple[str, ...]) -> tuple[Asked, Verdict | None]:
        """Return the last scan of each code; and, if not all were answered, the verdict on the answer that failed."""


class ScanCall(OutwardCall[CarrierTools]):
    """The question to one carrier; see the module."""

    LANE, PRIORITY = OTHERS, 9
    DRY: Literal["print", "make", "skip"] = "skip"
    ENDPOINT, REHEARSED = "last-scan", "ask the carrier about the parcels of"

    def __init__(self, carrier: str, name: str) -> None:
        """Make it. carrier: the kind of the account. name: what people call the carrier."""
        self.ACCOUNT = carrier
        kind = f"scan_{carrier}"
        self.WORDS: Mapping[str, str] = MappingProxyType({f"kind.{kind}": "scan", f"receiver.{kind}": name})

    def is_for(self, settings: Settings, supplier: str) -> bool:
        """Tell whether the supplier asks this carrier."""
        return settings.carrier_of(supplier, self.ACCOUNT) is not None

    def narrowed(self, rule: Rule, settings: Settings, supplier: str) -> Rule:
        """Return the rule for the orders of this carrier, until it is given up."""
        keys = settings.carrier_of(supplier, self.ACCOUNT)
        if keys is None:
            return rule

        def when(order: Order) -> bool:
            is_its = settings.carrier_for(supplier, order.carrier) == self.ACCOUNT
            return is_its and rule.when(order) and not _is_given_up(order, keys)

        return replace(rule, when=when)

    def due_at(self, order: Order, settings: Settings) -> datetime:
        """Return when to ask: a day after shipping, then each day, and as soon as a missing scan would be a problem."""
        reported = order.ship_confirmed_at or order.first_seen_at
        keys = settings.carrier_of(order.supplier, self.ACCOUNT)
        if keys is None:
            return reported
        since = order.scan_asked_at or reported
        tomorrow = since + timedelta(seconds=keys.again_seconds)
        late = reported + timedelta(hours=keys.never_scanned_hours)
        return min(tomorrow, late) if since < late else tomorrow

    def delay(self, settings: Settings) -> timedelta:
        """Return the longest time between two questions."""
        every = [each for supplier in settings.suppliers.values() for each in supplier.carriers.values()]
        return timedelta(seconds=max((each.again_seconds for each in every), default=0))

    def longest_wait(self, settings: Settings, cache_seconds: float) -> timedelta:
        """Return the time between two questions, or until the quota is renewed, if that is longer than any back-off."""
        return max(self.delay(settings), timedelta(days=1), self.longest_backoff(settings, cache_seconds))

    def wait(self, tx: Session, order: Order, settings: Settings, now: datetime) -> Wait | None:
        """Return that the order has no code to ask about, or that the codes of this day are used up."""
        keys = settings.carrier_of(order.supplier, self.ACCOUNT)
        numbers = _numbers(tx, order, self.ACCOUNT)
        if keys is None:
            return None
        if not numbers:
            until = now + timedelta(seconds=keys.again_seconds)
            ends = (order.ship_confirmed_at or now) + timedelta(days=keys.give_up_days)
            return Wait(until if until < ends else None, "no tracking number of this carrier is known")
        from supplier_agent.db.carriers import ParcelScan  # noqa: PLC0415 - not defined while no carrier is asked

        begin = now.replace(hour=0, minute=0, second=0, microsecond=0)
        of_today = select(func.count()).where(ParcelScan.supplier == order.supplier, ParcelScan.carrier == self.ACCOUNT)
        asked: int = tx.exec(of_today.where(col(ParcelScan.asked_at) >= begin)).one()
        if asked and asked + len(_open(tx, order, numbers)) > keys.codes_per_day:
            return Wait(begin + timedelta(days=1), "codes_per_day is used up")
        return None

    def load(self, tx: Session, order: Order) -> Mapping[str, object]:
        """Return the codes that no scan is known of, each with its page."""
        return {"codes": _open(tx, order, _numbers(tx, order, self.ACCOUNT))}

    def perform(self, job: Job, tools: CarrierTools) -> Ending:
        """Ask. That the carrier does not know a code is an answer: it was never scanned."""
        codes = job.facts["codes"]
        assert isinstance(codes, dict)  # noqa: S101 - see `load`
        asked, failed = tools.last_scans(tuple(codes))
        if failed is not None:
            return replace(ending_of(failed), found=asked)
        scanned = sum(each.is_scanned for each in asked.scans)
        return Ending(Outcome(DONE, f"scanned: {scanned} of {len(asked.scans)}", 200), found=asked)

    def after(self, job: Job, ending: Ending, settings: Settings, now: datetime, chance: float) -> Next:
        """Return the next state. A refusal is no matter for a person: it is asked again the next day.

        A 404 that is not the documented one for an unknown code is such a refusal. Many of them in a row pause the account, as for
        the marketplace: the address may be wrong.
        """
        if ending.outcome.kind == REFUSED and ending.redirected_to is None:
            return Next("done", why=ending.outcome.detail)
        return super().after(job, ending, settings, now, chance)

    def keep(self, tx: Session, job: Job, ending: Ending, settings: Settings, now: datetime) -> bool:  # noqa: ARG002 - as in OutwardCall
        """Store the answers, also those that came before another one failed, and what they mean for the order."""
        from supplier_agent.db.carriers import ParcelScan  # noqa: PLC0415 - as above

        order = tx.get(Order, job.order_id)
        asked = ending.found if isinstance(ending.found, Asked) else Asked(whole=False)
        if order is None or order.id is None:
            return False
        pages = job.facts["codes"]
        assert isinstance(pages, dict)  # noqa: S101 - see `load`
        for each in asked.scans:
            tx.merge(
                ParcelScan(
                    order_id=order.id,
                    code=each.code,
                    supplier=job.supplier,
                    carrier=self.ACCOUNT,
                    page=pages.get(each.code),
                    asked_at=now,
                    found=int(each.is_known),
                    scanned_at=(each.at or now) if each.is_scanned else None,
                    event=each.event,
                )
            )
        if ending.outcome.kind not in {DONE, REFUSED}:
            return False
        order.scan_asked_at, order.planned_at = now, None
        if asked.whole:
            _sum_up(tx, order, self.ACCOUNT, now)
        tx.add(order)
        return True


def _is_given_up(order: Order, keys: Carrier) -> bool:
    reported, asked_at = order.ship_confirmed_at, order.scan_asked_at
    return reported is not None and asked_at is not None and asked_at >= reported + timedelta(days=keys.give_up_days)


def _numbers(tx: Session, order: Order, carrier: str) -> dict[str, int | None]:
    own = {order.menzzo_order_id, order.increment_id, order.sale_product_id, order.sku or ""}
    codes = codes_of(within(tx), [order.id or 0]).get(order.id or 0, NO_CODES)
    return numbers_of(carrier, codes, own)


def _open(tx: Session, order: Order, numbers: Mapping[str, int | None]) -> dict[str, int | None]:
    """Return those of the numbers that no scan is known of; the others of their page need not be asked about either."""
    from supplier_agent.db.carriers import ParcelScan  # noqa: PLC0415 - as above

    known = select(ParcelScan.code).where(ParcelScan.order_id == order.id, col(ParcelScan.scanned_at).is_not(None))
    scanned = set(tx.exec(known))
    pages = {numbers[code] for code in scanned & numbers.keys()} - {None}
    return {code: page for code, page in numbers.items() if code not in scanned and page not in pages}


def _sum_up(tx: Session, order: Order, carrier: str, now: datetime) -> None:
    """Store how many parcels there are, and of how many no scan is known. Only the codes of the present label count."""
    from supplier_agent.db.carriers import OrderScan, ParcelScan  # noqa: PLC0415 - as above

    tx.flush()
    numbers = _numbers(tx, order, carrier)
    rows = tx.exec(select(ParcelScan).where(ParcelScan.order_id == order.id)).all()
    scanned = {row.code for row in rows if row.scanned_at is not None}
    total, missing = parcels((code, page, code in scanned) for code, page in numbers.items())
    row = tx.get(OrderScan, order.id) or OrderScan(
        order_id=order.id or 0, carrier=carrier, answered_at=now, parcels=total, unscanned=missing
    )
    row.carrier, row.answered_at, row.parcels, row.unscanned = carrier, now, total, missing
    tx.add(row)
    if total and not missing:
        order.scanned_at = now
        tx.add(Event(order_id=order.id or 0, at=now, who="carrier", what=SCANNED, detail=f"{total}/{total}"))
