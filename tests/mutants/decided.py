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
        "    if account.paused_at is not None:\n        return NextStep.PAUSED",
        "    if account.paused_at is not None and case.settings.read_only:\n        return NextStep.PAUSED",
        (ORDER,),
    ),
    Mutant(
        "a call that waits for a person is no problem",
        "verdict/problems.py",
        '        elif call.state == "parked":\n'
        '            yield ProblemCode.CALL_PARKED, facts if _closing_helps(call.kind) else facts | case_of("alone")\n',
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
        "tick/choose.py",
        "    if row.paused_at is not None or row.token_refused_at is not None:\n",
        "    if row.token_refused_at is not None:\n",
        (f"{BRAKED}::test_a_paused_supplier_sends_nothing_and_the_other_goes_on",),
    ),
    Mutant(
        "a ship call waits behind the acknowledges",
        "tick/choose.py",
        "    calls, probe = ctx.calls.at(account.kind), False\n",
        "    calls, probe = dict(reversed(ctx.calls.at(account.kind).items())), False\n",
        (CHOICE,),
    ),
    Mutant(
        "a ship call is what tells whether an outage is over",
        "tick/choose.py",
        "key=lambda kind: (calls[kind].ONCE, calls[kind].PRIORITY))",
        "key=lambda kind: calls[kind].PRIORITY)",
        (CHOICE,),
    ),
    Mutant(
        "after an outage a ship call is risked before a read has worked",
        "tick/choose.py",
        "    risky = calls[call.kind].ONCE or lane.redirected_to is not None\n",
        "    risky = lane.redirected_to is not None\n",
        (CHOICE,),
    ),
    Mutant(
        "after a redirect an acknowledge is risked before a read has worked",
        "tick/choose.py",
        "    risky = calls[call.kind].ONCE or lane.redirected_to is not None\n",
        "    risky = calls[call.kind].ONCE\n",
        (f"{REDIRECT}::test_an_acknowledge_is_tried_again_after_a_read_each_time_and_is_never_parked",),
    ),
)

SETTLE = (
    Mutant(
        "one redirect parks every order that is marked",
        "tick/settle.py",
        "call.ONCE and _redirect_parked_one(ctx, tx, account, call.LANE):",
        "call.ONCE and not job.supplier:",
        (f"{REDIRECT}::test_one_ship_call_is_parked_and_the_others_go_by_themselves_when_the_address_is_right_again",),
    ),
    Mutant(
        "however many 404s pause nobody",
        "tick/settle.py",
        "    if outcome.http_status == NOT_FOUND:\n        kinds",
        "    if outcome.http_status == NOT_FOUND + 1:\n        kinds",
        (f"{BRAKED}::test_many_404s_in_a_row_pause_the_supplier",),
    ),
    Mutant(
        "a ship call that no worker took counts as lost",
        "tick/settle.py",
        'Ending(Outcome(NOT_SENT, "this machine has no free thread"), outage=True)',
        'Ending(Outcome(UNKNOWN, "this machine has no free thread"), outage=True)',
        (f"{CONTAINMENT}::test_a_ship_call_that_no_worker_took_was_not_sent_and_is_tried_again",),
    ),
    Mutant(
        "after an error of our own a ship call is owed again",
        "tick/settle.py",
        "    if ctx.calls[job.kind].ONCE:\n        return Next(",
        "    if not ctx.calls[job.kind].ONCE:\n        return Next(",
        ("tests/branches/test_loop.py::test_a_fault_of_our_own_in_a_worker_is_told_and_counts_as_a_lost_answer",),
    ),
    Mutant(
        "the reads that a call makes on its way are forgotten",
        "tick/settle.py",
        "    for read in ending.reads:\n        read_log.write(tx, job.supplier, read, None)\n",
        "",
        (
            "tests/branches/test_not_found.py::test_the_same_question_is_not_asked_while_the_server_answers_it_from_its_cache",
        ),
    ),
)

DECIDED = (*VERDICT, *CHOOSE, *SETTLE)
