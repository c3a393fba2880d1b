"""Alerts: who must know that something broke, and that it is well again; never a storm, never a secret.

facts.py says what is wrong now, silence.py whether silence is unusual, decide.py what to tell of it (pure), words.py how,
post.py sends, watch.py does it now and then beside the loop.
"""

from supplier_agent.alerts.facts import CAUSES
from supplier_agent.alerts.post import Post
from supplier_agent.alerts.watch import Watch
from supplier_agent.alerts.words import trial

__all__ = ["CAUSES", "Post", "Watch", "trial"]
