"""The scan question to UPS; see scans.py."""

from supplier_agent.calls.scans import ScanCall
from supplier_agent.settings.carriers import UPS

CALL = ScanCall(UPS, "UPS")
