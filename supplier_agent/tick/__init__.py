"""One tick of a supplier: pull (marketplace to facts), plan (facts to calls owed), deliver (calls to marketplace to facts).

pull.py reads and observe.py notes what was seen; plan.py asks order.py what is owed; deliver.py claims and settles; inbox.py and
landing.py take in what comes back; account.py is a supplier at work, renewal.py its new token, narrate.py what the log says.
"""
