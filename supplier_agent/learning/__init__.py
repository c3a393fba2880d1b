"""What the agent learns about its marketplace from its own journal, question by question. Pure, except estimates.py and feed.py."""

from supplier_agent.learning.careful import Careful
from supplier_agent.learning.questions import Estimate, Evidence, Observation, Question, State

__all__ = ["Careful", "Estimate", "Evidence", "Observation", "Question", "State"]
