"""The scan question to DHL; see scans.py."""

from supplier_agent.calls.scans import ScanCall
from supplier_agent.settings.carriers import DHL

CALL = ScanCall(DHL, "DHL")
