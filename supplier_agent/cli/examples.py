"""Examples for the help of each command, most common first."""

from collections.abc import Mapping

EXAMPLES: Mapping[str, tuple[str, ...]] = {
    "run": (
        "supplier-agent run",
        "supplier-agent run --once --dry-run",
        "supplier-agent run --once --dry-run --json",
        "supplier-agent run --once --metrics-file /var/lib/prometheus/node-exporter/supplier-agent.prom",
    ),
    "page": ("supplier-agent page",),
    "resync": ("supplier-agent resync --from 2026-11-01 --to 2026-11-20 --supplier notio",),
    "sandbox": ("supplier-agent sandbox --orders 6",),
    "demo": ("supplier-agent demo", "supplier-agent demo --keep"),
    "orders": (
        "supplier-agent orders --stage ready",
        "supplier-agent orders --all --search SOFA --since 2026-11-01",
        "supplier-agent orders --json --limit 100",
    ),
    "order": ("supplier-agent order 15000012345_789", "supplier-agent order 15000012345_789 --json"),
    "ship": (
        "supplier-agent ship 15000012345_789 15000012346_790",
        "supplier-agent ship - < ids.txt",
        "supplier-agent ship --file left.csv --success ok.csv --failure no.csv",
        "supplier-agent ship 15000012345_789 --override Anna",
    ),
    "unship": ("supplier-agent unship 15000012345_789",),
    "resolve": (
        "supplier-agent resolve 15000012345_789 --shipped --by Anna",
        "supplier-agent resolve 15000012345_789 --send-again --by Anna",
    ),
    "retry": ("supplier-agent retry 15000012345_789", "supplier-agent retry --all --supplier notio"),
    "hold": ('supplier-agent hold 15000012345_789 --reason "wrong colour?"',),
    "release": (
        "supplier-agent release 15000012345_789",
        "supplier-agent release --all",
        "supplier-agent release --all --by Anna",
    ),
    "close": ('supplier-agent close 15000012345_789 --reason "shipped by hand on Monday"',),
    "reopen": ("supplier-agent reopen 15000012345_789",),
    "status": (
        "supplier-agent status",
        "supplier-agent status --watch",
        "supplier-agent status --json",
        "supplier-agent status --alive",
    ),
    "check": ("supplier-agent check", "supplier-agent check --offline", "supplier-agent check --offline --thorough"),
    "config init": ("supplier-agent config init", "supplier-agent config init /etc/supplier-agent/supplier-agent.toml"),
    "config show": ("supplier-agent config show", "supplier-agent config show --json"),
    "config check": ("supplier-agent config check", "supplier-agent --config new.toml config check"),
    "config schema": ("supplier-agent config schema > supplier-agent.schema.json",),
    "person add": ("supplier-agent person add Anna --role packer", "supplier-agent person add Piotr --role lead"),
    "person list": ("supplier-agent person list",),
    "person remove": ("supplier-agent person remove Anna",),
    "coverage": (
        "supplier-agent coverage",
        "supplier-agent coverage --from 2026-11-01 --to 2026-11-20 --supplier notio",
    ),
    "backup": ("supplier-agent backup /var/backups/supplier-agent.db --overwrite",),
    "restore": ("supplier-agent restore /var/backups/supplier-agent.db", "supplier-agent restore --rolled-back"),
    "export": (
        "supplier-agent export orders --from 2026-11-01 --to 2026-11-30 > november.csv",
        "supplier-agent export calls --format json > calls.json",
    ),
    "pause": ('supplier-agent pause notio --reason "stocktaking"',),
    "resume": ("supplier-agent resume notio",),
    "approve": ("supplier-agent approve notio",),
    "alerts list": ("supplier-agent alerts list",),
    "alerts test": ("supplier-agent alerts test",),
    "help": ("supplier-agent help ship", "supplier-agent help config init"),
}


def epilog(command: str) -> str | None:
    """Return the examples for the end of a help; None for a command without examples."""
    lines = EXAMPLES.get(command)
    return None if lines is None else "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)
