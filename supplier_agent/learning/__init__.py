"""What the agent learns about its marketplace from its own journal, question by question."""

from supplier_agent.learning.estimates import estimate_of, estimates_of
from supplier_agent.learning.questions import Estimate, Evidence, Observation, Question, State

__all__ = ["Estimate", "Evidence", "Observation", "Question", "State", "estimate_of", "estimates_of"]
