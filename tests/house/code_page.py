"""docs/reference/codes.md: every code of a verdict with its sentences, from verdict/ and words/."""

import re

from supplier_agent.verdict import (
    LIFTED_BY_OVERRIDE,
    OF_SUPPLIER,
    STOPS,
    Blocker,
    NextStep,
    Problem,
    ProblemCode,
    Stage,
)
from supplier_agent.words.english import ENGLISH

HEAD = """# Codes

Codes are stable, sentences are not: use codes in scripts. `…` replaces what varies.
"""
BLOCKERS = """
## Blockers

`blockers` of `orders --json`: everything that keeps an order from being reported as shipped. *Stops*: a packer must not ship
the parcel; the others only delay the report. *Override*: `supplier-agent ship ID --override NAME` lifts it.

| code | meaning | |
| --- | --- | --- |
"""
STEPS = """
## Next steps

`next_code` of `order ID --json`: what happens next without a person, or why nothing does.

| code | sentence |
| --- | --- |
"""
PROBLEMS = """
## Problems

`code` of a problem in `status --json`, with its severity and the exit code of `status` if it is the worst (0: it is for
information only).

| code | severity | exit | sentence | fix |
| --- | --- | --- | --- | --- |
"""


def codes() -> str:
    """Return every stage, blocker, next step and problem."""
    text = HEAD + "\n## Stages\n\n| code | meaning |\n| --- | --- |\n"
    text += "".join(f"| `{each}` | {sentences(f'stage.{each}')} |\n" for each in Stage)
    text += BLOCKERS
    text += "".join(f"| `{each}` | {sentences(f'blocker.{each}')} | {nature(each)} |\n" for each in Blocker)
    text += STEPS
    text += "".join(f"| `{each}` | {sentences(f'next.{each}')} |\n" for each in NextStep)
    text += PROBLEMS
    for each in ProblemCode:
        problem = Problem(each)
        said, fix = sentences(f"problem.{each}"), sentences(f"fix.{'failing' if each.endswith('_failing') else each}")
        text += f"| `{each}` | {problem.severity} | {problem.exit_code} | {said} | {fix} |\n"
    return text


def nature(blocker: Blocker) -> str:
    """Return what a blocker means for the parcel, for an override, and for other orders."""
    says = {
        "stops": blocker in STOPS,
        "override": blocker in LIFTED_BY_OVERRIDE,
        "of the supplier": blocker in OF_SUPPLIER,
    }
    return ", ".join(word for word, holds in says.items() if holds)


def sentences(key: str) -> str:
    """Return the sentences of a code, one after the other; empty if its sentence comes from elsewhere."""
    found = [text for each, text in ENGLISH.items() if each == key or each.startswith(f"{key}.")]
    shown = (re.sub(r"%\(\w+\)s", "…", text).replace("|", "\\|") for text in found)
    return "<br>".join(dict.fromkeys(shown))
