"""Four languages: every sentence is translated with its facts, the compiled catalogues are those of the texts."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from supplier_agent.labels.scan import Say
from supplier_agent.web.request import words
from supplier_agent.web.view import NOTES, SENTENCES, WORDS
from tests.web.catalogues import TRANSLATED, compiled, po, read, sentences
from tests.web.stage import BENCH, OTHER, Browser, Stage, browsing, staged

FACT = re.compile(r"%\(\w+\)s|%%")


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_sentence_is_translated_and_none_is_left_over(language: str) -> None:
    catalogue = read(language)
    assert {message.id for message in catalogue} == {message.id for message in sentences()}
    assert [message.id for message in catalogue if message.id and not all(_forms(message.string))] == []


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_translation_has_the_facts_of_its_sentence(language: str) -> None:
    wrong = [
        (message.id, form)
        for message in read(language)
        if message.id
        for form in _forms(message.string)
        if sorted(FACT.findall(form)) != sorted(FACT.findall(_forms(message.id)[-1]))
    ]
    assert wrong == []


@pytest.mark.parametrize("language", TRANSLATED)
def test_the_compiled_catalogue_is_up_to_date(language: str) -> None:
    assert po(language).with_suffix(".mo").read_bytes() == compiled(read(language)), "python -m tests.web.catalogues"


def _forms(text: str | tuple[str, ...] | list[str] | None) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text or ("",))


def test_every_answer_of_a_scan_has_a_sentence() -> None:
    assert {say.value for say in Say} <= set(SENTENCES)
    assert not set(SENTENCES) & set(NOTES)
    assert set(WORDS) == {"green", "blue", "yellow", "red"}


def test_polish_counts_as_poles_do() -> None:
    count = words("pl").catalogue.ngettext
    said = [count("%(n)s order", "%(n)s orders", n) % {"n": n} for n in (1, 3, 5, 22)]
    assert said == ["1 zamówienie", "3 zamówienia", "5 zamówień", "22 zamówienia"]


def test_an_unknown_language_is_english() -> None:
    assert words("xx").say("All is well.") == "All is well."


def test_a_station_has_its_language_and_a_browser_may_switch(tmp_path: Path, pristine: Path) -> None:
    stations = ({"name": BENCH, "language": "pl"}, {"name": OTHER})
    with staged(tmp_path, pristine=pristine, stations=stations, language="tr") as stage, browsing(stage.url) as browser:
        stage.order("15000012345_789")
        browser.sign_in("Anna").scan("789")
        assert "Zeskanuj ponownie, gdy wyjeżdża." in browser.said
        browser.post("/language", lang="fr", back="/list")
        assert "À expédier, les plus anciennes d’abord" in browser.said
        browser.sign_in("Anna", OTHER)
        assert 'lang="fr"' in browser.html


@pytest.mark.parametrize("language", ["en", *TRANSLATED])
@pytest.mark.parametrize("path", ["/", "/list", "/problems", "/pick", "/hand-over", "/card", "/order/1"])
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
        yield stage


@pytest.fixture(scope="module")
def reader(speaking: Stage) -> Iterator[Browser]:
    with browsing(speaking.url) as browser:
        yield browser.sign_in("Lea", pin="0815").scan("15000012345_0")
