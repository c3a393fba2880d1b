"""The demo: marketplace, agent and warehouse in one process, over real HTTP, with a comparison of their records at the end."""

from supplier_agent.sandbox.demo.play import tell

__all__ = ["tell"]
