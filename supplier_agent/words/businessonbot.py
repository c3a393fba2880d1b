"""English: the sentences about the supplier's own WhatsApp bot. Apart from the others, because most installations have none."""

from collections.abc import Mapping

_ORDER = "%(order)s --supplier %(supplier)s"

BUSINESSONBOT: Mapping[str, str] = {
    "problem.cancellation_asked": "%(by)s asked at %(since)s to cancel it; it is not cancelled, and goes on until a lead decides",
    "problem.cancellation_asked.words": (
        "%(by)s asked at %(since)s to cancel it (%(words)s); it is not cancelled, and goes on until a lead decides"
    ),
    "fix.cancellation_asked": (
        f"if it must not leave: supplier-agent hold {_ORDER} --reason TEXT, and ask Menzzo; "
        "then a lead settles it on the warehouse page, under Problems"
    ),
    "problem.message_stuck": "%(number)s messages to BusinessOnBot were refused, or may not have arrived: they wait for a person",
    "fix.message_stuck": "supplier-agent businessonbot list --supplier %(supplier)s",
}
OF_THE_BOT: Mapping[str, str] = {
    "report.cancellation": "The customer asks to cancel it",
    "trouble.cancellation_asked": "%(by)s asked at %(since)s to cancel it. It is not cancelled.",
    "trouble.cancellation_asked.words": "%(by)s asked at %(since)s to cancel it: %(words)s. It is not cancelled.",
    "todo.cancellation_asked": "Put it on hold if it must not leave, and ask Menzzo. Then press “Solved”.",
}
"""What the warehouse page says, which is translated."""
