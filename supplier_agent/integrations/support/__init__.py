"""Menzzo's customer-support API: sale checks, products, after-sales. Off unless a supplier has `[suppliers.X.support]`.

answers.py   answers -> values; drops the customer
client.py    the requests of one supplier's account, `SUPPLIER/support`
tools.py     what a worker of that account has
pictures.py  pictures of products, in a folder of bounded size
"""

from supplier_agent.integrations.support.client import Support
from supplier_agent.integrations.support.pictures import PictureFolder
from supplier_agent.integrations.support.tools import SupportTools, make_tools

__all__ = ["PictureFolder", "Support", "SupportTools", "make_tools"]
