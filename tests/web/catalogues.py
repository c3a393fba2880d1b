"""The page's sentences and their translations: `python -m tests.web.catalogues` collects the former and compiles the latter.

A new sentence appears in each .po with an empty translation; a sentence that is gone disappears.
"""

import io
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from supplier_agent.web.request import DOMAIN, LOCALE

WEB = LOCALE.parent
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
"""Lines that would change with every run, and tell nobody anything."""


def sentences() -> Catalog:
    """Return every sentence of the page."""
    found = Catalog(domain=DOMAIN)
    for file, _line, message, _comments, _context in extract_from_dir(WEB, METHODS, OPTIONS, KEYWORDS):
        found.add(message, locations=[(file, 0)])
    return found


def po(language: str) -> Path:
    return LOCALE / language / "LC_MESSAGES" / f"{DOMAIN}.po"


def read(language: str) -> Catalog:
    """Return the translations of a language as they are on the disk."""
    path = po(language)
    if not path.exists():
        return Catalog(locale=language, domain=DOMAIN)
    with path.open("rb") as file:
        return read_po(file, locale=language, domain=DOMAIN)


def compiled(catalogue: Catalog) -> bytes:
    """Return a catalogue as gettext reads it, the same bytes on every day."""
    catalogue.creation_date = catalogue.revision_date = NO_DAY
    made = io.BytesIO()
    write_mo(made, catalogue)
    return made.getvalue()


def main() -> None:
    wanted = sentences()
    for language in TRANSLATED:
        catalogue = read(language)
        catalogue.update(wanted, no_fuzzy_matching=True, update_header_comment=False)
        catalogue.obsolete.clear()
        catalogue.header_comment = "# The warehouse page of supplier-agent."
        path = po(language)
        path.parent.mkdir(parents=True, exist_ok=True)
        written = io.BytesIO()
        write_po(written, catalogue, width=WIDTH, no_location=True, sort_output=True)
        lines = written.getvalue().decode().splitlines(keepends=True)
        path.write_text("".join(line for line in lines if not line.startswith(OF_THE_DAY)))
        path.with_suffix(".mo").write_bytes(compiled(read(language)))
        empty = [message.id for message in catalogue if message.id and not message.string]
        print(f"{language}: {len(catalogue)} sentences, {len(empty)} without a translation")  # noqa: T201 - what was done


if __name__ == "__main__":
    main()
