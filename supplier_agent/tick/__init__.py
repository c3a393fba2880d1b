"""One tick of an account: pull (remote -> facts), plan (facts -> calls owed), deliver (calls -> remote -> facts).

pull.py reads the list and observe.py stores it. plan.py applies the rule of order.py. choose.py chooses the next request, claim.py
commits the intent and sends it, settle.py turns its result into facts. outages.py records what a result says about the account,
tokens.py manages its tokens. context.py has the shared state, workers.py the threads.
"""
