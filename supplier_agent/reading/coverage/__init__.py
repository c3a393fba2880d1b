"""Coverage: for every supplier and day, which run proves that no order was lost, and as of when.

days.py decides and writes the report (pure). query.py reads the journal. Every figure can be computed from the tables runs,
reads and orders.
"""

from supplier_agent.reading.coverage.days import Day, Late, Ledger, State, as_json, page
from supplier_agent.reading.coverage.query import gaps, ledger, proved_as_of, usual_range

__all__ = [
    "Day",
    "Late",
    "Ledger",
    "State",
    "as_json",
    "gaps",
    "ledger",
    "page",
    "proved_as_of",
    "usual_range",
]
