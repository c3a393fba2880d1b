"""Other programs that the agent works with. All are off by default, and none can delay the marketplace."""
