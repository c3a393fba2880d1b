"""What is known of a supplier as a whole: its circuit breakers, safety stops, warnings and the journal of its reads."""
