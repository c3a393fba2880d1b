"""The state of a supplier as a whole: circuit breakers, safety stops, snapshot and the log of its reads."""
