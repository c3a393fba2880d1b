"""Planted bugs in what is decided: the verdict, which call goes next, what an answer changes, and how a new call is served."""

from tests.mutants.planted import Mutant

ORDER = "tests/verdict/test_order_verdict.py"
SUPPLIER = "tests/verdict/test_supplier_verdict.py"
CHOICE = "tests/branches/test_choice.py"
REDIRECT = "tests/branches/test_redirect.py"
CONTAINMENT = "tests/branches/test_containment.py"
BRAKED = "tests/brakes/test_braked.py"
ACCOUNTS = "tests/calls/test_accounts.py"
NEW_CALL = "tests/calls/test_a_new_call.py"
LOAD = "tests/web/test_load.py"

VERDICT = (
    Mutant(
        "a departure marks what must not ship",
        "web/departure.py",
        "        return sheets.must_stay(self.each)\n",
        "        return False\n",
        (LOAD, "-k", "blocked"),
    ),
    Mutant(
        "a parcel that is still at the bench counts on the vehicle",
        "web/departure.py",
        "    return replace(of_order, scanned=pages or frozenset())\n",
        "    return of_order\n",
        (LOAD, "-k", "complete"),
    ),
    Mutant(
        "that an order did not leave is covered by another report",
        "reports/facts.py",
        "    return next((each for each in newest if lasts_after_shipping(each)), newest[0] if newest else None)\n",
        "    return newest[0] if newest else None\n",
        (LOAD, "-k", "another_report"),
    ),
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
        "    for read in ending.reads:\n",
        "    for read in ():\n",
        (
            "tests/branches/test_not_found.py::test_the_same_question_is_not_asked_while_the_server_answers_it_from_its_cache",
        ),
    ),
)

EXTEND = (
    Mutant(
        "what a call to another receiver waits for is said of the marketplace",
        "verdict/order.py",
        "    account = case.supplier.account(case.kinds[kind].ACCOUNT)\n",
        "    account = case.supplier\n",
        (ACCOUNTS,),
    ),
    Mutant(
        "the recipients of a supplier get no alert of its other accounts",
        "alerts/decide.py",
        'self.supplier in {None, owner_of(row.supplier or "")}',
        "self.supplier in {None, row.supplier}",
        (ACCOUNTS,),
    ),
    Mutant(
        "what another receiver took is taken for an unclear answer",
        "marketplace/answers.py",
        "    return _judge(reply, now, secrets, lambda _: Means.CONFIRMED)\n",
        "    return _judge(reply, now, secrets, lambda _: Means.UNCLEAR)\n",
        (ACCOUNTS,),
    ),
    Mutant(
        "a redirect parks every order of a call that may be repeated",
        "calls/protocol.py",
        "        if kind == REFUSED and (ending.redirected_to is None or self.ONCE):\n",
        "        if kind == REFUSED:\n",
        (ACCOUNTS,),
    ),
    Mutant(
        "a call that must not be repeated is tried again",
        "calls/protocol.py",
        "        if kind == UNKNOWN and self.ONCE:\n",
        "        if kind == UNKNOWN and self.ONCE and job.number > 1:\n",
        ("tests/calls/test_every_call.py",),
    ),
    Mutant(
        "a call is on although its setting switches it off",
        "calls/__init__.py",
        'for kind, keys in asked.items() if keys["enabled"] is not True}',
        'for kind, keys in asked.items() if keys["enabled"] is None}',
        (NEW_CALL,),
    ),
    Mutant(
        "a call replaces a sentence of the program",
        "words/english.py",
        "ChainMap(dict(ENGLISH), _OF_CALLS)",
        "ChainMap(_OF_CALLS, dict(ENGLISH))",
        (NEW_CALL,),
    ),
)

DECIDED = (*VERDICT, *CHOOSE, *SETTLE, *EXTEND)
