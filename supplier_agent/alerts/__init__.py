"""Alerts: tell people what broke, and that it works again; never a storm, never a secret.

What is wrong, verdict/ says, the same for `status` and for alerts. facts.py groups it and adds what takes long to find out
(silence, days that are not proved), decide.py says what to send and to whom (pure), post.py words and delivers it, watch.py does
it every 30 seconds beside the loop.
"""

from supplier_agent.alerts.post import Post
from supplier_agent.alerts.watch import Watch

__all__ = ["Post", "Watch"]
