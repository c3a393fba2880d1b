"""Where the configuration is looked for. Free to import: `status` asks before anything is loaded."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

PREFIX = "SUPPLIER_AGENT_"
PATH_VARIABLE = "SUPPLIER_AGENT_CONFIG"
PLACES = (Path("config/supplier-agent.toml"), Path("/etc/supplier-agent/supplier-agent.toml"))
"""Where the file is looked for when nobody named one; the first is below the current folder."""
STATE_DIR = Path("/var/lib/supplier-agent")
"""Where the state is, unless the configuration says otherwise."""


def candidates(path: Path | None, env: Mapping[str, str], places: Sequence[Path] = PLACES) -> Sequence[Path]:
    """Return where the file may be: the first that exists is read, and one that was named has to exist."""
    if path is not None:
        return (path,)
    if env.get(PATH_VARIABLE):
        return (Path(env[PATH_VARIABLE]),)
    # Run from a folder that this user may not look into: nobody named that file.
    return tuple(place for place in places if os.access(place.parent, os.X_OK))
