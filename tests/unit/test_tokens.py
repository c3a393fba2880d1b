"""Where a token is read, and that its text never shows."""

import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from supplier_agent.base.errors import ConfigError
from supplier_agent.settings import Settings

CANARY = "canary-7f3a91"


def settings(**supplier: object) -> Settings:
    return Settings(suppliers={"notio": supplier})


def written(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_an_inline_token_is_used_trimmed_and_shown_nowhere(tmp_path: Path) -> None:
    made = settings(token=f"  {CANARY}\n")
    assert made.token_of("notio", {}, tmp_path) == CANARY
    assert CANARY not in repr(made) + str(made) + repr(made.model_dump()) + made.model_dump_json()


@pytest.mark.parametrize("content", [CANARY, f"{CANARY}\n", f" \t{CANARY}\r\n", f"\ufeff{CANARY}\r\n"])
def test_a_token_file_is_trimmed_of_what_editors_add(tmp_path: Path, content: str) -> None:
    file = written(tmp_path / "token", content)
    assert settings(token_file=file).token_of("notio", {}, tmp_path) == CANARY


def test_a_token_file_is_read_anew_each_time(tmp_path: Path) -> None:
    file = written(tmp_path / "token", "first")
    made = settings(token_file=file)
    assert made.token_of("notio", {}, tmp_path) == "first"
    written(file, "second")
    assert made.token_of("notio", {}, tmp_path) == "second"


def test_the_named_file_comes_before_credentials_and_these_before_secrets(tmp_path: Path) -> None:
    named = written(tmp_path / "named", "named")
    written(tmp_path / "credentials/token-notio", "credential")
    written(tmp_path / "secrets/token-notio", "secret")
    env = {"CREDENTIALS_DIRECTORY": str(tmp_path / "credentials")}
    assert settings(token_file=named).token_of("notio", env, tmp_path / "secrets") == "named"
    assert settings().token_of("notio", env, tmp_path / "secrets") == "credential"
    assert settings().token_of("notio", {}, tmp_path / "secrets") == "secret"
    assert settings().token_of("notio", {"CREDENTIALS_DIRECTORY": ""}, tmp_path / "secrets") == "secret"
    assert settings().token_of("notio", {"CREDENTIALS_DIRECTORY": "/nowhere"}, tmp_path / "secrets") == "secret"


def test_a_named_file_that_is_missing_is_an_error_even_if_a_secret_is_there(tmp_path: Path) -> None:
    written(tmp_path / "token-notio", "secret")
    with pytest.raises(ConfigError, match=r"gone, does not exist[^$]*suppliers\.notio\.token_file"):
        settings(token_file=tmp_path / "gone").token_of("notio", {}, tmp_path)


def test_a_bad_credential_is_an_error_and_not_passed_over(tmp_path: Path) -> None:
    written(tmp_path / "credentials/token-notio", "\n")
    written(tmp_path / "secrets/token-notio", "secret")
    with pytest.raises(ConfigError, match="credentials/token-notio, is empty"):
        settings().token_of("notio", {"CREDENTIALS_DIRECTORY": str(tmp_path / "credentials")}, tmp_path / "secrets")


def test_a_credential_that_cannot_be_read_is_an_error_and_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / "credentials/token-notio").mkdir(parents=True)
    written(tmp_path / "secrets/token-notio", "secret")
    with pytest.raises(ConfigError, match="credentials/token-notio, cannot be read"):
        settings().token_of("notio", {"CREDENTIALS_DIRECTORY": str(tmp_path / "credentials")}, tmp_path / "secrets")


BAD = [f"{CANARY} {CANARY}", f"{CANARY}\n{CANARY}", f"{CANARY}é", CANARY * 400, "", "  "]


@pytest.mark.parametrize("token", BAD, ids=ascii)
@pytest.mark.parametrize("key", ["token", "token_next"])
def test_a_bad_token_in_the_configuration_is_its_supplier_s_own_trouble(tmp_path: Path, key: str, token: str) -> None:
    made = Settings(suppliers={"notio": {"token": "right", key: token}, "other": {"token": "right"}})
    assert made.token_of("other", {}) == "right"
    with pytest.raises(ConfigError, match=rf"supplier notio \(suppliers\.notio\.{key}\)") as caught:
        (made.token_of if key == "token" else made.next_token_of)("notio", {}, tmp_path)
    assert CANARY not in str(caught.value) + repr(caught.value) + repr(made)


def test_pydantic_s_own_words_about_a_bad_token_do_not_show_it() -> None:
    with pytest.raises(ValidationError) as caught:
        settings(token=[f"{CANARY} {CANARY}"])
    assert CANARY not in str(caught.value) + repr(caught.value)


def test_no_token_anywhere_says_where_it_was_looked_for_and_the_cure(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        settings().token_of("notio", {"CREDENTIALS_DIRECTORY": "/nowhere"}, tmp_path)
    assert "/nowhere/token-notio" in caught.value.what
    assert str(tmp_path / "token-notio") in caught.value.what
    assert "suppliers.notio.token_file" in caught.value.cure
    assert caught.value.exit_code == 78


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b" \n",
        f"Bearer {CANARY}".encode(),
        f"{CANARY}\n{CANARY}".encode(),
        f"{CANARY}\x00".encode(),
        f"{CANARY}é".encode(),
        CANARY.encode("utf-16"),
        CANARY.encode() + b"\xff",
        CANARY.encode() * 400,
        CANARY.encode() * 4000,
    ],
)
def test_a_file_without_a_token_is_named_and_its_content_is_not_shown(tmp_path: Path, content: bytes) -> None:
    file = written(tmp_path / "token", content)
    with pytest.raises(ConfigError) as caught:
        settings(token_file=file).token_of("notio", {}, tmp_path)
    assert str(file) in str(caught.value)
    assert CANARY not in str(caught.value) + repr(caught.value)
    assert caught.value.__context__ is None


def test_the_longest_token_is_4096_characters(tmp_path: Path) -> None:
    file = written(tmp_path / "token", "x" * 4096 + "\n")
    assert len(settings(token_file=file).token_of("notio", {}, tmp_path)) == 4096
    written(file, "x" * 4097)
    with pytest.raises(ConfigError):
        settings(token_file=file).token_of("notio", {}, tmp_path)


def test_a_token_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(ConfigError, match="folder, cannot be read: Is a directory"):
        settings(token_file=tmp_path / "folder").token_of("notio", {}, tmp_path)
    with pytest.raises(ConfigError, match="loop, cannot be read: Too many levels"):
        settings(token_file=tmp_path / "loop").token_of("notio", {}, tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_token_file_without_permission_says_so(tmp_path: Path) -> None:
    file = written(tmp_path / "token", CANARY)
    file.chmod(0)
    with pytest.raises(ConfigError, match="Permission denied"):
        settings(token_file=file).token_of("notio", {}, tmp_path)
