"""The configuration: what is understood, what is refused, and how a mistake is told."""

import os
import re
import tomllib
from datetime import UTC, date, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from pydantic import BaseModel, ValidationError

from supplier_agent.base.errors import ConfigError
from supplier_agent.order import WANTED
from supplier_agent.settings import Hours, Schedule, Settings, Supplier, load
from supplier_agent.settings.businessonbot import BusinessOnBot
from supplier_agent.settings.carriers import Dhl, FedEx, LaPoste, Ups
from supplier_agent.settings.dump import HIDDEN, read_back, shown, without_secrets
from supplier_agent.settings.hooks import Hook
from supplier_agent.settings.shop import Shop
from supplier_agent.settings.support import Support
from supplier_agent.settings.webhooks import Webhook

CANARY = "canary-7f3a91"
MINIMAL = "[suppliers.notio]\n"
EXAMPLE = Path(__file__).parents[2] / "config" / "supplier-agent.example.toml"
PARIS = ZoneInfo("Europe/Paris")


def file(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "agent.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    path.chmod(0o600)
    return path


def loaded(tmp_path: Path, text: str, **env: str) -> Settings:
    return load(file(tmp_path, text), env)


def mistakes(tmp_path: Path, text: str | bytes, **env: str) -> list[str]:
    """Return the lines of the error, without the folder of the file."""
    with pytest.raises(ConfigError) as caught:
        load(file(tmp_path, text), env)
    error = caught.value
    assert error.exit_code == 78
    assert error.cure
    assert CANARY not in str(error) + repr(error)
    assert error.__context__ is None
    return [line.strip().replace(f"{tmp_path}/", "") for line in error.what.split("\n") if line.startswith("  ")]


def refused(tmp_path: Path, text: str | bytes, **env: str) -> str:
    """Return the sentence of an error about the file as a whole."""
    with pytest.raises(ConfigError) as caught:
        load(file(tmp_path, text), env)
    assert CANARY not in str(caught.value) + repr(caught.value)
    assert caught.value.__context__ is None
    return str(caught.value).replace(f"{tmp_path}/", "")


# ------------------------------------------------------------------------------------------------ defaults, example


def test_the_defaults_are_those_of_the_contract(tmp_path: Path) -> None:
    made = loaded(tmp_path, "[suppliers.asir-group]\n[suppliers.notio]\n[suppliers.other]\n")
    assert (made.base_url, made.state_dir) == ("https://api.menzzo.fr", Path("/var/lib/supplier-agent"))
    assert (made.requests_per_second, made.timezone, made.heartbeat_url) == (1.0, PARIS, "")
    schedule, retry, ship, http = made.schedule, made.retry, made.ship, made.http
    assert (schedule.poll_seconds, schedule.off_hours_poll_seconds) == (900, 3600)
    assert (schedule.business_hours, schedule.business_days) == (Hours(time(8), time(19)), frozenset(range(6)))
    assert (schedule.sweep_seconds, schedule.sweep_days) == (21_600, 14)
    assert (retry.first_seconds, retry.max_seconds, retry.once_patience_seconds) == (30, 3600, 60)
    assert (retry.park_after_attempts, retry.label_first_seconds, retry.label_park_seconds) == (12, 300, 259_200)
    assert (ship.undo_seconds, ship.after_lost_answer, ship.settle_seconds) == (120, "ask", 1860)
    assert (http.timeout_seconds, http.max_label_bytes, http.label_origins) == (20, 10_485_760, ())
    assert {slug: (s.cache_seconds, s.order_number_filter) for slug, s in made.suppliers.items()} == {
        "asir-group": (1800, True),
        "notio": (0, False),
        "other": (0, False),
    }
    assert made.warnings == ()


def test_known_suppliers_may_be_told_otherwise(tmp_path: Path) -> None:
    made = loaded(tmp_path, "[suppliers.asir-group]\ncache_seconds = 5\n").suppliers["asir-group"]
    assert (made.cache_seconds, made.order_number_filter) == (5, True)


OPTIONAL: dict[tuple[type[BaseModel], str], type[BaseModel]] = {
    (Supplier, "support"): Support,
    (Supplier, "shop"): Shop,
    (Supplier, "businessonbot"): BusinessOnBot,
    (Supplier, "laposte"): LaPoste,
    (Supplier, "dhl"): Dhl,
    (Supplier, "ups"): Ups,
    (Supplier, "fedex"): FedEx,
    (Settings, "webhooks"): Webhook,
    (Settings, "hooks"): Hook,
}


def keys_of(model: type[BaseModel]) -> set[str]:
    found = set()
    for name, info in model.model_fields.items():
        annotation = OPTIONAL.get((model, name), info.annotation)
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            found |= {f"{name}.{key}" for key in keys_of(annotation)}
        elif model is Settings and name == "suppliers":
            found |= {f"suppliers.SLUG.{key}" for key in keys_of(Supplier)}
        else:
            found.add(name)
    return found


def example_keys() -> set[str]:
    found, table = set(), ""
    for line in EXAMPLE.read_text().splitlines():
        header = re.fullmatch(r"(?:# )?\[+([a-z.-]+)\]+", line)
        table = header[1].replace("asir-group", "SLUG").replace("notio", "SLUG") + "." if header else table
        key = re.match(r"(?:# )?([a-z_]+) = ", line)
        if key:
            found.add(table + key[1])
    return found


def test_the_example_shows_every_key_and_no_other() -> None:
    in_words = {"suppliers.SLUG.shop.token_file", "webhooks.secret"}  # instead of the keys that are shown
    assert example_keys() == keys_of(Settings) - {"calls"} - in_words, "no call of this program has keys of its own"
    assert all(f"`{key.rpartition('.')[2]}`" in EXAMPLE.read_text() for key in in_words)


def test_the_example_holds_the_defaults() -> None:
    assert load(EXAMPLE, {}).model_dump() == Settings(suppliers={"asir-group": {}}).model_dump()
    assert load(EXAMPLE, {}).warnings == ()


def test_every_key_of_the_example_is_written_out_except_the_optional_ones() -> None:
    tree = tomllib.loads(EXAMPLE.read_text())
    for section, model in Settings.model_fields.items():
        if section == "suppliers":
            assert set(tree[section]["asir-group"]) == {"cache_seconds", "order_number_filter"}
        elif isinstance(model.annotation, type) and issubclass(model.annotation, BaseModel):
            assert set(tree[section]) == set(model.annotation.model_fields) - {"ca_file", "requests_per_second_total"}
        else:
            assert section in tree or section in {"calls", "webhooks", "hooks"}


def test_the_example_with_its_comments_taken_off_is_valid_too(tmp_path: Path) -> None:
    text = re.sub(r"(?m)^# (?=[a-z_]+ = |\[)", "", EXAMPLE.read_text())
    text = re.sub(r'(?m)^token(_next)? = "…"$', "", text)
    made = loaded(tmp_path, text)
    assert made.suppliers["notio"].token_file == Path("/etc/supplier-agent/tokens/notio")
    assert made.suppliers["asir-group"].start_date == date(2026, 11, 21)


def test_settings_cannot_be_changed(tmp_path: Path) -> None:
    made = loaded(tmp_path, MINIMAL)
    for part, name in ((made, "base_url"), (made.ship, "undo_seconds"), (made.suppliers["notio"], "cache_seconds")):
        with pytest.raises(ValidationError):
            setattr(part, name, 1)


# --------------------------------------------------------------------------------------------------- which file


def test_the_file_is_looked_for_in_the_documented_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config").mkdir()
    places = (Path("config/supplier-agent.toml"), tmp_path / "etc.toml")
    paths = [tmp_path / "option.toml", tmp_path / "variable.toml", tmp_path / places[0], places[1]]
    for number, path in enumerate(paths, 1):
        path.write_text(f"requests_per_second = {number}\n{MINIMAL}")
    env = {"SUPPLIER_AGENT_CONFIG": str(paths[1])}
    assert load(paths[0], env, places).requests_per_second == 1
    assert load(None, env, places).requests_per_second == 2
    assert load(None, {"SUPPLIER_AGENT_CONFIG": ""}, places).requests_per_second == 3
    assert load(None, {}, places).config_path == places[0]
    paths[2].unlink()
    assert load(None, {}, places).requests_per_second == 4


def test_without_any_file_the_places_and_the_cure_are_told() -> None:
    places = (Path("nowhere/a.toml"), Path("/nowhere/b.toml"))
    with pytest.raises(ConfigError) as caught:
        load(None, {"SUPPLIER_AGENT_BASE_URL": "https://api.example.com"}, places)
    for word in ("nowhere/a.toml", "/nowhere/b.toml", "$SUPPLIER_AGENT_CONFIG", "SUPPLIER_AGENT_SUPPLIERS__"):
        assert word in caught.value.what
    assert "supplier-agent config init" in caught.value.cure


def test_a_file_that_was_named_must_exist(tmp_path: Path) -> None:
    env = {"SUPPLIER_AGENT_SUPPLIERS__NOTIO__CACHE_SECONDS": "0"}
    with pytest.raises(ConfigError, match=r"gone.toml, named by --config, does not exist"):
        load(tmp_path / "gone.toml", env)
    with pytest.raises(ConfigError, match=r"gone.toml, named by \$SUPPLIER_AGENT_CONFIG, does not exist"):
        load(None, env | {"SUPPLIER_AGENT_CONFIG": "/nowhere/gone.toml"})


def test_what_is_not_a_readable_file_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is a folder"):
        load(tmp_path, {})
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(ConfigError, match="loop cannot be read: Too many levels"):
        load(tmp_path / "loop", {})


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_an_error_and_not_passed_over(tmp_path: Path) -> None:
    path = file(tmp_path, MINIMAL)
    path.chmod(0)
    with pytest.raises(ConfigError, match="Permission denied"):
        load(None, {}, (path,))


def test_a_file_is_text_of_a_sensible_size(tmp_path: Path) -> None:
    assert "agent.toml:2: the file is not UTF-8" in refused(tmp_path, f"# {CANARY}\n# \xe9\n".encode("latin-1"))
    assert "is not UTF-8" in refused(tmp_path, MINIMAL.encode("utf-16"))
    assert "larger than 1 MiB" in refused(tmp_path, "#" * (2**20 + 1))


def test_what_editors_on_windows_add_does_no_harm(tmp_path: Path) -> None:
    made = loaded(tmp_path, "\ufeff[suppliers.notio]\r\ncache_seconds = 7\r\n")
    assert made.suppliers["notio"].cache_seconds == 7


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (f"[suppliers.notio]\ntoken = {CANARY}\n", 2),
        (f'[suppliers.notio]\ntoken = "{CANARY}\n', 2),
        (f'[suppliers.notio]\n\n"{CANARY}\n', 3),
        (f'[suppliers.notio]\ntoken = "{CANARY}" "{CANARY}"\n', 2),
        (f'[suppliers.notio]\ntoken = "a"\ntoken = "{CANARY}"\n', 3),
        (f'[suppliers.notio\ntoken = "{CANARY}"\n', 1),
    ],
)
def test_broken_toml_is_told_with_its_line_and_without_its_text(tmp_path: Path, text: str, line: int) -> None:
    assert f"agent.toml:{line}: this is not TOML: " in refused(tmp_path, text)


def test_monstrous_toml_is_told_and_does_not_crash(tmp_path: Path) -> None:
    assert "this is not TOML" in refused(tmp_path, "x = " + "[" * 100_000)
    assert "this is not TOML" in refused(tmp_path, "x = " + "9" * 5000)
    assert "this is not TOML" in refused(tmp_path, "a." * 3000 + "a = 1")
    assert "did you mean" in mistakes(tmp_path, MINIMAL + "token_fil" + ".a" * 100 + " = 1")[0]


# ------------------------------------------------------------------------------------------------------- mistakes


def test_all_mistakes_are_told_at_once_each_with_its_line_or_variable(tmp_path: Path) -> None:
    text = f"""
base_ur = "https://example.com"
[schedule]
poll_seconds = -1
poll_second = 3
business_hours = "8-19"
[suppliers.notio]
tokne = "{CANARY}"
cache_seconds = true
[suppliers.Asir_Group]
"""
    assert mistakes(tmp_path, text, SUPPLIER_AGENT_SHIP__UNDO_SECONDS=CANARY, SUPPLIER_AGENT_SHIP__UNDO="5") == [
        "SUPPLIER_AGENT_SHIP__UNDO: there is no such setting; did you mean SUPPLIER_AGENT_SHIP__UNDO_SECONDS?",
        "SUPPLIER_AGENT_SHIP__UNDO_SECONDS: ship.undo_seconds must be a number",
        "agent.toml:2: base_ur is not a key of the configuration; did you mean base_url?",
        "agent.toml:4: schedule.poll_seconds must be more than 0",
        "agent.toml:5: schedule.poll_second is not a key of the configuration; did you mean schedule.poll_seconds?",
        'agent.toml:6: schedule.business_hours must be two times like "08:00-19:00"',
        "agent.toml:8: suppliers.notio.tokne is not a key of the configuration; did you mean suppliers.notio.token?",
        "agent.toml:9: suppliers.notio.cache_seconds must be a number",
        'agent.toml:10: suppliers.Asir_Group is no supplier name; did you mean "asir-group"?',
    ]


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("[schedul]\n", "did you mean schedule?"),
        ("[supplier.notio]\n", "did you mean suppliers?"),
        ("nonsense = 1\n", "nonsense is not a key of the configuration; leave it out"),
        ("[[web.stations]]\nname = 'B'\nlangauge = 'fr'\n", "did you mean web.stations.0.language?"),
        ("[[web.stations]]\nname = 'B'\nqqqqqq = 'fr'\n", "qqqqqq is not a key of the configuration; leave it out"),
        ("[notio]\n", "did you mean [suppliers.notio]?"),
        ("poll_seconds = 1\n", "did you mean schedule.poll_seconds?"),
        ("undo_second = 1\n", "did you mean ship.undo_seconds?"),
        ("token = 'x'\n", "did you mean suppliers.NAME.token?"),
        ("[http]\nstate_dir = '/x'\n", "did you mean state_dir, which belongs before the first [section]?"),
        ("[suppliers.notio]\nbase_url = 'https://x'\n", "did you mean base_url, which belongs before the first"),
        ("[suppliers.notio.deep]\n", "suppliers.notio.deep is not a key of the configuration; leave it out"),
        ("[[schedule]]\n", "schedule must be a section of keys"),
        ("schedule = 5\n", "agent.toml:1: schedule must be a section of keys"),
        ("suppliers = 5\n", "agent.toml:1: suppliers must be a section of keys"),
        (f"[suppliers]\nnotio = '{CANARY}'\n", "agent.toml:2: suppliers.notio must be a section of keys"),
        ('"\\u001b[31mred" = 1\n', r"'\x1b[31mred' is not a key"),
    ],
)
def test_an_unknown_key_is_told_with_what_was_probably_meant(tmp_path: Path, text: str, meant: str) -> None:
    assert meant in "\n".join(mistakes(tmp_path, text))


@pytest.mark.parametrize("text", ["", "[suppliers]\n", "suppliers = {}\n"])
def test_at_least_one_supplier_is_needed(tmp_path: Path, text: str) -> None:
    [line] = mistakes(tmp_path, text)
    assert "suppliers is empty: add the supplier whose orders are yours, like [suppliers.asir-group]" in line


@pytest.mark.parametrize(
    "lines",
    [
        f'token = ["{CANARY}"]',
        f'token.x = "{CANARY}"',
        "token = 12345",
        f'token = "{CANARY}"\ntoken_file = "x"',
        f'token = "{CANARY}"\nunknown = 1',
        f'token_file = ["{CANARY}"]',
        f'cache_seconds = "{CANARY}"',
        f'order_number_filter = "{CANARY}"',
        f'start_date = "{CANARY}"',
        f'{{ token = "{CANARY}" }}'.join(["deep = ", ""]),
    ],
)
def test_no_mistake_ever_shows_a_value(tmp_path: Path, lines: str) -> None:
    [line] = mistakes(tmp_path, f"[suppliers.notio]\n{lines}\n")
    assert line.startswith("agent.toml:")
    assert "suppliers.notio" in line
    env = {f"SUPPLIER_AGENT_SUPPLIERS__NOTIO__{key}": CANARY for key in ("TOKNE", "CACHE_SECONDS", "START_DATE")}
    assert len(mistakes(tmp_path, MINIMAL, **env)) == 3


def test_a_masked_token_stays_masked_when_pydantic_settings_is_told_to_debug(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("PYDANTIC_SETTINGS_DEBUG", "1")
    caplog.set_level("DEBUG")
    env = {"SUPPLIER_AGENT_SUPPLIERS__NOTIO__TOKEN": CANARY}
    assert loaded(tmp_path, f'[suppliers.other]\ntoken = "{CANARY}"\n', **env).token_of("notio", {}) == CANARY
    assert CANARY not in caplog.text


def test_lines_are_found_past_long_values_and_comments(tmp_path: Path) -> None:
    text = '# a\n\n[http] # b\nlabel_origins = [\n  "https://a.example",\n  # [x]\n]\n\ntimeout = 5\n'
    text += "[ \"suppliers\" . notio ]\n'cash_seconds' = 1\n"
    assert [line.split(": ")[0] for line in mistakes(tmp_path, text)] == ["agent.toml:9", "agent.toml:11"]


def test_a_statement_of_very_many_lines_is_told_by_its_section(tmp_path: Path) -> None:
    text = "# c\n" * 5000 + MINIMAL + "x = [\n" + "1,\n" * 5000 + "]\n"
    assert mistakes(tmp_path, text) == [
        "agent.toml:5001: suppliers.notio.x is not a key of the configuration; leave it out"
    ]


# --------------------------------------------------------------------------------------------------------- values


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("https://api.menzzo.fr", "https://api.menzzo.fr"),
        ("HTTPS://API.Menzzo.FR:443/", "https://api.menzzo.fr"),
        ("https://api.menzzo.fr:8443//", "https://api.menzzo.fr:8443"),
        ("https://proxy.example/Menzzo/v1/", "https://proxy.example/Menzzo/v1"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://127.8.9.1", "http://127.8.9.1"),
        ("http://localhost:80/", "http://localhost"),
        ("http://[::1]:8080/x", "http://[::1]:8080/x"),
    ],
)
def test_the_base_url_is_kept_in_one_spelling(tmp_path: Path, written: str, kept: str) -> None:
    assert loaded(tmp_path, f"base_url = '{written}'\n{MINIMAL}").base_url == kept


@pytest.mark.parametrize(
    "written",
    [
        "http://api.menzzo.fr",
        "http://api.menzzo.fr:8080",
        "http://127.0.0.1.example.com",
        "http://127.1",
        "http://2130706433",
        "http://0.0.0.0",
        "http://10.0.0.1",
        "http://[::ffff:10.0.0.1]",
        "http://localhost.example.com",
        "ftp://api.menzzo.fr",
        "file:///etc/passwd",
        "https:api.menzzo.fr",
        "https:///api",
        "api.menzzo.fr",
        "",
        f"https://{CANARY}@api.menzzo.fr",
        f"https://user:{CANARY}@api.menzzo.fr",
        "https://@api.menzzo.fr",
        f"https://api.menzzo.fr?token={CANARY}",
        "https://api.menzzo.fr/?",
        f"https://api.menzzo.fr#{CANARY}",
        "https://api.menzzo.fr/#",
        "https://api.menzzo.fr/a//b",
        "https://api.menzzo.fr/a/../b",
        "https://api.menzzo.fr/%2e%2E",
        "https://api.menzzo.fr:0",
        "https://api.menzzo.fr:99999",
        "https://api.menzzo.fr:x",
        "https://api menzzo.fr",
        " https://api.menzzo.fr",
        "https://api.menzzo.fr\\\\evil.example",
        "https://menzzo\\t.fr",
        "https://mënzzo.fr",
        "https://api..menzzo.fr",
        "https://[::1",
        "https://[fe80::1%25eth0]",
    ],
)
def test_an_address_that_could_leak_the_token_is_refused(tmp_path: Path, written: str) -> None:
    [line] = mistakes(tmp_path, f'base_url = "{written}"\n{MINIMAL}')
    assert line.startswith("agent.toml:1: base_url ")
    assert "cannot be used" not in line


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("[]", ()),
        ('["https://Files.Example.com:443/", "https://files.example.com"]', ("https://files.example.com",)),
        ('["https://a.example:8443", "http://127.0.0.1:9"]', ("https://a.example:8443", "http://127.0.0.1:9")),
    ],
)
def test_label_origins_are_kept_in_one_spelling(tmp_path: Path, written: str, kept: tuple[str, ...]) -> None:
    assert loaded(tmp_path, f"{MINIMAL}[http]\nlabel_origins = {written}\n").http.label_origins == kept


@pytest.mark.parametrize(
    "written",
    [
        '["http://files.example.com"]',
        '["https://files.example.com/path"]',
        '["https://files.example.com?x"]',
        '["files.example.com"]',
        '["https://*.example.com"]',
        f'["https://{CANARY}@files.example.com"]',
        "[5]",
        "5",
        "{}",
    ],
)
def test_a_label_origin_is_scheme_and_host_alone(tmp_path: Path, written: str) -> None:
    [line] = mistakes(tmp_path, f"{MINIMAL}[http]\nlabel_origins = {written}\n")
    assert line.startswith("agent.toml:3: http.label_origins ")


@pytest.mark.parametrize(("written", "good"), [("https://hc.example/ping/1?x=1", True), ("http://monitor/x", True)])
def test_a_heartbeat_address_is_kept_as_written_and_not_printed(tmp_path: Path, written: str, *, good: bool) -> None:
    made = loaded(tmp_path, f"heartbeat_url = '{written}'\n{MINIMAL}")
    assert (made.heartbeat_url == written) is good
    assert written not in repr(made)


@pytest.mark.parametrize("written", ["hc.example/ping", f"ftp://{CANARY}", f"https://hc.example/#{CANARY}", " "])
def test_a_heartbeat_address_is_http_or_https(tmp_path: Path, written: str) -> None:
    assert mistakes(tmp_path, f"heartbeat_url = '{written}'\n{MINIMAL}")[0].startswith("agent.toml:1: heartbeat_url ")


@pytest.mark.parametrize(
    ("section", "line", "sentence"),
    [
        ("", "requests_per_second = 0", "must be at least 0.0001"),
        ("", "requests_per_second = -1", "must be at least 0.0001"),
        ("", "requests_per_second = nan", "must be a number"),
        ("", "requests_per_second = inf", "must be a number"),
        ("", "requests_per_second = true", "must be a number"),
        ("", "requests_per_second = []", "must be a number"),
        ("", "timezone = 'Paris'", 'is not an IANA time zone like "Europe/Paris"; did you mean "Europe/Paris"?'),
        ("", "timezone = 'Europe/Pariss'", 'did you mean "Europe/Paris"?'),
        ("", "timezone = '../../etc/passwd'", "is not an IANA time zone"),
        ("", "timezone = 'Europe'", "is not an IANA time zone"),
        ("", "timezone = ''", "is not an IANA time zone"),
        ("", "timezone = 1", "must be text in quotes"),
        ("", "state_dir = ''", "is empty; write a path"),
        ("", "state_dir = '~/agent'", "the full path"),
        ("", "state_dir = '$HOME/agent'", "the full path"),
        ("", 'state_dir = "/a\\u0000b"', "control characters"),
        ("", "state_dir = 5", "must be text in quotes"),
        ("schedule", "poll_seconds = 0", "must be more than 0"),
        ("schedule", "poll_seconds = 1e9", "must be at most 31622400"),
        ("schedule", f"poll_seconds = 1{'0' * 400}", "must be"),
        ("schedule", "poll_seconds = 'soon'", "must be a number"),
        ("schedule", "sweep_days = 0", "must be at least 1"),
        ("schedule", "sweep_days = 1.5", "must be a whole number"),
        ("schedule", "sweep_days = 99999", "must be at most 3660"),
        ("schedule", "business_hours = '08:00'", 'must be two times like "08:00-19:00"'),
        ("schedule", "business_hours = '08:00-25:00'", "has a time outside 00:00 to 24:00"),
        ("schedule", "business_hours = '08:60-19:00'", "has a time outside 00:00 to 24:00"),
        ("schedule", "business_hours = '08:00-24:01'", "has a time outside 00:00 to 24:00"),
        ("schedule", "business_hours = 8", "must be two times"),
        ("schedule", "business_days = ''", "must be days like"),
        ("schedule", "business_days = 'mon-'", "must be days like"),
        ("schedule", "business_days = 'lundi'", "must be days like"),
        ("schedule", "business_days = 5", "must be text in quotes"),
        ("schedule", "holidays = 5", 'must be a list like ["12-25", "2026-08-03 to 2026-08-21"]'),
        ("schedule", "holidays = '[12-25'", "must be a list like"),
        ("schedule", "holidays = ['12-25', 5]", "has something at place 2 that must be text in quotes"),
        (
            "schedule",
            "holidays = ['Christmas']",
            'at place 1 that is not a day like "2026-12-25" or "12-25" (every year)',
        ),
        ("schedule", "holidays = ['25.12.2026']", "is not a day like"),
        ("schedule", "holidays = ['2026-12-25 - 2026-12-31']", 'nor a range like "12-24 to 01-02"'),
        ("schedule", "holidays = ['2026-02-29']", "names a day that does not exist"),
        ("schedule", "holidays = ['12-24 to 2027-01-02']", "has a year on one side only"),
        ("schedule", "holidays = ['2027-08-20 to 2027-08-02']", "ends before it starts"),
        ("schedule", "holidays = ['2026-08-02 to 2027-08-20']", "is longer than a year"),
        ("suppliers.notio", "holidays = '12-25, 13-01'", "at place 2 that names a day that does not exist"),
        ("alerts", "urls = 5", 'must be a list like ["mailto://…", { url = "ntfy://…", severity = "urgent" }]'),
        ("alerts", "urls = ['json://a', 'b']", "at place 2 that is no address of apprise"),
        ("alerts", "urls = [{ severity = 'urgent' }]", "at place 1 that is no address of apprise"),
        (
            "alerts",
            "urls = [{ url = 'json://a', level = 'urgent' }]",
            "a key at place 1 that is neither url nor severity",
        ),
        (
            "alerts",
            "urls = [{ url = 'json://a', severity = 'high' }]",
            'at place 1 that is not "info", "warning" or "urgent"',
        ),
        ("suppliers.notio", "alert_urls = ['json://a', 7]", "at place 2 that is no address of apprise"),
        ("alerts", "age_counts = 'days'", "must be 'every_day', 'business_days' or 'business_hours'"),
        ("retry", "first_seconds = 0", "must be more than 0"),
        ("retry", "park_after_attempts = 0", "must be at least 1"),
        ("retry", "once_patience_seconds = -0.1", "must be at least 0"),
        ("ship", "undo_seconds = -1", "must be at least 0"),
        ("ship", "after_lost_answer = 'retry'", "must be 'ask' or 'resend'"),
        ("http", "timeout_seconds = 601", "must be at most 600"),
        ("http", "max_label_bytes = -5", "must be at least 1"),
        ("suppliers.notio", "start_date = '21.11.2026'", 'must be a day like "2026-11-21"'),
        ("suppliers.notio", "start_date = '2026-02-30'", "names a day that does not exist"),
        ("suppliers.notio", "start_date = 2026-11-21T08:00:00Z", 'must be a day like "2026-11-21"'),
        ("suppliers.notio", "order_number_filter = 'perhaps'", "must be true or false"),
        ("suppliers.notio", "order_number_filter = []", "must be true or false"),
    ],
)
def test_a_value_out_of_bounds_is_told_in_a_sentence(tmp_path: Path, section: str, line: str, sentence: str) -> None:
    head = f"[{section}]\n" if section else ""
    tail = "" if section.startswith("suppliers") else MINIMAL
    [told] = mistakes(tmp_path, f"{head}{line}\n{tail}")
    key = ".".join(filter(None, [section, line.split(" ", maxsplit=1)[0]]))
    assert told.startswith(f"agent.toml:{2 if section else 1}: {key} ")
    assert sentence in told


def test_bounds_themselves_are_accepted(tmp_path: Path) -> None:
    text = "[ship]\nundo_seconds = 0\nsettle_seconds = 0\n[retry]\nfirst_seconds = 0.05\nmax_seconds = 1\n"
    text += "once_patience_seconds = 0\nlabel_park_seconds = 0\n[suppliers.x]\nstart_date = 2026-11-21\n"
    made = loaded(tmp_path, text)
    assert (made.ship.undo_seconds, made.retry.first_seconds) == (0, 0.05)
    assert made.suppliers["x"].start_date == date(2026, 11, 21)


@pytest.mark.parametrize("slug", ["a", "0", "asir-group", "a" * 41, "a--b"])
def test_a_supplier_may_have_any_plain_name(tmp_path: Path, slug: str) -> None:
    assert list(loaded(tmp_path, f'[suppliers."{slug}"]\n').suppliers) == [slug]


@pytest.mark.parametrize("slug", ["", "-a", "A", "a_b", "a/b", "..", "a.b", "a b", "é", "a" * 42, "a\\n", "٣"])
def test_a_supplier_name_that_could_leave_its_folder_is_refused(tmp_path: Path, slug: str) -> None:
    [line] = mistakes(tmp_path, f'[suppliers."{slug}"]\n')
    assert "is no supplier name" in line


def test_relative_paths_count_from_the_folder_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    made = loaded(tmp_path, "state_dir = 'state'\n[suppliers.notio]\ntoken_file = '../t'\n")
    assert made.state_dir == tmp_path / "state"
    assert made.suppliers["notio"].token_file == tmp_path / "../t"
    monkeypatch.chdir(tmp_path)
    env = {"SUPPLIER_AGENT_STATE_DIR": "other", "SUPPLIER_AGENT_SUPPLIERS__NOTIO__TOKEN_FILE": "t"}
    bare = load(None, env, ())
    assert (bare.state_dir, bare.suppliers["notio"].token_file) == (tmp_path / "other", tmp_path / "t")
    assert bare.config_path is None


# ---------------------------------------------------------------------------------------------------- environment


def test_variables_alone_are_a_configuration() -> None:
    env = {
        "SUPPLIER_AGENT_BASE_URL": "http://127.0.0.1:9/",
        "SUPPLIER_AGENT_SUPPLIERS__ASIR_GROUP__TOKEN": f" {CANARY}\n",
        "SUPPLIER_AGENT_SUPPLIERS__MY_OWN_SHOP__CACHE_SECONDS": "60",
        "SUPPLIER_AGENT_SUPPLIERS__MY_OWN_SHOP__ORDER_NUMBER_FILTER": "yes",
        "SUPPLIER_AGENT_SUPPLIERS__MY_OWN_SHOP__START_DATE": "2026-11-21",
        "SUPPLIER_AGENT_SCHEDULE__BUSINESS_DAYS": "mon,tue",
        "SUPPLIER_AGENT_HTTP__MAX_LABEL_BYTES": "1000",
        "SUPPLIER_AGENT_RETRY__FIRST_SECONDS": "0.5",
        "PATH": "/bin",
        "SUPPLIER_AGENTX": "of somebody else",
    }
    made = load(None, env, ())
    assert made.base_url == "http://127.0.0.1:9"
    assert made.suppliers["asir-group"].cache_seconds == 1800
    assert made.token_of("asir-group", env) == CANARY
    own = made.suppliers["my-own-shop"]
    assert (own.cache_seconds, own.order_number_filter, own.start_date) == (60, True, date(2026, 11, 21))
    assert made.schedule.business_days == {0, 1}
    assert (made.http.max_label_bytes, made.retry.first_seconds) == (1000, 0.5)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("", ()),
        ("https://a.example", ("https://a.example",)),
        (" https://a.example , https://b.example,", ("https://a.example", "https://b.example")),
        ('["https://a.example"]', ("https://a.example",)),
        ("[]", ()),
    ],
)
def test_a_list_in_a_variable_is_json_or_has_commas(tmp_path: Path, text: str, kept: tuple[str, ...]) -> None:
    assert loaded(tmp_path, MINIMAL, SUPPLIER_AGENT_HTTP__LABEL_ORIGINS=text).http.label_origins == kept


@pytest.mark.parametrize("text", ["[", '{"a": 1}', "[" * 100_000, f'["{CANARY}"]', CANARY])
def test_a_list_that_is_neither_is_told_by_the_name_of_its_variable(tmp_path: Path, text: str) -> None:
    [line] = mistakes(tmp_path, MINIMAL, SUPPLIER_AGENT_HTTP__LABEL_ORIGINS=text)
    assert line.startswith("SUPPLIER_AGENT_HTTP__LABEL_ORIGINS: http.label_origins ")


def test_the_environment_beats_the_file_key_by_key(tmp_path: Path) -> None:
    text = "[ship]\nundo_seconds = 1\nsettle_seconds = 2\n[suppliers.asir-group]\ncache_seconds = 3\n"
    env = {"SUPPLIER_AGENT_SHIP__UNDO_SECONDS": "9", "SUPPLIER_AGENT_SUPPLIERS__ASIR_GROUP__ORDER_NUMBER_FILTER": "0"}
    made = loaded(tmp_path, text, **env)
    assert (made.ship.undo_seconds, made.ship.settle_seconds) == (9, 2)
    assert list(made.suppliers) == ["asir-group"]
    assert (made.suppliers["asir-group"].cache_seconds, made.suppliers["asir-group"].order_number_filter) == (3, False)


def test_a_heartbeat_is_switched_off_by_an_empty_variable(tmp_path: Path) -> None:
    text = f"heartbeat_url = 'https://hc.example/1'\n{MINIMAL}"
    assert loaded(tmp_path, text, SUPPLIER_AGENT_HEARTBEAT_URL="").heartbeat_url == ""


def test_a_token_of_the_environment_replaces_the_file_s_in_either_form(tmp_path: Path) -> None:
    env = {"SUPPLIER_AGENT_SUPPLIERS__NOTIO__TOKEN": CANARY}
    assert loaded(tmp_path, "[suppliers.notio]\ntoken_file = '/x'\n", **env).token_of("notio", {}) == CANARY
    env = {"SUPPLIER_AGENT_SUPPLIERS__NOTIO__TOKEN_FILE": "/x"}
    assert loaded(tmp_path, "[suppliers.notio]\ntoken = 'a'\n", **env).suppliers["notio"].token is None
    both = env | {"SUPPLIER_AGENT_SUPPLIERS__NOTIO__TOKEN": CANARY}
    with pytest.raises(ConfigError, match=r"suppliers\.notio has both token and token_file; keep one") as caught:
        load(None, both, ())
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("SUPPLIER_AGENT_BASEURL", "SUPPLIER_AGENT_BASE_URL"),
        ("SUPPLIER_AGENT_UNDO_SECONDS", "SUPPLIER_AGENT_SHIP__UNDO_SECONDS"),
        ("SUPPLIER_AGENT_SHIP_UNDO_SECONDS", "SUPPLIER_AGENT_SHIP__UNDO_SECONDS"),
        ("SUPPLIER_AGENT_Ship__Undo_Seconds", "SUPPLIER_AGENT_SHIP__UNDO_SECONDS"),
        ("SUPPLIER_AGENT_SUPPLIERS__NOTIO_TOKEN", "SUPPLIER_AGENT_SUPPLIERS__NOTIO__TOKEN"),
        ("SUPPLIER_AGENT_SUPPLIER__ASIR_GROUP__TOKEN", "SUPPLIER_AGENT_SUPPLIERS__ASIR_GROUP__TOKEN"),
        ("SUPPLIER_AGENT_SUPPLIERS__MY_SHOP__TOKNE", "SUPPLIER_AGENT_SUPPLIERS__MY_SHOP__TOKEN"),
        ("SUPPLIER_AGENT_CONFG", "SUPPLIER_AGENT_CONFIG"),
        ("SUPPLIER_AGENT_SUPPLIERS__notio__token", "SUPPLIER_AGENT_SUPPLIERS__NOTIO__TOKEN"),
        ("SUPPLIER_AGENT_STATEDIR", "SUPPLIER_AGENT_STATE_DIR"),
        ("SUPPLIER_AGENT_SUPPLIERS__NOTIO", "SUPPLIER_AGENT_SUPPLIERS__NOTIO__TOKEN"),
    ],
)
def test_an_unknown_variable_is_told_with_what_was_probably_meant(tmp_path: Path, name: str, meant: str) -> None:
    assert mistakes(tmp_path, MINIMAL, **{name: CANARY}) == [f"{name}: there is no such setting; did you mean {meant}?"]
    with pytest.raises(ConfigError, match=f"did you mean {meant}"):
        load(None, {name: CANARY}, ())


INJECTED = {
    "SERVICE_HOST": "10.96.12.7", "SERVICE_PORT": "8080", "SERVICE_PORT_HTTP": "8080", "SERVICE_PORT_HTTP_ALT": "8081",
    "PORT": "tcp://10.96.12.7:8080", "PORT_8080_TCP": "tcp://[fd00::7]:8080", "PORT_8080_TCP_PROTO": "tcp",
    "PORT_8080_TCP_PORT": "8080", "PORT_8080_TCP_ADDR": "fd00::7", "PORT_53_UDP": "udp://10.96.12.7:53",
    "PORT_53_UDP_PROTO": "udp", "PORT_53_UDP_PORT": "53", "PORT_53_UDP_ADDR": "10.96.12.7",
}  # fmt: skip
"""What Kubernetes sets in every pod of a namespace that has a Service."""


@pytest.mark.parametrize("service", ["SUPPLIER_AGENT", "SUPPLIER_AGENT_PAGE", "SUPPLIER_AGENT_2_METRICS"])
def test_what_kubernetes_injects_for_a_service_of_that_name_is_no_setting(tmp_path: Path, service: str) -> None:
    env = {f"{service}_{name}": value for name, value in INJECTED.items()}
    assert loaded(tmp_path, MINIMAL, **env) == loaded(tmp_path, MINIMAL)
    assert load(None, env | {"SUPPLIER_AGENT_SUPPLIERS__NOTIO__CACHE_SECONDS": "0"}, ()).suppliers


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "8080"), ("PORT", "127.0.0.1:8080"), ("SERVICE_HOST", "db.example.com"), ("SERVICE_PORT", "http"),
        ("WEB_PORT", "8080"), ("HOST", "10.0.0.1"), ("PORT_8080_TCP_ADDR", "x"), ("PORT__8080", "tcp://10.0.0.1:1"),
        ("SERVICE_HOST_NAME", "10.0.0.1"), ("service_host", "10.0.0.1"),
    ],
)  # fmt: skip
def test_what_only_resembles_that_is_still_a_mistake(tmp_path: Path, name: str, value: str) -> None:
    assert "there is no such setting" in mistakes(tmp_path, MINIMAL, **{f"SUPPLIER_AGENT_{name}": value})[0]


@pytest.mark.parametrize(
    "folder",
    [
        "/", "/etc", "/etc/", "/etc/hostname", "/etc/supplier-agent", "/var", "/var/lib", "/var/lib/../lib/.", "/var/lib/",
        "/home", "/root", "/usr", "/usr/local", "/usr/bin/x", "/bin", "/dev", "/proc/self", "/sys", "/mnt", "/srv", "/run",
        "/lib/systemd", "/opt", "/var/log", "/boot/x", "//etc", "/var/run",
    ],
)  # fmt: skip
def test_a_folder_of_the_system_is_no_state_folder(tmp_path: Path, folder: str) -> None:
    said = "is a folder of the system; name one of its own, like /var/lib/supplier-agent"
    assert mistakes(tmp_path, f'state_dir = "{folder}"\n{MINIMAL}') == [f"agent.toml:1: state_dir {said}"]
    assert said in mistakes(tmp_path, MINIMAL, SUPPLIER_AGENT_STATE_DIR=folder)[0]


def test_a_link_to_a_folder_of_the_system_is_none_either(tmp_path: Path) -> None:
    (tmp_path / "state").symlink_to("/etc")
    assert "is a folder of the system" in mistakes(tmp_path, f'state_dir = "state"\n{MINIMAL}')[0]


@pytest.mark.parametrize(
    "folder", ["/data", "/var/lib/supplier-agent", "/srv/agent", "/srv/deep/agent", "/opt/x", "/mnt/x"]
)
def test_a_folder_of_one_s_own_is_one(tmp_path: Path, folder: str) -> None:
    assert loaded(tmp_path, f'state_dir = "{folder}"\n{MINIMAL}').state_dir == Path(folder)


def test_a_variable_that_resembles_nothing_is_told_to_be_unset(tmp_path: Path) -> None:
    assert mistakes(tmp_path, MINIMAL, SUPPLIER_AGENT_X=CANARY) == [
        "SUPPLIER_AGENT_X: there is no such setting; unset it"
    ]


def test_nothing_is_read_from_the_process_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BASE_URL", "SUPPLIER_AGENT_BASE_URL", "SUPPLIER_AGENT_NONSENSE", "SUPPLIERS"):
        monkeypatch.setenv(name, "nonsense")
    assert loaded(tmp_path, MINIMAL).base_url == "https://api.menzzo.fr"


# ------------------------------------------------------------------------------------------------------- warnings


@pytest.mark.parametrize(
    ("mode", "line", "warned"),
    [
        (0o644, f'token = "{CANARY}"', True),
        (0o640, f'token = "{CANARY}"', False),
        (0o644, 'token_file = "/x"', False),
    ],
)
def test_a_token_in_a_file_that_everybody_may_read_is_a_warning(
    tmp_path: Path, mode: int, line: str, *, warned: bool
) -> None:
    path = file(tmp_path, f"[suppliers.notio]\n{line}\n")
    path.chmod(mode)
    warnings = load(path, {}).warnings
    assert bool(warnings) is warned
    assert all(f"chmod o-r {path}" in warning and CANARY not in warning for warning in warnings)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"base_url = 'https://api.menzzo.fr/api'\n{MINIMAL}", "adds /api/SUPPLIER itself"),
        (f"base_url = 'https://api.menzzo.fr/api/notio'\n{MINIMAL}", "adds /api/SUPPLIER itself"),
        (f"requests_per_second = 5\n{MINIMAL}", "the marketplace recommends"),
        ("[suppliers.asirgroup]\n", "did you mean suppliers.asir-group?"),
    ],
)
def test_what_is_probably_not_meant_is_a_warning(tmp_path: Path, text: str, said: str) -> None:
    [warning] = loaded(tmp_path, text).warnings
    assert said in warning


def test_a_sandbox_and_a_supplier_of_another_name_raise_no_eyebrow(tmp_path: Path) -> None:
    text = "base_url = 'http://127.0.0.1:9'\nrequests_per_second = 1000\n[suppliers.other]\n"
    assert loaded(tmp_path, text).warnings == ()


# ------------------------------------------------------------------------------------------------------- schedule


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("mon-sat", {0, 1, 2, 3, 4, 5}),
        ("mon,tue,fri", {0, 1, 4}),
        ("fri-mon", {0, 4, 5, 6}),
        ("Mon - Wed, SUN", {0, 1, 2, 6}),
        ("sun", {6}),
        ("mon-sun", {0, 1, 2, 3, 4, 5, 6}),
    ],
)
def test_days_are_ranges_and_lists(text: str, days: set[int]) -> None:
    assert Schedule.model_validate({"business_days": text}).business_days == days


@pytest.mark.parametrize(
    ("hours", "days", "local", "open_then"),
    [
        ("08:00-19:00", "mon-sat", "2026-11-20 08:00:00", True),  # a Friday
        ("08:00-19:00", "mon-sat", "2026-11-20 07:59:59", False),
        ("08:00-19:00", "mon-sat", "2026-11-20 18:59:59", True),
        ("08:00-19:00", "mon-sat", "2026-11-20 19:00:00", False),
        ("08:00-19:00", "mon-sat", "2026-11-22 12:00:00", False),  # Sunday
        ("00:00-24:00", "mon-sat", "2026-11-21 23:59:59", True),
        ("00:00-24:00", "mon-sat", "2026-11-22 00:00:00", False),
        ("18:00-24:00", "mon-sat", "2026-11-21 23:59:59", True),
        ("18:00-24:00", "mon-sat", "2026-11-22 00:00:00", False),
        ("22:00-06:00", "mon-sat", "2026-11-21 23:00:00", True),  # Saturday night …
        ("22:00-06:00", "mon-sat", "2026-11-22 05:59:59", True),  # … reaches into Sunday
        ("22:00-06:00", "mon-sat", "2026-11-22 06:00:00", False),
        ("22:00-06:00", "mon-sat", "2026-11-22 22:00:00", False),
        ("22:00-06:00", "mon-sat", "2026-11-23 05:00:00", False),  # Monday early belongs to Sunday
        ("22:00-06:00", "mon-sat", "2026-11-20 12:00:00", False),
        ("07:00-07:00", "mon", "2026-11-24 06:59:59", True),  # 24 hours from Monday 07:00
        ("07:00-07:00", "mon", "2026-11-24 07:00:00", False),
    ],
)
def test_business_hours_may_go_past_midnight(hours: str, days: str, local: str, *, open_then: bool) -> None:
    schedule = Schedule.model_validate({"business_hours": hours, "business_days": days})
    now = datetime.fromisoformat(local).replace(tzinfo=PARIS).astimezone(UTC)
    assert Settings(schedule=schedule, suppliers={"notio": {}}).poll_interval("notio", now) == (
        900 if open_then else 3600
    )


@pytest.mark.parametrize(
    ("hours", "utc", "open_then"),
    [
        # 29 March 2026: 02:00 becomes 03:00, so 08:00 is 06:00 UTC, the day before still 07:00 UTC.
        ("08:00-19:00", "2026-03-28T06:59", False),
        ("08:00-19:00", "2026-03-28T07:00", True),
        ("08:00-19:00", "2026-03-29T05:59", False),
        ("08:00-19:00", "2026-03-29T06:00", True),
        ("08:00-19:00", "2026-03-29T17:00", False),
        ("22:00-02:30", "2026-03-29T00:59", True),  # 01:59, a minute before the gap
        ("22:00-02:30", "2026-03-29T01:00", False),  # 03:00, the half past two that never was is over
        ("02:30-04:00", "2026-03-29T00:59", False),
        ("02:30-04:00", "2026-03-29T01:00", True),
        # 25 October 2026: 03:00 becomes 02:00, so the hour from two to three comes twice.
        ("08:00-19:00", "2026-10-24T06:00", True),
        ("08:00-19:00", "2026-10-25T06:59", False),
        ("08:00-19:00", "2026-10-25T07:00", True),
        ("08:00-19:00", "2026-10-25T17:59", True),
        ("08:00-19:00", "2026-10-25T18:00", False),
        ("22:00-02:30", "2026-10-25T00:29", True),
        ("22:00-02:30", "2026-10-25T00:30", False),
        ("22:00-02:30", "2026-10-25T01:29", True),  # 02:29 again
        ("22:00-02:30", "2026-10-25T01:30", False),
    ],
)
def test_business_hours_follow_the_wall_clock_over_both_nights_of_the_change(
    hours: str, utc: str, *, open_then: bool
) -> None:
    schedule = Schedule.model_validate({"business_hours": hours, "business_days": "mon-sun"})
    now = datetime.fromisoformat(utc).replace(tzinfo=UTC)
    assert Settings(schedule=schedule, suppliers={"notio": {}}).poll_interval("notio", now) == (
        900 if open_then else 3600
    )


@pytest.mark.parametrize("text", ["08:00-19:00", "22:30-06:00"])
def test_hours_are_shown_as_they_are_written(text: str) -> None:
    assert str(Schedule.model_validate({"business_hours": text}).business_hours) == text


def test_addresses_of_alerts_are_texts_or_tables_and_stay_secret(tmp_path: Path) -> None:
    file = tmp_path / "agent.toml"
    file.write_text(
        '[alerts]\nurls = ["json://word@all", { url = "json://word@phone", severity = "urgent" }]\n'
        '[suppliers.notio]\ntoken = "t"\n'
    )
    env = {"SUPPLIER_AGENT_SUPPLIERS__NOTIO__ALERT_URLS": "json://word@a json://word@b"}
    made = load(file, env)
    assert [(each.url.get_secret_value(), each.severity) for each in made.alerts.urls] == [
        ("json://word@all", "info"), ("json://word@phone", "urgent"),
    ]  # fmt: skip
    assert [each.url.get_secret_value() for each in made.suppliers["notio"].alert_urls] == [
        "json://word@a",
        "json://word@b",
    ]
    said = {each.key: each.value for each in shown(file, env)}
    assert said["alerts.urls"] == '[{ url = "(hidden)", severity = "info" }, { url = "(hidden)", severity = "urgent" }]'
    handed = without_secrets(made, WANTED)
    assert "word" not in f"{said}{made!r}{handed}{made.model_dump_json()}"
    assert read_back(handed, {}).alerts.urls == ()


def test_no_key_of_a_call_reaches_the_page_or_is_shown_because_it_may_be_a_secret(tmp_path: Path) -> None:
    file = tmp_path / "agent.toml"
    file.write_text(
        '[suppliers.notio]\ntoken = "t"\n[web]\nlisten = "127.0.0.1:1"\n[calls.notify]\nkey = "s3cret"\nfew = 2\n'
    )
    settings = load(file, {})
    handed = without_secrets(settings, WANTED)
    assert "s3cret" not in f"{handed}{settings!r}{shown(file, {})}"
    assert read_back(handed, {}).calls == {}
    assert read_back(handed, {}).calls_on == frozenset(WANTED)
    told = {each.key: each.value for each in shown(file, {}) if each.key.startswith("calls")}
    assert told == {"calls.notify.key": HIDDEN, "calls.notify.few": HIDDEN}
