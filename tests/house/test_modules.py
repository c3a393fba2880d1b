"""What a module may be: small, of one purpose, documented, and without its own clock."""

import ast
import subprocess
import sys
from pathlib import Path

from tests.house.conftest import tree

MOST_LINES = 400
NO_PURPOSE = {"util", "helper", "manager", "service", "common", "misc"}
ASKS_THE_TIME = {
    "datetime": {"now", "utcnow", "today"},
    "date": {"today"},
    "time": {"time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "sleep", "localtime", "gmtime"},
}


def test_no_module_has_more_than_400_lines(modules: list[Path]) -> None:
    assert not {path.name: count for path in modules if (count := path.read_text().count("\n")) > MOST_LINES}


def test_every_file_is_named_after_its_purpose(tracked: list[Path]) -> None:
    words = {path: set(path.stem.lower().strip("_").split("_")) for path in tracked if path.suffix == ".py"}
    assert not [path for path, found in words.items() if {word.removesuffix("s") for word in found} & NO_PURPOSE]


def test_every_module_says_its_purpose(modules: list[Path]) -> None:
    assert not [path for path in modules if not ast.get_docstring(tree(path))]


def test_only_the_clock_asks_the_machine_for_the_time(modules: list[Path]) -> None:
    found = []
    for path in modules:
        if path.name == "clock.py":
            continue
        for node in ast.walk(tree(path)):
            match node:
                case (
                    ast.Attribute(value=ast.Name(id=module), attr=name)
                    | ast.Attribute(value=ast.Attribute(attr=module), attr=name)
                ) if name in ASKS_THE_TIME.get(module, ()):
                    found.append(f"{path.name}:{node.lineno} {module}.{name}")
                case ast.ImportFrom(module="time"):
                    found.append(f"{path.name}:{node.lineno} from time import")
    assert not found


def test_the_modules_import_only_what_is_below_them(root: Path) -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    answer = subprocess.run([lint, "--no-cache", "--no-logo"], cwd=root, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout + answer.stderr
