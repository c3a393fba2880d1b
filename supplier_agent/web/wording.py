"""The languages of the page, through gettext catalogues. Codes and ids are never translated, nor is their case changed."""

import gettext
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import get_args

from supplier_agent.settings.web import Language

LOCALE = Path(__file__).with_name("locale")
DOMAIN = "page"
LANGUAGES: Mapping[Language, str] = {"fr": "Français", "en": "English", "tr": "Türkçe", "pl": "Polski"}
"""Each by its own name, in the order of the switch."""


def mark(sentence: str) -> str:
    """Mark a sentence for the catalogues; it is translated where it is shown."""
    return sentence


@dataclass(frozen=True)
class Words:
    """One language."""

    code: Language
    catalogue: gettext.NullTranslations

    def say(self, sentence: str, **facts: object) -> str:
        """Return a sentence with its facts. `sentence` has them as %(name)s."""
        return self.catalogue.gettext(sentence) % facts


@cache
def words(code: str) -> Words:
    """Return a language; English is what the sentences are written in."""
    known: Language = next((each for each in get_args(Language) if each == code), "en")
    return Words(known, gettext.translation(DOMAIN, LOCALE, [known], fallback=known == "en"))
