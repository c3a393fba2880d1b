"""What the agent learns about its marketplace from its own journal, question by question."""

from supplier_agent.learning.careful import Careful
from supplier_agent.learning.estimates import careful_of, estimate_of, estimates_of
from supplier_agent.learning.questions import Estimate, Evidence, Observation, Question, State

__all__ = [
    "Careful",
    "Estimate",
    "Evidence",
    "Observation",
    "Question",
    "State",
    "careful_of",
    "estimate_of",
    "estimates_of",
]
