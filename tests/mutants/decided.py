"""Planted bugs in what is decided: the verdict on an order or a supplier, which call goes next, and what an answer changes."""

from tests.mutants.planted import Mutant

ORDER = "tests/verdict/test_order_verdict.py"
SUPPLIER = "tests/verdict/test_supplier_verdict.py"
CHOICE = "tests/branches/test_choice.py"
REDIRECT = "tests/branches/test_redirect.py"
CONTAINMENT = "tests/branches/test_containment.py"
BRAKED = "tests/brakes/test_braked.py"

VERDICT = (
    Mutant(
        "a label that changed since it was printed stops nobody",
        "verdict/order.py",
        "        Blocker.LABEL_CHANGED: (last.label_sha256, order.label_sha256),\n",
        "",
        (ORDER,),
    ),
    Mutant(
        "what is printed again is compared with the first print",
        "verdict/order.py",
        "    last = prints[-1]\n",
        "    last = prints[0]\n",
        (ORDER,),
    ),
    Mutant(
        "only the first blocker is given",
        "verdict/order.py",
        "    own = tuple(own_blockers(order, calls, prints))\n",
        "    own = tuple(own_blockers(order, calls, prints))[:1]\n",
        (ORDER,),
    ),
    Mutant(
        "a packer may mark as shipped what is held back",
        "verdict/order.py",
        "    if order.shipped == 0 and not STOPS.intersection(blockers):\n",
        "    if order.shipped == 0:\n",
        (ORDER,),
    ),
    Mutant(
        "an undo is offered while the ship call is being sent",
        "verdict/order.py",
        'BEGUN = frozenset({"sending", "unknown", "done"})',
        'BEGUN = frozenset({"unknown", "done"})',
        (ORDER,),
    ),
    Mutant(
        "an override is offered for an order that is held",
        "verdict/order.py",
        " and not {Blocker.HELD, Blocker.DAMAGED}.intersection(blockers):",
        ":",
        (ORDER,),
    ),
    Mutant(
        "an unknown outcome is not what an order waits for",
        "verdict/order.py",
        '    unknown = next((call for call in calls if call.state == "unknown"), None)',
        '    unknown = next((call for call in calls if call.state == "never"), None)',
        (ORDER,),
    ),
    Mutant(
        "a call of a paused supplier is said to go at its time",
        "verdict/order.py",
        "    if supplier.paused_at is not None:\n        return NextStep.PAUSED",
        "    if supplier.paused_at is not None and settings.read_only:\n        return NextStep.PAUSED",
        (ORDER,),
    ),
    Mutant(
        "a call that waits for a person is no problem",
        "verdict/problems.py",
        '        elif call.state == "parked":\n            yield ProblemCode.CALL_PARKED, facts\n',
        "",
        (ORDER,),
    ),
    Mutant(
        "a supplier whose token is refused is well",
        "verdict/supplier.py",
        '("paused", refused), ',
        "",
        (SUPPLIER,),
    ),
    Mutant(
        "a read is late although it was made",
        "verdict/supplier.py",
        "for each in (runs_since, supplier.asked_at) if",
        "for each in (runs_since, None) if",
        (SUPPLIER,),
    ),
)

CHOOSE = (
    Mutant(
        "calls go although their supplier is paused",
        "tick/deliver.py",
        "    if supplier.paused_at is not None or supplier.token_refused_at is not None:\n",
        "    if supplier.token_refused_at is not None:\n",
        (f"{BRAKED}::test_a_paused_supplier_sends_nothing_and_the_other_goes_on",),
    ),
    Mutant(
        "a ship call waits behind the acknowledges",
        "tick/deliver.py",
        '            call = None if safety_stops.ships_wait(supplier) else outbox.due(tx, account.name, "ship", now)\n'
        "            if call is None and not reading_pages:\n"
        '                call = outbox.due(tx, account.name, "acknowledge", now)\n',
        '            call = None if reading_pages else outbox.due(tx, account.name, "acknowledge", now)\n'
        "            if call is None and not safety_stops.ships_wait(supplier):\n"
        '                call = outbox.due(tx, account.name, "ship", now)\n',
        (CHOICE,),
    ),
    Mutant(
        "a ship call is what tells whether an outage is over",
        "tick/deliver.py",
        "    call = next(iter(other), acknowledge or ship)\n",
        "    call = ship or acknowledge\n",
        (CHOICE,),
    ),
    Mutant(
        "after an outage a ship call is risked before a read has worked",
        "tick/deliver.py",
        "    if (call is not acknowledge or lane.redirected_to is not None) and not",
        "    if lane.redirected_to is not None and not",
        (CHOICE,),
    ),
    Mutant(
        "after a redirect an acknowledge is risked before a read has worked",
        "tick/deliver.py",
        "    if (call is not acknowledge or lane.redirected_to is not None) and not",
        "    if call is not acknowledge and not",
        (f"{REDIRECT}::test_an_acknowledge_is_tried_again_after_a_read_each_time_and_is_never_parked",),
    ),
)

SETTLE = (
    Mutant(
        "one redirect parks every order that is marked",
        "tick/deliver.py",
        "job.kind in ONCE and _redirect_parked_one(tx, job.supplier):",
        "job.kind in ONCE and not job.supplier:",
        (f"{REDIRECT}::test_one_ship_call_is_parked_and_the_others_go_by_themselves_when_the_address_is_right_again",),
    ),
    Mutant(
        "however many 404s pause nobody",
        "tick/deliver.py",
        "    if outcome.http_status == NOT_FOUND:\n        braked",
        "    if outcome.http_status == NOT_FOUND + 1:\n        braked",
        (f"{BRAKED}::test_many_404s_in_a_row_pause_the_supplier",),
    ),
    Mutant(
        "a ship call that no worker took counts as lost",
        "tick/settle.py",
        'Ending(Outcome(NOT_SENT, "this machine has no thread to spare"), outage=True)',
        'Ending(Outcome(UNKNOWN, "this machine has no thread to spare"), outage=True)',
        (f"{CONTAINMENT}::test_a_ship_call_that_no_worker_took_was_not_sent_and_is_tried_again",),
    ),
    Mutant(
        "after an error of our own a ship call is owed again",
        "tick/deliver.py",
        "    if CALLS[job.kind].ONCE:\n        return Next(",
        "    if not CALLS[job.kind].ONCE:\n        return Next(",
        ("tests/branches/test_loop.py::test_a_fault_of_our_own_in_a_worker_is_told_and_counts_as_a_lost_answer",),
    ),
    Mutant(
        "the reads that a call makes on its way are forgotten",
        "tick/deliver.py",
        "    for read in ending.reads:\n        read_log.write(tx, job.supplier, read, None)\n",
        "",
        (
            "tests/branches/test_not_found.py::test_the_same_question_is_not_asked_while_the_server_answers_it_from_its_cache",
        ),
    ),
)

DECIDED = (*VERDICT, *CHOOSE, *SETTLE)
