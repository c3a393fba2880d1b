"""Which errors and problems the code can show a person: the fixed parts of their texts, from the code and from words/."""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from supplier_agent.words.english import ENGLISH
from tests.house.conftest import tree

TEXT_AT = {
    **dict.fromkeys(
        ("AgentError", "UsageError", "StateError", "BusyError", "ConfigError", "LockedError", "Caution"),
        0,
    ),
    "Problem": 2,
    "Trouble": 1,
}
"""Whatever is made with a text for people, and at which place the text is."""
LEAST = 8
"""Letters: a shorter fixed part would be found anywhere."""
GUARD = re.compile(r"RAISE\(ABORT, '([^']+)'")


@dataclass(frozen=True)
class Told:
    """One text. It has `…` for what is only known when it happens."""

    place: str
    text: str

    @property
    def parts(self) -> list[str]:
        """Return the fixed parts of the text that are long enough to be looked for."""
        return [part for each in self.text.split("…") if len(part := each.strip(" :;,.()'")) >= LEAST]


def told(package: Path) -> Iterator[Told]:
    """Yield every text, in the order of the files."""
    for path in sorted(package.rglob("*.py")):
        if {"sandbox", "demo"} & set(path.relative_to(package).parts):
            continue
        source = path.read_text()
        for scope in _scopes(tree(path)):
            known = _known(scope)
            for node in _within(scope):
                if isinstance(node, ast.Call) and (at := _text_at(node)) is not None and len(node.args) > at:
                    for text in _texts(node.args[at], known):
                        yield Told(f"{path.relative_to(package)}:{node.lineno}", text)
        yield from (Told(path.name, said) for said in GUARD.findall(source))
    for code, sentence in ENGLISH.items():
        if code.startswith("problem."):
            yield Told(code, re.sub(r"%\(\w+\)s", "…", sentence))


def _text_at(call: ast.Call) -> int | None:
    name = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
    return TEXT_AT.get(name)


def _scopes(tree: ast.Module) -> Iterator[ast.AST]:
    yield tree
    yield from (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def _within(scope: ast.AST) -> Iterator[ast.AST]:
    """Yield what belongs to a scope, but not to a function inside it."""
    for child in ast.iter_child_nodes(scope):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield child
            yield from _within(child)


def _known(scope: ast.AST) -> Mapping[str, list[ast.expr]]:
    """Return what each name of a scope is set to."""
    known: dict[str, list[ast.expr]] = {}
    for node in _within(scope):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    known.setdefault(target.id, []).append(node.value)
    return known


def _texts(node: ast.expr, known: Mapping[str, list[ast.expr]]) -> list[str]:
    if isinstance(node, ast.Name):
        return [_text(each) for each in known.get(node.id, [])] or ["…"]
    return [_text(node)]


def _text(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(each) if isinstance(each, ast.Constant) else "…" for each in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _text(node.left) + _text(node.right)
    return "…"


def plain(markdown: str) -> str:
    """Return a text with its code marks and line breaks taken off, for looking up."""
    return re.sub(r"\s+", " ", markdown.replace("`", "").replace("\\|", "|"))
