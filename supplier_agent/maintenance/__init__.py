"""What keeps a state for years: copies that can be put back, exports, and what may go when its time is over."""
