"""Alerts: notify people of problems and of their end, without floods of messages and without secrets.

verdict/ decides what is a problem, for `status` and alerts alike. decide.py decides what is worth an alert, and what to send to
whom (pure), post.py writes and delivers the messages, and watch.py runs all of this every 30 seconds, in its own thread.
"""

from supplier_agent.alerts.post import Post
from supplier_agent.alerts.watch import Watch

__all__ = ["Post", "Watch"]
