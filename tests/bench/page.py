"""docs/performance.md: what was measured, with which goal, on which machine. Every figure in it comes from the run."""

import inspect
import math
from collections.abc import Callable, Iterable, Mapping, Sequence

from tests.bench.figure import Figure
from tests.proof.page import Setting

PAGE = "docs/performance.md"
WIDTH = 40
"""The characters of the longest bar."""
HEAD = """# Performance

What the agent costs, next to a client that does only the necessary. `./run bench` measures all of it and writes this page, on a
machine that does nothing else; `./run bench --quick` makes every figure once, with small sizes.
"""
ROUNDS = """
Contestants take turns in a random order in each round, and a ratio is that of one round. Shown are the median of the rounds, and
the least and the greatest. Times alone depend on the machine; ratios and counts hardly do.
"""
NOT_MEASURED = """
## Not measured

- The time of an fsync, because it depends on the disk: they are counted.
- The real marketplace, and networks with loss or delay: all of it runs on loopback.
- More than the cores named above.
- The warehouse page: `python -m tests.web.benchmark` measures it.
"""


def page(
    setting: Setting,
    rows: Mapping[str, Callable[..., object]],
    figures: Sequence[Figure],
    failed: Mapping[str, str],
    about: str,
) -> str:
    """Return the page. failed: why a row has no figures. about: how the run was made, in a sentence."""
    goals = [figure.reached for figure in figures if figure.reached is not None]
    reached = f"\n**{sum(goals)} of {len(goals)} goals are reached.** {about}\n{setting.where}. {setting.versions}.\n"
    text = HEAD + (reached + ROUNDS if figures else "\n**Nothing has been measured yet.** Run `./run bench`.\n")
    for letter, row in rows.items():
        title, _, how = (inspect.getdoc(row) or "").partition(".\n\n")
        mine = [figure for figure in figures if figure.row == letter]
        text += f"\n## {title}\n\n{how}\n"
        if letter in failed:
            text += f"\n**Not measured: {failed[letter]}**\n"
        if mine:
            text += "\n".join(["", *table(mine), "", "```text", *bars(mine), "```", ""])
    return text + NOT_MEASURED


def table(figures: Iterable[Figure]) -> list[str]:
    """Return one line for each figure."""
    lines = ["| figure | median (least – greatest) | goal | reached |", "| --- | --- | --- | --- |"]
    for figure in figures:
        reached = {None: "", True: "yes", False: "**no**"}[figure.reached]
        goal = figure.goal.replace("<=", "≤").replace(">=", "≥")
        lines.append(f"| {figure.name} | {shown(figure)} | {goal} | {reached} |")
    return lines


def shown(figure: Figure) -> str:
    """Return value, unit and spread; or why there is none."""
    if not figure.values:
        return f"not measured: {figure.note}"
    value = f"{short(figure.value)} {figure.unit}".strip()
    spread = f" ({short(min(figure.values))} – {short(max(figure.values))})"
    return value + spread * (len(figure.values) > 1)


def short(value: float) -> str:
    """Return a number with three digits that mean something."""
    digits = max(0, 2 - math.floor(math.log10(abs(value)))) if value else 0
    text = f"{value:,.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def bars(figures: Iterable[Figure]) -> list[str]:
    """Return the figures that have an upper goal as bars of text, in parts of it: the goal is at `|`, four times it at the end."""
    with_goal = [figure for figure in figures if figure.most and figure.values]
    wide, goal = max((len(figure.name) for figure in with_goal), default=0), WIDTH // 4
    lines = []
    for figure in with_goal:
        bar = list("█" * min(WIDTH, round(goal * figure.value / (figure.most or 1)))) + [" "] * WIDTH
        bar[goal] = "|"
        lines.append(f"{figure.name:{wide}} {''.join(bar[:WIDTH])} {short(figure.value)} {figure.unit}".rstrip())
    return lines
