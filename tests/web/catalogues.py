"""Every sentence that is translated: `python -m tests.web.catalogues` collects them in English and compiles the translations.

Two catalogues: `page` has the interface of the page (buttons, headings), `words` what is said of orders and suppliers. A new
sentence appears in each .po with an empty translation; a sentence that is gone disappears.
"""

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from supplier_agent import words
from supplier_agent.web import request
from supplier_agent.words.english import ENGLISH

TRANSLATED = ("fr", "pl", "tr")
KEYWORDS = {"_": None, "gettext": None, "mark": None, "say": None, "ngettext": (1, 2)}
METHODS = [("templates/**.html", "jinja2"), ("**.py", "python")]
OPTIONS = {"templates/**.html": {"extensions": "jinja2.ext.i18n", "trimmed": "false", "newstyle_gettext": "true"}}
WIDTH = 120
NO_DAY = datetime(2026, 1, 1, tzinfo=UTC)
OF_THE_DAY = (
    "#, fuzzy",
    '"Project-Id',
    '"Report-',
    '"POT-',
    '"PO-',
    '"Last-',
    '"Language-Team',
    '"Generated-By',
)
"""Lines that would change with every run, and mean nothing to anyone."""
IN_ENGLISH = frozenset({"next", "fix", "menzzo"})
"""Groups of sentences with commands in them, which only IT reads, on the command line and in alerts; and messages to Menzzo."""


@dataclass(frozen=True)
class Catalogue:
    """One domain of gettext: where its translations are, and all that is to be translated."""

    domain: str
    folder: Path
    header: str

    def sentences(self) -> Catalog:
        """Return every sentence in English."""
        return _of_page() if self.domain == request.DOMAIN else _of_words()

    def po(self, language: str) -> Path:
        """Return the file of the translations of a language."""
        return self.folder / language / "LC_MESSAGES" / f"{self.domain}.po"

    def read(self, language: str) -> Catalog:
        """Return the translations of a language as they are on the disk."""
        path = self.po(language)
        if not path.exists():
            return Catalog(locale=language, domain=self.domain)
        with path.open("rb") as file:
            return read_po(file, locale=language, domain=self.domain)

    def write(self, language: str, translations: Mapping[str, str] | None = None) -> list[str]:
        """Bring the file of a language up to date, and compile it; return what is not translated."""
        catalogue = self.read(language)
        catalogue.update(self.sentences(), no_fuzzy_matching=True, update_header_comment=False)
        catalogue.obsolete.clear()
        catalogue.header_comment = self.header
        for message in catalogue:
            if message.id in (translations or {}):
                message.string = (translations or {})[str(message.id)]
        path = self.po(language)
        path.parent.mkdir(parents=True, exist_ok=True)
        written = io.BytesIO()
        write_po(written, catalogue, width=WIDTH, no_location=True, sort_output=True)
        lines = written.getvalue().decode().splitlines(keepends=True)
        path.write_text("".join(line for line in lines if not line.startswith(OF_THE_DAY)))
        path.with_suffix(".mo").write_bytes(compiled(self.read(language)))
        return [str(message.id) for message in catalogue if message.id and not message.string]


PAGE = Catalogue(request.DOMAIN, request.LOCALE, "# The warehouse page of supplier-agent: its buttons and headings.")
WORDS = Catalogue(words.DOMAIN, words.LOCALE, "# What supplier-agent says of orders and suppliers.")


def _of_page() -> Catalog:
    found = Catalog(domain=request.DOMAIN)
    for file, _line, message, _comments, _context in extract_from_dir(
        request.LOCALE.parent, METHODS, OPTIONS, KEYWORDS
    ):
        if str(message) not in ENGLISH:  # a code: its sentence is in the other catalogue
            found.add(message, locations=[(file, 0)])
    return found


def _of_words() -> Catalog:
    found = Catalog(domain=words.DOMAIN)
    for sentence in (text for code, text in ENGLISH.items() if code.split(".")[0] not in IN_ENGLISH):
        if re.sub(r"%\(\w+\)s", "", sentence):  # more than a fact that is passed on as it is
            found.add(sentence)
    return found


def compiled(catalogue: Catalog) -> bytes:
    """Return a catalogue as gettext reads it, the same bytes on every day."""
    catalogue.creation_date = catalogue.revision_date = NO_DAY
    made = io.BytesIO()
    write_mo(made, catalogue)
    return made.getvalue()


def main() -> None:
    for catalogue in (PAGE, WORDS):
        for language in TRANSLATED:
            missing = catalogue.write(language)
            print(f"{catalogue.domain}, {language}: {len(missing)} without a translation")  # noqa: T201 - what was done
            for each in missing:
                print(f"    {each}")  # noqa: T201 - as above


if __name__ == "__main__":
    main()
