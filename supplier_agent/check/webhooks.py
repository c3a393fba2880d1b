"""The webhooks in `check`: each secret can be read, and where each sends. Sends nothing: that is `webhooks test`."""

from collections.abc import Mapping

from supplier_agent.base.errors import ConfigError
from supplier_agent.check.report import Report
from supplier_agent.settings import Settings
from supplier_agent.settings.webhooks import Webhook, secret_of


def look(report: Report, settings: Settings, env: Mapping[str, str]) -> None:
    """Check each webhook. Its secret is never shown."""
    for webhook in settings.webhooks:
        _one(report, settings, webhook, env)


def _one(report: Report, settings: Settings, webhook: Webhook, env: Mapping[str, str]) -> None:
    try:
        secret_of(webhook, env)
    except ConfigError as error:
        report.error(error)
        return
    if webhook.secret_file is not None and webhook.secret_file.is_relative_to(settings.state_dir):
        what = f"secret_file of webhook {webhook.name} is in state_dir, which staff can read and every backup copies"
        report.doubt(what, "move it to /etc/supplier-agent/tokens, and correct secret_file")
    report.good(f"webhook {webhook.name}: its secret can be read; it sends to {webhook.host}")
    report.note(f"whether webhook {webhook.name} answers was not tried", f"supplier-agent webhooks test {webhook.name}")
