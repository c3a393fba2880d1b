"""The HTTP API in `check`: which programs have access, whether they can reach it, and the secrets of hooks."""

import stat
from contextlib import closing

from sqlmodel import col, select

from supplier_agent.base.errors import AgentError, ConfigError
from supplier_agent.check.report import Report
from supplier_agent.db import state_folder
from supplier_agent.db.programs import Key
from supplier_agent.db.store import is_there, open_store
from supplier_agent.settings import Settings
from supplier_agent.settings.hooks import Hook

OTHERS = stat.S_IROTH | stat.S_IWOTH


def look(report: Report, settings: Settings) -> None:
    """Check the API, if there is a key or a hook."""
    found = _keys(settings)
    if not found and not settings.hooks:
        report.note("HTTP API: it is off", "to turn it on: supplier-agent key add NAME --may ship")
        return
    if settings.web.address is None:
        what = "HTTP API: there are keys or hooks, but the page, which serves it, is off"
        report.doubt(what, '[web] listen = "127.0.0.1:8080", then restart the agent')
    else:
        report.good(f"HTTP API: {len(found)} key{'s' if len(found) != 1 else ''}, {len(settings.hooks)} for webhooks")
    if settings.web.is_open and not settings.web.origin.startswith("https:"):
        what = "HTTP API: other machines can reach it without encryption: keys can be read on the network"
        report.doubt(what, "put a proxy in front that speaks https: docs/how-to/http-api.md")
    for name, suppliers in [
        *((f"key {each.name}", (each.suppliers or "").split(",")) for each in found),
        *((f"hook {each.name}", each.suppliers) for each in settings.hooks),
    ]:
        if unknown := sorted(set(suppliers) - settings.suppliers.keys() - {""}):
            what = f"{name} is limited to {unknown[0]}, which is not in the configuration"
            report.doubt(what, "correct its suppliers; a key: revoke it, and add it again")
    for hook in settings.hooks:
        _secret(report, hook)


def _keys(settings: Settings) -> list[Key]:
    database = settings.state_dir / state_folder.DATABASE
    try:
        if is_there(database):
            with closing(open_store(database)) as store, store.read() as tx:
                return list(tx.exec(select(Key).where(col(Key.revoked_at).is_(None)).order_by(col(Key.name))))
    except AgentError:
        pass  # the database has its own finding
    return []


def _secret(report: Report, hook: Hook) -> None:
    """Check that the secret of a hook can be read here, and by nobody else."""
    try:
        number = len(hook.secrets())
        mode = hook.secret_file.stat().st_mode
    except ConfigError as error:
        report.doubt(f"hook {hook.name}: {error.what}", error.cure)
        return
    if mode & OTHERS:
        what = f"hook {hook.name}: every user of this machine can open {hook.secret_file}"
        report.doubt(what, f"chmod 640 {hook.secret_file}")
        return
    report.good(f"hook {hook.name}: {number} secret{'s' if number != 1 else ''} in {hook.secret_file}")
