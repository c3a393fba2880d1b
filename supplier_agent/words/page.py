"""The sentences of the warehouse page about orders and suppliers, in English, by code. Short, for people who hold a parcel.

The groups: `answer` to a scan, `note` next to it, `stop` why it must not ship, `now` its state, `trouble` and `todo` of problems,
`doubt` about a label, `state` of suppliers, `call`, `printer`, `due` the ship-by clock, `report`, `paper`; `event`, `who`, `where`.
"""

from collections.abc import Mapping

from supplier_agent.words import carriers, marketplace, support

ANSWERS: Mapping[str, str] = {
    "answer.shown": "Scan it again when you ship it.",
    "answer.parcel": "Parcel %(done)s of %(parcels)s. Scan the next one.",
    "answer.parcels_all": "All %(parcels)s parcels were scanned. Scan one again when you ship them.",
    "answer.parcels_shown": "%(parcels)s parcels: scan the label of each one.",
    "answer.parcel_again": "This parcel was scanned before: %(done)s of %(parcels)s. Scan another one, or confirm the number.",
    "answer.parcel_unnamed": "This code does not say which parcel it is. Scan another code of its label, or confirm the number.",
    "answer.parcels_missing": "%(done)s of %(parcels)s parcels were scanned. Scan the others, or confirm the number.",
    "answer.shown_reported": "Reported: %(report)s. Look at it first. Scan it again only if it may ship.",
    "answer.marked_reported": "Marked as shipped, although it was reported: %(report)s.",
    "answer.marked": "Marked as shipped.",
    "answer.marked.parcels": "%(parcels)s parcels: marked as shipped.",
    "answer.marked_waits": "Marked as shipped. Reported later: %(later)s.",
    "answer.repeated": "The same code again: counted once.",
    "answer.nothing_scanned": "Nothing was scanned.",
    "answer.unknown": "No order has the code %(code)s.",
    "answer.not_yours": (
        "Not yours: this box belongs to a supplier whose orders you do not pack. Put it aside, and give it to a lead."
    ),
    "answer.several": "Several orders have this code: choose one.",
    "answer.other_shown": "Another order. The one before, %(left)s, is NOT marked as shipped.",
    "answer.product_only": "This is a product, not a box. Scan the label, or press “Mark as shipped”.",
    "answer.already_marked": "Already marked as shipped: %(by)s at %(at)s.",
    "answer.already_shipped": "Already shipped: %(by)s at %(at)s.",
    "answer.stopped": "Do not ship: %(stops)s.",
    "answer.stopped_marked": "Do not ship: %(stops)s. It is marked as shipped: %(by)s at %(at)s.",
    "answer.undoing": "Undone. Nothing is reported to the marketplace.",
    "answer.nothing_to_undo": "There is nothing to undo.",
    "answer.printing": "Printing the label.",
    "answer.nothing_to_print": "There is nothing to print.",
    "answer.problem": "What is wrong with it?",
    "answer.no_order_for_problem": "Scan the box first, then say what is wrong.",
    "answer.next": "Ready for the next box.",
    "answer.refused": "Nothing was changed: %(why)s",
    "answer.too_late": "Too late to undo: the report to the marketplace has begun.",
    "answer.not_open": "This is no longer possible: the order has changed.",
    "answer.reported": "Noted. A lead sees it under Problems.",
    "answer.settled": "Done.",
    "answer.held_now": "On hold. Do not ship it until a lead releases it.",
    "answer.released": "Released.",
    "answer.released_marked": "Released. It is marked as shipped, and is reported after a new undo window.",
    "answer.overridden": "Marked as shipped by a lead. It is reported after the undo window.",
    "answer.retried": "It is tried again now.",
    "answer.retried_marked": "It is tried again. It is marked as shipped, and is reported after a new undo window.",
    "answer.resolved_shipped": "Recorded as shipped. Nothing is sent.",
    "answer.resolved_again": "It is sent again, after a new undo window.",
    "answer.labels_sent": "Labels to print: %(labels)s.",
    "answer.labels_sent.some": "Labels to print: %(labels)s of %(total)s, the oldest ones.",
    "answer.labels_asked": "Print %(labels)s labels? Nothing is printed yet.",
    "answer.labels_asked.some": "Print the oldest %(labels)s of %(total)s labels? Nothing is printed yet.",
    "answer.labels_none": "None of these orders has a label to print.",
    "answer.labels_unticked": "No order is ticked. Tick the orders to print, or “all”.",
    "answer.sure_again": (
        "Send the report of %(order)s again? If Menzzo has received the first one, the customer is notified twice."
    ),
    "answer.closed_now": "Closed. Nothing more is sent for it.",
    "answer.reopened": "Open again.",
    "answer.reopened_marked": "Open again. It is marked as shipped, and is reported after a new undo window.",
    "answer.person_added": "%(name)s can sign in now.",
    "answer.person_changed": "%(name)s: changed.",
    "answer.person_removed": "%(name)s is removed, and signed out everywhere.",
    "answer.badge_made": "%(name)s has a new badge. It was shown once; if it was not printed, make another one.",
    "answer.name_taken": "Someone called %(name)s already works here.",
    "answer.name_wrong": "A name has 1 to 40 letters.",
    "answer.pin_wrong": "A PIN has 4 to 64 characters.",
    "answer.last_lead": "%(name)s is the only lead. Make someone else a lead first.",
    "answer.nobody": "Nobody called %(name)s works here.",
    "answer.test_sent": "The test page goes to the printer of %(name)s.",
    "answer.load_ready": "Scan what goes onto %(vehicle)s.",
    "answer.load_on": "On %(vehicle)s.",
    "answer.load_parcel": "Parcel %(done)s of %(total)s is on %(vehicle)s.",
    "answer.load_whole": "Complete: parcel %(done)s of %(total)s is on %(vehicle)s.",
    "answer.load_parcel_again": "This parcel was already counted on %(vehicle)s: %(done)s of %(total)s.",
    "answer.load_uncounted": (
        "On %(vehicle)s, but this code names no single parcel: %(done)s of %(total)s are counted. Scan the code of each parcel, "
        "or confirm their number at the departure."
    ),
    "answer.load_already": "Already on %(vehicle)s: %(by)s at %(at)s.",
    "answer.load_off": "Taken off %(vehicle)s.",
    "answer.load_elsewhere": "Not loaded: it is on %(other)s. Take it off there first.",
    "answer.load_stopped": "Not loaded. Do not ship: %(stops)s.",
    "answer.load_over": "Not loaded: it is already marked as shipped, %(by)s at %(at)s.",
    "answer.load_departed": "Not loaded: %(vehicle)s has departed. Choose another vehicle.",
    "answer.load_left": "It left with %(vehicle)s at %(at)s.",
    "answer.load_choose": "Nothing is done. Choose the vehicle first.",
    "answer.load_product": "This is a product, not a box. Scan the label, or choose the order.",
    "answer.load_no_command": "This command is only for the scan page.",
    "answer.load_unnamed": "Type the carrier or the number plate first.",
    "answer.load_removed": "%(vehicle)s is removed.",
    "answer.load_not_empty": "Not removed: orders are on %(vehicle)s, or it has departed.",
    "answer.depart_sure": "%(vehicle)s departs? Orders to mark as shipped: %(orders)s. Nothing is marked yet.",
    "answer.depart_hidden": (
        "Nothing is marked. %(vehicle)s also carries orders that you may not see. Ask a person who sees all orders to press Depart."
    ),
    "answer.depart_nothing": "Nothing on %(vehicle)s may leave. Nothing is marked.",
    "answer.departed": "%(vehicle)s departed at %(at)s (%(by)s). Orders marked as shipped: %(orders)s.",
    "answer.asked_now": "Noted: Menzzo was asked %(number)s questions. They are not in the next message.",
    "answer.recall_why": "Say in a few words why it did not leave.",
    "answer.recall_not": "It is not among the orders that left with this vehicle.",
    "answer.recall_undone": "Recalled. Its report was not sent yet: the mark is undone, and nothing is reported.",
    "answer.recalled": "Noted. It is reported as shipped although it did not leave: a lead sees it under Problems.",
    "answer.needs_lead": "Only a lead may do this.",
    "answer.needs_lead_of_all": "Only a lead who sees the orders of all suppliers may do this.",
    "answer.needs_reason": "Say in a few words why.",
}

NOTES: Mapping[str, str] = {
    "note.printed": "Label printed (%(printer)s), %(times)s× in all.",
    "note.printed_first": "Label printed (%(printer)s).",
    "note.printed_many": "Labels printed (%(printer)s): %(labels)s.",
    "note.print_begun": "Sent to the printer (%(printer)s).",
    "note.not_printed": (
        "%(orders)s: NOT printed, %(printer_fault)s. You can go on shipping; print it again later, or with the browser."
    ),
    "note.print_lost": (
        "%(orders)s: we do not know whether the label was printed (%(printer)s). Look at the printer, and print it again if needed."
    ),
    "note.left_behind": "The one before, %(left)s, is NOT marked as shipped.",
    "note.test_printed": "The test page is printed (%(printer)s). Is the whole frame on the paper?",
    "note.test_failed": "No test page from the printer of %(name)s: %(printer_fault)s.",
    "note.no_label": "There is no label to print yet.",
    "note.label_damaged": "The label on the disk is damaged. Tell IT.",
    "note.too_large": (
        "The label is %(label)s mm, the paper %(paper)s mm: it is not printed automatically, because it would be cut off."
    ),
    "note.browser": "The label opens in the browser: print it at 100 %%, not “fit to page”.",
    "note.report_open": "A problem of this order was reported: %(report)s. Look at it before it leaves.",
    "note.compare": "Compare these labels with their orders before you ship: %(orders)s.",
    "note.left_out": "Labels that could not be read and were left out: %(number)s.",
    "note.left_out_stopped": "Not printed, because they must not ship: %(orders)s.",
    "note.left_out_changed": (
        "Not printed, because they have changed since their label was printed: %(orders)s. Print each of them with the box at "
        "hand, and replace the old label."
    ),
    "note.left_out_over": "Not printed, because they are shipped, or have no label: %(orders)s.",
    "note.left_out_waiting": "Not printed a second time, because their labels are being printed: %(orders)s.",
    "note.ignored": "The printer says that it may scale the label. Compare the size.",
    "note.layout_fr": "The scanner's keyboard layout is not that of this computer (French). The code was corrected.",
    "note.layout_tr": "The scanner's keyboard layout is not that of this computer (Turkish). The code was corrected.",
    "note.more": "There are more orders than shown here.",
    "note.load_short": "%(orders)s: not marked, stays here, because parcels are missing.",
    "note.load_missing": "Not all parcels are on it: %(orders)s. Without a number, these orders stay here and are not marked.",
    "note.load_stays": "%(orders)s: stays here. Do not ship: %(stops)s.",
    "note.load_marked": "%(orders)s: it is marked and will be reported. Undo the mark if it stays.",
    "note.load_off_late": "%(orders)s: it is already reported as shipped. Tell a lead if it stays.",
    "note.load_reported": "%(orders)s: reported (%(report)s). Look at it before it leaves.",
    "note.load_waits": "%(orders)s: reported later: %(later)s.",
    "note.load_marked_short": "Marked as shipped at the bench, but not all parcels are on %(vehicle)s: %(orders)s.",
    "note.load_relabelled": "%(orders)s: stays here, because its label has changed. Replace the label, and scan the new one.",
    "note.load_label_changed": "Its label has changed since it was loaded: the new one must be on the box.",
    "note.later": "Reported later: %(later)s.",
}

PRINTER: Mapping[str, str] = {
    "printer.address": "the printer's address is wrong",
    "printer.unreachable": "the printer cannot be reached",
    "printer.timeout": "the printer does not answer",
    "printer.refused": "the printer refused it",
    "printer.format": "the printer does not understand PDF",
    "printer.answer": "the printer's answer cannot be understood",
    "printer.stopped": "the printer is stopped (paper, cover, ribbon?)",
    "printer.unknown": "the printer did not say why",
    "printer.late": "the printer was busy for too long",
    "printer.full": "too many labels wait for the printer",
    "printer.ended": "the page was restarted before it was printed",
}

STOPS: Mapping[str, str] = {
    "stop.damaged": "its data is damaged (tell IT)",
    "stop.closed": "closed (%(closed)s)",
    "stop.held": "on hold (%(held)s)",
    "stop.restored": "on hold since a restore",
    "stop.ledger_lost": "on hold because the ship ledger is lost",
    "stop.vanished": "no longer listed by the marketplace, perhaps cancelled",
    "stop.label_changed": "new label: print it again",
    "stop.product_changed": "the product has changed: print the label again",
    "stop.quantity_changed": "the quantity has changed: print the label again",
    "stop.carrier_changed": "the carrier has changed: print the label again",
}
"""Clauses that follow "Do not ship:"."""

NOW: Mapping[str, str] = {
    "now.stopped": "Do not ship: %(stops)s.",
    "now.marked": "Marked as shipped.",
    "now.waits": "Its report waits: %(later)s.",
    "now.fault": "An internal error stopped it. A lead can try again, under Problems.",
    "now.damaged": "Nothing is sent for it until IT has corrected its data.",
    "now.shipped.confirmed": "The marketplace confirmed it as shipped at %(at)s.",
    "now.shipped.unverified": "Reported as shipped at %(at)s. The answer was not a clear yes (unverified).",
    "now.shipped.person": "At %(at)s a person said that the marketplace has it as shipped.",
    "now.shipped.not_recorded": "Reported as shipped at %(at)s. The evidence was not recorded.",
    "now.closed": "Nothing more is sent for it.",
    "now.resend": "The answer of the marketplace was lost. It is sent again at %(at)s.",
    "now.unknown": "We do not know whether the marketplace received it. A lead decides, under Problems.",
    "now.supplier_unknown": "Its supplier is not set up here: nothing is reported. Tell IT.",
    "now.first_start": "It is not acknowledged before someone approves the orders of the first start. Tell IT.",
    "now.parked": "A lead decides, under Problems.",
    "now.held": "A lead can release it, under Problems.",
    "now.vanished.unmarked": "Keep it here. A lead asks Menzzo.",
    "now.vanished.marked": "Get the parcel back. A lead asks Menzzo.",
    "now.sending": "It is being sent to the marketplace.",
    "now.outage": "The marketplace cannot be reached. Next try at %(at)s.",
    "now.undo_window": "It is reported to the marketplace at %(at)s.",
    "now.later": "Next try at %(at)s.",
    "now.due.ship": "It is reported to the marketplace as soon as possible.",
    "now.due": "What is missing comes automatically.",
    "now.warehouse": "Ready to ship.",
    "now.warehouse.print_again": "Print its label again, then scan it.",
    "now.ship_by": "Ship it by %(at)s.",
    "now.ship_by.at_risk": "Ship it by %(at)s: less than a day is left.",
    "now.ship_by.overdue": "Overdue: it should have been shipped by %(at)s.",
    "now.unverified": "The answer to its acknowledgement was not a clear yes (unverified).",
}
"""The state of an order, by its next step, and further sentences."""

TROUBLE: Mapping[str, str] = {
    "trouble.order_damaged.cells": "Its data in the database cannot be read. Nothing is sent for it.",
    "todo.order_damaged.cells": "Tell IT.",
    "trouble.order_damaged.fault": "An internal error stopped it. Nothing is sent for it.",
    "todo.order_damaged.fault": "Try again. If it comes back, tell IT.",
    "trouble.call_unknown": "The answer to a call was lost (%(call)s). We do not know whether it was received.",
    "todo.call_unknown": "Tell IT.",
    "trouble.call_unknown.ship": (
        "The answer of the marketplace was lost (%(call)s). We do not know whether it was received, and whether the customer "
        "was notified."
    ),
    "todo.call_unknown.ship": "Ask Menzzo whether this order is shipped, then press the answer:",
    "trouble.call_parked": "It was refused (%(call)s). It is not tried again automatically.",
    "trouble.call_parked.answered": "It was refused (%(call)s): %(refusal)s. It is not tried again automatically.",
    "trouble.call_parked.unsent": "It was not sent (%(call)s), because a person must check it first.",
    "todo.call_parked": "When the cause is gone, try again. If the order is cancelled, close it.",
    "trouble.call_tried_often": "Tried %(attempts)s times (%(call)s). It is tried again automatically.",
    "trouble.held_though_marked": "It is marked as shipped, and on hold: nothing is reported.",
    "todo.held_though_marked": "If it has left: release it. If it has not: undo.",
    "trouble.order_vanished.unmarked": "The marketplace has not listed it since %(since)s: it may be cancelled. Do not ship it.",
    "trouble.order_vanished.marked": (
        "It is marked as shipped, but the marketplace has not listed it since %(since)s: it may be cancelled. Nothing is "
        "reported. Get the parcel back."
    ),
    "todo.order_vanished": "Ask Menzzo. If it is cancelled, close it.",
    "trouble.order_reported": "%(by)s reported at %(since)s: %(report)s",
    "trouble.order_reported.words": "%(by)s reported at %(since)s: %(report)s: %(words)s",
    "todo.order_reported": "Decide what happens with the parcel, then press “Solved”.",
    "trouble.changed_since_printed": "It has changed since its label was printed: %(changed)s.",
    "todo.changed_since_printed": "Print its label again, and replace the old one on the box.",
    "trouble.label_doubtful": "Compare its label with the order: %(doubts)s.",
    "todo.label_doubtful": "If the label is wrong, put the order on hold and ask Menzzo for a new label.",
    "trouble.waiting.acknowledge": "It has been waiting for its acknowledgement since %(since)s.",
    "trouble.waiting.report": "It has been marked as shipped since %(since)s, and is still not reported.",
    "trouble.unflagged": "Its label has been ready since %(since)s, but it is not marked as shipped.",
    "todo.unflagged": "If it has left, mark it as shipped. If it cannot leave, put it on hold.",
    "trouble.held": "On hold: nothing is acknowledged or reported until it is released.",
    "trouble.paused": "Paused by %(who)s since %(since)s. Nothing is sent.",
    "todo.paused": "IT can resume it. You can go on scanning and printing.",
    "trouble.flags_unusual": (
        "Unusually many orders were marked as shipped at once (%(at)s). Nothing is reported until this is approved."
    ),
    "todo.flags_unusual": "Check that they have left, then tell IT to approve.",
    "trouble.token_refused": "The marketplace has refused its token since %(since)s. Nothing is sent.",
    "todo.token_refused": "Tell IT: a new token is needed. You can go on scanning and printing.",
    "trouble.reads_failing": "Reading new orders has failed since %(since)s.",
    "trouble.writes_failing": "Reports to the marketplace have failed since %(since)s.",
    "trouble.labels_failing": "Label downloads have failed since %(since)s.",
    "todo.failing": "Nothing to do: it is tried again automatically. You can go on scanning and printing.",
    "trouble.read_late": "No orders have been read since %(since)s.",
    "todo.read_late": "Tell IT.",
    "trouble.ship_overdue": "Overdue orders, which should have been shipped by now: %(number)s.",
    "todo.ship_overdue": "Ship them first: To ship, “only overdue”.",
    "trouble.mass_disappearance": (
        "%(number)s open orders disappeared from the marketplace's list at once (%(since)s). This usually means that the "
        "list is incomplete: go on shipping."
    ),
    "todo.mass_disappearance": "Tell IT: they ask Menzzo whether the list is complete.",
}
"""What is wrong, and what a person in the warehouse does about it. Codes that are not here use the sentences of `problem`."""

DOUBTS: Mapping[str, str] = {
    "doubt.no_order": "it does not show the number %(expected)s",
    "doubt.other_order": "it shows the number %(seen_order)s, not %(expected)s",
    "doubt.no_carrier": "it does not name the carrier %(carrier)s",
    "doubt.other_carrier": "it names the carrier %(seen_carrier)s, not %(carrier)s",
    "doubt.pages": "its pages (%(pages)s) do not match the quantity (%(quantity)s)",
    "doubt.same_file": "order %(twin)s has the same label",
}
"""Why a label may be the wrong one: clauses, with what is seen and what is expected."""

STATES: Mapping[str, str] = {
    "state.paused": "paused",
    "state.token_refused": "token refused",
    "state.quiet": "waiting",
    "state.failing": "offline",
    "state.read_late": "late",
    "state.supplier_unknown": "not set up",
}

CALL_NAMES: Mapping[str, str] = {
    "call.acknowledge": "acknowledgement",
    "call.label": "label",
    "call.ship": "shipping report",
}

DUE: Mapping[str, str] = {
    "due.on_track": "by %(at)s",
    "due.at_risk": "soon: by %(at)s",
    "due.overdue": "overdue: %(at)s",
}
"""The ship-by clock in a list."""

REPORTS: Mapping[str, str] = {
    "report.damaged": "It is damaged",
    "report.missing": "It is missing, or not complete",
    "report.label": "The label is wrong or cannot be read",
    "report.other": "Something else",
    "report.not_left": "It is reported as shipped, but did not leave",
}

REFUSALS: Mapping[str, str] = {
    "refusal.denied": "Menzzo answered that it did not accept it",
    "refusal.not_found": "Menzzo does not know this order (404)",
    "refusal.token": "Menzzo does not accept our token",
    "refusal.conflict": "Menzzo says that the order is in another state (409)",
    "refusal.request": "Menzzo did not accept the request (%(status)s)",
    "refusal.server": "Menzzo had an internal error (%(status)s)",
    "refusal.no_answer": "there was no answer",
    "refusal.no_label": "Menzzo has no label for it yet (404)",
    "refusal.no_pdf": "what came is not a usable label",
}
"""Why a call was refused: clauses."""

PAPERS: Mapping[str, str] = {
    "paper.print_again": "print the label again",
    "paper.not_printed": "%(orders)s not printed: %(printer_fault)s",
    "paper.not_to_hand_over": "Do not hand over: %(stops)s",
}

HISTORY: Mapping[str, str] = {
    "event.asked Menzzo": "Menzzo was asked",
    "event.flagged as shipped": "Marked as shipped",
    "event.flag taken back": "Undone: not marked as shipped",
    "event.label printed": "Label printed",
    "event.label lost": "The label was lost, and is fetched again",
    "event.label removed": "Old label removed",
    "event.journal shortened": "Old entries removed",
    "event.held": "Put on hold",
    "event.released": "Released",
    "event.note": "Note",
    "event.closed": "Closed",
    "event.reopened": "Reopened",
    "event.retry": "Tried again",
    "event.override": "Decided: ship it all the same",
    "event.resolved: shipped": "Decided: it is shipped",
    "event.resolved: send again": "Decided: send again",
    "event.ship is sent once more": "Sent once more, because the answer was lost",
    "event.ship ledger believed": "Taken from the ship ledger",
    "event.changed": "Changed",
    "event.no longer listed": "No longer listed",
    "event.listed again": "Listed again",
    "event.loaded": "Loaded onto",
    "event.parcel loaded": "Parcel loaded onto",
    "event.taken off": "Taken off",
    "event.departed": "Departed with",
    "event.stayed behind": "Stayed here at the departure of",
    "event.recalled": "Recalled: did not leave with",
    "event.parcel scanned": "Parcel scanned",
    "event.parcels confirmed": "Number of parcels confirmed",
    "event.problem reported": "Problem reported",
    "event.problem settled": "Problem solved",
    "who.marketplace": "marketplace",
    "who.agent": "agent",
    "who.database": "database",
    "where.browser": "browser",
}
"""The history of an order. The code is what the database stores (events.what, who and detail)."""

PAGE: Mapping[str, str] = {
    **ANSWERS, **NOTES, **PRINTER, **STOPS, **NOW, **TROUBLE, **DOUBTS, **STATES, **CALL_NAMES, **DUE, **REPORTS, **REFUSALS,
    **PAPERS, **support.ON_THE_PAGE, **carriers.ON_THE_PAGE, **marketplace.ON_THE_PAGE, **HISTORY,
}  # fmt: skip
