"""The coverage ledger: for every supplier and day, which reading proves that nothing was lost, and since when.

days.py judges (pure), ship_ledger.py asks the journal, page.py puts it on one page. Every figure follows from the tables runs,
reads and orders.
"""

from supplier_agent.reading.coverage.days import Day, Late, State
from supplier_agent.reading.coverage.query import Ledger, gaps, ledger, proved_as_of, usual_range
from supplier_agent.reading.coverage.report import as_json, page

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
