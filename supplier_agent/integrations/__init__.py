"""Other programs that the agent works with. All are off by default, imported only if they are on, and delay no marketplace."""
