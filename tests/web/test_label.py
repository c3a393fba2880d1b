"""A label that may be the wrong one: the answer is yellow, with what is seen and what is expected, wherever the order appears."""

from datetime import timedelta
from pathlib import Path

import pytest

from tests.web.stage import BENCH, OTHER, Browser, Stage, browsing, staged

pytestmark = pytest.mark.slow  # each reads twenty labels

ID, OF = "15000012345_789", "15000012300_1"
LATER = timedelta(seconds=3)
SENTENCE = f"Compare its label with the order: it shows the number {OF}, not {ID}."


def twenty(stage: Stage, label_of: str = OF) -> int:
    """Add twenty orders whose labels are read, the last one with the label of that order; return its row."""
    stage.order(OF, label=False)
    for number in range(2, 21):
        stage.order(f"15000012300_{number}")
    row = stage.order(ID)
    stage.replace_label(row, label_of)
    assert stage.read_labels() == 20
    return row


def test_both_scans_are_yellow_and_nothing_is_blocked(stage: Stage, anna: Browser) -> None:
    row = twenty(stage)
    for say, shipped in ((f"{SENTENCE} Scan it again when you ship it.", 0), (f"Marked as shipped. {SENTENCE}", 1)):
        anna.scan(ID)
        assert anna.sign == "yellow"
        assert f"Check {say}" in anna.said
        assert stage.facts(row).shipped == shipped
        stage.clock.ahead += LATER
    anna.scan("15000012300_2")
    assert anna.sign == "blue"
    assert "Compare" not in anna.said


LANGUAGES = {
    "fr": f"Comparez son étiquette avec la commande : l’étiquette porte le numéro {OF} au lieu de {ID}.",
    "tr": f"Etiketi siparişle karşılaştırın: etikette {ID} yerine {OF} numarası yazıyor.",  # noqa: RUF001 - Turkish
    "pl": f"Porównaj etykietę z zamówieniem: na etykiecie jest numer {OF} zamiast {ID}.",
}


def test_it_is_said_in_each_language(stage: Stage, anna: Browser) -> None:
    twenty(stage)
    for language, sentence in LANGUAGES.items():
        anna.post("/language", lang=language)
        stage.clock.ahead += timedelta(hours=1)
        anna.scan(ID)
        assert sentence in anna.said


def test_a_doubt_that_comes_or_goes_changes_the_answer_on_the_screen(stage: Stage, anna: Browser) -> None:
    row = twenty(stage, ID)
    anna.scan(ID)
    assert anna.sign == "blue"
    for of, carrier, sign in ((ID, "DPD", "yellow"), (OF, "GEODIS", "yellow"), (ID, "GEODIS", "blue")):
        stage.replace_label(row, of, carrier)
        anna.get("/")
        assert anna.sign == "blue", "it is not read yet"
        stage.read_labels()
        anna.get("/")
        assert anna.sign == sign


def test_one_scan_does_not_mark_what_is_doubtful(tmp_path: Path, pristine: Path) -> None:
    stations = ({"name": BENCH, "one_scan": True}, {"name": OTHER})
    with staged(tmp_path, pristine=pristine, stations=stations) as stage, browsing(stage.url) as anna:
        row = twenty(stage)
        anna.sign_in("Anna").scan(ID)
        assert (anna.sign, stage.facts(row).shipped) == ("yellow", 0)
        stage.clock.ahead += LATER
        anna.scan(ID)
        assert (anna.sign, stage.facts(row).shipped) == ("yellow", 1)
        anna.scan("15000012300_2")
        assert anna.sign == "green"


def test_the_list_marks_it_and_the_order_has_it(stage: Stage, anna: Browser) -> None:
    row = twenty(stage)
    anna.get("/list")
    assert anna.said.count("Compare the label") == 1
    anna.get(f"/order/{row}")
    assert SENTENCE in anna.said


def test_printed_with_others_it_is_named(stage: Stage, anna: Browser) -> None:
    row = twenty(stage)
    for rows, sign in (([str(row)], "yellow"), (["2", "3"], "green")):
        anna.get("/list")
        anna.post("/print", row=rows, how="pdf")
        anna.get("/list")
        assert anna.sign == sign
        assert (f"Compare these labels with their orders before you ship: {ID}." in anna.said) == (sign == "yellow")
    assert [each.what for each in stage.history(row)] == ["label printed"]


def test_what_must_not_ship_stays_red(stage: Stage, anna: Browser) -> None:
    twenty(stage)
    held = stage.order("15000012399_5", held_reason="x")
    stage.replace_label(held, OF)
    stage.read_labels()
    anna.scan("15000012399_5")
    assert anna.sign == "red"
    assert f"it shows the number {OF}, not 15000012399_5; order {ID} has the same label." in anna.said
