"""What the body of an answer of Shopify says besides its data: errors, the time to wait, and the version of the API. Pure.

Sources: Shopify's documentation: GraphQL Admin API, Status and error codes; GraphQL Admin API rate limits; API versioning.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from supplier_agent.integrations.reading import parsed
from supplier_agent.integrations.shops.protocol import SaidError, number, object_of, text
from supplier_agent.marketplace import Means, Verdict
from supplier_agent.marketplace.answers import LONGEST_WAIT_SECONDS
from supplier_agent.marketplace.wire import Answer

VERSION = "2026-10"
"""Shopify serves a version for at least a year, and after that answers in the oldest one that it still serves."""


def data_of(answer: Answer) -> Mapping[str, Any]:
    """Return `data`. Raises SaidError if there are errors: GraphQL reports them with status 200."""
    whole = object_of(parsed(answer), "GraphQL answer")
    errors = whole.get("errors")
    if errors:
        rows = [each for each in errors if isinstance(each, dict)] if isinstance(errors, list) else []
        means, wait = _means(rows), None
        if means is Means.TOO_MANY:
            wait = _seconds_to_wait(whole)
        raise SaidError(Verdict(means, messages(rows) or "the answer has errors", answer.status, wait))
    return object_of(whole.get("data"), "GraphQL answer")


_BY_CODE = {
    "THROTTLED": Means.TOO_MANY,  # not executed
    "ACCESS_DENIED": Means.TOKEN_REFUSED,  # a scope is missing
    "SHOP_INACTIVE": Means.TOKEN_REFUSED,
    "INTERNAL_SERVER_ERROR": Means.FAILED,
    "TIMEOUT": Means.FAILED,
}


def _means(errors: Sequence[Mapping[str, Any]]) -> Means:
    """Return what the errors mean by their `extensions.code`. Other codes prove neither a yes nor a no."""
    for each in errors:
        extensions = each.get("extensions")
        code = extensions.get("code") if isinstance(extensions, dict) else None
        if isinstance(code, str) and code in _BY_CODE:
            return _BY_CODE[code]
    return Means.UNCLEAR


def messages(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the messages of errors as one text."""
    return "; ".join(filter(None, (text(each, "message") for each in rows)))


def _seconds_to_wait(whole: Mapping[str, Any]) -> float | None:
    """Return how long the bucket needs to hold the cost of this request (`extensions.cost`); None: it does not say."""
    extensions = whole.get("extensions")
    cost = extensions.get("cost") if isinstance(extensions, dict) else None
    status = cost.get("throttleStatus") if isinstance(cost, dict) else None
    if not isinstance(cost, dict) or not isinstance(status, dict) or number(status, "restoreRate") <= 0:
        return None
    missing = number(cost, "requestedQueryCost") - number(status, "currentlyAvailable")
    return min(max(missing / number(status, "restoreRate"), 1.0), LONGEST_WAIT_SECONDS)


def other_version(answer: Answer) -> str:
    """Return what there is to say if the shop has answered in another version; "" if it has not."""
    version = text(answer.headers, "x-shopify-api-version")
    if version in {"", VERSION}:
        return ""
    return f"the shop answers in version {version} of its API: it no longer serves {VERSION}, for which this agent was written"
