"""What `check` suggests can do no harm: each command is pasted and touches nothing but what is plainly the agent's own."""

import os
import re
import shlex
import shutil
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from supplier_agent.base.errors import ConfigError
from supplier_agent.check import environment, rights
from supplier_agent.settings import Settings, load
from tests.check.conftest import Found
from tests.disk.people import AGENT, hall
from tests.world.clocks import HandClock
from tests.world.databases import store_at

ODD = "it's a; touch PWNED; `touch PWNED` & #"
COMMAND = re.compile(r"(?:sudo )?(?:chmod|chown|chgrp|install|rm|mv|ls) .*")


@pytest.fixture
def place() -> Iterator[Path]:
    with hall() as folder:
        yield folder


def checked(found: Found, settings: Settings) -> Found:
    rights.staff(found.report, settings.state_dir)
    environment.look(found.report, settings, {}, HandClock(), {})
    return found


def commands(found: Found) -> list[list[str]]:
    """Return every command that is suggested, as a shell would take it apart; the comment behind one is none of it."""
    cures = [COMMAND.search(each.cure) for each in found.findings]
    taken_apart = [shlex.split(cure[0], comments=True) for cure in cures if cure]
    return [words[1:] if words[0] == "sudo" else words for words in taken_apart]


def touched(found: Found) -> set[str]:
    """Return what the commands that are suggested would change."""
    return {words[-1] for words in commands(found) if words[0] != "ls"}


def state(place: Path, name: str = "state") -> Path:
    folder = place / name
    folder.mkdir()
    store_at(folder / "agent.db").close()
    folder.chmod(0o755)
    (folder / "agent.db").chmod(0o644)
    return folder


def configured(place: Path, state_dir: object, token_file: object = None) -> Settings:
    file = place / "agent.toml"
    token = f'token_file = "{token_file}"' if token_file else 'token = "t"'
    file.write_text(f'state_dir = "{state_dir}"\n[suppliers.notio]\n{token}\n')
    return load(file, {})


def test_what_is_plainly_ours_is_put_right_even_under_a_hostile_name(place: Path, found: Found) -> None:
    folder = state(place, ODD)
    checked(found, configured(place, folder))
    suggested = commands(found)
    assert {Path(words[-1]) for words in suggested} == {folder, folder / "agent.db"}
    for each in found.findings:
        if COMMAND.search(each.cure):
            subprocess.run(["sh", "-c", each.cure], check=True, cwd=place, timeout=10)
    assert not list(place.rglob("PWNED"))
    assert stat.S_IMODE(folder.stat().st_mode) == 0o2770
    assert stat.S_IMODE((folder / "agent.db").stat().st_mode) == 0o660


@pytest.mark.parametrize("folder", ["/", "/etc", "/var/lib", "/tmp", "/etc/hostname", "/usr", "/home", "/root"])  # noqa: S108 - just these
def test_a_folder_of_the_system_is_refused_before_anything_is_suggested(place: Path, found: Found, folder: str) -> None:
    with pytest.raises(ConfigError, match="is a folder of the system") as caught:
        configured(place, folder)
    assert not COMMAND.search(str(caught.value))
    rights.staff(found.report, Path(folder))  # if it came by another way
    assert commands(found) == []


def other_things(place: Path) -> Path:
    (place / "home").mkdir()
    (place / "home" / "letter.txt").write_text("")
    return place / "home"


def a_file(place: Path) -> Path:
    (place / "file").write_text("")
    return place / "file"


def a_pipe(place: Path) -> Path:
    os.mkfifo(place / "pipe")
    return place / "pipe"


def a_link_to_other_things(place: Path) -> Path:
    (place / "link").symlink_to(other_things(place))
    return place / "link"


def a_database_that_is_a_link(place: Path) -> Path:
    folder = state(place)
    shutil.copy(folder / "agent.db", place / "precious.db")
    (folder / "agent.db").unlink()
    (folder / "agent.db").symlink_to(place / "precious.db")
    return folder


@pytest.mark.parametrize(
    "made",
    [other_things, a_file, a_pipe, a_link_to_other_things, a_database_that_is_a_link],
    ids=lambda made: made.__name__,
)
def test_what_is_not_plainly_ours_is_named_and_not_touched(
    place: Path, found: Found, made: Callable[[Path], Path]
) -> None:
    folder = made(place)
    checked(found, configured(place, folder))
    assert touched(found) == set()
    assert [each for each in found.findings if each.level != "ok" and str(folder) in each.what]


@pytest.mark.parametrize("name", ["agent.lock", "private", "labels", "agent.db-wal"])
def test_a_link_in_the_folder_is_named_and_its_target_left_alone(place: Path, found: Found, name: str) -> None:
    folder, precious = state(place), place / "precious"
    precious.write_text("")
    precious.chmod(0o666)
    (folder / name).unlink(missing_ok=True)
    (folder / name).symlink_to(precious)
    rights.staff(found.report, folder)
    assert touched(found) <= {str(folder), str(folder / "agent.db")}
    assert [each for each in found.findings if str(folder / name) in each.what]


@pytest.mark.parametrize("file", ["/etc", "/tmp", "/etc/passwd", "/etc/hostname", "/dev/null", "/proc/self/comm", "/"])  # noqa: S108 - just these
def test_a_token_file_that_is_none_is_named_and_its_mode_left_alone(place: Path, found: Found, file: str) -> None:
    settings = configured(place, state(place), file)
    environment.look(found.report, settings, {}, HandClock(), {})
    assert [each for each in found.findings if each.level != "ok" and file in each.what]
    assert touched(found) <= {"/etc/supplier-agent/tokens/notio"}, "which is where a token belongs"


def test_a_machine_s_own_file_that_looks_like_a_token_is_left_alone(place: Path, found: Found) -> None:
    (place / "config").mkdir()
    word = place / "word"
    word.write_text("looks-like-a-token")
    word.chmod(0o644)
    os.chown(word, AGENT.uid, AGENT.gid)
    settings = configured(place / "config", state(place), word)
    environment.look(found.report, settings, {}, HandClock(), {})
    assert str(word) not in touched(found), "another user's, and not beside the configuration"
    (place / "config" / "token").symlink_to(word)
    environment.look(
        found.report, configured(place / "config", place / "state", place / "config" / "token"), {}, HandClock(), {}
    )
    assert touched(found) == {"/etc/supplier-agent/tokens/notio"}, "a link is no file of ours"


def test_a_token_beside_the_configuration_is_closed(place: Path, found: Found) -> None:
    (place / ODD).mkdir()
    token = place / ODD / "token"
    token.write_text("t")
    token.chmod(0o644)
    environment.look(found.report, configured(place / ODD, state(place), token), {}, HandClock(), {})
    (command,) = commands(found)
    assert command == ["chmod", "600", str(token)]
