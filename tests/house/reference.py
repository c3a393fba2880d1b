"""Writes docs/reference/ from the code itself, so that it cannot drift: `./run reference`, or `python -m tests.house.reference`.

A test compares what is written with what the code says now.
"""

import ast
import os
import re
import sys
import textwrap
import tomllib
from collections.abc import Callable, Iterator
from inspect import getdoc
from pathlib import Path
from typing import Any

import typer

from supplier_agent.alerts.decide import RANK, UNSENDABLE
from supplier_agent.base import errors, process
from supplier_agent.cli import app
from supplier_agent.db import (
    businessonbot,
    carriers,
    evidence,
    journal,
    letters,
    programs,
    shops,
    support,
    tables,
    warehouse,
    webhooks,
)
from supplier_agent.verdict import ProblemCode
from supplier_agent.verdict.codes import severity_of
from supplier_agent.words.alerts import TITLES
from tests.house.code_page import codes
from tests.house.conftest import tree
from tests.house.event_words import WHEN
from tests.house.metric_page import metrics

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "supplier_agent"
FOLDER = ROOT / "docs" / "reference"
WIDTH = 100

TABLES = {
    "tables": tables,
    "warehouse": warehouse,
    "webhooks": webhooks,
    "businessonbot": businessonbot,
    "support": support,
    "shops": shops,
    "carriers": carriers,
    "programs": programs,
    "journal": journal,
    "evidence": evidence,
    "letters": letters,
}
"""The modules of db/ with tables, in the order of the page."""
GENERATED = "<!-- Written by `./run reference` from {source}. Change it there. -->\n\n"

# ------------------------------------------------------------------------------------------------------------ commands


def commands() -> str:
    """Return the help of every command, as it is printed."""
    os.environ["TERMINAL_WIDTH"] = str(WIDTH)
    root: Any = typer.main.get_command(app)
    text = GENERATED.format(source="supplier_agent/cli/") + "# Commands\n\n"
    text += "Results go to stdout, messages and logs to stderr. With `--json`, JSON alone is printed on stdout. What the exit\n"
    text += "codes mean is in [exit-codes.md](exit-codes.md).\n\n"
    pages = list(_help_of(root, None, "supplier-agent"))
    text += "\n".join(f"- [`{words}`](#{_anchor(words)}): {first}" for words, first, _ in pages[1:]) + "\n"
    return text + "".join(f"\n## {words}\n\n```text\n{said}\n```\n" for words, _, said in pages)


def _help_of(command: Any, parent: Any, words: str) -> Iterator[tuple[str, str, str]]:  # noqa: ANN401 - typer's own click
    context = command.make_context(
        words.rpartition(" ")[2], [], parent=parent, resilient_parsing=True, terminal_width=WIDTH
    )
    yield (
        words,
        str(command.get_short_help_str(limit=WIDTH)),
        "\n".join(line.rstrip() for line in str(command.get_help(context)).strip().splitlines()),
    )
    for name, inner in getattr(command, "commands", {}).items():
        if not inner.hidden:
            yield from _help_of(inner, context, f"{words} {name}")


def _anchor(title: str) -> str:
    return re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")


# ------------------------------------------------------------------------------------------------------- configuration

_KEY = re.compile(r"^(?P<off># )?(?P<key>[a-z_]+) = (?P<value>\S.*)$")
_SECTION = re.compile(r"^(?P<off># )?\[(?P<list>\[)?(?P<name>[a-z.-]+)\]+$")
SECOND = "suppliers.notio"
"""The table of a second supplier in the example."""


def configuration() -> str:
    """Return every key with its default, its meaning and its environment variable, after the commented example."""
    example = ROOT / "config" / "supplier-agent.example.toml"
    text = GENERATED.format(source="config/supplier-agent.example.toml") + "# Configuration\n\n"
    head, *blocks = example.read_text().strip().split("\n\n")
    text += _prose(head.splitlines()) + "\n"
    section = ""
    for block in blocks:
        lines = block.splitlines()
        if header := next((found for line in lines if (found := _SECTION.match(line))), None):
            if header["name"] == SECOND:
                continue
            section = header["name"] + ("" if header["list"] is None else "[]")
            text += f"\n## {header[0].removeprefix('# ')}\n"
            keys = [line for line in lines if not _SECTION.match(line)]
            text += _entry(section, keys) if any(map(_KEY.match, keys)) else "\n" * bool(keys) + _prose(keys)
        else:
            text += _entry(section, lines)
    return text


def _entry(section: str, lines: list[str]) -> str:
    """Return one block of the example: its keys, each with its variable, then what the comment above them says."""
    keys = [found for line in lines if (found := _KEY.match(line)) and not (found["off"] and line.startswith("#  "))]
    said = [re.sub(r"^# (?=[a-z_]+ = )", "#     ", line) for line in lines if line.startswith("#")]
    entry = "\n"
    for found in keys:
        path = f"{section}.{found['key']}" if section else found["key"]
        notes = [] if section.endswith("[]") else [f"`{_variable(path)}`"]
        notes += ["not set unless you set it"] if found["off"] else []
        entry += f"- `{found['key']} = {found['value']}` ({', '.join(notes)})\n"
    return entry + (f"\n{_prose(said)}" if said else "")


def _variable(path: str) -> str:
    return "SUPPLIER_AGENT_" + path.upper().replace("-", "_").replace(".", "__")


def _prose(lines: list[str]) -> str:
    """Return a comment as Markdown: its text as it stands, what is indented in it as code."""
    bare = [line.removeprefix("#").removeprefix(" ") for line in lines if line.startswith("#")]
    out, code = [], False
    for number, line in enumerate(bare):
        indented = line.startswith("    ") or (
            code and not line and any(rest.startswith("    ") for rest in bare[number:])
        )
        if indented != code and (line or code):
            out.append("```text" if indented else "```")
            code = indented
        out.append(line[4:] if indented else line)
    return "\n".join([*out, *["```"] * code]).strip() + "\n"


# -------------------------------------------------------------------------------------------------------------- tables


def remembered() -> str:
    """Return every table with its columns; beside each one that may be null, what null means."""
    text = GENERATED.format(source=f"supplier_agent/db/: {', '.join(f'{name}.py' for name in TABLES)}")
    text += "# Tables\n\n" + _flowing(str(tables.__doc__)) + "\n"
    text += "Read everything; write one column, `orders.shipped`. Only the columns in the [public contract](public-contract.md)\n"
    text += "stay from version to version.\n"
    notes = dict(_notes())
    for model in _models():
        table = model.__table__
        text += f"\n## {table.name}\n\n{_flowing(str(getdoc(model)))}\n| column | type | null? | |\n| --- | --- | --- | --- |\n"
        for column in table.columns:
            null = "may be" if column.nullable else ""
            note = notes.get(f"{model.__name__}.{column.name}", "")
            text += f"| `{column.name}` | {str(column.type).lower()} | {null} | {note} |\n"
    return text


def _models() -> list[Any]:
    found = dict.fromkeys(
        each for module in TABLES.values() for each in vars(module).values() if isinstance(each, type)
    )
    return [each for each in found if hasattr(each, "__table__")]


def _notes() -> Iterator[tuple[str, str]]:
    """Yield `Class.column` and the comment beside it."""
    for name in TABLES:
        yield from _notes_of((PACKAGE / f"db/{name}.py").read_text())


def _notes_of(source: str) -> Iterator[tuple[str, str]]:
    lines = source.splitlines()
    for node in ast.parse(source).body:
        for inner in node.body if isinstance(node, ast.ClassDef) else []:
            if (
                isinstance(node, ast.ClassDef)
                and isinstance(inner, ast.AnnAssign)
                and isinstance(inner.target, ast.Name)
            ):
                _, mark, note = lines[(inner.end_lineno or inner.lineno) - 1].partition("  # ")
                yield f"{node.name}.{inner.target.id}", note if mark else ""


# -------------------------------------------------------------------------------------------------------------- alerts


def alerts() -> str:
    """Return every problem, how much it matters, and what it means."""
    text = GENERATED.format(source="supplier_agent/verdict/codes.py and words/alerts.py") + "# Problems and alerts\n\n"
    text += "One list for `status`, the daily report, metrics and alerts: the same code means the same everywhere. `status` lists\n"
    text += "what is urgent or a warning; an *info* is shown only with its order or supplier. Each problem is sent once when it\n"
    text += (
        "begins and once when it is over, to the [addresses](../how-to/alerts.md#who-gets-which-alerts) that want it.\n"
    )
    text += "Failing reads, writes, labels and calls are sent after `failing_seconds`. How long the others may last is a key of\n"
    text += "`[alerts]` in [configuration.md](configuration.md#alerts).\n\n"
    text += "| code | severity | what it means |\n| --- | --- | --- |\n"
    for code in sorted(ProblemCode, key=lambda code: -RANK.index(severity_of(code))):
        unsent = " (not sent: no alert could be delivered)" if code in UNSENDABLE else ""
        text += f"| `{code}` | {severity_of(code)} | {TITLES[f'title.{code}']}{unsent} |\n"
    return text


# ---------------------------------------------------------------------------------------------------------- exit codes

OTHER_CODES: dict[int, str] = {
    0: "All done.",
    3: "`status` only: the agent is not running, and the last poll is older than twice the poll interval.",
    69: "The marketplace could not be reached; it is tried again.",
    77: "The marketplace refused the token.",
    130: "Stopped by Ctrl-C before the end (`demo`).",
}


def exit_codes() -> str:
    """Return what each exit code means."""
    text = (
        GENERATED.format(source="supplier_agent/base/errors.py and process.py")
        + "# Exit codes\n\n| code | meaning |\n| --- | --- |\n"
    )
    kinds = [kind for kind in errors.AgentError.__subclasses__() if kind.__module__ == errors.__name__]
    codes = OTHER_CODES | {kind.exit_code: str(getdoc(kind)).splitlines()[0] for kind in kinds}
    codes[1] = "Something needs a person: `supplier-agent status` says what."
    text += "".join(f"| {code} | {meaning} |\n" for code, meaning in sorted(codes.items()))
    order = ", ".join(str(code) for code in process.EXIT_ORDER)
    return (
        text
        + f"\nWhere several hold, the first of {order} is returned. A code that is not in this table is a failure.\n"
    )


# -------------------------------------------------------------------------------------------------------------- events


def events() -> str:
    """Return every event of the log with its level and the facts that come with it."""
    text = GENERATED.format(source="the calls of the log") + "# Events of the log\n\n"
    text += "An event is named by a thing and what happened to it. Null facts are left out. A failure and a recovery are logged\n"
    text += "once each; an agent with nothing to do logs nothing. `run` is in every line, the same for all lines of a process.\n"
    text += "The log is text on a terminal, has the journal's\n"
    text += "priorities under systemd, and is one JSON object per line elsewhere.\n\n"
    text += "| event | level | when | facts |\n| --- | --- | --- | --- |\n"
    found: dict[str, tuple[set[str], set[str]]] = {}
    for level, name, facts in said():
        levels, known = found.setdefault(name, (set(), set()))
        levels.add(level)
        known |= facts
    for name, (levels, known) in sorted(found.items()):
        with_it = ", ".join(f"`{fact}`" for fact in sorted(known))
        text += f"| `{name}` | {', '.join(sorted(levels))} | {WHEN.get(name, '')} | {with_it} |\n"
    return text


def said() -> Iterator[tuple[str, str, set[str]]]:
    """Yield level, event and names of facts of every call of the log."""
    for path in sorted(PACKAGE.rglob("*.py")):
        if "sandbox" in path.parts or "demo" in path.parts:
            continue
        for function in _functions(tree(path)):
            dicts = {
                target.id: {str(key.value) for key in node.value.keys if isinstance(key, ast.Constant)}
                for node in ast.walk(function)
                if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict)
                for target in node.targets
                if isinstance(target, ast.Name)
            }
            for node in ast.walk(function):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                    yield from _event(node, node.func.attr, dicts)


def _functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    yield from (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def _event(node: ast.Call, method: str, dicts: dict[str, set[str]]) -> Iterator[tuple[str, str, set[str]]]:
    if method == "_say" and len(node.args) > 1 and isinstance(node.args[0], ast.Constant):
        level, name = str(node.args[0].value), node.args[1]
        facts = {str(key.value) for key in getattr(node.args[2], "keys", []) if isinstance(key, ast.Constant)}
    elif method == "fault" and node.args:
        level, name, facts = "error", node.args[0], {"about", "error", "traceback"}
    elif method in {"debug", "info", "warning", "error"} and node.args:
        level, name, facts = method, node.args[0], set()
    else:
        return
    for keyword in node.keywords:
        facts |= {keyword.arg} if keyword.arg else dicts.get(getattr(keyword.value, "id", ""), set())
    names = ["call.parked", "call.unknown"] if ast.unparse(name) == "EVENTS[state]" else [getattr(name, "value", None)]
    for each in names:
        if isinstance(each, str) and re.fullmatch(r"[a-z_]+\.[a-z_]+", each):
            yield level, each, facts


# ------------------------------------------------------------------------------------------------------------- modules


def modules() -> str:
    """Return every module with its purpose, layer by layer from the top, as in the import contract."""
    text = GENERATED.format(source="pyproject.toml and the modules' docstrings") + "# Modules\n\n"
    text += "A module imports only modules of a lower layer, never one of its own layer; `./run test` refuses anything else.\n"
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = {each["containers"][0]: each["layers"] for each in contracts if each["type"] == "layers"}
    text += "Lines separate the layers. Some packages have layers of their own; their modules are indented, top layer first.\n"
    for layer in layers[PACKAGE.name]:
        present = [name for name in _names(layer) if _file(name).exists()]
        if present:
            text += "\n---\n\n"
        for name in present:
            text += f"- {_purpose(name)}\n"
            for inner in layers.get(f"{PACKAGE.name}.{name}", ()):
                text += "".join(f"  - {_purpose(f'{name}/{each}')}\n" for each in _names(inner))
    return text


def _names(layer: str) -> list[str]:
    return [name.strip(" ()") for name in re.split(r"[|:]", layer)]


def _purpose(name: str) -> str:
    words = (ast.get_docstring(ast.parse(_file(name).read_text())) or "").split("\n\n")[0]
    return f"`{name.rpartition('/')[2]}`{'/' * (_file(name).name == '__init__.py')} {' '.join(words.split())}"


def _file(name: str) -> Path:
    package, module = PACKAGE / name / "__init__.py", (PACKAGE / name).with_suffix(".py")
    return module if module.exists() else package


# ------------------------------------------------------------------------------------------------------------- writing


def _flowing(text: str) -> str:
    return textwrap.fill(" ".join(text.split()), 118, break_long_words=False, break_on_hyphens=False) + "\n"


PAGES: dict[str, Callable[[], str]] = {
    "alerts.md": alerts,
    "codes.md": lambda: GENERATED.format(source="supplier_agent/verdict/ and words/") + codes(),
    "commands.md": commands,
    "configuration.md": configuration,
    "events.md": events,
    "exit-codes.md": exit_codes,
    "metrics.md": lambda: GENERATED.format(source="supplier_agent/metrics/") + metrics(),
    "modules.md": modules,
    "tables.md": remembered,
}


def main() -> None:
    """Write every page that has changed."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, page in PAGES.items():
        path = FOLDER / name
        text = page()
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
            sys.stdout.write(f"{path.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()
