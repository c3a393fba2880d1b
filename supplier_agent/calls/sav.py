"""The case (SAV): open one at the support API, exactly as a lead has seen it in the preview.

Made twice, it may open two cases in the customer's name. So it is sent once; if the answer is lost, a person decides.
"""

import json
import re
from collections.abc import Mapping
from datetime import datetime

from sqlmodel import Session, col, select

from supplier_agent.calls.protocol import Ending, Job, OutwardCall, ending_of
from supplier_agent.db.support import SavRequest
from supplier_agent.db.tables import Order
from supplier_agent.marketplace.support import SupportTools
from supplier_agent.settings import Settings
from supplier_agent.suppliers.circuit_breakers import OTHERS
from supplier_agent.verdict.supplier import SUPPORT


class Sav(OutwardCall[SupportTools]):
    """The case; see the module."""

    ACCOUNT, LANE, PRIORITY, ONCE, BRAKES_ON_404 = SUPPORT, OTHERS, 2, True, False
    ENDPOINT, REHEARSED = "sav", "open a case for"

    def is_for(self, settings: Settings, supplier: str) -> bool:
        """Tell whether the supplier may open cases."""
        support = settings.support_of(supplier)
        return support is not None and support.open_sav

    def due_at(self, order: Order, settings: Settings) -> datetime:  # noqa: ARG002 - as in OutwardCall
        """Return when the lead asked for it."""
        return order.sav_asked_at or order.first_seen_at

    def load(self, tx: Session, order: Order) -> Mapping[str, object]:
        """Return what the lead has seen."""
        query = select(SavRequest).where(SavRequest.order_id == order.id).order_by(col(SavRequest.id).desc())
        row = tx.exec(query.limit(1)).first()
        return {"request": None if row is None else row.id, "body": None if row is None else row.body}

    def perform(self, job: Job, tools: SupportTools) -> Ending:
        """Open it, once. Documented: the fields increment_id, complaint_type and description; not the answer."""
        body = job.facts["body"]
        assert isinstance(body, str)  # noqa: S101 - `actions` writes both in one transaction
        verdict, sav_id = tools.support.open_case(body)
        ending = ending_of(verdict)
        return Ending(**{**vars(ending), "found": sav_id})

    def keep(self, tx: Session, job: Job, ending: Ending, settings: Settings, now: datetime) -> bool:  # noqa: ARG002 - as in OutwardCall
        """Store the id of the case."""
        row = tx.get(SavRequest, job.facts["request"]) if isinstance(ending.found, str) else None
        if row is not None and isinstance(ending.found, str):
            row.sav_id = ending.found
            tx.add(row)
        return False


_COMPLAINT = re.compile(r"[a-z][a-z0-9_-]{0,39}", re.ASCII)
LONGEST_DESCRIPTION = 2000


def body_of(increment_id: str, complaint: str, description: str) -> str | None:
    """Return what is sent: what the preview shows, and nothing else. None: the type is no word, or there is no description."""
    description = " ".join(description.split())
    if not _COMPLAINT.fullmatch(complaint) or not 0 < len(description) <= LONGEST_DESCRIPTION:
        return None
    fields = {"increment_id": increment_id, "complaint_type": complaint, "description": description}
    return json.dumps(fields, ensure_ascii=False)


CALL = Sav()
