"""The bodies of answers to BusinessOnBot, as its Notifications API documents them. Pure, apart from the response itself.

Documented: {"status":"success","statusCode":200}; failures with `statusCode` 400 or 500 and `error`. Our bodies have more keys:
`order` in a success, `code` in a failure. `statusCode` is always the HTTP status, too.
"""

from collections.abc import Mapping

from starlette.responses import Response

from supplier_agent.web.api.problems import answer

BAD_PAYLOAD, BAD_REQUEST, OF_PERSONS = "Bad payload!!", "Bad Request!!", "Bad request!!"
SERVER_ERROR = "Internal Server Error!!"
"""The documented texts of `error`: of a POST, of a GET, of the GETs about a customer, of a failure of ours."""
UNAUTHORIZED, NOT_FOUND, TOO_MANY, TRY_AGAIN = "Unauthorized!!", "Not Found!!", "Too Many Requests!!", "Try again!!"
"""Not documented, and nothing documented would be true."""
TEXTS: Mapping[int, str] = {
    401: UNAUTHORIZED,
    404: NOT_FOUND,
    405: NOT_FOUND,
    421: NOT_FOUND,
    429: TOO_MANY,
    503: TRY_AGAIN,
}
SERVER_ERRORS = 500
KEPT = ("retry-after", "connection", "allow")
"""The headers that a failure keeps from the problem that it says in other words."""


def success(order: Mapping[str, object], message: str = "") -> Response:
    """Return a success about an order. The document leaves its body blank."""
    said: dict[str, object] = {"status": "success", "statusCode": 200, "order": dict(order)}
    return answer(said | ({"message": message} if message else {}))


def failure(status: int, error: str, code: str, headers: Mapping[str, str] | None = None) -> Response:
    """Return a failure. code: a stable code, because the documented texts say little."""
    said = {"status": "failure", "statusCode": status, "error": error, "code": code}
    return answer(said, status, headers=dict(headers or {}))


def in_their_words(problem: Response, code: str, error: str) -> Response:
    """Return a refusal of the gate (web/api) as a documented failure. error: the text for a bad request at this address."""
    kept = {name: value for name, value in problem.headers.items() if name.lower() in KEPT}
    status = problem.status_code
    if status in TEXTS:
        return failure(status, TEXTS[status], code, kept)
    if status >= SERVER_ERRORS:
        return failure(SERVER_ERRORS, SERVER_ERROR, code, kept)
    return failure(400, error, code, kept)
