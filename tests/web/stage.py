"""A warehouse page for the tests: a state folder with orders and labels, people, and the real server on loopback."""

import hashlib
import re
import secrets
import shutil
import ssl
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any

import httpx
from sqlmodel import col, select

from supplier_agent.base.log import Log
from supplier_agent.db import state_folder
from supplier_agent.db.store import Store
from supplier_agent.db.tables import Attempt, Barcode, Call, Event, Order, Person
from supplier_agent.db.warehouse import Article
from supplier_agent.labels.barcodes import LabelCodes
from supplier_agent.labels.pdf import PdfWork
from supplier_agent.sandbox import orders
from supplier_agent.settings import Settings
from supplier_agent.web import people
from supplier_agent.web.process import PageServer
from supplier_agent.web.request import COOKIE, DEVICE_COOKIE, Device, Seal, Session, read_key
from tests.world.databases import store_at

SUPPLIER = "notio"
PIN, LEADS_PIN = "4711", "0815"
BENCH, OTHER = "Bench 1", "Bench 2"
STATIONS = ({"name": BENCH, "page": "100x150"}, {"name": OTHER})
SUPPLIERS = {SUPPLIER: {"token": "t"}, "asir-group": {"token": "t"}}
SALT = b"0" * people.SALT_BYTES


@dataclass
class MovableClock:
    """The machine's time, which a test may move on, or hold where it is."""

    ahead: timedelta = timedelta(0)
    held: datetime | None = None  # None: it runs

    def now(self) -> datetime:
        return (self.held or datetime.now(UTC)) + self.ahead

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead.total_seconds()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


@dataclass
class Stage:
    """One installation whose agent is asleep: what the page does is all that happens."""

    settings: Settings
    store: Store
    clock: MovableClock
    url: str = ""
    heard: list[tuple[str, dict[str, object]]] = field(default_factory=list)
    server: PageServer | None = None

    def start(self) -> None:
        log = Log(None, lambda event, facts: self.heard.append((event, facts)))
        self.server = PageServer(self.settings, self.clock, log)
        self.server.must_serve()
        self.url = self.server.url

    def stop(self) -> None:
        if self.server is not None:
            self.server.stop()
            self.server = None

    # -- what there is ------------------------------------------------------------------------------------------------

    def order(
        self,
        menzzo_order_id: str,
        *,
        label: bool | bytes = True,
        codes: Mapping[str, int | None] | None = None,
        **facts: Any,  # noqa: ANN401 - any column
    ) -> int:
        """Add an order, ready to leave unless told otherwise; return its row id.

        label: its file, or whether it has one. codes: what was read on it, with the page of each (None: several).
        """
        increment_id, _, last = menzzo_order_id.rpartition("_")
        now = self.clock.now()
        known: dict[str, Any] = {
            "supplier": SUPPLIER,
            "menzzo_order_id": menzzo_order_id,
            "increment_id": increment_id,
            "sale_product_id": last,
            "sku": "CHAIR-SCANDI-X4-OAK",
            "quantity": 1,
            "price_cents": 8950,
            "carrier": "GEODIS",
            "order_date": date(2026, 11, 20),
            "first_seen_at": now,
            "acknowledged_at": now,
        } | facts
        order = Order(**known)
        if label:
            self.give_label(order, label if isinstance(label, bytes) else None)
        if codes is not None:
            order.label_read_sha256 = order.label_sha256
            order.label_pages = order.label_pages or max((page or 1 for page in codes.values()), default=1)
        with self.store.write() as tx:
            tx.add(order)
            tx.flush()
            row, sha256 = order.id or 0, order.label_sha256 or ""
            for code, page in (codes or {}).items():
                tx.add(Barcode(order_id=row, code=code, label_sha256=sha256, page=page))
            return row

    def article(self, sku: str, name: str = "", bin: str = "", cartons: int | None = None) -> None:  # noqa: A002 - its column
        """Add an article, as from a file."""
        with self.store.write() as tx:
            known: dict[str, Any] = {"name": name or None, "bin": bin or None, "cartons": cartons}
            tx.merge(Article(supplier=SUPPLIER, sku=sku, imported_at=self.clock.now(), **known))

    def give_label(self, order: Order, content: bytes | None = None, *, of: str = "", carrier: str = "GEODIS") -> None:
        """Store the label of an order: this file, or one drawn for `of`; for the order itself unless told otherwise."""
        content = content or orders.draw(of or order.menzzo_order_id, "SKU", order.quantity or 1, carrier)
        order.label_path = f"labels/{order.supplier}/{order.menzzo_order_id}.pdf"
        path = self.settings.state_dir / order.label_path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        order.label_sha256, order.label_bytes = hashlib.sha256(content).hexdigest(), len(content)

    def replace_label(self, row: int, of: str, carrier: str = "GEODIS") -> None:
        """Give an order the label of another one."""
        with self.store.write() as tx:
            self.give_label(tx.get_one(Order, row), of=of, carrier=carrier)

    def read_labels(self) -> int:
        """Read the new labels, as the page's process does; return how many."""
        work = PdfWork(self.clock, seconds=60)  # a machine that does ten other things is slow
        reader = LabelCodes(
            self.settings.state_dir, work, Log(None, lambda event, facts: self.heard.append((event, facts)))
        )
        try:
            return reader.catch_up(lambda: False)
        finally:
            reader.close()

    def call(self, row: int, state: str, kind: str = "ship", detail: str = "") -> None:
        with self.store.write() as tx:
            now = self.clock.now()
            tx.add(Call(order_id=row, supplier=SUPPLIER, kind=kind, state=state, owed_at=now, detail=detail or None))

    def refused(self, row: int, status: int, answer: str, kind: str = "ship") -> None:
        """Add a call that the marketplace has refused with this answer."""
        now = self.clock.now()
        with self.store.write() as tx:
            call = Call(
                order_id=row, supplier=SUPPLIER, kind=kind, state="parked", owed_at=now, attempts=1, detail=answer
            )
            tx.add(call)
            tx.flush()
            ended: dict[str, Any] = {"started_at": now, "ended_at": now, "outcome": "refused"}
            tx.add(Attempt(call_id=call.id or 0, number=1, http_status=status, detail=answer, **ended))

    def person(self, name: str, role: str = "packer", pin: str = PIN) -> None:
        with self.store.write() as tx:
            people.add(tx, name, role, pin, SALT, self.clock.now())

    # -- what became of it --------------------------------------------------------------------------------------------

    def facts(self, row: int) -> Order:
        with self.store.read() as tx:
            return tx.get_one(Order, row)

    def history(self, row: int) -> list[Event]:
        with self.store.read() as tx:
            return list(tx.exec(select(Event).where(Event.order_id == row).order_by(col(Event.id))))


@dataclass
class Browser:
    """Somebody with a browser that knows no JavaScript: it keeps cookies, follows redirects and sends forms as they stand."""

    url: str
    client: httpx.Client
    html: str = ""
    status: int = 0

    def get(self, path: str) -> str:
        return self._took(self.client.get(path))

    def post(self, path: str, **fields: str | list[str]) -> str:
        form = {"token": self.token(), "key": secrets.token_hex(16)} | fields
        return self._took(self.client.post(path, data=form, headers={"Origin": self.url}))

    def token(self) -> str:
        found = re.search(r'name="token" value="([0-9a-f]*)"', self.html)
        return found[1] if found else ""

    def _took(self, answer: httpx.Response) -> str:
        self.status = answer.status_code
        if answer.headers.get("content-type", "").startswith("text/html"):
            self.html = answer.text
        return self.html

    def nothing(self) -> None:
        """Do nothing."""

    def sign_in(self, name: str, station: str = BENCH, pin: str = PIN) -> "Browser":
        self.get("/sign-in")
        self.post("/sign-in", name=name, station=station, pin=pin)
        return self

    def scan(self, code: str, **fields: str) -> "Browser":
        self.post("/scan", code=code, **fields)
        return self

    def act(self, act: str, row: int, **fields: str) -> "Browser":
        self.post("/act", act=act, row=str(row), **fields)
        return self

    @property
    def sign(self) -> str:
        """The colour of the answer on the screen; "" without one."""
        found = re.search(r'data-sign="(\w+)"', self.html)
        return found[1] if found else ""

    @property
    def said(self) -> str:
        """The text of the page, tags and blanks put away."""
        return " ".join(unescape(re.sub(r"<[^>]*>", " ", self.html)).split())


@contextmanager
def staged(
    folder: Path,
    undo_seconds: float = 120,
    pristine: Path | None = None,
    suppliers: Mapping[str, Any] = SUPPLIERS,
    hooks: Sequence[Mapping[str, Any]] = (),
    **web: Any,  # noqa: ANN401 - any key of [web]
) -> Iterator[Stage]:
    """Yield a page on a fresh state. `pristine`: a database with Anna and Lea in it, which saves making one."""
    settings = Settings(
        state_dir=folder / "state",
        ship={"undo_seconds": undo_seconds},
        web={"listen": "127.0.0.1:0", "stations": STATIONS} | web,
        suppliers=suppliers,
        hooks=hooks,
    )
    state_folder.prepare(settings.state_dir)
    database = settings.state_dir / state_folder.DATABASE
    if pristine is not None:
        shutil.copyfile(pristine, database)
    store = store_at(database)
    stage = Stage(settings, store, MovableClock())
    if pristine is None:
        stage.person("Anna")
        stage.person("Lea", "lead", LEADS_PIN)
    stage.start()
    try:
        yield stage
    finally:
        stage.stop()
        store.close()


NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For a client of http:// alone: the usual one reads the certificates of the system, which takes longer than a page."""


@contextmanager
def browsing(url: str) -> Iterator[Browser]:
    """Yield a browser without JavaScript."""
    with httpx.Client(base_url=url, follow_redirects=True, timeout=20, verify=NO_TLS) as client:
        yield Browser(url, client)


@contextmanager
def browsing_as(stage: Stage, name: str) -> Iterator[Browser]:
    """Yield a browser with the cookies of an earlier sign-in: to check a PIN takes longer than most tests."""
    seal = Seal(read_key(stage.settings.state_dir), stage.settings.web.session_hours)
    with stage.store.read() as tx:
        session = Session(name, BENCH, people.mark(tx.get_one(Person, name)), secrets.token_hex(16), "")
    with browsing(stage.url) as browser:
        host = browser.client.base_url.host
        browser.client.cookies.set(COOKIE, seal.sign(session), host)
        browser.client.cookies.set(DEVICE_COOKIE, seal.sign(Device(station=BENCH)), host)
        browser.get("/")
        yield browser
