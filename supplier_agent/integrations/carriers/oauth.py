"""Access tokens that expire (OAuth 2.0 client credentials, RFC 6749, 4.4): kept in memory, and asked for again when needed."""

import re

from supplier_agent.integrations.access_tokens import Granted
from supplier_agent.integrations.carriers.protocol import object_of
from supplier_agent.integrations.reading import AnswerError, parsed
from supplier_agent.marketplace.wire import Answer

LEAST_SECONDS, USUAL_SECONDS = 60.0, 3600.0
_TOKEN = re.compile(r"[\x21-\x7e]{1,8192}", re.ASCII)


def read_grant(answer: Answer) -> Granted:
    """Return the token of an answer (RFC 6749, 5.1). Raises AnswerError. UPS writes the number of seconds as text."""
    body = object_of(parsed(answer), "access token")
    token = body.get("access_token")
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        raise AnswerError("the answer has no usable access token")
    try:
        seconds = float(body.get("expires_in") or USUAL_SECONDS)
    except (TypeError, ValueError):
        seconds = USUAL_SECONDS
    return Granted(token, min(max(seconds, LEAST_SECONDS), 86_400.0))
