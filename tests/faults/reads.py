"""What another side's server may do to a read, and what the answer then means. Each side's tests add its own cases."""

from supplier_agent.marketplace import Means
from supplier_agent.sandbox import faults
from supplier_agent.sandbox.faults import Fault

OF_READS: tuple[tuple[Fault, Means], ...] = (
    (faults.hang(applied=False), Means.LOST),
    (faults.close(applied=False), Means.LOST),
    (faults.half_body(applied=False), Means.LOST),
    (faults.garbage(applied=False), Means.LOST),
    (faults.drip_body(0.1), Means.LOST),
    (faults.gzip_bomb(), Means.UNCLEAR),
    (faults.status(200, body=b"x" * (3 << 20)), Means.UNCLEAR),
    (faults.html(), Means.UNCLEAR),
    (faults.empty(), Means.UNCLEAR),
    (faults.status(204), Means.UNCLEAR),
    (faults.status(403), Means.TOKEN_REFUSED),
    (faults.status(429, headers=(("Retry-After", "30"),)), Means.TOO_MANY),
    (faults.status(503), Means.FAILED),
    (faults.redirect("https://elsewhere.example/"), Means.REDIRECTED),
)


def name_of(case: object) -> str:
    """Return the name of a case for pytest."""
    return case.name if isinstance(case, Fault) else ""
