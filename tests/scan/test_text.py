"""What a scanner types is understood, whatever keyboard the computer believes in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supplier_agent.labels.typed import Command, alias, as_typed, read

CODES = (
    "15000012345_789",
    "4000-1_2",
    "SOFA-3P-GRIS",
    "%0075001234567890123",
    "XY123456789FR",
    "00340434161094010001",
    "68",
    "-_",
)


def readings(raw: str) -> dict[str, str | None]:
    """Return each text that a scan may be, with the keyboard that was repaired for it."""
    return {reading.text: reading.layout for reading in read(raw).readings}


@pytest.mark.parametrize("code", CODES)
def test_a_good_scan_is_first_read_as_it_came(code: str) -> None:
    assert read(code).readings[0].text == code
    assert read(code).readings[0].layout is None


@pytest.mark.parametrize("layout", ["fr", "tr"])
@pytest.mark.parametrize("code", CODES)
def test_a_scan_through_a_wrong_keyboard_is_repaired(code: str, layout: str) -> None:
    typed = as_typed(code, layout)
    assert typed == code or readings(typed)[code] == layout


def test_the_two_keyboards_type_what_people_have_seen_them_type() -> None:
    assert as_typed("15000012345_789", "fr") == "&(àààà&é\"'(°è_ç"
    assert as_typed("15000012345_789", "tr") == "15000012345?789"


@given(st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_-", min_size=1).filter(lambda t: any(c.isdigit() for c in t)))
def test_whatever_has_a_digit_is_repaired_from_a_french_keyboard(code: str) -> None:
    typed = as_typed(code, "fr")
    only_bars = set(typed) <= set("-_" + "".join(c for c in typed if c.isalpha() and c.isascii()))
    assert only_bars or code in readings(typed)


def test_an_ordinary_code_is_offered_in_no_other_keyboard() -> None:
    for code in ("15000012345_789", "789", "SOFA-3P-GRIS", "SOFA 3P/GRIS", "1.5+2"):
        assert readings(code) == {code: None}


@pytest.mark.parametrize(
    "raw", ["  15000012345_789\r\n", "]C115000012345_789", "\x1d15000012345_789\x1d", "15000012345_789\t"]
)
def test_prefixes_blanks_and_control_characters_are_taken_off(raw: str) -> None:
    assert "15000012345_789" in readings(raw)


def test_a_prefix_survives_a_wrong_keyboard_too() -> None:
    assert readings(as_typed("]C115000012345_789", "fr"))["15000012345_789"] == "fr"


@pytest.mark.parametrize("raw", ["", "   ", "\r\n", "\x1d\x00"])
def test_nothing_is_nothing(raw: str) -> None:
    assert read(raw).readings == ()
    assert read(raw).command is None


def test_a_bracket_alone_is_no_prefix() -> None:
    assert readings("]C1")["]C1"] is None


@pytest.mark.parametrize("layout", [None, "fr", "tr"])
@pytest.mark.parametrize("command", list(Command))
def test_a_command_is_known_through_any_keyboard(command: Command, layout: str | None) -> None:
    typed = command if layout is None else as_typed(command, layout)
    assert read(typed).command is command
    assert read(typed).layout == (None if typed == command else layout)


def test_a_command_is_known_with_caps_lock() -> None:
    assert read("undo").command is Command.UNDO
    assert read(as_typed("print again", "tr")).command is Command.PRINT_AGAIN


def test_somebody_leaning_on_the_keyboard_is_cut_short() -> None:
    assert len(read("8" * 1_000_000).readings[0].text) == 4096


def test_a_code_with_a_name_and_an_address_is_kept_as_a_hash_and_found_all_the_same() -> None:
    printed = "\x1e01\x1d96Marie Dupont\x1d12 rue des Lilas\x1d75011 PARIS\x04"
    kept = alias(printed)
    assert kept.startswith("sha256:")
    assert "Dupont" not in kept
    assert alias(read(printed).readings[0].text) == kept


def test_a_parcel_number_is_kept_as_it_is() -> None:
    assert alias("]C1XY123456789FR ") == "XY123456789FR"
    assert alias("\x1d") == ""
