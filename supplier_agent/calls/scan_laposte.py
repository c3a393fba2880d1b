"""The scan question to La Poste, Colissimo and Chronopost; see scans.py."""

from supplier_agent.calls.scans import ScanCall
from supplier_agent.settings.carriers import LAPOSTE

CALL = ScanCall(LAPOSTE, "La Poste")
