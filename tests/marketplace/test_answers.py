"""What an answer means: the contract's table, row by row."""

import time
from datetime import UTC, datetime

import pytest

from supplier_agent.marketplace.answers import Means, Verdict, in_words, read_verdict, verdict
from supplier_agent.marketplace.wire import Answer, Lost, NotSent, TooLarge

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
ID = "15000012345_789"


def judged(status: int, body: bytes = b"", **headers: str) -> Verdict:
    lines = {name.replace("_", "-"): value for name, value in headers.items()}
    return verdict(Answer(status, lines, body), ID, NOW)


BODIES: list[tuple[bytes, Means]] = [
    (b'{"success": true}', Means.CONFIRMED),
    (b'\xef\xbb\xbf {"success": true}\r\n', Means.CONFIRMED),
    (b'{"success": true, "message": "ok", "error": null, "errors": []}', Means.CONFIRMED),
    (b'{"success": true, "error": ""}', Means.CONFIRMED),
    (b'{"success": true, "error": false}', Means.CONFIRMED),
    (b'{"success": true, "menzzo_order_id": "15000012345_789"}', Means.CONFIRMED),
    (b'{"success": true, "data": {"menzzo_order_id": "15000012345_789"}}', Means.CONFIRMED),
    (b'{"success": true, "data": {"id": 12345}, "sale": 7}', Means.CONFIRMED),
    (b'{"success": true, "menzzo_order_id": "15000012345_790"}', Means.UNCLEAR),
    (b'{"success": true, "menzzo_order_id": 15000012345}', Means.UNCLEAR),
    (b'{"success": true, "data": {"menzzo_order_id": "15000012345_790"}}', Means.UNCLEAR),
    (b'{"success": true, "sale": {"menzzo_order_id": "15000012345_790"}}', Means.UNCLEAR),
    (b'{"menzzo_order_id": "15000012345_790"}', Means.UNCLEAR),
    (b'{"success": true, "error": "stock"}', Means.UNCLEAR),
    (b'{"success": true, "error": {"code": 5}}', Means.UNCLEAR),
    (b"", Means.UNVERIFIED),
    (b" \r\n", Means.UNVERIFIED),
    (b"{}", Means.UNVERIFIED),
    (b'{"status": "shipped"}', Means.UNVERIFIED),
    (b'{"error": null}', Means.UNVERIFIED),
    (b'{"success": false}', Means.REFUSED),
    (b'{"success": false, "error": "Commande non trouv\xc3\xa9e"}', Means.REFUSED),
    (b'{"error": "Invalid order"}', Means.REFUSED),
    (b'{"success": "true", "error": "Invalid order"}', Means.REFUSED),
    (b'{"success": "true"}', Means.UNCLEAR),
    (b'{"success": "false"}', Means.UNCLEAR),
    (b'{"success": 1}', Means.UNCLEAR),
    (b'{"success": 0}', Means.UNCLEAR),
    (b'{"success": null}', Means.UNCLEAR),
    (b'{"success": true, "success": false}', Means.UNCLEAR),
    (b'{"success": false, "success": true}', Means.UNCLEAR),
    (b"[]", Means.UNCLEAR),
    (b'[{"success": true}]', Means.UNCLEAR),
    (b"null", Means.UNCLEAR),
    (b"true", Means.UNCLEAR),
    (b'"success"', Means.UNCLEAR),
    (b"<html>Maintenance</html>", Means.UNCLEAR),
    (b'{"success": tr', Means.UNCLEAR),
    (b'{"success": true} trailing', Means.UNCLEAR),
    (b'{"success": true, "n": NaN}', Means.UNCLEAR),
    (b'{"success": true, "n": ' + b"9" * 5000 + b"}", Means.UNCLEAR),
    (b'{"success": true, "n": ' + b"[" * 100_000, Means.UNCLEAR),
    (b'{"success": true, "n": "\xff"}', Means.UNCLEAR),
    ('{"success": true}'.encode("utf-16"), Means.UNCLEAR),
]


@pytest.mark.parametrize(("body", "means"), BODIES, ids=[repr(body[:60]) for body, _ in BODIES])
@pytest.mark.parametrize("status", [200, 201, 202])
def test_only_an_object_with_success_true_about_this_order_confirms(status: int, body: bytes, means: Means) -> None:
    found = judged(status, body)
    assert (found.means, found.http_status) == (means, status)


def test_a_204_is_accepted_but_unverified() -> None:
    assert judged(204) == Verdict(Means.UNVERIFIED, "", 204)


STATUSES = {
    **dict.fromkeys([100, 101, 199, 600, 999], Means.UNCLEAR),
    **dict.fromkeys([300, 301, 302, 303, 304, 307, 308], Means.REFUSED),
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
