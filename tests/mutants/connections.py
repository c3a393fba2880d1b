"""Planted bugs in the webhooks, the shops and the sale gate: what is made twice, lost, marked or shipped wrongly, or waited for."""

from tests.mutants.planted import Mutant

DELIVERY = "tests/webhooks/test_delivery.py"
MIRROR = "tests/shops/test_mirror.py"
READ_BACK = "tests/shops/test_read_back.py"
SHOP_RULES = "tests/shops/test_rules.py"
SALES = "tests/support/test_gate.py"

OF_CONNECTIONS = (
    Mutant(
        "an order is made in the shop without a search for it",
        "calls/shop_order.py",
        "        found = tools.find(job.menzzo_order_id)\n",
        "        found: tuple[InShop, ...] | Verdict = ()\n",
        (MIRROR, "-k", "has_already"),
    ),
    Mutant(
        "after a lost answer the shop's own search is believed",
        "calls/shop_order.py",
        "        if not found and sent_at is not None:",
        "        if False:",
        (MIRROR, "-k", "lost_answer_never"),
    ),
    Mutant(
        "an order is made again while the shop may still be at work",
        "calls/shop_order.py",
        "        if sent_at is not None and tools.clock.now() < sent_at + SETTLE:\n",
        "        if False:\n",
        (MIRROR, "-k", "cannot_be_at_work or waits_and_then"),
    ),
    Mutant(
        "the shop marks what must stay",
        "tick/read_back.py",
        "        if not stops:\n",
        "        if True:\n",
        (READ_BACK, "-k", "must_not_leave"),
    ),
    Mutant(
        "what was fulfilled before the shop was connected is a mark",
        "reading/shop_orders.py",
        "    return Says.MARK if made is not None and made >= connected_at else Says.BEFORE\n",
        "    return Says.MARK\n",
        (SHOP_RULES, READ_BACK),
    ),
    Mutant(
        "the next event of an order does not wait for the one before",
        "calls/webhook.py",
        "    if any(each.state in UNFINISHED for each in events):\n",
        "    if False:\n",
        (DELIVERY,),
    ),
    Mutant(
        "an event that is refused counts as delivered",
        "calls/webhook.py",
        '        if outcome.kind == DONE:\n            return Next("done")\n',
        '        if outcome.kind in {DONE, REFUSED}:\n            return Next("done")\n',
        (DELIVERY, "-k", "refused or 410"),
    ),
    Mutant(
        "a webhook that was configured under a clock that was ahead gets nothing until then",
        "calls/webhook.py",
        "    if endpoint.since > now:",
        "    if False:",
        (DELIVERY, "-k", "was_ahead"),
    ),
    Mutant(
        "events that were removed unsent are not counted",
        "integrations/webhooks/deliveries.py",
        "        if number and endpoint is not None:\n",
        "        if False and endpoint is not None:\n",
        (DELIVERY, "-k", "weeks"),
    ),
    Mutant(
        "a gate that is not strict waits for its answer",
        "verdict/sale.py",
        "    return Gate(until) if until > now else Gate(skips=True)\n",
        "    return Gate(max(until, now + AGAIN))\n",
        (SALES,),
    ),
)
