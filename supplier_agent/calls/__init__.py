"""Every outward call, one file each. How to add one: CONTRIBUTING.md.

A line of order.WANTED says when the facts of an order ask for a kind of call. The file here with the name of the kind has `CALL`
(protocol.OutwardCall), which is everything else about it. A kind without its file or its line is an error at startup.
"""

from collections.abc import Collection, Iterator, Mapping
from importlib import import_module
from typing import Any

from pydantic import ValidationError

from supplier_agent.base.errors import ConfigError
from supplier_agent.calls.protocol import Ending, Job, Keys, Need, OutwardCall, Tools, Unfinished, Wait
from supplier_agent.order import WANTED, Rules
from supplier_agent.settings import Settings
from supplier_agent.settings.loading import PROVE
from supplier_agent.settings.values import close
from supplier_agent.verdict.supplier import MARKETPLACE
from supplier_agent.words.english import add_sentences

AnyCall = OutwardCall[Any]
FAMILY = "webhook."
"""The kinds of calls to webhooks begin like this: one for each that is configured."""


class Calls(Mapping[str, AnyCall]):
    """All calls by kind, the most urgent first. `rules`: when each is wanted."""

    def __init__(self, calls: Mapping[str, AnyCall], rules: Rules = WANTED) -> None:
        """Raise ValueError if a kind has no rule or a rule has no call."""
        if odd := calls.keys() ^ rules.keys():
            raise ValueError(f"{', '.join(sorted(odd))}: a call needs a rule in order.WANTED and a file in calls/")
        self._calls = dict(sorted(calls.items(), key=lambda each: each[1].PRIORITY))
        self._rules = rules
        self._with_switch = {kind for kind, call in self._calls.items() if "enabled" in call.Section.model_fields}
        self._at: dict[str, dict[str, AnyCall]] = {}
        for kind, call in self._calls.items():
            self._at.setdefault(call.ACCOUNT, {})[kind] = call
        self.once = frozenset(kind for kind, call in self._calls.items() if call.ONCE)
        # Of calls to the marketplace alone.
        self.lane_of = {kind: call.LANE for kind, call in self.at(MARKETPLACE).items()}
        self.ledgered = next((kind for kind, call in self._calls.items() if call.LEDGERED), "")

    __hash__ = object.__hash__  # by identity: it is the default of a dataclass field, which must be hashable

    def __getitem__(self, kind: str) -> AnyCall:
        return self._calls[kind]

    def __iter__(self) -> Iterator[str]:
        return iter(self._calls)

    def __len__(self) -> int:
        return len(self._calls)

    @property
    def all_rules(self) -> Rules:
        """The rules of all calls, on or off."""
        return self._rules

    def rules(self, settings: Settings, supplier: str | None = None) -> Rules:
        """Return the rules of the calls that these settings switch on, for this supplier (None: for any)."""
        on = self._switched_on(settings)
        own = {
            kind: rule for kind, rule in self._rules.items() if kind in on and self._is_for(kind, settings, supplier)
        }
        if supplier is None:
            return own
        return {kind: self._calls[kind].narrowed(rule, settings, supplier) for kind, rule in own.items()}

    def is_on(self, kind: str, settings: Settings, supplier: str | None = None) -> bool:
        """Tell whether a call is switched on, and one of this supplier's; None: of any."""
        return kind in self._switched_on(settings) and self._is_for(kind, settings, supplier)

    def _switched_on(self, settings: Settings) -> Collection[str]:
        """Return the calls that are switched on: by the key `enabled` of their section, or because it has no such key."""
        if (on := settings.calls_on) is not None:
            return on
        asked = {kind: settings.of_call(kind, self._calls[kind].Section).model_dump() for kind in self._with_switch}
        return self._calls.keys() - {kind for kind, keys in asked.items() if keys["enabled"] is not True}

    def _is_for(self, kind: str, settings: Settings, supplier: str | None) -> bool:
        call = self._calls[kind]
        if supplier is not None:
            return call.is_for(settings, supplier)
        return any(call.is_for(settings, each) for each in settings.suppliers)

    def with_webhooks(self, settings: Settings) -> "Calls":
        """Return these calls and one kind for each configured webhook; without one, these, and nothing is imported."""
        if not settings.webhooks and not any(kind.startswith(FAMILY) for kind in self._calls):
            return self
        from supplier_agent.calls.webhook import RULE, Webhook  # noqa: PLC0415 - see above

        kinds = {each.kind: Webhook(each) for each in settings.webhooks}
        add_sentences({key: words for call in kinds.values() for key, words in call.WORDS.items()})
        plain = {kind: call for kind, call in self._calls.items() if not kind.startswith(FAMILY)}
        rules = {kind: self._rules[kind] for kind in plain}
        return Calls({**plain, **kinds}, {**rules, **dict.fromkeys(kinds, RULE)})

    def at(self, account_kind: str) -> Mapping[str, AnyCall]:
        """Return the calls to accounts of that kind."""
        return self._at.get(account_kind, {})

    def check(self, settings: Settings) -> None:
        """Raise ConfigError if a section `[calls.KIND]` does not match what the file of that call declares."""
        mistakes = []
        for kind, given in settings.calls.items():
            call = self._calls.get(kind)
            if call is None:
                mistakes.append(
                    f"calls.{kind} is not an outward call{_meant(f'calls.{kind}', [f'calls.{each}' for each in self])}"
                )
                continue
            try:
                call.Section.model_validate(given)
            except ValidationError as error:
                keys = [f"calls.{kind}.{key}" for key in call.Section.model_fields]
                for detail in error.errors(include_url=False, include_input=False):
                    key = ".".join(("calls", kind, *(str(part) for part in detail["loc"])))
                    is_unknown = detail["type"] == "extra_forbidden"
                    mistakes.append(
                        f"{key} is not a key of the configuration{_meant(key, keys)}"
                        if is_unknown
                        else f"{key}: {detail['msg']}"
                    )
        if mistakes:
            where = settings.config_path or "environment"
            lines = "".join(f"\n  {where}: {each}" for each in mistakes)
            raise ConfigError(f"The configuration cannot be used:{lines}", PROVE)


def _meant(key: str, known: list[str]) -> str:
    meant = close(key, known)
    return f"; did you mean {meant}?" if meant else "; leave it out"


def _found(kind: str) -> AnyCall:
    call: AnyCall = import_module(f"{__name__}.{kind}").CALL
    return call


CALLS = Calls({kind: _found(kind) for kind in WANTED})
"""All outward calls of this program."""
for _call in CALLS.values():
    add_sentences(_call.WORDS)

__all__ = ["CALLS", "AnyCall", "Calls", "Ending", "Job", "Keys", "Need", "OutwardCall", "Tools", "Unfinished", "Wait"]
