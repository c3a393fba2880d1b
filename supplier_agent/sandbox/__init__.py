"""A stand-in of the Menzzo supplier API on loopback, after seed 001: it shows its truth and fails on request.

It imports nothing of the agent but its clock and its errors, so the two can only agree through HTTP.
"""
