"""A stand-in of the Menzzo supplier API on loopback (docs/reference/marketplace-api.md). It shows its state, and fails on request.

It imports nothing of the agent but its clock and its errors, so the two can only agree through HTTP.
"""
