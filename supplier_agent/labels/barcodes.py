"""From a code on a box to its order: the carriers' barcodes are read from new labels, and `find` looks up what was scanned.

The text of a label is read with them, and compared with its order (text.py). The reading runs in the page's process, which has a
lower priority than the agent, on its own connection. Without a page, nobody scans, and nothing is read. A label that cannot be
read does not delay its order. A scan is looked up by id, last part, customer's order, product or such a barcode, with indexed
reads only; every match counts: the same code on two orders names both.
"""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from sqlalchemy import ColumnElement, text
from sqlmodel import Session, col, delete, func, select, update

from supplier_agent.base.errors import AgentError
from supplier_agent.base.log import Log
from supplier_agent.db import state_folder
from supplier_agent.db.plain_sql import within
from supplier_agent.db.store import Store, open_store
from supplier_agent.db.tables import UNREAD, Barcode, Order
from supplier_agent.db.warehouse import LabelFacts
from supplier_agent.labels import parcels
from supplier_agent.labels import text as label_text
from supplier_agent.labels.pdf import Done, Failed, PdfWork
from supplier_agent.labels.scan import MOST, Match, Meaning, Way
from supplier_agent.labels.typed import Reading, Scan, alias
from supplier_agent.verdict import Verdict

LOOK_SECONDS = 1.0
"""How often new labels are looked for. The query reads an index that is nearly always empty."""
IDLE_LOOKS = 60
"""After this many looks without a new label, the reading process is ended: it takes 40 MB, and 0.2 s to start."""
BATCH = 20
"""Labels read between two transactions."""
STOP_SECONDS = 5.0


@dataclass(frozen=True)
class Unread:
    """A label that was not read yet."""

    order: int  # orders.id
    menzzo_order_id: str
    path: str
    sha256: str


def unread(tx: Session, after: str = "", most: int = BATCH) -> list[Unread]:
    """Return the next labels of open orders that were not read, by hash, which is the order of their index."""
    query = select(Order.id, Order.menzzo_order_id, Order.label_path, Order.label_sha256).where(text(UNREAD))
    rows = tx.exec(query.where(col(Order.label_sha256) > after).order_by(col(Order.label_sha256)).limit(most)).all()
    return [Unread(order or 0, name, path or "", sha256 or "") for order, name, path, sha256 in rows]


@dataclass(frozen=True)
class Content:
    """What was read from a label. The text names the customer: it is compared with the order, and forgotten.

    codes: each with its page; None: it is on several.
    """

    pages: int = 0  # 0: it cannot be read
    codes: Sequence[tuple[str, int | None]] = ()
    text: str = field(default="", repr=False)


def keep(tx: Session, order: int, sha256: str, found: Content, facts: LabelFacts | None = None) -> bool:
    """Record what a label has in place of an older label's; False if the label has changed meanwhile."""
    current = update(Order).where(col(Order.id) == order, col(Order.label_sha256) == sha256)
    # How many pages an older label had is still the best that is known, if this one cannot be read.
    pages = found.pages or func.coalesce(Order.label_pages, 0)
    if tx.exec(current.values(label_read_sha256=sha256, label_pages=pages)).rowcount != 1:
        return False
    tx.exec(delete(Barcode).where(col(Barcode.order_id) == order))
    tx.exec(delete(LabelFacts).where(col(LabelFacts.order_id) == order))
    names: dict[str, int | None] = {}
    for code, page in found.codes:
        if name := alias(code):
            names[name] = page if names.get(name, page) == page else None
    tx.add_all(Barcode(order_id=order, code=name, label_sha256=sha256, page=page) for name, page in names.items())
    if facts is not None:
        tx.add(facts)
    return True


class LabelCodes:
    """Reads new labels from `start` until `close`, which also ends its process."""

    def __init__(self, state_dir: Path, work: PdfWork, log: Log) -> None:
        self._state_dir, self._work, self._log = state_dir, work, log
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="barcodes", daemon=True)
        # Labels whose file does not match the database: not read again each time.
        self._passed_over: dict[int, tuple[str, int]] = {}
        self._store: Store | None = None  # None: not opened yet, or lost

    def start(self) -> Self:
        """Run until `close`, in its own thread."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Ask it to stop, and abort the present label, which is read again later."""
        self._ended.set()
        self._work.close()

    def close(self, seconds: float = STOP_SECONDS) -> None:
        """Stop, and wait at most this long for the thread."""
        self.stop()
        if self._thread.is_alive():
            self._thread.join(seconds)
        self._work.close()
        if not self._thread.is_alive():
            self._forget_store()

    def _serve(self) -> None:
        idle = 0
        while not self._ended.wait(LOOK_SECONDS):
            idle = 0 if self.catch_up(self._ended.is_set) else idle + 1
            if idle == IDLE_LOOKS:
                self._work.rest()

    def catch_up(self, stopped: Callable[[], bool]) -> int:
        """Read every new label; return how many. Errors are logged, and tried again at the next look."""
        count = 0
        try:
            store = self._opened()
            while batch := self._next(store):
                count += self._read(store, batch, stopped)
                if stopped():
                    break
        except (AgentError, OSError) as error:
            self._forget_store()
            self._log.problem("barcodes", f"the codes on labels cannot be read: {str(error).partition(chr(10))[0]}")
        else:
            self._log.solved("barcodes")
        return count

    def _opened(self) -> Store:
        self._store = self._store or open_store(self._state_dir / state_folder.DATABASE)
        self._store.must_still_be_there()
        return self._store

    def _forget_store(self) -> None:
        store, self._store = self._store, None
        if store is not None:
            store.close()

    def _next(self, store: Store) -> list[Unread]:
        after = ""
        left: list[Unread] = []
        with store.read() as tx:
            while not left and (batch := unread(tx, after)):
                after = batch[-1].sha256
                left = [label for label in batch if self._passed_over.get(label.order) != self._stamp(label)]
        return left

    def _read(self, store: Store, batch: Sequence[Unread], stopped: Callable[[], bool]) -> int:
        found: list[tuple[Unread, Content, LabelFacts | None]] = []
        for label in batch:
            if stopped():
                break
            content = self._look_at(label)
            if self._ended.is_set():  # an answer of a process that was ended cannot be trusted
                break
            if content is None:
                self._passed_over[label.order] = self._stamp(label)
            else:
                found.append((label, content, _compared(store, label, content)))
        if found:
            with store.write() as tx:
                for label, content, facts in found:
                    keep(tx, label.order, label.sha256, content, facts)
        return len(found)

    def _stamp(self, label: Unread) -> tuple[str, int]:
        """Return a value that changes when the file does."""
        try:
            return label.sha256, (self._state_dir / label.path).stat().st_mtime_ns
        except (OSError, ValueError):
            return label.sha256, 0

    def _look_at(self, label: Unread) -> Content | None:
        """Return what is on a label; None if there is no such file (the loop notices that too).

        Raises OSError if the file cannot be read or the process cannot run now; it is tried again.
        """
        codes = self._ask(label, "codes")
        if isinstance(codes, Failed):
            self._log.warning("label.codes_unread", order=label.menzzo_order_id, detail=codes.why)
            return Content()
        text = None if codes is None else self._ask(label, "text")
        if codes is None or text is None:
            return None
        if isinstance(text, Failed):
            self._log.warning("label.text_unread", order=label.menzzo_order_id, detail=text.why)
            return Content(codes["pages"], codes["codes"])
        return Content(codes["pages"], codes["codes"], text["text"])

    def _ask(self, label: Unread, task: str) -> Mapping[str, Any] | Failed | None:
        """Return what a task finds on a label; None as above."""
        try:
            answer = self._work.ask(task, path=str(self._state_dir / label.path))
        except FileNotFoundError:
            return None
        if isinstance(answer, Done):
            return answer.facts if answer.facts["sha256"] == label.sha256 else None
        if self._ended.is_set():
            return None
        if not self._work.works():
            raise AgentError("the program that reads PDFs does not start", "supplier-agent check --offline")
        return answer


def _compared(store: Store, label: Unread, content: Content) -> LabelFacts | None:
    """Return what a label says about its order; None if the order is gone."""
    with store.read() as tx:
        order = tx.get(Order, label.order)
        return (
            None if order is None else label_text.compare(within(tx), order, label.sha256, content.text, content.pages)
        )


Judge = Callable[[Sequence[int]], Mapping[int, Verdict]]
"""Return the verdicts on orders, by row id."""


def find(tx: Session, scan: Scan, judge: Judge) -> Meaning:
    """Return what a scan means. A text that names an order as it came is never corrected for another layout."""
    if scan.command is not None:
        return Meaning(command=scan.command, layout=scan.layout)
    if not scan.readings:
        return Meaning(empty=True)
    as_it_came, *repaired = scan.readings
    for readings in ((as_it_came,), repaired):
        found = _found(tx, readings)
        if found:
            first = dict(list(found.items())[:MOST])
            verdicts = judge(list(first))
            each_of = parcels.of_orders(tx, list(first))
            matches = [
                Match(row, verdicts[row], each.ways, each_of[row], each.code, each.page)
                for row, each in first.items()
                if row in verdicts
            ]
            layout = next(each.layout for each in found.values())
            return Meaning(matches=tuple(matches), layout=layout, more=len(found) > MOST)
    return Meaning()


def names_any(tx: Session, scan: Scan) -> bool:
    """Tell whether a scan names any order."""
    return any(_found(tx, (reading,)) for reading in scan.readings)


@dataclass(frozen=True)
class _Found:
    ways: frozenset[Way]
    layout: str | None  # the layout that was corrected to find it; None: none
    code: str = ""  # as Match
    page: int | None = None  # as Match


def _found(tx: Session, readings: Iterable[Reading]) -> Mapping[int, _Found]:
    found: dict[int, _Found] = {}
    for reading in readings:
        for way, row, code, page in _by_every_way(tx, _spellings(reading.text)):
            each = found.get(row, _Found(frozenset(), reading.layout))
            each = replace(each, ways=each.ways | {way})
            found[row] = replace(each, code=code, page=page) if way is Way.LABEL else each
    return found


def _spellings(text: str) -> list[str]:
    """Return variants of the text: caps lock swaps letters, and people type blanks that they see."""
    return list(dict.fromkeys((text, text.upper(), text.lower(), text.swapcase(), text.replace(" ", ""))))


def _by_every_way(tx: Session, texts: list[str]) -> Iterable[tuple[Way, int, str, int | None]]:
    """Yield the orders that one of these texts names: how, the row id, and the code and its page if it is one on the label."""
    of_its_own: Mapping[Way, ColumnElement[bool]] = {
        Way.ORDER: col(Order.menzzo_order_id).in_(texts),
        Way.LAST_PART: col(Order.sale_product_id).in_(texts),
        Way.INCREMENT: col(Order.increment_id).in_(texts),
    }
    for way, condition in of_its_own.items():
        for row in tx.exec(select(Order.id).where(condition).order_by(col(Order.id)).limit(MOST + 1)):
            yield way, row or 0, "", None
    labelled = select(Order.id, Barcode.code, Barcode.page).join(Barcode)
    labelled = labelled.where(col(Barcode.code).in_([alias(text) for text in texts]))
    labelled = labelled.where(Barcode.label_sha256 == Order.label_sha256)  # not from a replaced label
    for row, code, page in tx.exec(labelled.order_by(col(Order.id)).limit(MOST + 1)):
        yield Way.LABEL, row or 0, code, page
    of_product = select(Order.id, Order.shipped).where(
        col(Order.sku).in_(texts), col(Order.ship_confirmed_at).is_(None), col(Order.closed_reason).is_(None)
    )
    oldest_first = (col(Order.shipped), col(Order.order_date), col(Order.id))
    products = tx.exec(of_product.order_by(*oldest_first).limit(MOST + 1)).all()
    for row, _ in [each for each in products if each[1] == 0] or products:
        yield Way.SKU, row or 0, "", None
