"""For each promise of README: the ways in which its sentence can become false. Each is a planted bug that its own test notices."""

from tests.mutants.planted import Mutant

PROMISES = "tests/promises/test_promises.py"


def _way(promise: str, name: str, file: str, old: str, new: str) -> Mutant:
    return Mutant(name, file, old, new, (f"{PROMISES}::{promise}",))


WAYS: tuple[Mutant, ...] = (
    _way(
        "test_no_listed_order_is_lost",
        "the cursor moves after every page of a poll",
        "tick/pull.py",
        "    _note(tx, run, listed, step, now)\n",
        "    _note(tx, run, listed, step, now)\n"
        "    if isinstance(step, strategy.Run):\n"
        "        row = known_supplier(tx, name)\n"
        "        row.cursor = strategy.highest([row.cursor or '', *step.listed])\n"
        "        tx.add(row)\n",
    ),
    _way(
        "test_no_listed_order_is_lost",
        "an answer that is not a list ends a run as complete",
        "tick/pull.py",
        "    if answer.http_status not in {400, 404, 422}:\n        return None\n",
        "    if answer.http_status not in {400, 404, 422}:\n        return strategy.End(plan, 'complete')\n",
    ),
    _way(
        "test_no_listed_order_is_lost",
        "a sweep reads half of its days",
        "tick/pull.py",
        "    start = today - timedelta(days=days)\n",
        "    start = today - timedelta(days=days // 2)\n",
    ),
    _way(
        "test_no_listed_order_is_lost",
        "only the first page of days is read",
        "reading/strategy.py",
        "MAX_PAGES = 2000",
        "MAX_PAGES = 2",
    ),
    _way(
        "test_no_listed_order_is_lost",
        "the rows after one without an id are not stored",
        "tick/observe.py",
        "        if isinstance(row, Rejected):\n            continue\n        order = known.get",
        "        if isinstance(row, Rejected):\n            break\n        order = known.get",
    ),
    _way(
        "test_nothing_unreadable_is_dropped_in_silence",
        "the same entry is kept again and again",
        "tick/observe.py",
        "        if sha256 not in known:\n",
        "        if sha256 not in known or (sha256 := sha256[:32] + str(now.timestamp())):\n",
    ),
    _way(
        "test_every_stored_order_is_acknowledged_at_least_once",
        "a lost answer of an acknowledge ends it",
        "calls/protocol.py",
        '        if kind == DONE:\n            return Next("done")\n',
        '        if kind in {DONE, UNKNOWN}:\n            return Next("done")\n',
    ),
    _way(
        "test_every_stored_order_is_acknowledged_at_least_once",
        "a refusal counts as an acknowledgement",
        "calls/acknowledge.py",
        "    if ending.outcome.kind == DONE:\n            facts",
        "    if ending.outcome.kind in {DONE, REFUSED}:\n            facts",
    ),
    _way(
        "test_ship_is_never_sent_unasked",
        "the undo window is halved",
        "calls/ship.py",
        "timedelta(seconds=settings.ship.undo_seconds)",
        "timedelta(seconds=settings.ship.undo_seconds / 2)",
    ),
    _way(
        "test_ship_is_never_sent_unasked",
        "a ready order is shipped although nobody marked it",
        "order.py",
        "order.shipped == 1 and order.held_reason is None and not blockers(order)",
        "order.held_reason is None and not blockers(order)",
    ),
    _way(
        "test_ship_is_never_sent_unasked",
        "an order without its label is shipped",
        "order.py",
        "NO_LABEL: order.label_path is None,",
        "NO_LABEL: False,",
    ),
    _way(
        "test_ship_is_never_sent_unasked",
        "an order that was not acknowledged is shipped",
        "order.py",
        "NOT_ACKNOWLEDGED: order.acknowledged_at is None,",
        "NOT_ACKNOWLEDGED: False,",
    ),
    _way(
        "test_ship_is_sent_at_most_once_without_a_person",
        "a ship call that a crash interrupted is sent again",
        "outbox.py",
        "        if call.kind in once:\n",
        "        if call.kind in once and not call.attempts:\n",
    ),
    _way(
        "test_ship_is_sent_at_most_once_without_a_person",
        "a refused ship call is tried again",
        "calls/ship.py",
        '        return Next("parked", strike=True, why=outcome.detail or "the marketplace refused it")',
        '        return Next("owed", now, why=outcome.detail or "the marketplace refused it")',
    ),
    _way(
        "test_ship_is_sent_at_most_once_without_a_person",
        "resend sends the call a third time",
        "calls/ship.py",
        "or len(lost) != 1 or attempts[-1].number != lost[0].number",
        "or len(lost) not in {1, 2}",
    ),
    _way(
        "test_not_knowing_is_said",
        "an HTML page counts as a yes",
        "calls/protocol.py",
        "    Means.UNCLEAR: UNKNOWN,",
        "    Means.UNCLEAR: DONE,",
    ),
    _way(
        "test_not_knowing_is_said",
        "a server error counts as a no",
        "calls/protocol.py",
        "    Means.FAILED: UNKNOWN,",
        "    Means.FAILED: REFUSED,",
    ),
    _way(
        "test_shipped_means_confirmed",
        "an HTML page confirms the shipment",
        "calls/protocol.py",
        "    Means.UNCLEAR: UNKNOWN,",
        "    Means.UNCLEAR: DONE,",
    ),
    _way(
        "test_shipped_means_confirmed",
        "a refusal confirms the shipment",
        "calls/protocol.py",
        "    Means.REFUSED: REFUSED,",
        "    Means.REFUSED: DONE,",
    ),
    _way(
        "test_a_label_on_disk_is_whole",
        "a label is written directly to its final file",
        "labels/folder.py",
        '        part = folder / f".{menzzo_order_id}.part"\n',
        "        part = target\n",
    ),
    _way(
        "test_a_label_on_disk_is_whole",
        "a label that was cut off is kept",
        "labels/pdf_worker.py",
        '    if b"%%EOF" not in content[-1024:]:\n        return "it is a PDF, but cut off"\n',
        "    if b'%%EOF' not in content[-1024:]:\n        return ''\n",
    ),
    _way(
        "test_two_agents_never_send_the_same_call",
        "the instance lock is shared",
        "db/state_folder.py",
        "fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)",
        "fcntl.flock(self._fd, fcntl.LOCK_SH | fcntl.LOCK_NB)",
    ),
    _way(
        "test_it_tells_when_it_stops",
        "the heartbeat URL is pinged after a failed round",
        "tick/settle.py",
        "    if isinstance(step, pull.Finished):\n",
        "    if True:\n",
    ),
    _way(
        "test_the_token_goes_nowhere_else",
        "the token is sent to another origin with a label request",
        "marketplace/links.py",
        "    if origin in _origins(label_origins):  # the settings allow http there only for a loopback address\n"
        "        return Target(url, with_token=False)",
        "    if origin:\n        return Target(url, with_token=True)",
    ),
    _way(
        "test_the_token_goes_nowhere_else",
        "an answer that contains the token is stored unchanged",
        "marketplace/answers.py",
        """            text = text.replace(spelling, "[token]")""",
        "            text = str(text)",
    ),
    _way(
        "test_ship_is_never_sent_unasked",
        "a restore does not hold the orders that are marked in the copy",
        "maintenance/restore.py",
        "            taken_back = rollback.since_the_copy(tx, ledger)\n"
        "            held = rollback.hold(tx, ledger, RESTORED, now)\n",
        "            taken_back = rollback.since_the_copy(tx, ledger)\n            held = ()\n",
    ),
    _way(
        "test_ship_is_never_sent_unasked",
        "a database that was replaced by other means is not noticed",
        "maintenance/rollback.py",
        "        if finding.relation is Relation.SAME and accepted is None:\n",
        "        if accepted is None:\n",
    ),
    _way(
        "test_nothing_unreadable_is_dropped_in_silence",
        "a long entry is cut",
        "tick/observe.py",
        "            text = row.raw.decode(",
        "            text = row.raw[:65536].decode(",
    ),
    _way(
        "test_shipped_means_confirmed",
        "an answer that says nothing counts as confirmed",
        "calls/ship.py",
        '"ship_evidence": verdict.means.value}',
        '"ship_evidence": "confirmed"}',
    ),
)
