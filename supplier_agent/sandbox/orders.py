"""One order of the marketplace, and every effect of a call on it."""

import random
import re
from dataclasses import dataclass, field
from datetime import date, datetime

from supplier_agent.sandbox import labels

WELL_FORMED_ID = re.compile(r"[0-9A-Za-z_-]+_[0-9]+")
"""The form of a menzzo_order_id; anything else is a bad request."""


def position(menzzo_order_id: str) -> tuple[int, int]:
    """Return (increment, sale product), so that 9 comes before 10; (0, 0) for an id that is not two numbers."""
    increment, _, sale_product = menzzo_order_id.rpartition("_")
    if not (menzzo_order_id.isascii() and increment.isdecimal() and sale_product.isdecimal()):
        return 0, 0
    return int(increment), int(sale_product)


@dataclass
class Order:
    """One `menzzo_order_id` of one supplier. Set `label_path` before it is added to a world."""

    supplier: str
    menzzo_order_id: str
    sku: str
    quantity: int
    price_cents: int
    carrier: str
    order_date: date
    visible_from: datetime | None = None  # None: from the start; a time: listed from then on, late
    label_ready_from: datetime | None = None  # None: from the start
    label: bytes | None = None  # None: drawn on request
    label_path: str = ""  # empty: /api/files/labels/SUPPLIER/ID.pdf
    link: str | None = None  # None: our own address of label_path
    row_json: str | None = None  # None: the row is written from these fields; else it is listed word for word
    acknowledged_at: list[datetime] = field(default_factory=list)  # one entry per applied call
    shipped_at: list[datetime] = field(default_factory=list)
    position: tuple[int, int] = field(init=False)  # its position for the cursor and the order of the list

    def __post_init__(self) -> None:
        """Derive the fields that depend on the id."""
        self.position = position(self.menzzo_order_id)
        self.label_path = self.label_path or f"/api/files/labels/{self.supplier}/{self.menzzo_order_id}.pdf"

    @property
    def increment_id(self) -> str:
        """Return the customer's order number, which several lines may share."""
        return self.menzzo_order_id.rpartition("_")[0]

    def visible(self, now: datetime) -> bool:
        """Tell whether the order is listed by then."""
        return self.visible_from is None or self.visible_from <= now

    def label_ready(self, now: datetime) -> bool:
        """Tell whether its label is available by then."""
        return self.label_ready_from is None or self.label_ready_from <= now

    def pdf(self) -> bytes:
        """Return the label's bytes, the same at every call."""
        if self.label is not None:
            return self.label
        return labels.draw(self.menzzo_order_id, self.sku, self.quantity, self.carrier)


# -- Invented orders like those of a furniture marketplace: articles, carriers, prices, increasing numbers.

_ARTICLES = (  # sku without colour, lowest and highest wholesale price in euros
    ("SOFA-OSLO-3P", 280, 620),
    ("SOFA-MILO-CORNER", 450, 990),
    ("ARMCHAIR-NINA", 90, 240),
    ("CHAIR-SCANDI-X4", 80, 190),
    ("BED-VERONA-160", 180, 420),
    ("BED-KIDS-90", 95, 210),
    ("TABLE-LOFT-180", 140, 390),
    ("COFFEE-TABLE-ORBI", 55, 160),
    ("TV-STAND-LINEA", 70, 230),
    ("WARDROBE-ALTO-3D", 210, 520),
    ("DESK-KUBO", 65, 180),
    ("SHELF-STELLA", 35, 120),
)
_COLOURS = ("GREY", "OAK", "WHITE", "BLACK", "WALNUT", "BLUE-VELVET", "BEIGE")
_CARRIERS = ("CHRONOPOST", "GEODIS", "DPD", "GLS")
_LINES_OF_AN_ORDER = (1, 1, 1, 1, 2, 2, 3)
_QUANTITIES = (1, 1, 1, 1, 1, 2, 2, 4)


class Catalogue:
    """An endless series of orders, the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._increment = 15_000_012_344
        self._sale_product = 788

    def basket(self, supplier: str, order_date: date, at_most: int) -> list[Order]:
        """Return the lines of one customer's order: one to three, never more than `at_most`."""
        self._increment += self._random.randint(1, 9)
        lines = min(at_most, self._random.choice(_LINES_OF_AN_ORDER))
        carrier = self._random.choice(_CARRIERS)
        return [self._line(supplier, order_date, carrier) for _ in range(lines)]

    def _line(self, supplier: str, order_date: date, carrier: str) -> Order:
        self._sale_product += self._random.randint(1, 3)
        article, low, high = self._random.choice(_ARTICLES)
        return Order(
            supplier=supplier,
            menzzo_order_id=f"{self._increment}_{self._sale_product}",
            sku=f"{article}-{self._random.choice(_COLOURS)}",
            quantity=self._random.choice(_QUANTITIES),
            price_cents=self._random.randint(low * 2, high * 2) * 50,
            carrier=carrier,
            order_date=order_date,
        )
