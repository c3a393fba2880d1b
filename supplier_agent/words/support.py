"""English: the sentences about what the support API says. Apart from the others, because most installations do not use it."""

from collections.abc import Mapping

from supplier_agent.words.businessonbot import OF_THE_BOT

_ORDER = "%(order)s --supplier %(supplier)s"

SUPPORT: Mapping[str, str] = {
    "blocker.sale_stopped": "its sale is stopped at Menzzo",
    "blocker.sale_unchecked": "its sale could not be checked yet",
    "menzzo.sale_stopped": "the support API gives its sale a status with which we do not ship. Should we ship it? (%(reason)s)",
    "problem.sale_stopped.unmarked": "%(reason)s; it is on hold",
    "problem.sale_stopped.marked": "%(reason)s; it is marked as shipped, and nothing is reported: get the parcel back",
    "fix.sale_stopped": (
        f"ask Menzzo; if it must not be shipped: supplier-agent close {_ORDER} --reason TEXT; else: supplier-agent release {_ORDER}"
    ),
    "problem.sale_doubtful.unknown_word": "Menzzo says that its sale is %(status)s, a word that is not in the settings",
    "problem.sale_doubtful.not_found": "the support API does not know its sale",
    "problem.sale_doubtful.skipped": "it is reported without a sale check: %(why)s",
    "problem.sale_doubtful.accepted": "Menzzo says that its sale is %(status)s; %(who)s released it all the same",
    "fix.sale_doubtful": "look at the order at Menzzo; a usual status word belongs into go_words, a bad one into stop_words",
}
ON_THE_PAGE: Mapping[str, str] = {
    "answer.sales_asked": "Menzzo is asked whether these orders still stand. Nothing is printed yet: press again in some seconds.",
    "answer.sav_preview": "This is what would be sent to Menzzo, and nothing else. Look at it, then send it.",
    "answer.sav_asked": "The case is sent to Menzzo, once.",
    "answer.sav_wrong": "A case needs a type of one word, like damage, and a description.",
    "event.case opened": "Case opened at Menzzo",
    "note.sales_unchecked": "Printed without a sale check, because there was no answer: %(orders)s.",
    "note.left_out_unchecked": "Not printed, because their sales could not be checked: %(orders)s.",
    "stop.sale_stopped": "its sale is stopped at Menzzo",
    "trouble.sale_stopped": "%(reason)s: do not ship it.",
    "todo.sale_stopped": "Ask Menzzo. If it must not be shipped: close it. If it may be: release it.",
    "trouble.sale_doubtful.unknown_word": "Menzzo says that its sale is %(status)s. The settings do not say what that means.",
    "trouble.sale_doubtful.not_found": "The support API does not know its sale.",
    "trouble.sale_doubtful.skipped": "It is reported without a sale check: %(why)s.",
    "trouble.sale_doubtful.accepted": "Menzzo says that its sale is %(status)s; %(who)s released it all the same.",
    "event.reported without a sale check": "Reported without a sale check",
    "event.after-sales case": "After-sales case",
    **OF_THE_BOT,
}
"""What the warehouse page says of these and of the supplier's own bot, which is translated."""
