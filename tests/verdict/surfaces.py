"""Every surface that shows orders, suppliers or problems, and what its rendering says, mapped back to codes.

To add a surface (the page, an alert, a metric): write a function that renders it in-process from an `Invented` state and returns
what a person or program would get, and one that maps this back to a `Said`; put both into SURFACES, with the ways in which it
could lie. What a surface does not show stays None, and is not compared.
"""

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from supplier_agent import cli
from supplier_agent.alerts.decide import Decision, Fact, group
from supplier_agent.alerts.post import Check, changed, report
from supplier_agent.db.tables import Alert
from supplier_agent.metrics.exposition import exposition
from supplier_agent.reports.health import judged
from supplier_agent.verdict import Severity
from supplier_agent.verdict.codes import severity_of
from supplier_agent.words.alerts import TITLES
from supplier_agent.words.english import ENGLISH
from tests.verdict.invented import DAYS, STRANGER, Invented, Key


@dataclass
class OrderSaid:
    """What one surface says of one order. None: it does not say."""

    stage: str | None = None
    blockers: frozenset[str] | None = None
    problems: frozenset[str] | None = None
    next: str | None = None
    may: frozenset[str] | None = None
    advises_shipping: bool | None = None


@dataclass
class Said:
    """What one surface says in all. problems: (code, supplier, order), each as often as it is said.

    groups: (code, supplier), with how many problems are put together there. severities: (supplier, severity), counted.
    """

    orders: dict[Key, OrderSaid] = field(default_factory=dict)
    states: dict[str, str] | None = None
    counts: Mapping[tuple[str, str], int] | None = None
    problems: Counter[tuple[str, str, str | None]] | None = None
    groups: Counter[tuple[str, str]] | None = None
    severities: Counter[tuple[str, str]] | None = None


@dataclass(frozen=True)
class Surface:
    """One surface. lies: changes of its rendering, each of which must be noticed."""

    render: Callable[[Invented], Any]
    read: Callable[[Any, Invented], Said]
    lies: Mapping[str, Callable[[Any], Any]]


def run(made: Invented, *words: str) -> str:
    """Run a command in this process; return its stdout."""
    out = io.StringIO()
    with redirect_stdout(out), redirect_stderr(io.StringIO()):
        cli.run(["--config", str(made.config), *words])
    return out.getvalue()


# -- sentences back to codes -------------------------------------------------------------------------------------------


def _pattern(sentence: str) -> re.Pattern[str]:
    parts = re.split(r"%\(\w+\)s", sentence)
    return re.compile(r"\A" + "(.*?)".join(re.escape(part) for part in parts) + r"\Z", re.DOTALL)


PATTERNS = {key: _pattern(text) for key, text in ENGLISH.items() if key.startswith(("problem.", "next."))}
LITERAL = {key: len(re.sub(r"%\(\w+\)s", "", ENGLISH[key])) for key in PATTERNS}


def code_of(group: str, sentence: str) -> str:
    """Return the code of a group whose sentence this is: the one with the most words of its own that fits."""
    fits = [key for key, pattern in PATTERNS.items() if key.startswith(f"{group}.") and pattern.match(sentence)]
    assert fits, f"no sentence of the catalogue: {sentence}"
    return max(fits, key=LITERAL.__getitem__).split(".")[1]


def next_of(sentence: str) -> str:
    """Return the code of what happens next."""
    _, waits, rest = sentence.partition("It is marked as shipped, and is reported once it has ")
    return code_of("next", rest.partition(". ")[2] if waits else sentence)


# -- orders ------------------------------------------------------------------------------------------------------------


def _of_json(row: Mapping[str, Any]) -> OrderSaid:
    return OrderSaid(stage=row["stage"], blockers=frozenset(row["blockers"]), problems=frozenset(row["problem_codes"]))


def _read_orders_json(raw: list[dict[str, Any]], _made: Invented) -> Said:
    return Said({(row["supplier"], row["menzzo_order_id"]): _of_json(row) for row in raw})


def _read_orders(raw: str, _made: Invented) -> Said:
    said = Said()
    for line in raw.splitlines()[1:]:
        this, supplier, *_, stage, _evidence = re.split(r"\s{2,}", line.strip())
        said.orders[supplier, this] = OrderSaid(stage=stage)
    return said


def _read_export(raw: str, _made: Invented) -> Said:
    rows = csv.DictReader(io.StringIO(raw, newline=""))
    return Said({
        (row["supplier"], row["menzzo_order_id"]): OrderSaid(row["stage"], frozenset(row["blockers"].split()))
        for row in rows
    })  # fmt: skip


def _each(made: Invented, *words: str) -> dict[Key, str]:
    return {(name, this): run(made, "order", this, "--supplier", name, *words) for name, this in made.orders}


def _read_order_json(raw: dict[Key, str], _made: Invented) -> Said:
    said = Said()
    for key, text in raw.items():
        row = json.loads(text)
        said.orders[key] = _of_json(row)
        said.orders[key].next, said.orders[key].may = row["next_code"], frozenset(row["may"])
        assert next_of(row["next"]) == row["next_code"], "the code and its sentence"
    return said


def _read_order(raw: dict[Key, str], _made: Invented) -> Said:
    said = Said()
    for key, text in raw.items():
        lines = dict(re.findall(r"^([a-z ]+): +(.*)$", text, re.MULTILINE))
        ships = re.findall(rf"supplier-agent ship {key[1]} --supplier {key[0]}( --override)?", lines["next"])
        said.orders[key] = OrderSaid(
            stage=lines["stage"],
            blockers=frozenset(lines.get("blockers", "").split(", ")) - {""},
            next=next_of(lines["next"]),
            advises_shipping="" in ships,
        )
    return said


# -- status ------------------------------------------------------------------------------------------------------------


def _read_status_json(raw: dict[str, Any], _made: Invented) -> Said:
    problems = Counter((each["code"], each["supplier"], each["menzzo_order_id"]) for each in raw["problems"])
    counts = {(name, stage): n for name, each in raw["suppliers"].items() for stage, n in each["counts"].items()}
    return Said(
        states={name: each["state"] for name, each in raw["suppliers"].items()}, counts=counts, problems=problems
    )


def _read_status(raw: str, made: Invented) -> Said:
    said = Said(states={}, problems=Counter())
    assert said.states is not None
    assert said.problems is not None
    for line in raw.splitlines():
        name, *rest = line.split() or [""]
        if name in made.suppliers and len(rest) > 3:
            said.states[name] = rest[0]
        if not line.startswith("  ") or line.startswith("      "):
            continue
        about, what = _about(line.strip(), made)
        said.problems[code_of("problem", what), *about] += 1
    return said


def _about(line: str, made: Invented) -> tuple[tuple[str, str | None], str]:
    """Return of what a line of the problems speaks (supplier, order), and what it says."""
    names = "|".join(sorted({*made.suppliers, *(name for name, _ in made.orders)}))
    found = re.match(rf"(?:(15\d+_\d+) )?({names}): (.*)", line)
    return (("", None), line) if found is None else ((found[2], found[1]), found[3])


# -- alerts, the daily report, metrics ---------------------------------------------------------------------------------


def _facts(made: Invented) -> list[Fact]:
    with made.store.read() as tx:
        return group(judged(tx, made.settings, made.now), made.settings, made.now)


def _alert(made: Invented) -> str:
    """Return the message about all that the alerts know, as it would be sent."""
    found = _facts(made)
    rows = [
        Alert(id=number, cause=fact.code.value, supplier=fact.supplier, text="", since=made.now)
        for number, fact in enumerate(found)
    ]
    return changed(Decision(tuple(rows)), Check(made.settings, found, made.now, "here")).body


def _report(made: Invented) -> str:
    found = _facts(made)
    with made.store.read() as tx:
        return report(tx, Check(made.settings, found, made.now, "here"), made.now - DAYS, most=10**6).body


def _group_of(line: str, made: Invented) -> tuple[str, str, int]:
    """Return code, supplier and number of the problems in a line: one with its own sentence, or several by their title."""
    supplier = next((name for name in (*made.suppliers, STRANGER) if line.startswith(f"{name}: ")), "")
    what = line.removeprefix(f"{supplier}: ")
    title = next((key for key, text in TITLES.items() if what == text or what.startswith(f"{text}: ")), None)
    if title is None:
        return code_of("problem", re.sub(r"\A15\d+_\d+: ", "", what)), supplier, 1
    named, _, more = what.removeprefix(f"{TITLES[title]}: ").partition(" + ")
    return title.split(".")[1], supplier, named.count("_") + int(more or 0)


def _read_alert(raw: str, made: Invented) -> Said:
    said = Said(groups=Counter())
    assert said.groups is not None
    marks = {Severity.URGENT: "URGENT", Severity.WARNING: "PROBLEM", Severity.INFO: "NOTE"}
    for line in raw.splitlines():
        mark, _, what = line.partition(": ")
        if mark in marks.values():
            code, supplier, number = _group_of(what, made)
            said.groups[code, supplier] += number
            assert mark == marks[severity_of(code)], "how much it matters"
    return said


def _read_report(raw: str, made: Invented) -> Said:
    said = Said(groups=Counter())
    assert said.groups is not None
    for line in raw.splitlines():
        if line.startswith("- "):
            code, supplier, number = _group_of(line.removeprefix("- "), made)
            said.groups[code, supplier] += number
    total = re.search(r"^(\d+) problems?:$", raw, re.MULTILINE)
    assert (int(total[1]) if total else 0) == said.groups.total()
    return said


def _metrics(made: Invented) -> str:
    return exposition(made.store, made.settings, made.now).decode()


def _read_metrics(raw: str, _made: Invented) -> Said:
    samples = [each for family in text_string_to_metric_families(raw) for each in family.samples]

    def of(metric: str, *labels: str) -> Counter[Any]:
        found = (each for each in samples if each.name == f"supplier_agent_{metric}")
        return Counter({tuple(each.labels.get(label, "") for label in labels): int(each.value) for each in found})

    return Said(counts=of("orders", "supplier", "stage"), severities=of("problems", "supplier", "severity"))


# -- the surfaces, and how each could lie ------------------------------------------------------------------------------


def every(row: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[list[dict[str, Any]]], list[dict[str, Any]]]:
    """Return a lie about every order of a list."""
    return lambda rows: [row(each) for each in rows]


def dropped(key: str, code: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Return a lie about one order: one code less."""
    return lambda row: row | {key: [each for each in row[key] if each != code]}


def texts(old: str, new: str) -> Callable[[dict[Key, str]], dict[Key, str]]:
    """Return a lie of `order ID`: other words."""
    return lambda raw: {key: text.replace(old, new) for key, text in raw.items()}


def unlisted(code: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Return a lie of `status --json`: one kind of problem is not listed."""
    return lambda raw: raw | {"problems": [each for each in raw["problems"] if each["code"] != code]}


def without(words: str) -> Callable[[str], str]:
    """Return a lie of a text: the lines with these words are missing."""
    return lambda raw: "\n".join(line for line in raw.splitlines() if words not in line)


def well(raw: dict[str, Any]) -> dict[str, Any]:
    """Return a lie of `status --json`: every supplier is well."""
    return raw | {"suppliers": {name: each | {"state": "ok"} for name, each in raw["suppliers"].items()}}


SURFACES: Mapping[str, Surface] = {
    "orders --json": Surface(
        lambda made: json.loads(run(made, "orders", "--all", "--json")),
        _read_orders_json,
        {
            "a held order is ready": every(lambda row: row | {"stage": "ready" if row["stage"] == "held" else row["stage"]}),
            "vanished is no blocker": every(dropped("blockers", "vanished")),
            "paused is no blocker": every(dropped("blockers", "paused")),
            "what changed since it was printed is not said": every(dropped("problem_codes", "changed_since_printed")),
            "shipped orders are left out": lambda rows: [row for row in rows if row["stage"] != "shipped"],
        },
    ),
    "orders": Surface(
        lambda made: run(made, "orders", "--all"),
        _read_orders,
        {"attention is flagged": lambda raw: raw.replace("attention", "flagged  ")},
    ),
    "export": Surface(
        lambda made: run(made, "export", "orders"),
        _read_export,
        {
            "no label is no blocker": lambda raw: raw.replace("no_label", ""),
            "closed orders are new": lambda raw: raw.replace(",closed,", ",new,"),
        },
    ),
    "order ID --json": Surface(
        lambda made: _each(made, "--json"),
        _read_order_json,
        {
            "a person may ship what vanished": texts('"may": [', '"may": ["ship",'),
            "no call is ever unknown": texts('"call_unknown"', '"call_parked"'),
        },
    ),
    "order ID": Surface(
        _each,
        _read_order,
        {
            "what vanished may be shipped": texts(" --override NAME", ""),
            "a held order waits in the warehouse": texts("stage:               held", "stage:               ready"),
            "a damaged order has no blocker": texts("damaged, ", ""),
        },
    ),
    "status --json": Surface(
        lambda made: json.loads(run(made, "status", "--json")),
        _read_status_json,
        {
            **{f"{code} is not listed": unlisted(code) for code in (
                "order_vanished", "call_unknown", "held_though_marked", "waiting", "unflagged", "changed_since_printed",
                "order_damaged", "token_refused", "paused", "supplier_unknown", "read_only",
            )},
            "every supplier is well": well,
        },
    ),
    "status": Surface(
        lambda made: run(made, "status"),
        _read_status,
        {
            "nothing vanished": lambda raw: "\n".join(line for line in raw.splitlines() if "has not listed it" not in line),
            "a refused token is an old one": lambda raw: raw.replace("refuses the token (since", "has the token (since"),
            "a paused supplier is ok": lambda raw: raw.replace(" paused ", " ok "),
        },
    ),
    "alert": Surface(
        _alert,
        _read_alert,
        {
            "nothing vanished": without("no longer list"),
            "no label waits to be marked": without("its label has been ready"),
            "what is urgent is not": lambda raw: raw.replace("URGENT", "PROBLEM"),
            "a refused token is an old one": lambda raw: raw.replace("refuses the token (since", "has the token (since"),
            "the problem is another supplier's": lambda raw: raw.replace("asir-group: ", "notio: "),
        },
    ),
    "daily report": Surface(
        _report,
        _read_report,
        {
            "nothing vanished": without("no longer list"),
            "nobody paused it": without("paused by"),
            "there is no problem": lambda raw: "\n".join(each for each in raw.splitlines() if not each.startswith("- ")),
            "there is one problem less": lambda raw: re.sub(r"\d+ problems:", "1 problem:", raw),
        },
    ),
    "metrics": Surface(
        _metrics,
        _read_metrics,
        {
            "nothing is urgent": lambda raw: re.sub(r'(severity="urgent"[^}]*}) \S+', r"\1 0.0", raw),
            "no warning": lambda raw: re.sub(r'(severity="warning"[^}]*}) \S+', r"\1 0.0", raw),
            "the installation is well": lambda raw: re.sub(r'(problems{[^}]*supplier=""}) \S+', r"\1 0.0", raw),
            "nothing needs attention": lambda raw: re.sub(r'(stage="attention"[^}]*}) \S+', r"\1 0.0", raw),
        },
    ),
}  # fmt: skip
