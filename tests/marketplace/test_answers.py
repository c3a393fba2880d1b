"""What an answer means: the table of the public contract, row by row."""

import time

import pytest

from supplier_agent.marketplace import Means, Verdict
from supplier_agent.marketplace.answers import in_words, read_verdict, verdict
from supplier_agent.marketplace.wire import Answer, Lost, NotSent, TooLarge
from tests.world.clocks import NOW

ID = "15000012345_789"


def judged(status: int, body: bytes = b"", **headers: str) -> Verdict:
    lines = {name.replace("_", "-"): value for name, value in headers.items()}
    return verdict(Answer(status, lines, body), ID, NOW)


OURS, OTHER, SIBLING = ID, "15000099999_111", "15000012345_790"


def deep(inner: str, depth: int) -> str:
    """Return an affirming answer with something so deep in it, through objects and arrays in turn."""
    for level in range(depth):
        inner = f'[{{"x": 1}}, {inner}]' if level % 2 else f'{{"part": {inner}}}'
    return f'{{"success": true, "more": {inner}}}'


AFFIRM = [
    '{"success": true}',
    '{"success": 1}',
    '{"success": "true"}',
    '{"success": "success"}',
    '\ufeff {"success": true}\r\n',
    '{"success": true, "message": "ok", "error": null, "errors": [], "status": "ok", "code": 200, "statusCode": 201}',
    '{"success": true, "error": ""}',
    '{"success": true, "error": false, "errors": {}}',
    '{"success": true, "code": 399}',
    '{"success": true, "code": 600}',
    '{"success": true, "code": "X400"}',
    '{"success": true, "status": "shipped"}',
    f'{{"success": true, "menzzo_order_id": "{OURS}"}}',
    f'{{"success": true, "data": {{"menzzo_order_id": "{OURS}", "errors": []}}}}',
    '{"success": true, "menzzo_order_id": null, "order": ""}',
    '{"success": true, "data": {"id": 12345, "order_id": 77, "increment_id": "15000012345"}, "sale": 7}',
    '{"success": true, "id": "789", "order_id": "15000012345", "order": {"id": "abc_12"}}',
    f'{{"success": true, "menzzo_order_id": "{OURS}", "id": "{OTHER}", "order": {{"order_id": "{OTHER}"}}}}',
    f'{{"success": true, "message": "order {OURS} is shipped", "id": "{OTHER}"}}',
    f'{{"success": true, "{OURS}": {{"id": "{OTHER}"}}}}',
    f'{{"success": true, "lines": [{{"menzzo_order_id": "{OURS}"}}, {{"menzzo_order_id": "{SIBLING}"}}]}}',
    f'{{"success": true, "menzzo_order_id": ["{OURS}", "{SIBLING}"]}}',
    deep(f'{{"menzzo_order_id": "{OURS}"}}', 7),
    deep(f'[{{"menzzo_order_id": "{OURS}"}}, {{"menzzo_order_id": "{SIBLING}", "id": "{SIBLING}"}}]', 7),
]
DENY = [
    '{"success": false}',
    '{"success": 0}',
    '{"success": "false"}',
    '{"success": "0"}',
    '{"success": false, "error": "Commande non trouv\u00e9e"}',
    '{"error": "Invalid order"}',
    '{"error": {"code": 5}}',
    '{"error": true}',
    '{"errors": ["Invalid order"]}',
    '{"errors": {"id": "unknown"}}',
    '{"status": "error"}',
    '{"status": "failure"}',
    '{"status": "Failed"}',
    '{"code": 400}',
    '{"code": 599, "message": "no"}',
    '{"code": "404"}',
    '{"statusCode": 500}',
    f'{{"success": false, "menzzo_order_id": "{OURS}"}}',
]
WITHOUT_A_WORD = [
    "",
    " \r\n",
    "{}",
    '{"status": "shipped"}',
    '{"status": 200}',
    '{"error": null}',
    '{"message": "ok", "code": 200}',
    f'{{"menzzo_order_id": "{OURS}"}}',
    '{"id": 4711}',
]
BOTH = [
    '{"success": true, "error": "stock"}',
    '{"success": true, "errors": [{"field": "id"}]}',
    '{"success": 1, "status": "error"}',
    '{"success": "success", "code": 400}',
    '{"success": "true", "statusCode": "503"}',
    '{"success": "true", "error": "Invalid order"}',
]
DENIED_DEEPER = [
    deep('{"success": false}', 1),
    deep('{"error": "stock"}', 2),
    deep('{"status": "failed"}', 6),
    '{"data": {"success": false}}',
    '{"result": [{"statusCode": 401}]}',
]
ODD_SUCCESS = [f'{{"success": {value}}}' for value in ("null", '"ok"', '"yes"', '""', '"True"', "2", "-1", "[]", "{}")]
TWICE = [
    '{"success": true, "success": false}',
    '{"success": false, "success": true}',
    '{"success": true, "success": true}',
    deep('{"x": 1, "x": 2}', 5),
]
ANOTHER = [
    f'{{"success": true, "menzzo_order_id": "{OTHER}"}}',
    f'{{"success": true, "menzzo_order_id": "{SIBLING}"}}',
    '{"success": true, "menzzo_order_id": 15000012345}',
    f'{{"success": true, "menzzo_order_id": ["{OTHER}"]}}',
    f'{{"success": true, "menzzo_order_id": "{OTHER}", "request": {{"menzzo_order_id": "{OURS}"}}}}',
    f'{{"menzzo_order_id": "{OTHER}"}}',
    f'{{"success": false, "menzzo_order_id": "{OTHER}"}}',
    *(f'{{"success": true, "{key}": "{OTHER}"}}' for key in ("id", "order_id", "order")),
    *(f'{{"success": true, "{key}": {{"id": "{OTHER}"}}}}' for key in ("order", "result", "data")),
    f'{{"success": true, "data": [{{"order_id": "{OTHER}"}}]}}',
    f'{{"success": true, "data": {{"sale": {{"menzzo_order_id": "{OTHER}"}}}}}}',
    f'{{"success": true, "order": ["{OTHER}"]}}',
    f'{{"success": true, "id": "{OURS}0"}}',  # ours is but the beginning of it
    *(deep(f'{{"menzzo_order_id": "{OTHER}"}}', depth) for depth in range(9)),
    *(deep(f'{{"order_id": "{OTHER}"}}', depth) for depth in range(9)),
]
NOTHING_FOLLOWS = [
    "[]",
    '[{"success": true}]',
    "null",
    "true",
    "1",
    '"success"',
    "<html>Maintenance</html>",
    '{"success": tr',
    '{"success": true} trailing',
    '{"success": true}{"success": true}',
    "{'success': true}",
    '{"success": true,}',
    '{"success": true, "n": NaN}',
    '{"success": true, "n": ' + "9" * 5000 + "}",
    '{"success": true, "n": ' + "[" * 100_000,
    "success",
    "\ufeff",
]
WRONG_CHARSET = [
    b'{"success": true, "n": "\xff"}',
    '{"success": true}'.encode("utf-16"),
    '{"success": true, "message": "exp\u00e9di\u00e9"}'.encode("latin-1"),
]
BODIES: list[tuple[bytes, Means]] = [
    *((text.encode(), Means.CONFIRMED) for text in AFFIRM),
    *((text.encode(), Means.REFUSED) for text in DENY),
    *((text.encode(), Means.UNVERIFIED) for text in WITHOUT_A_WORD),
    *((text.encode(), Means.UNCLEAR) for text in [*BOTH, *DENIED_DEEPER, *ODD_SUCCESS, *TWICE, *ANOTHER]),
    *((text.encode(), Means.UNCLEAR) for text in NOTHING_FOLLOWS),
    *((body, Means.UNCLEAR) for body in WRONG_CHARSET),
]


@pytest.mark.parametrize(("body", "means"), BODIES, ids=[repr(body[:60]) for body, _ in BODIES])
@pytest.mark.parametrize("status", [200, 201, 202])
def test_only_an_object_that_affirms_and_is_about_this_order_confirms(status: int, body: bytes, means: Means) -> None:
    found = judged(status, body)
    assert (found.means, found.http_status) == (means, status)


@pytest.mark.parametrize("body", WITHOUT_A_WORD)
def test_of_a_supplier_that_always_says_success_an_answer_without_it_says_nothing(body: str) -> None:
    reply = Answer(200, {}, body.encode())
    assert verdict(reply, ID, NOW, always_success=True).means is Means.UNCLEAR
    assert verdict(Answer(200, {}, b'{"success": true}'), ID, NOW, always_success=True).means is Means.CONFIRMED


def test_an_answer_as_deep_as_json_can_be_read_is_judged() -> None:
    body = '{"a":' * 900 + f'{{"menzzo_order_id": "{OTHER}"}}' + "}" * 900
    assert judged(200, body.encode()).means is Means.UNCLEAR


def test_a_204_is_accepted_but_unverified() -> None:
    assert judged(204) == Verdict(Means.UNVERIFIED, "", 204)


STATUSES = {
    **dict.fromkeys([100, 101, 199, 600, 999], Means.UNCLEAR),
    **dict.fromkeys([300, 301, 302, 303, 304, 307, 308, 399], Means.REDIRECTED),
    **dict.fromkeys([400, 402, 405, 406, 409, 410, 413, 415, 418, 422, 451], Means.REFUSED),
    **dict.fromkeys([401, 403], Means.TOKEN_REFUSED),
    404: Means.NOT_FOUND,
    429: Means.TOO_MANY,
    **dict.fromkeys([408, 425, 500, 501, 502, 503, 504, 507, 520, 599], Means.FAILED),
}


@pytest.mark.parametrize(("status", "means"), STATUSES.items())
def test_a_status_means_what_the_contract_says_whatever_the_body_claims(status: int, means: Means) -> None:
    assert judged(status, b'{"success": true}').means is means
    assert read_verdict(Answer(status, {}, b'{"success": true}'), NOW).means is means


def test_what_never_came_keeps_its_reason() -> None:
    assert verdict(Lost("gone"), ID, NOW) == Verdict(Means.LOST, "gone")
    assert verdict(NotSent("refused"), ID, NOW) == Verdict(Means.NOT_SENT, "refused")


def test_an_endless_answer_is_unclear_for_a_write_and_too_large_for_a_read() -> None:
    assert verdict(TooLarge(5), ID, NOW).means is Means.UNCLEAR
    assert read_verdict(TooLarge(5), NOW).means is Means.TOO_LARGE


def test_a_read_that_succeeds_without_being_the_200_it_should_be_is_unclear() -> None:
    assert read_verdict(Answer(206, {}, b"[]"), NOW).means is Means.UNCLEAR


WAITS: list[tuple[str, float | None]] = [
    ("120", 120),
    (" 7 ", 7),
    ("0", 1),
    ("1000000000", 3600),
    ("9" * 5000, 3600),
    ("Sat, 21 Nov 2026 12:05:00 GMT", 300),
    ("Saturday, 21-Nov-26 12:05:00 GMT", 300),
    ("Sat, 21 Nov 2026 13:05:00 +0100", 300),
    ("Sat Nov 21 12:05:00 2026", 300),
    ("Sat, 21 Nov 2026 11:00:00 GMT", 1),
    ("Sat, 21 Nov 2099 12:00:00 GMT", 3600),
    ("Sat, 99 Nov 2026 12:00:00 GMT", None),
    ("Sat, 21 Nov 2026 12:00:00 +9999999", None),
    ("-5", 1.0),
    ("1.5", None),
    ("٣", None),
    ("soon", None),
    ("", None),
]


@pytest.mark.parametrize(("header", "seconds"), WAITS)
@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_obeyed_within_a_second_and_an_hour(status: int, header: str, seconds: float | None) -> None:
    assert judged(status, retry_after=header).retry_after_seconds == seconds


def test_a_date_without_a_zone_is_utc_wherever_the_machine_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("TZ", "JST-9")
        time.tzset()
        found = judged(503, retry_after="Sat Nov 21 12:05:00 2026")
    time.tzset()
    assert found.retry_after_seconds == 300


def test_retry_after_counts_only_where_the_contract_says_so() -> None:
    assert judged(429).retry_after_seconds is None
    assert judged(500, retry_after="5").retry_after_seconds is None
    assert judged(200, retry_after="5").retry_after_seconds is None


@pytest.mark.parametrize(
    ("location", "said"),
    [
        ("https://login.example/x?token=abc", "a redirect to login.example, which is never followed"),
        ("/login?token=abc", "a redirect to the same host, which is never followed"),
        ("http://[::1", "a redirect to the same host, which is never followed"),
    ],
)
def test_a_redirect_is_told_by_its_host_alone(location: str, said: str) -> None:
    assert judged(302, b"moved", location=location).detail == said


def test_the_detail_is_the_answer_word_for_word() -> None:
    assert judged(400, b'{"error": "Commande non trouv\xc3\xa9e"}').detail == '{"error": "Commande non trouvée"}'


def test_nothing_in_a_detail_moves_a_terminal_or_splits_a_line() -> None:
    assert in_words(b"a\nb\x1b[2Jc\x00\xff\xc2\x85\xe2\x80\xae\xed\xa0\x80") == (
        "a\\nb\\x1b[2Jc\\x00\\xff\\x85\\u202e\\xed\\xa0\\x80"
    )


def test_a_detail_is_cut_at_4096_bytes_between_characters() -> None:
    told = in_words("é".encode() * 3000 + b"x")
    assert told == "é" * 2048
    assert len(in_words(b"\x00" * 5000).encode()) == 4096


@pytest.mark.parametrize("written", ["ab/c+d", "ab\\/c+d", "ab%2Fc%2Bd"])
def test_a_token_that_the_answer_echoes_is_taken_out(written: str) -> None:
    reply = Answer(400, {}, f"bad token {written}!".encode())
    assert verdict(reply, ID, NOW, ["", "ab/c+d"]).detail == "bad token [token]!"


def test_a_token_is_not_shown_in_half_by_the_cut() -> None:
    body = b"x" * 4090 + b"secret-token"
    assert "secret" not in in_words(body, ["secret-token"])
    assert in_words(body, ["secret-token"]).endswith("x[token")
