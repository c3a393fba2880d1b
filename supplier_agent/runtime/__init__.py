"""How the agent runs: as a daemon, once, as a rehearsal; how its parts are put together, and how it takes a new configuration."""
