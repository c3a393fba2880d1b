"""Coverage: for every supplier and day, which run proves that no order was lost, and as of when.

days.py decides (pure), query.py reads the journal, report.py writes the report. Every figure follows from the tables runs, reads
and orders.
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
