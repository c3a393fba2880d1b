"""docs/reference/metrics.md, after the families that `/metrics` is made of."""

from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from prometheus_client.core import Metric

from supplier_agent.db.store import open_store
from supplier_agent.metrics import exposition
from supplier_agent.metrics.exposition import Tally
from supplier_agent.settings import Settings


def families() -> list[Metric]:
    """Return every family of an agent that has just begun."""
    with TemporaryDirectory() as folder:
        state = Path(folder)
        settings = Settings(state_dir=state, suppliers={"asir-group": {}})
        store = open_store(state / "agent.db", agent=True)
        try:
            with store.read() as tx:
                return list(exposition._families(tx, settings, Tally(), datetime(2026, 11, 21, tzinfo=UTC)))  # noqa: SLF001 - its text leaves out the labels of what has no value yet
        finally:
            store.close()


def labels(family: Metric) -> str:
    """Return the names of the labels of a family."""
    return ", ".join(f"`{name}`" for name in getattr(family, "_labelnames", ()))


def metrics() -> str:
    """Return every metric with its type, its labels and its meaning."""
    text = (
        "# Metrics\n\nOf `/metrics` and `run --once --metrics-file FILE`. Names, labels and meanings do not change.\n\n"
    )
    text += "| metric | type | labels | meaning |\n| --- | --- | --- | --- |\n"
    for family in families():
        name = f"{family.name}_total" if family.type == "counter" else family.name
        text += f"| `{name}` | {family.type} | {labels(family)} | {family.documentation} |\n"
    return text
