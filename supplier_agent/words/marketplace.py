"""English: the sentences about what is learned of a supplier's marketplace."""

from collections.abc import Mapping

_SETTLE = "supplier-agent marketplace settle %(supplier)s --by NAME"

MARKETPLACE: Mapping[str, str] = {
    "problem.marketplace_changed": "the marketplace has changed how it answers (since %(since)s): %(changes)s",
    "fix.marketplace_changed": (
        f"see the evidence: supplier-agent marketplace; if this is intended: {_SETTLE}; if not, ask technique@menzzo.fr"
    ),
    "problem.unknown_fields": "entries of the list have fields that are not documented: %(names)s",
    "fix.unknown_fields": f"look at them: supplier-agent order ID --raw; then: {_SETTLE}",
    "problem.sweeps_widened": (
        "orders are listed up to %(late)s days after their date, so sweeps read %(days)s days, not %(configured)s"
    ),
    "fix.sweeps_widened": "nothing to do; to choose it yourself, set sweep_days in [schedule]",
}
ON_THE_PAGE: Mapping[str, str] = {
    "trouble.marketplace_changed": "The marketplace has changed how it answers.",
    "trouble.unknown_fields": "The marketplace lists fields that are not documented: %(names)s.",
    "trouble.sweeps_widened": "Orders are listed late, so the agent reads more days.",
    "todo.marketplace_changed": "Tell IT. You can go on scanning and printing.",
    "todo.unknown_fields": "Tell IT. You can go on scanning and printing.",
    "todo.sweeps_widened": "Nothing to do.",
}
"""What the warehouse page says, which is translated."""
