"""English: the sentences about what carriers say. Apart from the others, because most installations do not use it."""

from collections.abc import Mapping

CARRIERS: Mapping[str, str] = {
    "problem.never_scanned.one": "reported as shipped, never scanned by the carrier (%(carrier)s, asked %(at)s)",
    "problem.never_scanned.all": (
        "reported as shipped, none of its %(parcels)s parcels scanned by the carrier (%(carrier)s, asked %(at)s)"
    ),
    "problem.never_scanned.some": (
        "reported as shipped, %(missing_parcels)s of its %(parcels)s parcels never scanned by the carrier"
        " (%(carrier)s, asked %(at)s)"
    ),
    "fix.never_scanned": (
        "look for the parcel in the warehouse, then ask the carrier; it ends with the first scan, or with:"
        " supplier-agent settle %(order)s --supplier %(supplier)s --by NAME"
    ),
}
ON_THE_PAGE: Mapping[str, str] = {
    "trouble.never_scanned.one": "Reported as shipped, but the carrier has never scanned it.",
    "trouble.never_scanned.all": "Reported as shipped, but the carrier has scanned none of its %(parcels)s parcels.",
    "trouble.never_scanned.some": (
        "Reported as shipped, but the carrier has never scanned %(missing_parcels)s of its %(parcels)s parcels."
    ),
    "todo.never_scanned": (
        "Look for it in the warehouse. If it is there: say that it did not leave. If not: ask the carrier, then settle it."
    ),
    "event.scanned by the carrier": "Scanned by the carrier",
}
"""What the warehouse page says, which is translated."""
