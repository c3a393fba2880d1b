"""The page and what is said of orders, in every language: each sentence translated, with its facts, and compiled."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import supplier_agent
from supplier_agent import loads
from supplier_agent.actions import FLAGGED, PRINTED
from supplier_agent.db.tables import Event
from supplier_agent.labels.scan import Say
from supplier_agent.maintenance.retention import REMOVED, SHORTENED
from supplier_agent.maintenance.rollback import DECISIONS
from supplier_agent.reports.facts import REPORTED, SETTLED
from supplier_agent.verdict import NextStep, ProblemCode, Report
from supplier_agent.verdict.codes import STOPS
from supplier_agent.web.answers import WORDS
from supplier_agent.web.order_view import WITH_THE_SUPPLIER
from supplier_agent.web.request import words
from supplier_agent.words import Words, say
from supplier_agent.words.page import PAGE as SENTENCES
from tests.web import catalogues
from tests.web.catalogues import TRANSLATED, Catalogue, compiled
from tests.web.stage import BENCH, OTHER, Browser, Stage, browsing, staged

BOTH = pytest.mark.parametrize("catalogue", [catalogues.PAGE, catalogues.WORDS], ids=lambda each: each.domain)
FACT = re.compile(r"%\(\w+\)s|%%")


@BOTH
@pytest.mark.parametrize("language", TRANSLATED)
def test_no_translation_is_left_over(catalogue: Catalogue, language: str) -> None:
    translated = {message.id for message in catalogue.read(language)}
    assert translated - {message.id for message in catalogue.sentences()} == set(), "python -m tests.web.catalogues"


@pytest.mark.parametrize("language", TRANSLATED)
def test_everything_on_the_page_is_translated(language: str) -> None:
    """What only IT reads may be in English; see below for what is not translated at all."""
    page = catalogues.PAGE.read(language)
    assert {message.id for message in page} == {message.id for message in catalogues.PAGE.sentences()}
    assert [message.id for message in page if message.id and not all(_forms(message.string))] == []
    said = {message.id: message.string for message in catalogues.WORDS.read(language)}
    assert [code for code, text in SENTENCES.items() if not said.get(text)] == []


@BOTH
@pytest.mark.parametrize("language", TRANSLATED)
def test_a_translation_has_the_facts_of_its_sentence(catalogue: Catalogue, language: str) -> None:
    wrong = [
        (message.id, form)
        for message in catalogue.read(language)
        if message.id
        for form in _forms(message.string)
        if form and sorted(FACT.findall(form)) != sorted(FACT.findall(_forms(message.id)[-1]))
    ]
    assert wrong == []


@BOTH
@pytest.mark.parametrize("language", TRANSLATED)
def test_the_compiled_catalogue_is_up_to_date(catalogue: Catalogue, language: str) -> None:
    made = catalogue.po(language).with_suffix(".mo").read_bytes()
    assert made == compiled(catalogue.read(language)), "python -m tests.web.catalogues"


def _forms(text: str | tuple[str, ...] | list[str] | None) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text or ("",))


def test_every_code_that_the_page_may_say_has_a_sentence() -> None:
    steps = {
        step: [key for key in SENTENCES if key == f"now.{step}" or key.startswith(f"now.{step}.")] for step in NextStep
    }
    assert {f"answer.{each}" for each in Say} <= set(SENTENCES)
    answers, notes = (
        {key.partition(".")[2] for key in SENTENCES if key.startswith(f"{group}.")} for group in ("answer", "note")
    )
    assert not answers & notes
    assert {f"stop.{each}" for each in STOPS} == {key for key in SENTENCES if key.startswith("stop.")}
    assert {step for step, found in steps.items() if not found} == WITH_THE_SUPPLIER
    assert {f"report.{kind}" for kind in Report} == {key for key in SENTENCES if key.startswith("report.")}
    problems = {key.split(".")[1] for key in SENTENCES if key.startswith(("trouble.", "todo."))}
    assert problems - {"held", "failing"} <= set(ProblemCode)
    assert set(WORDS) == {"green", "blue", "yellow", "red", "grey"}


def test_no_sentence_of_the_templates_is_about_an_order() -> None:
    """Buttons and headings are the page's own; whatever is true of an order or a supplier is said by words/."""
    about = re.compile(
        r"(?i)marketplace|cancelled|on hold|acknowledge|token|paused|confirmed|vanished|must not|refused|unverified"
    )
    found = [message.id for message in catalogues.PAGE.sentences() if about.search(str(message.id))]
    assert found == ["Put on hold", "Menzzo: it is not cancelled. Mark as shipped"]


def test_what_is_not_translated_is_said_in_english() -> None:
    assert say("next.warehouse", {"order": "1_1", "supplier": "notio"}, "fr").startswith("It waits in the warehouse")
    assert Words("fr").say("now.stopped", stops="held no_such_code", held="verre") == (
        "Ne pas expédier : bloquée (verre) ; no_such_code."
    )


def test_everything_that_the_code_writes_into_a_history_has_a_sentence() -> None:
    written = {*DECISIONS, REMOVED, SHORTENED, PRINTED, FLAGGED, REPORTED, SETTLED}
    written |= {loads.LOADED, loads.PARCEL, loads.TAKEN_OFF, loads.DEPARTED, loads.STAYED, loads.RECALLED}
    for path in Path(supplier_agent.__file__).parent.rglob("*.py"):
        written |= set(re.findall(r'Event\([^)]*what="([^"]+)"', path.read_text()))
    assert {"label lost", "no longer listed"} <= written
    assert {each for each in written if f"event.{each}" not in SENTENCES} == set()


def test_the_history_of_an_order_is_in_the_language_of_the_page(stage: Stage, lea: Browser) -> None:
    row = stage.order("15000012345_789")
    about: tuple[dict[str, str | None], ...] = (
        {"who": "Lea", "what": "held", "detail": "rayé", "station": BENCH},
        {"who": "Anna", "what": PRINTED, "detail": "browser", "station": BENCH},
        {"who": "Anna", "what": REPORTED, "detail": "damaged: un pied", "station": BENCH},
        {"who": "database", "what": FLAGGED},
        {"who": "cron", "what": "something new", "detail": "browser x"},
    )
    with stage.store.write() as tx:
        tx.add_all(Event(order_id=row, at=stage.clock.now(), **each) for each in about)  # type: ignore[arg-type]  # by name
    lea.post("/language", lang="fr")
    lea.get(f"/order/{row}")
    said = lea.said.partition("Historique, le plus récent d’abord")[2]
    for each in (
        "Bloquée rayé Lea (Bench 1), ",
        "Étiquette imprimée navigateur Anna (Bench 1), ",
        "Problème signalé C’est abîmé: un pied Anna (Bench 1), ",
        "Marquée comme expédiée base de données, ",
        "something new browser x cron, ",
    ):
        assert each in said


def test_polish_counts_as_poles_do() -> None:
    count = words("pl").catalogue.ngettext
    said = [count("%(n)s order", "%(n)s orders", n) % {"n": n} for n in (1, 3, 5, 22)]
    assert said == ["1 zamówienie", "3 zamówienia", "5 zamówień", "22 zamówienia"]


def test_an_unknown_language_is_english() -> None:
    assert words("xx").say("No problems.") == "No problems."


def test_a_station_has_its_language_and_a_browser_may_switch(tmp_path: Path, pristine: Path) -> None:
    stations = ({"name": BENCH, "language": "pl"}, {"name": OTHER})
    with staged(tmp_path, pristine=pristine, stations=stations, language="tr") as stage, browsing(stage.url) as browser:
        stage.order("15000012345_789")
        browser.sign_in("Anna").scan("789")
        assert "Zeskanuj ponownie przy wysyłce." in browser.said
        browser.post("/language", lang="fr", back="/list")
        assert "À expédier, les plus anciennes d’abord" in browser.said
        browser.sign_in("Anna", OTHER)
        assert 'lang="fr"' in browser.html


@pytest.mark.parametrize("language", ["en", *TRANSLATED])
@pytest.mark.parametrize(
    "path", ["/", "/list", "/problems", "/pick", "/hand-over", "/card", "/order/1", "/load", "/load/1"]
)
def test_every_page_can_be_shown_in_every_language(speaking: Stage, reader: Browser, language: str, path: str) -> None:
    reader.post("/language", lang=language)
    reader.get(path)
    assert reader.status == 200
    assert f'<html lang="{language}">' in reader.html
    assert not re.search(r"%\(\w+\)s", reader.said)
    assert [facts for event, facts in speaking.heard if event == "page.failed"] == []


@pytest.fixture(scope="module")
def speaking(tmp_path_factory: pytest.TempPathFactory, pristine: Path) -> Iterator[Stage]:
    with staged(tmp_path_factory.mktemp("languages"), pristine=pristine) as stage:
        states: tuple[dict[str, Any], ...] = (
            {},
            {"held_reason": "x"},
            {"shipped": 1, "shipped_at": stage.clock.now()},
        )
        for number, facts in enumerate(states):
            row = stage.order(f"15000012345_{number}", **facts)
            stage.call(row, "unknown" if number == 2 else "parked", detail="x")
        with stage.store.write() as tx:
            load = loads.start(tx, "GEODIS AB-123", stage.clock.now(), "Anna", BENCH)
            loads.put(tx, load, 1, None, stage.clock.now(), "Anna", BENCH)
        yield stage


@pytest.fixture(scope="module")
def reader(speaking: Stage) -> Iterator[Browser]:
    with browsing(speaking.url) as browser:
        yield browser.sign_in("Lea", pin="0815").scan("15000012345_0")
