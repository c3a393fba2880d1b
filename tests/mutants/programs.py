"""Planted bugs in the HTTP API: who may do what, which orders a program sees, what is done once, and who has signed."""

from tests.mutants.planted import Mutant

ACCESS = "tests/api/test_access.py"
ACTS = "tests/api/test_acts.py"
HOOKS = "tests/api/test_hooks.py"
LIMITS = "tests/api/test_limits.py"
ORDERS = "tests/api/test_orders.py"

OF_PROGRAMS = (
    Mutant(
        "a program needs no right",
        "web/api/gate.py",
        "    if right and right not in caller.may:\n",
        "    if False:\n",
        (ACCESS, "-k", "its_right"),
    ),
    Mutant(
        "a program sees the orders of all suppliers",
        "web/api/gate.py",
        "        if caller.suppliers is None:\n",
        "        if True:\n",
        (ACCESS, "-k", "another_supplier"),
    ),
    Mutant(
        "a revoked key is still valid",
        "web/keys.py",
        "    return found if found is not None and found.revoked_at is None else None\n",
        "    return found\n",
        (ACCESS, "-k", "revoked"),
    ),
    Mutant(
        "wrong keys need not wait",
        "web/api/gate.py",
        "        if wait > 0:\n            seconds",
        "        if wait > 1e9:\n            seconds",
        (ACCESS, "-k", "must_wait"),
    ),
    Mutant(
        "a program may hold all places",
        "web/api/gate.py",
        "MOST_OF_ONE = 8\n",
        "MOST_OF_ONE = 80\n",
        (LIMITS, "-k", "connections"),
    ),
    Mutant(
        "a body may have any size",
        "web/api/gate.py",
        "                if len(body) > MOST_BYTES:\n",
        "                if False:\n",
        (LIMITS, "-k", "huge"),
    ),
    Mutant(
        "a program marks what must not ship",
        "web/api/acting.py",
        "    if stops:\n",
        "    if False:\n",
        (ACTS, "-k", "must_not_leave"),
    ),
    Mutant(
        "a program releases what a restore holds",
        "web/api/acting.py",
        "            if order.held_reason is not None and order.held_code is not None:\n",
        "            if False:\n",
        (ACTS, "-k", "no_program_releases"),
    ),
    Mutant(
        "the same request is done again",
        "web/api/acting.py",
        "    if not asking.once:\n        return None\n",
        "    return None\n",
        (ACTS, "-k", "same_key_is_done_once or undone_meanwhile"),
    ),
    Mutant(
        "another request gets the answer of the first",
        "web/api/acting.py",
        '    if found["mark"] != mark:\n',
        "    if False:\n",
        (ACTS, "-k", "another_request"),
    ),
    Mutant(
        "two programs share their keys of requests",
        "web/api/acting.py",
        "json.dumps([caller.who, whose, asking.once])",
        "json.dumps([whose, asking.once])",
        (ACTS, "-k", "each_program"),
    ),
    Mutant(
        "an old webhook is accepted",
        "web/api/hooks.py",
        "    if abs(age) > TOLERANCE.total_seconds():\n",
        "    if age < -TOLERANCE.total_seconds():\n",
        (HOOKS, "-k", "signed_now"),
    ),
    Mutant(
        "a webhook of tomorrow is accepted",
        "web/api/hooks.py",
        "    if abs(age) > TOLERANCE.total_seconds():\n",
        "    if age > TOLERANCE.total_seconds():\n",
        (HOOKS, "-k", "signed_now"),
    ),
    Mutant(
        "the signature of a webhook does not cover its time",
        "base/standard_webhooks.py",
        'f"{event_id}.{at}.".encode() + body',
        'f"{event_id}.".encode() + body',
        (HOOKS, "-k", "marks_an_order_once"),
    ),
    Mutant(
        "a signature of another version is accepted",
        "web/api/hooks.py",
        'validate=True) if version == VERSION else b""',
        'validate=True) if version else b""',
        (HOOKS, "-k", "changed_body"),
    ),
    Mutant(
        "a webhook that comes again is done again",
        "web/api/routes.py",
        '        once = request.headers["webhook-id"]\n',
        '        once = ""\n',
        (HOOKS, "-k", "marks_an_order_once"),
    ),
    Mutant(
        "a page of orders begins where an order was that is gone",
        "web/api/reading.py",
        "AND id > ? ORDER BY id LIMIT ?",
        "AND id > ? ORDER BY order_date, id LIMIT ?",
        (ORDERS, "-k", "while_orders_change"),
    ),
)
