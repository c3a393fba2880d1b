"""Every sentence about orders and suppliers, by its code. English is the source; the catalogues in locale/ translate it.

A key is `group.code`, or `group.code.case` if a code has several sentences; `group.code.KIND` is the sentence for one kind of call.
Facts are inserted as %(name)s. A call that is not here declares its sentences in its file (`WORDS`); they stay English.
"""

from collections import ChainMap
from collections.abc import Mapping

from supplier_agent.words.alerts import ALERTS, LETTERS, TITLES
from supplier_agent.words.businessonbot import BUSINESSONBOT
from supplier_agent.words.carriers import CARRIERS
from supplier_agent.words.learned import LEARNED
from supplier_agent.words.marketplace import MARKETPLACE
from supplier_agent.words.page import PAGE
from supplier_agent.words.support import SUPPORT

_ORDER = "%(order)s --supplier %(supplier)s"
_RETRY_OR_CLOSE = f"supplier-agent retry {_ORDER} (or: supplier-agent close {_ORDER} --reason TEXT)"
RELEASE = "supplier-agent release --all (lists them), then: supplier-agent release --all --by NAME"

STAGES: Mapping[str, str] = {
    "stage.shipped": "shipped",
    "stage.closed": "closed",
    "stage.attention": "needs attention",
    "stage.held": "on hold",
    "stage.flagged": "marked as shipped",
    "stage.new": "not acknowledged",
    "stage.acknowledged": "no label yet",
    "stage.ready": "ready",
}

KINDS: Mapping[str, str] = {
    "kind.acknowledge": "acknowledge", "kind.label": "label", "kind.ship": "ship",
    "receiver.acknowledge": "the marketplace", "receiver.label": "the marketplace", "receiver.ship": "the marketplace",
    "kind.sale_check": "sale check", "kind.product": "product", "kind.after_sales": "after-sales", "kind.sav": "case",
    "receiver.sale_check": "the support API", "receiver.product": "the support API", "receiver.after_sales": "the support API",
    "receiver.sav": "the support API", "receiver.other": "the receiver",
}  # fmt: skip
"""The names of calls, and who receives them. A kind without a name is shown as its code."""
JOINTS: Mapping[str, str] = {"joint.and": " and ", "joint.also": "; "}
"""The separators of the parts of a list."""

EVIDENCE: Mapping[str, str] = {
    "evidence.confirmed": "the marketplace has confirmed it as shipped",
    "evidence.unverified": "it was reported as shipped; the answer neither denied nor confirmed it (unverified)",
    "evidence.person": "a person said that the marketplace has it as shipped",
    "evidence.not_recorded": "it was reported as shipped; the evidence was not recorded",
    "evidence.acknowledge_unverified": "the answer to its acknowledgement was no clear yes (unverified)",
}
"""Why an order counts as shipped. Only the first may be called confirmed."""

BLOCKERS: Mapping[str, str] = {
    "blocker.damaged": "its data cannot be read, or an internal error stopped it",
    "blocker.closed": "it is closed",
    "blocker.held": "it is on hold",
    "blocker.restored": "it is on hold since a restore",
    "blocker.ledger_lost": "it is on hold because the ship ledger is lost",
    "blocker.not_acknowledged": "it is not acknowledged",
    "blocker.no_label": "it has no label",
    "blocker.vanished": "the marketplace no longer lists it",
    "blocker.ship_parked": "the marketplace refused its ship call",
    "blocker.ship_unknown": "we do not know whether the marketplace received its ship call",
    "blocker.supplier_unknown": "its supplier is not in the configuration",
    "blocker.paused": "its supplier is paused",
    "blocker.read_only": "its orders are only read (read_only)",
    "blocker.many_flags": "unusually many orders were marked at once, and nobody has approved them yet",
    "blocker.token_missing": "there is no token for its supplier",
    "blocker.token_refused": "the marketplace refuses the token",
    "blocker.unreachable": "calls to the marketplace fail",
    "blocker.quiet": "the marketplace asked us to wait",
    "blocker.label_changed": "its label has changed since it was printed",
    "blocker.product_changed": "its product has changed since the label was printed",
    "blocker.quantity_changed": "its quantity has changed since the label was printed",
    "blocker.carrier_changed": "its carrier has changed since the label was printed",
}
"""The blockers of an order, as clauses."""

WAITS_FOR: Mapping[str, str] = {
    "waits_for.all": "%(missing)s",
    "waits_for.not_acknowledged": "its acknowledgement",
    "waits_for.no_label": "its label",
    "waits_for.vanished": "its place in the marketplace's list",
}
"""What a marked order waits for, as nouns."""

NEXT: Mapping[str, str] = {
    "next.waits": "It is marked as shipped, and is reported once it has %(missing)s. %(next)s",
    "next.fault": f"Nothing: %(fault)s. To try again: supplier-agent retry {_ORDER}",
    "next.damaged": "Nothing until this is corrected: unreadable in the database: %(cells)s (row %(row)s).",
    "next.shipped": "Nothing: %(evidence)s.",
    "next.closed": f"Nothing: it is closed (%(reason)s). To open it again: supplier-agent reopen {_ORDER}",
    "next.resend": "The answer to its %(kind)s call was lost; it is sent once more at %(at)s (resend).",
    "next.unknown": (
        "A person decides: we do not know whether %(receiver)s received its %(kind)s call. Find out, then: "
        f"supplier-agent resolve {_ORDER} --arrived --by NAME (or --send-again --by NAME)"
    ),
    "next.unknown.ship": (
        "A person decides: we do not know whether the marketplace received its ship call. Ask Menzzo, then: "
        f"supplier-agent resolve {_ORDER} --shipped --by NAME (or --send-again --by NAME)"
    ),
    "next.supplier_unknown": (
        "Nothing: %(supplier)s is not in the configuration, so nothing is sent for this order. "
        f"Add [suppliers.%(supplier)s], or: supplier-agent close {_ORDER} --reason TEXT"
    ),
    "next.parked": f"A person decides about its %(kind)s call: %(detail)s. To try again: supplier-agent retry {_ORDER}",
    "next.held": (
        f"Nothing until it is released: it is on hold (%(reason)s). To release it: supplier-agent release {_ORDER}"
    ),
    "next.vanished.unmarked": (
        "Do not ship it: the marketplace no longer lists it, so it may be cancelled. Ask Menzzo. If it is: "
        f"supplier-agent close {_ORDER} --reason TEXT. If it is not: supplier-agent ship {_ORDER} --override NAME"
    ),
    "next.vanished.marked": (
        "Nothing is reported: the marketplace no longer lists it, so it may be cancelled. Get the parcel back and ask Menzzo. "
        f"If it is cancelled: supplier-agent close {_ORDER} --reason TEXT. "
        f"If it is not: supplier-agent ship {_ORDER} --override NAME"
    ),
    "next.warehouse": f"It waits in the warehouse. Once it has left the building: supplier-agent ship {_ORDER}",
    "next.warehouse.print_again": (
        "It waits in the warehouse. Print its label again first: %(changed)s. "
        f"Once it has left the building: supplier-agent ship {_ORDER}"
    ),
    "next.sending": "Its %(kind)s call is being sent at this moment.",
    "next.paused": (
        "Nothing while %(supplier)s is paused by %(who)s since %(since)s (%(reason)s). "
        "To resume it: supplier-agent resume %(supplier)s"
    ),
    "next.read_only": "Its %(kind)s call waits while the agent only reads: read_only = true in the configuration.",
    "next.read_only.supplier": (
        "Its %(kind)s call waits while the agent only reads: read_only = true in [suppliers.%(supplier)s]."
    ),
    "next.many_flags": (
        "Its ship call waits for approval, because unusually many orders were marked as shipped within a minute. "
        "If they have left: supplier-agent approve %(supplier)s"
    ),
    "next.first_start": (
        "Its %(kind)s call waits for approval, because this is the first start for %(supplier)s, and there are many orders. "
        "To acknowledge them: supplier-agent approve %(supplier)s"
    ),
    "next.token_missing": "Its %(kind)s call waits until there is a token for %(supplier)s.",
    "next.token_refused": "Its %(kind)s call waits until %(supplier)s has a token that the marketplace accepts.",
    "next.outage.lane": (
        "Its %(kind)s call is sent at %(at)s or soon after: the %(lane)s of %(supplier)s pause (%(reason)s)."
    ),
    "next.outage.quiet": (
        "Its %(kind)s call is sent at %(at)s or soon after: the marketplace asked us to wait with calls for %(supplier)s."
    ),
    "next.undo_window": "Its %(kind)s call is sent at %(at)s: until then the mark can be undone.",
    "next.later": "Its %(kind)s call is sent at %(at)s.",
    "next.later.said": "Its %(kind)s call is sent at %(at)s: %(detail)s.",
    "next.due": "Its %(kind)s call is due now, and is sent as soon as the agent runs and the rate allows.",
}
"""What happens next to an order, and why: the sentence `next` of `order ID`."""

ORDER_PROBLEMS: Mapping[str, str] = {
    "problem.order_damaged.cells": (
        "unreadable in the database: %(cells)s (row %(row)s); nothing is sent for this order until it is corrected"
    ),
    "fix.order_damaged.cells": "correct it, then: UPDATE orders SET planned_at = NULL, fault = NULL WHERE id = %(row)s",
    "problem.order_damaged.fault": ("%(fault)s (row %(row)s); nothing is sent for this order until it is corrected"),
    "fix.order_damaged.fault": f"supplier-agent retry {_ORDER}",
    "problem.call_unknown": "%(kind)s call: we do not know whether %(receiver)s received it: %(detail)s",
    "fix.call_unknown": (
        f"ask %(receiver)s whether it has arrived, then: supplier-agent resolve {_ORDER} --arrived (or --send-again) --by NAME"
    ),
    "fix.call_unknown.ship": (
        f"ask Menzzo whether it is shipped, then: supplier-agent resolve {_ORDER} --shipped (or --send-again) --by NAME"
    ),
    "problem.call_parked": "%(kind)s call: it waits for a person: %(detail)s",
    "fix.call_parked": f"supplier-agent retry {_ORDER}",
    "fix.call_parked.acknowledge": _RETRY_OR_CLOSE,
    "fix.call_parked.label": _RETRY_OR_CLOSE,
    "fix.call_parked.ship": _RETRY_OR_CLOSE,
    "problem.call_unknown.stray": (
        "%(kind)s call of an order whose row %(row)s is missing: we do not know whether %(receiver)s received it: %(detail)s"
    ),
    "problem.call_parked.stray": "%(kind)s call of an order whose row %(row)s is missing: %(detail)s",
    "fix.call_unknown.stray": "the row was deleted with another tool: restore a backup (supplier-agent restore FILE)",
    "fix.call_parked.stray": "the row was deleted with another tool: restore a backup (supplier-agent restore FILE)",
    "problem.call_tried_often": "%(kind)s call: tried %(attempts)s times: %(detail)s",
    "fix.call_tried_often": "nothing to do: it is tried again automatically",
    "problem.held_though_marked": "it is marked as shipped, and on hold: nothing is reported (%(reason)s)",
    "fix.held_though_marked": (
        f"if it has left: supplier-agent release {_ORDER}; if not: supplier-agent unship {_ORDER}"
    ),
    "problem.order_vanished.unmarked": "the marketplace has not listed it since %(since)s, though it is not shipped",
    "problem.order_vanished.marked": (
        "the marketplace has not listed it since %(since)s; it is marked as shipped, and nothing is reported: "
        "get the parcel back until this is clear"
    ),
    "fix.order_vanished": (
        "ask Menzzo whether it is cancelled; "
        f"if it is: supplier-agent close {_ORDER} --reason TEXT; if not: supplier-agent ship {_ORDER} --override NAME"
    ),
    "problem.order_reported": "%(by)s reported at %(since)s: %(report)s",
    "problem.order_reported.words": "%(by)s reported at %(since)s: %(report)s: %(words)s",
    "fix.order_reported": "a lead decides, and settles it on the warehouse page, under Problems",
    "problem.waiting.acknowledge": "it has been waiting since %(since)s to be acknowledged",
    "problem.waiting.report": "it has been marked as shipped since %(since)s, and is still not reported",
    "fix.waiting": f"see what it waits for: supplier-agent order {_ORDER}",
    "problem.unflagged": "its label has been ready since %(since)s, but nobody has marked it as shipped",
    "fix.unflagged": (
        f"if it has left: supplier-agent ship {_ORDER}; if it cannot: supplier-agent hold {_ORDER} --reason TEXT"
    ),
    "problem.changed_since_printed": "%(changed)s",
    "fix.changed_since_printed": "print its label again on the page, and put it on the parcel instead of the old one",
    "problem.label_doubtful": "its label may be the wrong one: %(doubts)s",
    "fix.label_doubtful": (
        f"compare the label with the order; if it is wrong: supplier-agent hold {_ORDER} --reason TEXT, and ask Menzzo"
    ),
    "problem.field_unreadable": "%(said)s",
    "fix.field_unreadable": "",
}

SUPPLIER_PROBLEMS: Mapping[str, str] = {
    "problem.paused": "paused by %(who)s since %(since)s (%(reason)s); nothing is sent",
    "fix.paused": "supplier-agent resume %(supplier)s",
    "problem.flags_unusual": (
        "unusually many orders were marked as shipped within a minute (at %(at)s); its ship calls wait for approval"
    ),
    "fix.flags_unusual": "if they have left: supplier-agent approve %(supplier)s; if not: supplier-agent unship ID…",
    "problem.first_start": (
        "this is its first start, and %(number)s orders would be acknowledged (first_acknowledgements); "
        "none is until a person approves it"
    ),
    "fix.first_start": (
        "if all of them are yours to deliver: supplier-agent approve %(supplier)s; "
        "if not: set start_date in [suppliers.%(supplier)s] to the first day of your orders"
    ),
    "problem.token_missing": "%(said)s",
    "fix.token_missing": "supplier-agent check --offline",
    "problem.token_refused": "the marketplace refuses the token (since %(since)s): %(said)s; nothing is sent for %(supplier)s",
    "fix.token_refused.file": ("ask technique@menzzo.fr for a new token, and put it where the old one is: %(place)s"),
    "fix.token_refused.key": (
        "ask technique@menzzo.fr for a new token, and put it where the old one is: suppliers.%(supplier)s.token, then restart"
    ),
    "fix.token_refused.secret": (
        "ask technique@menzzo.fr for a new token, and put it where the old one is: the secret token-%(supplier)s"
    ),
    "problem.token_old": "its token has been in use for %(days)s days; Menzzo replaces tokens every %(lasts)s days",
    "fix.token_old": (
        "ask technique@menzzo.fr for the next one and put it into suppliers.%(supplier)s.token_next: "
        "it is used automatically as soon as the old one is refused"
    ),
    "problem.token_next_in_use": "the old token is refused; token_next has been in use since %(since)s",
    "fix.token_next_in_use": "move suppliers.%(supplier)s.token_next to suppliers.%(supplier)s.token",
    "problem.quiet": "the marketplace asked us to wait until %(until)s",
    "fix.quiet": "nothing to do: calls resume then",
    "problem.reads_failing": "reads have failed since %(since)s: %(reason)s",
    "problem.writes_failing": "writes have failed since %(since)s: %(reason)s",
    "problem.labels_failing": "labels have failed since %(since)s: %(reason)s",
    "problem.calls_failing": "%(lane)s have failed since %(since)s: %(reason)s",
    "fix.failing.again": "nothing to do: it is tried again as soon as the agent runs",
    "fix.failing.again_at": "nothing to do: it is tried again at %(at)s",
    "fix.failing.elsewhere": (
        "compare base_url with what technique@menzzo.fr says, and look for a proxy or a sign-in page in between: "
        "supplier-agent check; then: supplier-agent retry --all"
    ),
    "problem.read_late": (
        "nothing has been read since %(since)s, though the agent runs; it should read every %(every_seconds)s"
    ),
    "fix.read_late": "systemctl restart supplier-agent (or end that process, and start the agent again)",
    "problem.not_fully_read": "not fully read: %(first)s to %(last)s (read %(at)s): %(detail)s",
    "fix.not_fully_read": "ask technique@menzzo.fr how get-sales pages its answers, and compare these days with them",
    "problem.entry_rejected": "an entry of the list cannot be used: %(reason)s",
    "fix.entry_rejected": ("ask technique@menzzo.fr to correct it; it is stored in the table rejected_entries"),
    "problem.ship_overdue": "overdue orders, which should have been shipped by now: %(number)s (ship_by_days)",
    "fix.ship_overdue": "supplier-agent orders --supplier %(supplier)s",
    "problem.mass_disappearance": (
        "%(number)s open orders disappeared from the list in one read (%(since)s): so many at once usually "
        "mean that the list is incomplete, so no order is stopped"
    ),
    "fix.mass_disappearance": (
        "ask technique@menzzo.fr whether the list is complete; then: "
        "supplier-agent resync --supplier %(supplier)s --from DATE --to DATE"
    ),
    "problem.supplier_unknown": (
        "it is not in the configuration, and has %(number)s open orders (such as %(example)s): none of them is "
        "acknowledged or reported as shipped; %(marked)s are marked as shipped"
    ),
    "fix.supplier_unknown": (
        "add [suppliers.%(supplier)s] to the configuration, or close them: "
        "supplier-agent close ID --supplier %(supplier)s --reason TEXT"
    ),
    "reason.paused": "by %(who)s since %(since)s (%(reason)s)",
    "reason.token_refused": "the marketplace refuses the token: %(said)s",
    "reason.quiet": "the marketplace asked us to wait until %(until)s",
    "reason.failing": "%(lane)s: %(reason)s",
    "reason.read_late": (
        "nothing has been read since %(since)s, though the agent runs; it should read every %(every_seconds)s"
    ),
    "reason.supplier_unknown": "it is not in the configuration",
}
"""`reason.X` is the short form, next to a supplier's state."""

INSTALLATION_PROBLEMS: Mapping[str, str] = {
    "problem.read_only": (
        "READ-ONLY: orders are read; nothing is acknowledged, no label is fetched, nothing is reported as shipped"
    ),
    "fix.read_only": "set read_only = false and run it without --read-only",
    "problem.read_only.supplier": (
        "READ-ONLY: its orders are read; nothing is acknowledged, no label is fetched, nothing is reported as shipped"
    ),
    "fix.read_only.supplier": "set read_only = false in [suppliers.%(supplier)s]",
    "problem.configuration_refused.at": (
        "a new configuration was refused at %(at)s, and the previous one is still in use: %(said)s"
    ),
    "fix.configuration_refused": "correct it (supplier-agent config check), then: systemctl reload supplier-agent",
    "problem.clock_off.behind": "this machine's clock is about %(away_seconds)s behind the marketplace's",
    "problem.clock_off.ahead": "this machine's clock is about %(away_seconds)s ahead of the marketplace's",
    "fix.clock_off": "set it: timedatectl set-ntp true",
    "problem.ledger_lost": (
        "the ship ledger has been lost since %(since)s: %(reason)s; nothing is reported as shipped "
        "until a person releases the orders"
    ),
    "problem.evidence_broken.contradicts_ledger": (
        "the evidence was changed: the ship ledger recorded other blocks than the database has, from block %(number)s on"
    ),
    "problem.evidence_broken.damaged": "the evidence was changed or is damaged: block %(number)s does not fit its hash",
    "problem.evidence_broken.not_written": "the evidence has a gap: block %(number)s could not be written at %(at)s",
    "fix.evidence_broken": "keep a copy of state_dir, find out who changed it, then: supplier-agent evidence --accept --by NAME",
    "fix.ledger_lost": f"ask Menzzo what is shipped; {RELEASE}",
    "problem.held_after_restore": (
        "%(number)s orders are on hold since a restore: they may have been shipped, or taken back, after the copy was made"
    ),
    "fix.held_after_restore": f"ask Menzzo about each; {RELEASE}",
    "problem.webhook_failing": "webhook %(webhook)s has failed since %(since)s: %(reason)s; its events wait",
    "fix.webhook_failing": "correct the receiver, or the url of this webhook; then: supplier-agent webhooks test %(webhook)s",
    "problem.webhook_parked": "%(number)s events for webhook %(webhook)s were given up; the later events of their orders wait",
    "fix.webhook_parked": "supplier-agent webhooks replay %(webhook)s --parked",
    "problem.never_run": "nothing has run yet",
    "fix.never_run": "supplier-agent check, then: supplier-agent run --once --dry-run",
    "problem.not_running": "the agent is not running, and the last read is older than twice the poll interval",
    "fix.not_running": "systemctl start supplier-agent (or: supplier-agent run)",
    "problem.agent_hung.old": (
        "the agent (pid %(pid)s) has written no heartbeat in %(folder)s: it hangs, or is of an older version"
    ),
    "problem.agent_hung": (
        "the agent (pid %(pid)s) hangs: no heartbeat for %(age_seconds)s; nothing is sent meanwhile"
    ),
    "fix.agent_hung": "systemctl restart supplier-agent (or end that process, and start the agent again)",
    "problem.agent_died": (
        "the agent (%(command)s, pid %(pid)s) ended unexpectedly: it crashed, was killed, or the power failed"
    ),
    "fix.agent_died": "systemctl start supplier-agent (its log: journalctl -u supplier-agent)",
    "problem.page_not_listening": "the page that should listen on %(listen)s shows no sign of life",
    "fix.page_not_listening": "systemctl restart supplier-agent-page if that unit serves it, else supplier-agent",
    "problem.disk_low": "less than %(least_bytes)s are free on the disk of %(folder)s",
    "fix.disk_low": "free some disk space: a full disk stops acknowledging and shipping",
    "problem.database_locked": "the database %(database)s is locked by another program",
    "fix.database_locked": "close the program that edits it",
    "problem.said": "%(what)s",
    "fix.said": "%(fix)s",
}
"""`said`: text of the agent or of the alerts, passed on unchanged."""

ENGLISH: Mapping[str, str] = {
    **STAGES, **KINDS, **JOINTS, **EVIDENCE, **BLOCKERS, **WAITS_FOR, **NEXT,
    **ORDER_PROBLEMS, **SUPPLIER_PROBLEMS, **INSTALLATION_PROBLEMS, **TITLES, **ALERTS,
    **PAGE, **LETTERS, **SUPPORT, **CARRIERS, **BUSINESSONBOT, **LEARNED, **MARKETPLACE,
}  # fmt: skip

_OF_CALLS: dict[str, str] = {}
SENTENCES: Mapping[str, str] = ChainMap(dict(ENGLISH), _OF_CALLS)
"""Those above, which no call can replace, and those of the files of calls."""


def add_sentences(sentences: Mapping[str, str]) -> None:
    """Add the sentences that a call's own file declares. calls/ does this when it is loaded."""
    _OF_CALLS.update(sentences)
