"""supplier-agent: facts about orders are kept in a database; a pure rule derives the calls owed; a small loop makes them.

Reading order: order.py (the life of an order), agent.py (the core loop), calls/ship.py (one outward call),
outbox.py (what is owed), tables.py (everything we remember).
"""

__version__ = "0.2.0"
