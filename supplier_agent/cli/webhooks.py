"""Commands about webhooks: list, test, replay."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from supplier_agent.base.errors import UsageError
from supplier_agent.cli.context import JsonOption, Surroundings, WhichSupplier, here, result, result_json, say

if TYPE_CHECKING:
    from supplier_agent.settings.webhooks import Webhook

webhooks = typer.Typer(no_args_is_help=True, help="List the webhooks, send one a test event, or send it events again.")
WebhookName = Annotated[str, typer.Argument(metavar="NAME", help="The name of the webhook in the configuration.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(webhooks, name="webhooks")


@webhooks.command("list")
def list_(context: typer.Context, as_json: JsonOption = False) -> int:
    """List the webhooks: their state, the last delivery, and events that wait or were given up; exit code 1 if some were."""
    from supplier_agent.db.plain_sql import within
    from supplier_agent.reports.webhooks import as_json as told
    from supplier_agent.reports.webhooks import endpoints
    from supplier_agent.verdict.webhooks import Endpoint

    surroundings = here(context)
    settings = surroundings.settings
    if not settings.webhooks:
        if as_json:
            result_json({"schema": 1, "webhooks": []})
        else:
            say("none is configured: [[webhooks]]")
        return 0
    with surroundings.store() as store, store.read() as tx:
        known = {each.name: each for each in endpoints(within(tx), read_only=settings.read_only)}
    parked = sum(each.parked for each in known.values())
    rows = []
    for webhook in settings.webhooks:
        found = known.get(webhook.name) or Endpoint(webhook.name, "new", "", None, None, None, 0, 0, 0)
        rows.append(
            {
                "name": webhook.name,
                "host": webhook.host,
                "events": list(webhook.events),
                "suppliers": list(webhook.suppliers) or list(settings.suppliers),
                **told(found),
            }
        )
    if as_json:
        result_json({"schema": 1, "webhooks": rows})
        return 1 if parked else 0
    for row in rows:
        counts = ", ".join(f"{row[key]} {key}" for key in ("owed", "parked", "lost"))
        result(
            f"{row['name']}  {row['host']}  {row['state']}  last delivery {row['delivered_at'] or 'never'}  {counts}"
        )
        if row["reason"]:
            result(f"    since {row['since']}: {row['reason']}" if row["since"] else f"    {row['reason']}")
        if row["parked"]:
            result(f"    supplier-agent webhooks replay {row['name']} --parked")
    if any(row["state"] == "new" for row in rows):
        say("new: the agent has not been run with it yet")
    return 1 if parked else 0


@webhooks.command("test")
def send_test(context: typer.Context, name: WebhookName, as_json: JsonOption = False) -> int:
    """Send a signed test event now, and print the answer; exit code 1 if it was not accepted."""
    from supplier_agent.integrations.webhooks.trial import try_one

    surroundings = here(context)
    found = try_one(_named(surroundings, name), surroundings.settings, surroundings.env, surroundings.clock)
    if as_json:
        result_json({"schema": 1, "webhook": name, **vars(found)})
    else:
        answer = f"HTTP {found.http_status}" if found.http_status is not None else "no answer"
        result(f"{'ok    ' if found.accepted else 'FAILED'}  {name}: {answer}  {found.detail}".rstrip())
        if not found.accepted:
            say(
                "any 2xx is accepted; a redirect is not followed, and the answer must come within [http] timeout_seconds"
            )
    return 0 if found.accepted else 1


@webhooks.command()
def replay(
    context: typer.Context,
    name: WebhookName,
    events: Annotated[list[str] | None, typer.Argument(metavar="EVENT_ID", help="Events, by their ids.")] = None,
    since: Annotated[str, typer.Option("--since", metavar="TIME", help="All events since then (UTC).")] = "",
    order: Annotated[str, typer.Option("--order", metavar="ID", help="All events of this order.")] = "",
    parked: Annotated[bool, typer.Option("--parked", help="The events that were given up.")] = False,
    supplier: WhichSupplier = "",
    as_json: JsonOption = False,
) -> int:
    """Send events to a webhook again, each order's in order. They keep their ids, so a receiver knows those that it has."""
    from supplier_agent import actions
    from supplier_agent.integrations.webhooks import deliveries

    surroundings = here(context)
    webhook, at = _named(surroundings, name), _instant(since)
    if not (events or since or order or parked):
        raise UsageError("say which events", "name --parked, --since TIME, --order ID, or the ids of events")
    now = surroundings.clock.now()
    with surroundings.store() as store, store.write() as tx:
        chosen = set(events or ())
        if since or order:
            chosen |= set(deliveries.chosen_by(tx, at, actions.find(tx, order, supplier or None).id if order else None))
        if parked:
            chosen |= set(deliveries.parked(tx, webhook))
        taken = deliveries.taken(tx, webhook, chosen)
        if unknown := set(events or ()) - set(taken):
            raise UsageError(f"there is no event {min(unknown)} for {name}", "supplier-agent webhooks list")
        done = deliveries.replay(tx, webhook, taken, now)
    if as_json:
        result_json({"schema": 1, "webhook": name, **vars(done)})
    else:
        result(f"{name}: {done.events} events of {done.orders} orders are sent again")
    return 0


def _named(surroundings: Surroundings, name: str) -> "Webhook":
    """Return the configured webhook of that name. Raises UsageError."""
    known = {each.name: each for each in surroundings.settings.webhooks}
    if name not in known:
        have = f"it has: {', '.join(known)}" if known else "add it: docs/how-to/webhooks.md"
        raise UsageError(f"there is no webhook {name} in the configuration", have)
    return known[name]


def _instant(text: str) -> datetime | None:
    """Return the instant of --since; None if it is empty. Raises UsageError."""
    from datetime import UTC

    try:
        found = datetime.fromisoformat(text) if text else None
    except ValueError as error:
        raise UsageError(f"--since {text} is not a time", "write it as 2026-11-21 or 2026-11-21T14:00") from error
    return found.replace(tzinfo=UTC) if found is not None and found.tzinfo is None else found
