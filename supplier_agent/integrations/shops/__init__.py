"""The supplier's own shop: one protocol, and one file for each platform."""
