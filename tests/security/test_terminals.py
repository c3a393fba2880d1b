"""What comes from outside is shown, but never obeyed: no text of the marketplace's steers a terminal, splits a line or turns it."""

import io
import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from supplier_agent.base import log
from supplier_agent.base.clock import SystemClock
from supplier_agent.db import state_folder
from supplier_agent.runtime.once import run_once
from supplier_agent.runtime.wiring import assemble
from supplier_agent.sandbox import faults
from supplier_agent.settings import load
from tests.promises.shop import SUPPLIER, Shop, open_shop

EVIL = "\x1b]0;owned\x07\x1b[2J\x1b[31mred\x9b31m\r\n\x08\x00\u202eevil\u2066\u200f\u2028<b>\x7f"
QUIET_EVIL = "SOFA\u202e1-AFOS\u2066\u200f\ufeff"  # what an unwary filter of control characters lets through
OBEYED = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
FORMS: Mapping[str, str] = {"json": "json", "journal": "journal", "terminal": "auto"}


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """Open a shop in which every text that may come from outside is hostile."""
    with open_shop(tmp_path, 6) as shop:
        shop.configure(retry={"label_first_seconds": 3600, "max_seconds": 3600, "once_patience_seconds": 0})
        ids, plan, day = [order.menzzo_order_id for order in shop.orders], shop.world.faults, shop.orders[0].order_date
        for number, text in enumerate((EVIL, QUIET_EVIL)):
            fields = dict.fromkeys(("sku", "carrier", "link_to_label", "quantity", "price", "order_date", text), text)
            shop.world.arrive_raw(SUPPLIER, {**fields, "menzzo_order_id": f"9{number}_1"}, day)
            sound = {"sku": text, "carrier": text, "quantity": 1, "price": 1, "link_to_label": f"/x?{text}"}
            shop.world.arrive_raw(SUPPLIER, {**sound, "menzzo_order_id": f"9{number}_2"}, day)
            shop.world.arrive_raw(SUPPLIER, {"menzzo_order_id": text, "sku": text}, day)
            shop.world.arrive_raw(SUPPLIER, text, day)
            plan.arm("acknowledge-sale", faults.says({"error": text}), menzzo_order_id=ids[number])
            plan.arm("label", faults.status(410, body=text.encode()), menzzo_order_id=ids[number])
            plan.arm("ship-sale", faults.status(500, body=text.encode()), menzzo_order_id=ids[2 + number])
        plan.arm("label", faults.redirect("https://evil.example/\u202e"), menzzo_order_id=ids[4])
        yield shop


def harmless(text: str) -> bool:
    """Tell whether a terminal would only show it. Tabs are not ours; line ends are."""
    found = OBEYED.search(text)
    assert found is None, ascii(text[max(0, found.start() - 60) : found.end() + 20])
    return True


@pytest.mark.parametrize("form", FORMS)
def test_no_log_line_is_steered_or_split(shop: Shop, form: str) -> None:
    said, clock, settings = Terminal() if form == "terminal" else io.StringIO(), SystemClock(), load(shop.config, {})
    state_folder.prepare(settings.state_dir)
    with ThreadPoolExecutor(4) as executor:
        logger = log.Log(log.set_up({"NO_COLOR": "1"}, said, form=FORMS[form], level="debug"))
        agent, close = assemble(settings, {}, clock, executor, logger, round_at=clock.now())
        run_once(agent, lambda _: None, lambda: False)
        close()
    lines = said.getvalue().splitlines()
    assert len(lines) > 10
    assert harmless(said.getvalue())
    begin = {"json": r"\{", "journal": r"<\d>event=", "terminal": r"\d\d:\d\d:\d\d \[\w+ *\] \w"}[form]
    assert not [line for line in lines if not re.match(begin, line)], "a line that is none of ours"


def test_no_command_prints_what_a_terminal_obeys(shop: Shop) -> None:
    shop.cycle()
    shop.flag(*(row["menzzo_order_id"] for row in shop.sql("SELECT * FROM orders")))
    shop.run("retry", "--all")
    shop.cycle()
    shop.run("hold", "90_2", "--reason", EVIL.replace("\x00", ""))
    shop.run("close", "91_2", "--reason", QUIET_EVIL)
    ids = [row["menzzo_order_id"] for row in shop.sql("SELECT * FROM orders")]
    assert {"90_1", "91_2"} <= set(ids)
    for words in (("orders",), ("status",), ("run", "--once", "--dry-run"), *(("order", this) for this in ids)):
        told = shop.run(*words)
        assert harmless(told.out)
        assert harmless(told.err)
    for words in (
        ("ship", "90_2"),
        ("ship", "91_2"),
        ("unship", "90_2"),
        ("ship", EVIL.replace("\x00", "")),
        ("order", QUIET_EVIL),
    ):
        told = shop.run(*words)
        assert harmless(told.out)
        assert harmless(told.err)


def test_what_programs_read_is_still_the_truth(shop: Shop) -> None:
    shop.cycle()
    assert shop.run("order", "91_2", "--json").json["sku"] == QUIET_EVIL.strip()
    raw = {row["raw"] for row in shop.sql("SELECT raw FROM rejected_entries")}
    assert len(raw) == 4
