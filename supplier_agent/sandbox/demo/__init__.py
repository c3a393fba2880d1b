"""The demo: marketplace, agent and warehouse in one process, over real HTTP, and at its end a comparison of claim and truth."""

from supplier_agent.sandbox.demo.play import tell

__all__ = ["tell"]
