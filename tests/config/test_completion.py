"""Completion: each shell gets a script that it can read, and the command answers with commands, options and stages."""

import os
import shutil
import subprocess
import sys

import pytest

PROGRAM = [sys.executable, "-m", "supplier_agent"]
SHELLS = {"bash": ["bash", "-n"], "zsh": ["zsh", "-n"], "fish": ["fish", "--no-execute"]}
WORDS = {"bash": "complete -o default", "zsh": "compdef", "fish": "complete --command"}
"""What is in the script of this shell alone."""


def script(shell: str) -> str:
    done = subprocess.run(
        [*PROGRAM, "--show-completion", shell], capture_output=True, text=True, check=False, timeout=30
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("shell", SHELLS)
def test_there_is_a_script_for_the_shell(shell: str) -> None:
    assert [other for other, words in WORDS.items() if words in script(shell)] == [shell]


def test_a_shell_that_nobody_knows_is_refused() -> None:
    done = subprocess.run(
        [*PROGRAM, "--show-completion", "tcsh"], capture_output=True, text=True, check=False, timeout=30
    )
    assert done.returncode == 1
    assert "tcsh not supported" in done.stderr


@pytest.mark.parametrize("shell", SHELLS)
def test_the_shell_understands_its_script(shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed here")
    done = subprocess.run(SHELLS[shell], input=script(shell), capture_output=True, text=True, check=False, timeout=30)
    assert (done.returncode, done.stderr) == (0, "")


def completed(*words: str) -> list[str]:
    """Return what bash would be offered after these words."""
    line = " ".join(["supplier-agent", *words])
    env = os.environ | {"_SUPPLIER_AGENT_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words))}
    return subprocess.run(PROGRAM, env=env, capture_output=True, text=True, check=False, timeout=30).stdout.split()


def test_commands_are_completed() -> None:
    assert completed("sta") == ["status"]
    assert set(completed("config", "")) >= {"init", "show", "schema"}


def test_options_are_completed() -> None:
    assert "--watch" in completed("status", "--")
