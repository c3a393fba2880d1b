"""What `[[webhooks]]` may say, and that no secret of it is shown or handed on."""

import base64
from pathlib import Path

import pytest

from supplier_agent.base.errors import ConfigError
from supplier_agent.base.standard_webhooks import PREFIX
from supplier_agent.settings import load
from supplier_agent.settings.dump import read_back, shown, without_secrets
from supplier_agent.settings.webhooks import TYPES, Webhook, keys_of, secret_of
from tests.webhooks.conftest import SECRET

HEAD = '[suppliers.notio]\ntoken = "t"\n[[webhooks]]\n'
GOOD = 'name = "erp"\nurl = "https://erp.example/hook?key=hidden"\n'


def config(folder: Path, text: str) -> Path:
    path = folder / "agent.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('name = "ERP 1"\nurl = "https://a.example"', "webhooks.0.name must be a short name"),
        ('name = "erp"\nurl = "http://a.example"', "webhooks.0.url must start with https://"),
        ('name = "erp"\nurl = "https://u:p@a.example"', "has a user or password"),
        ('name = "erp"', "webhooks.0.url"),
        (GOOD + 'events = ["order.shiped"]', 'did you mean "order.shipped"?'),
        (GOOD + "events = []", "nothing would be sent"),
        (GOOD + 'suppliers = ["asir"]', "names suppliers that are not configured: asir"),
        (GOOD + 'secrets_file = "x"', "did you mean webhooks.0.secret_file?"),
        (GOOD + 'secret = "x"\nsecret_file = "y"', "has both secret and secret_file"),
        (GOOD + "[[webhooks]]\n" + GOOD, "two webhooks of one name"),
    ],
)
def test_a_mistake_is_explained(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(config(tmp_path, HEAD + text), {})
    assert said in caught.value.what
    assert "hidden" not in caught.value.what


def test_events_are_named_by_patterns(tmp_path: Path) -> None:
    (one,) = load(config(tmp_path, HEAD + GOOD + 'events = ["supplier.*", "order.shipped"]'), {}).webhooks
    assert one.events == ("order.shipped", "supplier.paused", "supplier.resumed")
    (other,) = load(config(tmp_path, HEAD + GOOD), {}).webhooks
    assert other.events == TYPES
    assert (one.takes("order.shipped", "notio"), one.takes("order.new", "notio")) == (True, False)


def test_the_environment_may_say_it(tmp_path: Path) -> None:
    env = {"SUPPLIER_AGENT_WEBHOOKS": '[{"name": "erp", "url": "https://erp.example/"}]'}
    (one,) = load(config(tmp_path, '[suppliers.notio]\ntoken = "t"\n'), env).webhooks
    assert one.name == "erp"


def test_no_secret_is_shown_or_handed_to_the_page(tmp_path: Path) -> None:
    path = config(tmp_path, HEAD + GOOD + f'secret = "{SECRET}"')
    settings = load(path, {})
    (line,) = [each for each in shown(path, {}) if each.key == "webhooks"]
    handed = without_secrets(settings, ())
    for text in (line.value, handed, repr(settings), repr(settings.webhooks)):
        assert SECRET not in text
        assert "key=hidden" not in text
    assert "erp" in line.value
    assert read_back(handed, {}).webhooks == ()


def of(**keys: object) -> Webhook:
    return Webhook.model_validate({"name": "erp", "url": "https://erp.example/", **keys})


def test_the_secret_is_inline_or_in_a_file_or_a_credential(tmp_path: Path) -> None:
    file = tmp_path / "webhook-erp"
    file.write_text(f"{SECRET}\n")
    found = [
        secret_of(of(secret=SECRET), {}),
        secret_of(of(secret_file=str(file)), {}).strip(),
        secret_of(of(), {"CREDENTIALS_DIRECTORY": str(tmp_path)}).strip(),
        secret_of(of(), {}, tmp_path).strip(),
    ]
    assert found == [SECRET] * 4
    assert keys_of(SECRET) == [base64.b64decode(SECRET.removeprefix("whsec_"))]
    assert len(keys_of(f"{SECRET} {SECRET}")) == 2


@pytest.mark.parametrize("secret", ["", "whsec_", "not base64!", "whsec_c2hvcnQ=", f"{SECRET} x"])
def test_a_secret_that_cannot_be_used_is_refused_without_being_shown(tmp_path: Path, secret: str) -> None:
    file = tmp_path / "s"
    file.write_text(secret)
    with pytest.raises(ConfigError, match="cannot be used") as caught:
        secret_of(of(secret_file=str(file)), {})
    assert secret in {"", PREFIX} or secret not in caught.value.what


def test_a_secret_that_is_missing_says_where_to_put_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no secret for webhook erp"):
        secret_of(of(), {}, tmp_path)
    with pytest.raises(ConfigError, match="cannot be read"):
        secret_of(of(secret_file=str(tmp_path / "none")), {})
