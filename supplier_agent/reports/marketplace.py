"""What was learned about the marketplace, as data and in words: each question, its answer and the evidence. Read-only."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from supplier_agent.learning import Estimate, Question, State
from supplier_agent.learning.estimates import estimates_of
from supplier_agent.learning.proposals import Proposal, of_all, of_supplier
from supplier_agent.words import Words, has
from supplier_agent.words.formats import iso_or_null

if TYPE_CHECKING:
    from supplier_agent.db.plain_sql import Look
    from supplier_agent.learning import Evidence
    from supplier_agent.settings import Settings

SHOWN = 3
"""So many observations for each answer are shown to people; JSON has all."""
ENDPOINTS = {"acknowledge": "acknowledge-sale", "ship": "ship-sale", "label": "label"}


def learned(look: "Look", supplier: str) -> list[dict[str, Any]]:
    """Return what is known about each question, with its evidence, as in the JSON of `marketplace`."""
    return [_question(look, each) for each in estimates_of(look, supplier).values()]


def _question(look: "Look", estimate: Estimate) -> dict[str, Any]:
    return {
        "question": estimate.question.value,
        "state": estimate.state.value,
        "answer": estimate.answer,
        "agreeing": estimate.agreeing,
        "against": estimate.against,
        "days": estimate.days,
        "since": iso_or_null(estimate.since),
        "last_at": iso_or_null(estimate.last_at),
        "changed_at": iso_or_null(estimate.changed_at),
        "before": estimate.before,
        "slow": estimate.memory.get("slow"),  # of times: what 19 of the last 20 did not exceed
        "evidence": [_piece(look, each) for each in estimate.evidence],
    }


def _piece(look: "Look", piece: "Evidence") -> dict[str, Any]:
    """Return one observation: its answer, its time, and the request. A row that the retention has removed has no request."""
    table, number = piece.row
    request = None
    if table == "reads":
        row = look.first("SELECT url FROM reads WHERE id = ?", number)
        request = row and row.url
    elif table == "attempts":
        row = look.first(
            "SELECT kind, menzzo_order_id FROM attempts a JOIN calls c ON c.id = a.call_id JOIN orders o ON o.id = c.order_id"
            " WHERE a.id = ?",
            number,
        )
        request = row and f"{ENDPOINTS.get(row.kind, row.kind)} {row.menzzo_order_id}"
    elif table == "orders":
        row = look.first("SELECT menzzo_order_id FROM orders WHERE id = ?", number)
        request = row and f"get-sales, for {row.menzzo_order_id}"
    return {"answer": piece.answer, "at": iso_or_null(piece.at), "request": request}


def proposals(look: "Look", settings: "Settings", suppliers: Collection[str]) -> list[Proposal]:
    """Return what a person could configure."""
    known = {name: estimates_of(look, name) for name in settings.suppliers}
    found = list(of_all(list(known.values()), settings.schedule.sweep_days))
    for name in suppliers:
        own = settings.suppliers[name]
        found += of_supplier(name, known[name], own.cache_seconds, order_number_filter=own.order_number_filter)
    return found


def proposal_json(proposal: Proposal) -> dict[str, Any]:
    """Return a proposal as in the JSON of `marketplace`."""
    return asdict(proposal) | {"question": proposal.question.value}


# In words


def lines(questions: Collection[Mapping[str, Any]], words: Words) -> Iterator[str]:
    """Yield what is known about each question, for people. `questions`: as of `learned`."""
    for each in questions:
        yield words.say(f"question.{each['question']}")
        yield f"    {state(each, words)}"
        for piece in _newest(each["evidence"]):
            said = answer(each["question"], piece["answer"], words) if piece["answer"] else ""
            at = f"{piece['at'][:16].replace('T', ' ')} UTC"
            shown = "  ".join(part for part in (at, piece["request"], said) if part)
            yield f"        {shown}"


def _newest(evidence: Collection[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    kept: list[Mapping[str, Any]] = []
    for piece in sorted(evidence, key=lambda each: each["at"], reverse=True):
        if sum(other["answer"] == piece["answer"] for other in kept) < SHOWN:
            kept.append(piece)
    return kept[: 2 * SHOWN]


def answer(question: str, code: str, words: Words, slow: str | None = None) -> str:
    """Return an answer in words."""
    facts = {"answer": code, "slow": slow or code, "case": code}
    return words.say(f"learned.{question}" if has(f"learned.{question}", facts) else "learned.other", facts)


def state(each: Mapping[str, Any], words: Words) -> str:
    """Return the state of a question and its answer, in one sentence."""
    code, question = State(each["state"]), Question(each["question"])
    said = None if each["answer"] is None else answer(question, each["answer"], words, each["slow"])
    facts = {"said": said, "number": each["agreeing"], "against": each["against"], "days": each["days"]}
    for name in ("since", "changed_at"):
        facts[name] = (each[name] or "")[:10]
    if each["before"] is not None:
        facts["before"] = answer(question, each["before"], words)
    case = {
        State.UNKNOWN: "" if said is None else "leaning",
        State.CONTRADICTED: "alone" if said is None else "",
        State.CHANGED: "open" if said is None else "",
        State.HOLDS: "",
    }[code]
    told = words.say(f"learning.{code}", facts, case=case)
    if code is not State.CHANGED and each["changed_at"] is not None:
        told += "; " + words.say("learning.changed.since", facts)
    return told


def proposed(proposal: Proposal, words: Words) -> str:
    """Return a proposal in words."""
    facts = {"setting": proposal.setting, "now": _toml(proposal.now), "proposed": _toml(proposal.proposed)}
    return words.say(f"proposal.{proposal.question}", facts, case="careful" if proposal.is_careful else "")


def _toml(value: int | bool) -> str:  # noqa: FBT001 - a value of a setting
    return str(value).lower()
