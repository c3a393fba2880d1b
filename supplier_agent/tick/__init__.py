"""One tick of an account: pull (remote -> facts), plan (facts -> calls owed), deliver (calls -> remote -> facts).

pull.py reads and observe.py stores what was seen; plan.py asks order.py what is owed; choose.py says what goes next, claim.py
commits the intent and sends, settle.py turns what came back into facts; outages.py notes what an ending says of the account,
tokens.py looks after its credentials. context.py is what they all work with, workers.py the threads.
"""
