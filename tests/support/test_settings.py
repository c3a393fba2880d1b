"""The section `[suppliers.X.support]`: its token, its variables, and what the page's process learns of it."""

import subprocess
import sys
from pathlib import Path

import pytest

from supplier_agent.base.errors import ConfigError
from supplier_agent.settings import Settings
from supplier_agent.settings.dump import read_back, shown, without_secrets
from supplier_agent.settings.loading import load

VARIABLE = "SUPPLIER_AGENT_SUPPLIERS__ASIR_GROUP__SUPPORT__"
NOT_IMPORTED = """
import sys
import supplier_agent.runtime.daemon, supplier_agent.web.process, supplier_agent.check, supplier_agent.cli.support
sys.exit(any(name.startswith("supplier_agent.integrations") for name in sys.modules))
"""


def written(folder: Path, text: str) -> Path:
    file = folder / "supplier-agent.toml"
    file.write_text(f'[suppliers.asir-group]\ntoken = "t"\n{text}')
    return file


def test_without_the_section_the_support_api_is_off(tmp_path: Path) -> None:
    assert load(written(tmp_path, ""), {}).support_of("asir-group") is None


def test_the_token_comes_from_a_file_next_to_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("from-the-file\n")
    settings = load(written(tmp_path, '[suppliers.asir-group.support]\ntoken_file = "secret"\n'), {})
    assert settings.support_token_of("asir-group", {}) == "from-the-file"


def test_a_variable_beats_the_file(tmp_path: Path) -> None:
    file = written(tmp_path, '[suppliers.asir-group.support]\ntoken_file = "secret"\nwhen_unreachable = "hold"\n')
    settings = load(file, {f"{VARIABLE}TOKEN": "from-the-variable", f"{VARIABLE}STOP_WORDS": "Annulé,fraud"})
    support = settings.support_of("asir-group")
    assert support is not None
    assert settings.support_token_of("asir-group", {}) == "from-the-variable"
    assert (support.stop_words, support.is_strict) == (("annulé", "fraud"), True)


def test_the_token_may_be_a_secret_of_the_system(tmp_path: Path) -> None:
    (tmp_path / "token-asir-group.support").write_text("from-systemd")
    settings = load(written(tmp_path, "[suppliers.asir-group.support]\n"), {})
    assert settings.support_token_of("asir-group", {"CREDENTIALS_DIRECTORY": str(tmp_path)}) == "from-systemd"
    with pytest.raises(ConfigError, match=r"no token for supplier asir-group\.support"):
        settings.support_token_of("asir-group", {}, tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('token = "a"\ntoken_file = "b"\n', "both token and token_file"),
        ('stop_words = ["complete"]\n', "stop_words and in go_words: complete"),
        ('when_unreachable = "stop"\n', "warn"),
        ("stop_words = [7]\ntokn = 1\n", "tokn"),
        ("wait_seconds = -1\n", "wait_seconds"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError) as error:
        load(written(tmp_path, f"[suppliers.asir-group.support]\n{text}"), {})
    assert said in error.value.what


@pytest.mark.parametrize("text", ["", 'token = "s3cret"\nopen_sav = true\n'])
def test_the_page_knows_the_section_and_not_the_token(tmp_path: Path, text: str) -> None:
    settings = load(written(tmp_path, f"[suppliers.asir-group.support]\n{text}"), {})
    handed = without_secrets(settings, ())
    assert "s3cret" not in handed
    again = read_back(handed, {}).support_of("asir-group")
    assert again is not None
    assert again.open_sav is bool(text)


def test_its_token_is_hidden_wherever_settings_are_shown(tmp_path: Path) -> None:
    file = written(tmp_path, '[suppliers.asir-group.support]\ntoken = "s3cret"\n')
    told = {each.key: each.value for each in shown(file, {})}
    assert told["suppliers.asir-group.support.token"] == '"(hidden)"'
    assert "s3cret" not in repr(load(file, {})) + repr(told)


def test_while_it_is_off_its_client_is_not_imported() -> None:
    ended = subprocess.run([sys.executable, "-c", NOT_IMPORTED], check=False, timeout=120)
    assert ended.returncode == 0


def test_settings_are_made_without_it() -> None:
    assert not any(each.support for each in Settings(suppliers={"notio": {"token": "t"}}).suppliers.values())
