"""The scan question to FedEx; see scans.py."""

from supplier_agent.calls.scans import ScanCall
from supplier_agent.settings.carriers import FEDEX

CALL = ScanCall(FEDEX, "FedEx")
