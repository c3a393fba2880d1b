"""Invented orders that look like a furniture marketplace's: articles, carriers, prices, growing numbers."""

import random
from datetime import date

from supplier_agent.sandbox.orders import Order

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
    """A stream of orders, the same for the same seed."""

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
