"""BusinessOnBot, the supplier's own WhatsApp bot: one message out. What it may ask of us is in web/bot/.

Off unless a supplier has `[suppliers.X.businessonbot]` with `send_dispatched`.
"""

from supplier_agent.integrations.businessonbot.client import Bot, make_client

__all__ = ["Bot", "make_client"]
