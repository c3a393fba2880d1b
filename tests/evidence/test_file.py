"""The file of `evidence`: a stranger's script accepts it, and notices every change."""

import copy
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.evidence.conftest import checked, file_of, ids, new_site, script, shipped, told
from tests.world.harness import Site

Rows = list[dict[str, Any]]
TOO_LONG = 20


def shown(rows: Rows) -> Rows:
    """Return the lines that the file shows."""
    return [json.loads(line) for row in rows[1:] for line in row.get("lines", ()) if line.startswith("{")]


def test_the_script_is_short() -> None:
    assert len([line for line in script().splitlines() if line.strip()]) <= TOO_LONG


def test_the_script_accepts_an_order_and_prints_each_line_that_it_shows(site: Site, tmp_path: Path) -> None:
    order = ids(shipped(site))[0]
    rows = file_of(site, order)
    done = checked(rows, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    calls = [(line["kind"], line["what"]) for line in shown(rows) if line["what"] in {"claimed", "ended"}]
    assert set(calls) == {(kind, what) for kind in ("acknowledge", "label", "ship") for what in ("claimed", "ended")}
    assert all(json.dumps(line, separators=(",", ":")) in done.stdout for line in shown(rows))
    assert all(order in json.dumps(line) for line in shown(rows))
    assert rows[0]["offered"] is True
    assert rows[-1]["recorded_in"] == "ship ledger"


def one(rows: Rows, key: str) -> int:
    """Return where a block in the middle with that key is."""
    found = [place for place, row in enumerate(rows) if key in row and 1 < place < len(rows) - 2]
    return found[len(found) // 2]


def a_byte(rows: Rows) -> None:
    lines = rows[one(rows, "lines")]["lines"]
    place = next(place for place, line in enumerate(lines) if line.startswith("{"))
    lines[place] = lines[place].replace("a", "b", 1)


def a_hidden_line(rows: Rows) -> None:
    row = next(row for row in rows[1:] if any(not line.startswith("{") for line in row.get("lines", ())))
    row["lines"] = ["0" * 64 if not line.startswith("{") else line for line in row["lines"]]


def a_missing_line(rows: Rows) -> None:
    row = next(row for row in rows[1:] if len(row.get("lines", ())) > 1)
    row["lines"].pop()


def a_missing_block(rows: Rows) -> None:
    del rows[one(rows, "lines")]


def a_missing_hash(rows: Rows) -> None:
    del rows[one(rows, "lines_sha256")]


def swapped_blocks(rows: Rows) -> None:
    place = one(rows, "lines")
    other = next(each for each in range(place + 1, len(rows)) if "number" in rows[each])
    rows[place], rows[other] = rows[other], rows[place]


def a_time(rows: Rows) -> None:
    row = rows[one(rows, "lines")]
    row["at"] = row["at"].replace(":", ".", 1)


def a_number(rows: Rows) -> None:
    rows[one(rows, "lines_sha256")]["number"] += 100


def a_head(rows: Rows) -> None:
    rows[-1]["sha256"] = hashlib.sha256(b"").hexdigest()


def no_head(rows: Rows) -> None:
    del rows[-1]


def another_beginning(rows: Rows) -> None:
    rows[0]["previous"] = "1" * 64


CHANGES = (
    *(a_byte, a_hidden_line, a_missing_line, a_missing_block, a_missing_hash, swapped_blocks, a_time, a_number, a_head),
    *(no_head, another_beginning),
)


@pytest.mark.parametrize("forge", CHANGES, ids=lambda each: each.__name__)
def test_the_script_notices(forge: Callable[[Rows], None], tmp_path: Path) -> None:
    site = shipped(new_site(tmp_path, "notio", "asir-group"))
    rows = file_of(site, ids(site)[0])
    assert checked(rows, tmp_path).returncode == 0
    forged = copy.deepcopy(rows)
    forge(forged)
    assert forged != rows
    done = checked(forged, tmp_path)
    assert done.returncode == 1
    assert "CHANGED" in done.stderr


def test_a_line_may_be_hidden_by_its_hash(site: Site, tmp_path: Path) -> None:
    rows = file_of(shipped(site), ids(site)[0])
    for row in rows:
        if "lines" in row:
            row["lines"] = [hashlib.sha256(line.encode()).hexdigest() if "{" in line else line for line in row["lines"]]
    assert checked(rows, tmp_path).returncode == 0


def test_a_day_shows_every_line_of_its_supplier_and_none_of_another(tmp_path: Path) -> None:
    site = shipped(new_site(tmp_path, "notio", "asir-group"))
    rows = file_of(site, f"{site.clock.now():%Y-%m-%d}", "--supplier", "notio")
    assert checked(rows, tmp_path).returncode == 0
    assert {line.get("supplier", "notio") for line in shown(rows)} == {"notio"}
    listed = [each for line in shown(rows) if line["what"] == "read" for each in line["ids"]]
    assert set(listed) == set(ids(site))
    assert any(len(line) == len("0" * 64) for row in rows for line in row.get("lines", ())), "the other's are hidden"


def test_an_order_that_was_never_offered_is_answered_with_the_reads_of_its_days(site: Site, tmp_path: Path) -> None:
    today = site.clock.now().date()
    shipped(site)
    site.start()
    site.run_for(3 * 86400, 3600)
    site.stop()
    unknown = ids(site)[0].replace("_", "_9")
    rows = file_of(site, unknown, "--day", today.isoformat())
    assert checked(rows, tmp_path).returncode == 0
    assert rows[0]["offered"] is False
    assert rows[0]["complete_runs"][today.isoformat()]["runs"] > 1
    assert {line["what"] for line in shown(rows)} == {"read", "run"}
    assert not any(unknown in line["ids"] for line in shown(rows) if line["what"] == "read")
    newer = str(int(ids(site)[0].partition("_")[0]) + 1) + "_1"
    assert file_of(site, newer)[0]["offered"] is None, "today, its last possible day, is not over"


def test_a_day_that_was_not_read_after_its_end_proves_nothing(site: Site) -> None:
    shipped(site)
    unknown = ids(site)[0].replace("_", "_9")
    assert file_of(site, unknown, "--day", site.clock.now().date().isoformat())[0]["offered"] is None


def test_an_id_without_a_number_needs_its_day(site: Site) -> None:
    done = told(shipped(site), "evidence", "ABC")
    assert done.returncode == 2
    assert "--day" in done.stderr


def test_of_several_suppliers_one_must_be_named(tmp_path: Path) -> None:
    site = shipped(new_site(tmp_path, "notio", "asir-group"))
    assert told(site, "evidence", "15999999999_1").returncode == 2


def test_no_token_and_no_signature_is_in_the_chain(site: Site) -> None:
    shipped(site)
    whole = json.dumps(file_of(site, f"{site.clock.now():%Y-%m-%d}"))
    assert "sig=" not in whole
    assert "Bearer" not in whole
