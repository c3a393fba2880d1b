"""How the agent runs: as a daemon, once, or as a dry run; how its parts are wired, and how it adopts a new configuration."""
