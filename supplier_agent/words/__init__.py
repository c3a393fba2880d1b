"""Words: codes in, sentences out. The only place with prose about orders and suppliers.

    say("problem.paused", facts)               one sentence of the catalogue (english.py), in a language and a zone
    Words(language, zone).problem(problem)     the same for the values of a verdict

English is the source. The catalogues in locale/ translate it through gettext; sentences without a translation stay English. Ids,
names, answers of the marketplace and commands are never translated.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from supplier_agent.words.english import SENTENCES
from supplier_agent.words.formats import clock, duration, instant, iso, size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import tzinfo

    from supplier_agent.verdict.codes import Blocker, Next, Problem, Stage, Verdict

LOCALE = Path(__file__).with_name("locale")
DOMAIN = "words"
SPANS = "_seconds"
"""The suffix of facts that are durations."""
SIZES = "_bytes"
"""The suffix of facts that are sizes."""
CODES = {
    "changed": "blocker", "missing": "waits_for", "later": "blocker", "stops": "stop", "call": "call", "printer_fault": "printer",
    "report": "report", "refusal": "refusal", "doubts": "doubt",
}  # fmt: skip
"""Facts that are codes themselves, with blanks between them: the group of the catalogue that has their words."""


def say(
    code: str,
    facts: Mapping[str, object] | None = None,
    language: str = "en",
    zone: tzinfo = UTC,
    now: datetime | None = None,
) -> str:
    """Return the sentence of a code (`group.code`) with its facts. The facts `case` and `kind` choose between several sentences.

    Instants are shown in this zone, and durations in one unit. now: instants are short (formats.clock); None: they are complete.
    A missing fact is shown as a question mark, so that the rest of the sentence can still be read.
    """
    given = _Facts(facts or {})
    if "kind" in given:
        given["receiver"] = given["kind"]
    shown = _Facts({name: _shown(name, value, given, language, zone, now) for name, value in given.items()})
    return _translated(language)(SENTENCES[_key(code, given) or code]) % shown


def _key(code: str, facts: Mapping[str, object]) -> str | None:
    """Return the key of the sentence of a code: for its case, else for its kind of call, else for all; None: there is none."""
    keys = (*(f"{code}.{facts[name]}" for name in ("case", "kind") if name in facts), code)
    return next((key for key in keys if key in SENTENCES), None)


def has(code: str, facts: Mapping[str, object]) -> bool:
    """Tell whether there is a sentence for this code and these facts."""
    return _key(code, facts) is not None


class _Facts(dict[str, object]):
    def __missing__(self, name: str) -> str:
        return "?"


def _shown(
    name: str, value: object, given: Mapping[str, object], language: str, zone: tzinfo, now: datetime | None
) -> object:
    if isinstance(value, datetime):
        return instant(value, zone) if now is None else clock(value, zone, now)
    if name.endswith(SPANS) and isinstance(value, (int, float)):
        return duration(value)
    if name.endswith(SIZES) and isinstance(value, int):
        return size(value)
    if name == "kind" and f"kind.{value}" in SENTENCES:
        return say(f"kind.{value}", language=language)
    if name == "receiver":
        return say(_key(f"receiver.{value}", {}) or "receiver.other", language=language)
    if name in CODES and isinstance(value, str):
        facts = {other: known for other, known in given.items() if other not in CODES}
        keys = {each: f"{CODES[name]}.{each}" for each in value.split()}
        joint = say("joint.and" if name == "missing" else "joint.also", language=language)
        return joint.join(
            say(key, facts, language, zone, now) if key in SENTENCES else each for each, key in keys.items()
        )
    return value


@cache
def _translated(language: str) -> Callable[[str], str]:
    """Return the function that translates into a language; English, and a language without a catalogue, stay English."""
    if language == "en":
        return str
    import gettext  # noqa: PLC0415 - `status` speaks English, and is asked every 30 seconds

    return gettext.translation(DOMAIN, LOCALE, [language], fallback=True).gettext


@dataclass(frozen=True)
class Worded:
    """A problem in words, as the commands print it. cure: the fix; "" if there is none."""

    problem: Problem
    what: str
    cure: str

    @property
    def supplier(self) -> str:
        """Its supplier; "" for the whole installation."""
        return self.problem.supplier or ""

    @property
    def order(self) -> str | None:
        """Its menzzo_order_id; None for a whole supplier, or the installation."""
        return self.problem.order

    @property
    def code(self) -> str:
        """Its stable code."""
        return self.problem.code.value

    @property
    def exit_code(self) -> int:
        """The exit code of the contract."""
        return self.problem.exit_code

    def as_json(self) -> dict[str, object]:
        """Return it as in the JSON of the commands."""
        return {
            "supplier": self.supplier,
            "menzzo_order_id": self.order,
            "code": self.code,
            "severity": self.problem.severity.value,
            "since": None if self.problem.since is None else iso(self.problem.since),
            "asked_at": None if self.problem.asked_at is None else iso(self.problem.asked_at),
            "what": self.what,
            "cure": self.cure,
        }


@dataclass(frozen=True)
class Words:
    """The sentences in one language and one time zone. Only UTC is named in each time; other zones are named once per output.

    now: instants are short, for people in the warehouse; None: they are complete.
    """

    language: str = "en"
    zone: tzinfo = UTC
    now: datetime | None = None

    def say(self, code: str, facts: Mapping[str, object] | None = None, **more: object) -> str:
        """Return one sentence of the catalogue."""
        return say(code, {**(facts or {}), **more}, self.language, self.zone, self.now)

    def stored(self, group: str, text: str) -> str:
        """Return the sentence of a text that the database stores; a text without one stays as it is."""
        code = f"{group}.{text}"
        return self.say(code) if code in SENTENCES else text

    def at(self, at: datetime) -> str:
        """Return an instant."""
        return instant(at, self.zone) if self.now is None else clock(at, self.zone, self.now)

    def problem(self, problem: Problem) -> str:
        """Return what is wrong. The sentence does not name order and supplier; the caller does."""
        return self._and_asked(self.say(_own("problem", problem), _facts(problem)), problem)

    def fix(self, problem: Problem) -> str:
        """Return the command or step that fixes it; "" if there is none."""
        return self.say(_own("fix", problem), _facts(problem))

    def trouble(self, problem: Problem) -> str:
        """Return what is wrong, for people in the warehouse; if there is no sentence for them, the usual one."""
        said = self._for_a_warehouse("trouble", problem)
        return self._and_asked(said, problem) if said else self.problem(problem)

    def _and_asked(self, said: str, problem: Problem) -> str:
        """Return the sentence, and when Menzzo was asked about it, if it was."""
        return said if problem.asked_at is None else self.say("asked.menzzo", said=said, at=problem.asked_at)

    def todo(self, problem: Problem) -> str:
        """Return what people in the warehouse should do; "" if nothing."""
        return self._for_a_warehouse("todo", problem)

    def _for_a_warehouse(self, group: str, problem: Problem) -> str:
        facts = _facts(problem)
        key = _key(f"{group}.{problem.code}", facts)
        if key is None and problem.code.endswith("_failing"):
            key = _key(f"{group}.failing", {})
        return "" if key is None else self.say(key, facts, call=facts.get("kind", ""))

    def state(self, problem: Problem) -> str:
        """Return why a supplier's state is not ok, in one or two words."""
        code = f"state.{problem.code}"
        return self.say(code if code in SENTENCES else "state.failing")

    def reason(self, problem: Problem) -> str:
        """Return why a supplier's state is not ok, as a short sentence."""
        code = f"reason.{problem.code}"
        if code not in SENTENCES:
            if "lane" not in problem.facts:
                return self.problem(problem)
            code = "reason.failing"
        return self.say(code, _facts(problem))

    def worded(self, problem: Problem) -> Worded:
        """Return a problem with its sentence and its fix."""
        return Worded(problem, self.problem(problem), self.fix(problem))

    def stage(self, stage: Stage) -> str:
        """Return a stage for people."""
        return self.say(f"stage.{stage}")

    def blocker(self, blocker: Blocker) -> str:
        """Return a blocker as a clause."""
        return self.say(f"blocker.{blocker}")

    def blockers(self, blockers: Iterable[Blocker]) -> str:
        """Return several blockers as one phrase."""
        return self.say("joint.also").join(self.blocker(each) for each in blockers)

    def waits_for(self, blockers: Iterable[Blocker]) -> str:
        """Return what a marked order waits for, as one phrase: "its acknowledgement and its label"."""
        return str(_shown("missing", " ".join(blockers), {}, self.language, self.zone, self.now))

    def evidence(self, verdict: Verdict) -> str:
        """Return why an order counts as shipped, without a full stop."""
        return self.say(f"evidence.{verdict.evidence or 'not_recorded'}")

    def next(self, next_: Next, order: str, supplier: str) -> str:
        """Return what happens next and why. `order` is its menzzo_order_id."""
        facts: dict[str, object] = {"order": order, "supplier": supplier, **next_.facts, "kind": next_.kind}
        if next_.at is not None:
            facts["at"] = next_.at
        codes = " ".join(next_.waits_for)
        if next_.step == "shipped":
            return self.say("next.shipped", evidence=self.say(f"evidence.{next_.facts['case']}"))
        if next_.step == "warehouse":
            return self.say("next.warehouse", facts, changed=codes)
        said = self.say(f"next.{next_.step}", facts)
        if next_.waits_for and next_.step != "vanished":
            return self.say("next.waits", missing=codes, next=said)
        return said


def _own(group: str, problem: Problem) -> str:
    """Return the key of a problem's sentence. Text from another process is passed on unchanged."""
    if "what" in problem.facts:
        return f"{group}.said"
    code = f"{group}.{problem.code}"
    return f"{group}.failing" if _key(code, problem.facts) is None else code


def _facts(problem: Problem) -> dict[str, object]:
    facts: dict[str, object] = {"order": problem.order, "supplier": problem.supplier}
    if problem.since is not None:
        facts["since"] = problem.since
    return facts | dict(problem.facts)
